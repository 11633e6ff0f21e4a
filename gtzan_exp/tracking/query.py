"""Recorded runs, read back from MLflow as one table, and the files of some of them."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pandas as pd

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.tracking.identity import recorded_options
from gtzan_exp.tracking.store import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as Run

PAGE = 1000
_UI = "http://127.0.0.1:5000"
_TRAINED = "tags.task = 'train'"


def recorded_runs(
    tracking: Tracking, *, filter: str | None = None, parent: str | None = None
) -> pd.DataFrame:
    """Return the training runs of the store's experiment, newest first.

    It is one search; its answer comes in pages of `PAGE` runs, which bounds the memory.

    Parameters
    ----------
    filter : str, optional
        Further conditions in MLflow's own language, for example ``tags.model = 'svc'``.
    parent : str, optional
        Id of a parent run; only its children.

    Returns
    -------
    pandas.DataFrame
        The tags under their names and the metrics under theirs, ``run_id``, ``name``, ``status``,
        ``started`` (UTC), ``options`` (a hash of the options that can change a result, seeds
        apart), ``seeds`` (those, as text), ``data_options``, ``view_options`` and
        ``split_options`` (as text), ``split_files`` (names of the files that give the split, as
        text), ``data_place`` and ``split_place`` (where data and these files lay); empty when
        nothing has been recorded.

    Raises
    ------
    ConfigError
        The store does not answer, or MLflow does not understand the filter.
    """
    from mlflow.exceptions import MlflowException

    of_parent = f"tags.`mlflow.parentRunId` = '{parent}'" if parent else None
    wanted = " and ".join(condition for condition in (_TRAINED, of_parent, filter) if condition)
    client = tracking.client()
    newest = ["attributes.start_time DESC"]
    try:
        experiment = client.get_experiment_by_name(tracking.experiment)
        ids = [] if experiment is None else [experiment.experiment_id]
        return as_table(searched(client, ids, wanted, newest) if ids else ())
    except MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE" and filter:
            reason = str(error).strip().splitlines()[0]
            allowed = "a filter of MLflow's, for example filter=\"tags.model = 'svc'\""
            raise ConfigError(Mistake("filter", reason, allowed, filter)) from error
        raise tracking.unreachable(error) from error


def other_experiments(tracking: Tracking) -> list[str]:
    """Return the names of the store's other experiments that hold training runs, sorted."""
    with tracking.asked() as client:
        experiments = {found.experiment_id: found.name for found in client.search_experiments()}
        used = [id for id in experiments if client.search_runs([id], _TRAINED, max_results=1)]
    return sorted({experiments[id] for id in used} - {tracking.experiment})


def pages(tracking: Tracking) -> Callable[[str], str]:
    """Return what gives the address of a run's page, on the server or on that of ``ui``."""
    with tracking.asked() as client:
        experiment = tracking.experiment_id(client)
    parts = urlsplit(tracking.uri)
    served = parts.scheme in ("http", "https")
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if served else _UI
    return lambda run_id: f"{place.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"


def as_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Return MLflow's runs as the table that `recorded_runs` describes."""
    return pd.DataFrame(map(_row, runs))


def searched(
    client: MlflowClient,
    experiment_ids: Sequence[str],
    wanted: str,
    order_by: list[str] | None = None,
) -> Iterator[Run]:
    """Yield every run of these experiments that MLflow's filter string `wanted` finds."""
    token = None
    while True:
        with _no_garbage_collection():
            page = client.search_runs(
                list(experiment_ids),
                filter_string=wanted,
                order_by=order_by,
                max_results=PAGE,
                page_token=token,
            )
        yield from page
        token = page.token
        if not token:
            return


def finished_run(tracking: Tracking, config_hash: str, task: str) -> Run | None:
    """Return the store's newest finished run with these tags, if there is one.

    Raises
    ------
    ConfigError
        The store does not answer.
    """
    with tracking.asked() as client:
        found = client.search_runs(
            [tracking.experiment_id(client)],
            f"tags.config_hash = '{config_hash}' and tags.task = '{task}'"
            " and attributes.status = 'FINISHED'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
    return found[0] if found else None


def recorded_predictions(tracking: Tracking, run_ids: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return the predictions of runs by run id; a run without any that can be read is left out."""
    from mlflow.exceptions import MlflowException
    from pyarrow import ArrowException

    client = tracking.client()
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for number, run_id in enumerate(run_ids):
            folder = tempfile.mkdtemp(prefix=f"{number}-", dir=place)
            try:
                path = client.download_artifacts(run_id, "predictions.parquet", folder)
                found[run_id] = pd.read_parquet(path)
            except (MlflowException, OSError, ArrowException):
                continue
    return found


def recorded_curves(
    tracking: Tracking, run_id: str, names: Sequence[str]
) -> dict[str, list[tuple[int, float]]]:
    """Return (epoch, value) of each of the curves ``epoch/<name>`` of a run."""
    client = tracking.client()
    return {
        name: sorted((p.step, p.value) for p in client.get_metric_history(run_id, f"epoch/{name}"))
        for name in names
    }


def _row(run: Run) -> dict[str, Any]:
    return {
        **run.data.tags,
        **run.data.metrics,
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
        **recorded_options(run.data.params, run.data.tags),
    }


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Three quarters of the time that MLflow takes to read runs would go into it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

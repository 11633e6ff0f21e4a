"""Recorded runs, read from MLflow as one table, and their files; dead ones are closed."""

from __future__ import annotations

import gc
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.places import is_server
from gtzan_exp.basics.process import may_run
from gtzan_exp.tracking.identity import recorded_options
from gtzan_exp.tracking.store import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as Run

PAGE = 1000
_UI = "http://127.0.0.1:5000"
_TRAINED, _NEWEST = "tags.task = 'train'", "attributes.start_time DESC"
log = logging.getLogger(__name__)
STALE = "stale"
_RUNNING = "attributes.status = 'RUNNING'"


def recorded_runs(
    tracking: Tracking, *, filter: str | None = None, parent: str | None = None
) -> pd.DataFrame:
    """Return the training runs of the store's experiment, newest first; empty without any.

    Only those that match an MLflow `filter`, and the children of the run `parent`, if given. Runs
    are fetched in pages of `PAGE`. Columns: tags and metrics by their names, ``run_id``, ``name``,
    ``status``, ``started`` (UTC), ``options`` (a hash of the options that affect results, without
    seeds), and as text ``seeds``, ``data_options``, ``view_options``, ``split_options``,
    ``split_files`` (names of the files of the split), ``data_place`` and ``split_place`` (their
    locations). Raises `ConfigError` if the store does not answer, or the filter is invalid.
    """
    from mlflow.exceptions import MlflowException

    of_parent = f"tags.`mlflow.parentRunId` = '{parent}'" if parent else None
    wanted = " and ".join(condition for condition in (_TRAINED, of_parent, filter) if condition)
    client = tracking.client()
    try:
        experiment = client.get_experiment_by_name(tracking.experiment)
        ids = [] if experiment is None else [experiment.experiment_id]
        return as_table(searched(client, ids, wanted, [_NEWEST]) if ids else ())
    except MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE" and filter:
            reason = str(error).strip().splitlines()[0]
            allowed = "a filter of MLflow's, for example filter=\"tags.model = 'svc'\""
            raise ConfigError(Mistake("filter", reason, allowed, filter)) from error
        raise tracking.failed(error) from error


def experiments_with_runs(tracking: Tracking) -> dict[str, str]:
    """Return the ids of the experiments with training runs by their names.

    The store's own experiment comes first, then the one with the newest run.
    """
    found = []
    with tracking.asked() as client:
        for experiment in client.search_experiments():
            id, name = experiment.experiment_id, experiment.name
            newest = client.search_runs([id], _TRAINED, order_by=[_NEWEST], max_results=1)
            is_own = name == tracking.experiment
            found += [(is_own, run.info.start_time, name, id) for run in newest]
    return {name: id for *_, name, id in sorted(found, reverse=True)}


def pages(tracking: Tracking) -> Callable[[str], str]:
    """Return a function from a run id to its page, on the server or on that of ``ui``."""
    with tracking.asked() as client:
        experiment = tracking.experiment_id(client)
    place = tracking.uri if is_server(tracking.uri) else _UI
    runs = f"{place.rstrip('/')}/#/experiments/{experiment}/runs"
    return lambda run_id: f"{runs}/{run_id}?workflowType=machine_learning"


def as_table(runs: Iterable[Run]) -> pd.DataFrame:
    return pd.DataFrame(map(_row, runs))


def searched(
    client: MlflowClient,
    experiment_ids: Sequence[str],
    wanted: str,
    order_by: list[str] | None = None,
) -> Iterator[Run]:
    """Yield all runs of these experiments that match MLflow's filter string `wanted`."""
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
    """Return the store's newest finished run with these tags, if there is one."""
    with tracking.asked() as client:
        found = client.search_runs(
            [tracking.experiment_id(client)],
            f"tags.config_hash = '{config_hash}' and tags.task = '{task}'"
            " and attributes.status = 'FINISHED'",
            order_by=[_NEWEST],
            max_results=1,
        )
    return found[0] if found else None


def recorded_predictions(tracking: Tracking, run_ids: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return the predictions of runs by run id, without runs whose predictions are unreadable."""
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
    """Return the curves ``epoch/<name>`` of a run as lists of (epoch, value)."""
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
    """Disable garbage collection, which takes three quarters of the time to read runs."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def close_dead(client: MlflowClient, experiment_ids: Sequence[str]) -> list[str]:
    """Close runs whose process is gone, see `close_dead_of`; not those of other machines."""
    return close_dead_of(client, list(searched(client, experiment_ids, _RUNNING)))


def close_dead_of(client: MlflowClient, runs: Iterable[Run]) -> list[str]:
    """Close those of some runs that are RUNNING without a process; return their ids."""
    closed = []
    for run in runs:
        if run.info.status == "RUNNING" and not may_run(run.data.tags):
            close(client, run)
            closed.append(run.info.run_id)
    if closed:
        log.warning("closed as KILLED, their process is gone: %s", ", ".join(closed))
    return closed


def close(client: MlflowClient, run: Run) -> None:
    """Set a run whose process is gone to KILLED, with the tag ``stale``."""
    client.set_tag(run.info.run_id, STALE, "the process ended without closing the run")
    client.set_terminated(run.info.run_id, "KILLED")

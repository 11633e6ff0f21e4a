"""Recorded runs, read back from MLflow as one table, and the files of some of them."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd

from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.config.cell import signature
from gtzan_exp.tracking.store import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as Run

PAGE = 1000
_SEEDS = ("seed", "random_state")
_NOT_OF_THE_SPLIT = ("_target_", "name", "source")
_FILES = ("table", "groups", "dir")
_NOT_WITH_A_TABLE = ("train", "val", "test", "dir")


def recorded_runs(
    tracking: Tracking, *, filter: str | None = None, parent: str | None = None
) -> pd.DataFrame:
    """Return the training runs of the store's experiment, newest first.

    It is one search; its answer comes in pages of `PAGE` runs, which bounds the memory.

    Parameters
    ----------
    tracking : Tracking
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

    conditions = ["tags.task = 'train'"]
    if parent:
        conditions.append(f"tags.`mlflow.parentRunId` = '{parent}'")
    if filter:
        conditions.append(filter)
    client = tracking.client()
    newest = ["attributes.start_time DESC"]
    try:
        experiment = client.get_experiment_by_name(tracking.experiment)
        ids = [] if experiment is None else [experiment.experiment_id]
        return as_table(searched(client, ids, " and ".join(conditions), newest) if ids else ())
    except MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE" and filter:
            reason = str(error).strip().splitlines()[0]
            allowed = "a filter of MLflow's, for example filter=\"tags.model = 'svc'\""
            raise ConfigError(Mistake("filter", reason, allowed, filter)) from error
        raise tracking.unreachable(error) from error


def as_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Return MLflow's runs as the table that `recorded_runs` describes."""
    return pd.DataFrame(map(_row, runs))


def searched(
    client: MlflowClient,
    experiment_ids: Sequence[str],
    wanted: str,
    order_by: Sequence[str] | None = None,
) -> Iterator[Run]:
    """Yield every run of these experiments that MLflow's filter string `wanted` finds."""
    token = None
    while True:
        with _no_garbage_collection():
            page = client.search_runs(
                list(experiment_ids),
                filter_string=wanted,
                order_by=order_by and list(order_by),
                max_results=PAGE,
                page_token=token,
            )
        yield from page
        token = page.token
        if not token:
            return


def finished_run(tracking: Tracking, config_hash: str, task: str) -> Run | None:
    """Return the store's newest finished run of a task with this hash, if there is one.

    Parameters
    ----------
    tracking : Tracking
    config_hash : str
        Of all that can change the result, as a run has it in its tag.
    task : str
        ``train``, or ``trial`` for the runs of a search.

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
    """Return the predictions of runs by run id; a run without any that can be read is left out.

    Parameters
    ----------
    tracking : Tracking
    run_ids : iterable of str
    """
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
    params = run.data.params
    options = signature(params)
    split, files, place = _split(params)
    return {
        **run.data.tags,
        **run.data.metrics,
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
        "options": digest(*sorted(i for i in options.items() if not _is_seed(i[0]))),
        "seeds": _text({key: value for key, value in options.items() if _is_seed(key)}),
        "data_options": _text(_below("data.", options), without=("_target_", "classes")),
        "data_place": params.get("data.root", ""),
        "view_options": _text(_below("view.", options)),
        "split_options": _text(split, without=_NOT_OF_THE_SPLIT),
        "split_files": _text({key: PurePath(path).name for key, path in files.items()}),
        "split_place": place,
    }


def _split(options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], str]:
    """Return the options of a split, the files that it reads, and all that says where these lie."""
    split = _below("split.", options)
    if split.get("table", "None") != "None":
        split = {key: value for key, value in split.items() if key not in _NOT_WITH_A_TABLE}
    files = {key: split.pop(key) for key in _FILES if key in split}
    named = {key: path for key, path in files.items() if path != "None"}
    return split, named, _text(named) or (options.get("data.splits", "") if files else "")


def _below(prefix: str, options: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in options.items() if k.startswith(prefix)}


def _text(options: Mapping[str, str], without: Sequence[str] = ()) -> str:
    said = sorted((k, v) for k, v in options.items() if k not in without and v != "None")
    return ", ".join(f"{key}={value}" for key, value in said)


def _is_seed(key: str) -> bool:
    return key.rpartition(".")[2] in _SEEDS


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

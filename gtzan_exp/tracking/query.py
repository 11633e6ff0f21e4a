"""Recorded runs, read back from MLflow as one table, and the one that stands for a new run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from gtzan_exp.tracking.store import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000


def recorded_runs(tracking: Tracking) -> pd.DataFrame:
    """Return the training runs of the store's experiment, newest first.

    Parameters
    ----------
    tracking : Tracking

    Returns
    -------
    pandas.DataFrame
        ``run_id``, ``name``, ``status``, ``started`` (UTC), the tags under their names and the
        metrics under theirs; empty when nothing has been recorded.

    Raises
    ------
    ConfigError
        The store does not answer.
    """
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.experiment)
    if experiment is None:
        return pd.DataFrame()
    newest = ["attributes.start_time DESC"]
    return as_table(searched(client, [experiment.experiment_id], "tags.task = 'train'", newest))


def as_table(runs: Iterable[Run]) -> pd.DataFrame:
    """Return MLflow's runs as the table that `recorded_runs` describes."""
    return pd.DataFrame(
        [
            {
                "run_id": run.info.run_id,
                "name": run.info.run_name,
                "status": run.info.status,
                "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
                **run.data.tags,
                **run.data.metrics,
            }
            for run in runs
        ]
    )


def searched(
    client: MlflowClient,
    experiment_ids: Sequence[str],
    wanted: str,
    order_by: Sequence[str] | None = None,
) -> Iterator[Run]:
    """Yield every run of these experiments that MLflow's filter string `wanted` finds."""
    token = None
    while True:
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


def finished_run(tracking: Tracking, config_hash: str) -> Run | None:
    """Return the newest finished run with this hash in the store's experiment, if there is one.

    Parameters
    ----------
    tracking : Tracking
    config_hash : str
        Of all that can change the result, as a run has it in its tag.

    Raises
    ------
    ConfigError
        The store does not answer.
    """
    client = tracking.client()
    found = client.search_runs(
        [tracking.experiment_id(client)],
        f"tags.config_hash = '{config_hash}' and tags.task = 'train'"
        " and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return found[0] if found else None

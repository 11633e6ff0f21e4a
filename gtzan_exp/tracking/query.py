"""Recorded runs, read back from MLflow as one table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gtzan_exp.tracking.store import Tracking

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
    rows: list[dict[str, Any]] = []
    token = None
    while experiment is not None:
        page = client.search_runs(
            [experiment.experiment_id],
            filter_string="tags.task = 'train'",
            order_by=["attributes.start_time DESC"],
            max_results=PAGE,
            page_token=token,
        )
        rows += [
            {
                "run_id": run.info.run_id,
                "name": run.info.run_name,
                "status": run.info.status,
                "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
                **run.data.tags,
                **run.data.metrics,
            }
            for run in page
        ]
        token = page.token
        if not token:
            break
    return pd.DataFrame(rows)

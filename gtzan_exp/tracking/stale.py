"""Runs with status RUNNING in MLflow whose process is gone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from gtzan_exp.basics.process import host, may_run, process_of
from gtzan_exp.tracking.query import searched

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger(__name__)

STALE = "stale"
_RUNNING = "attributes.status = 'RUNNING'"


def close_dead(client: MlflowClient, experiment_ids: Sequence[str]) -> list[str]:
    """Set runs whose process on this machine is gone to KILLED, with the tag ``stale``.

    Runs of other machines are only logged, since their state is unknown here. Returns the ids of
    the runs that were closed.
    """
    running = [run for run in searched(client, experiment_ids, _RUNNING) if _is_ours(run)]
    elsewhere = sorted(run.info.run_id for run in running if process_of(run.data.tags)[0] != host())
    if elsewhere:
        log.info("running on other machines, or left there: %s", ", ".join(elsewhere))
    return close_dead_of(client, running)


def close_dead_of(client: MlflowClient, runs: Iterable[Run]) -> list[str]:
    """Do the same for those of `runs` that are RUNNING."""
    closed = []
    for run in runs:
        if run.info.status == "RUNNING" and _is_ours(run) and not may_run(run.data.tags):
            close(client, run)
            closed.append(run.info.run_id)
    if closed:
        log.warning("closed as KILLED, their process is gone: %s", ", ".join(closed))
    return closed


def close(client: MlflowClient, run: Run) -> None:
    """Set a run whose process is gone to KILLED, with the tag ``stale``."""
    client.set_tag(run.info.run_id, STALE, "the process ended without closing the run")
    client.set_terminated(run.info.run_id, "KILLED")


def _is_ours(run: Run) -> bool:
    with suppress(ValueError):
        return bool(process_of(run.data.tags))
    return False

"""The parent run of a sweep, and the runs of its jobs below it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from gtzan_exp.basics.errors import GtzanExpError
from gtzan_exp.tracking.outbox import ERROR, PARENT, Entry, Outbox, kept_in, now
from gtzan_exp.tracking.query import close_dead_of, searched
from gtzan_exp.tracking.record import begun, recorded_run
from gtzan_exp.tracking.store import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

JOB_TAGS = ("job", "overrides", "task")
_SKIPPED = "skipped/"
_CLOSING_SECONDS = 5.0


@dataclass(frozen=True)
class SweepRun:
    """The parent run of a sweep. It is pickled and sent to the workers with their jobs."""

    # The store, and the experiment of the parent, which is that of the first job. Jobs may use
    # other experiments; the tag ``mlflow.parentRunId`` links them to the parent.
    tracking: Tracking
    run_id: str

    @classmethod
    def open(
        cls,
        tracking: Tracking,
        folder: Path,
        name: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
    ) -> SweepRun:
        """Open the parent, which creates the store before the first worker needs it."""
        known = {re.sub(r"[^\w./ -]", "_", key): value for key, value in params.items()}
        outbox, entry = begun(tracking, folder, name, known, {**tags, "task": "sweep"})
        if outbox.away is not None:
            raise outbox.away
        outbox.send(entry, "files")
        return cls(tracking, entry.run_id)

    def child_tags(self, job: int, overrides: str, task: str) -> dict[str, str]:
        tags = zip(JOB_TAGS, (str(job), overrides, task), strict=True)
        return {PARENT: self.run_id, **dict(tags)}

    def skip(self, job: int, run_id: str) -> None:
        """Record that a job was skipped for a finished run."""
        with self.tracking.asked() as client:
            client.set_tag(self.run_id, f"{_SKIPPED}{job}", run_id)

    def fail(
        self, tracking: Tracking, folder: Path, name: str, tags: Mapping[str, Any], error: Exception
    ) -> None:
        """Ensure that a failed job has a child run, even if it failed before it opened one."""
        with suppress(GtzanExpError), self.tracking.asked() as client:
            if kept_in(folder).exists() or self._children(client, tags["job"]):
                return
        with suppress(type(error)), recorded_run(tracking, folder, name, {}, tags):
            raise error

    def lose(self, folder: Path, tags: Mapping[str, str], reason: str) -> None:
        """Ensure that a job whose worker died has a child run with the reason."""
        with suppress(GtzanExpError), self.tracking.asked() as client:
            for child in self._children(client, tags["job"]):
                if child.info.status == "RUNNING":
                    client.set_tag(child.info.run_id, ERROR, reason)
                    client.set_terminated(child.info.run_id, "FAILED")
            if int(tags["job"]) in self.skipped():
                return
        self.fail(self.tracking, folder, "failed", tags, RuntimeError(reason))

    def jobs(self) -> list[Run]:
        """Return the runs of the jobs in order; of a repeated job, the newest.

        Runs whose process is gone, or ends within seconds, are closed first.
        """
        patience = monotonic() + _CLOSING_SECONDS
        with self.tracking.asked() as client:
            runs = self._children(client)
            while any(run.info.status == "RUNNING" for run in runs):
                if not close_dead_of(client, runs) and monotonic() > patience:
                    break
                sleep(0.1)
                runs = self._children(client)
        in_time = sorted(runs, key=lambda run: run.info.start_time)
        newest = {int(run.data.tags["job"]): run for run in in_time}
        return [newest[job] for job in sorted(newest)]

    def skipped(self) -> dict[int, Run]:
        """Return the finished runs for which jobs were skipped, by the number of the job."""
        with self.tracking.asked() as client:
            tags = client.get_run(self.run_id).data.tags
            return {
                int(key.removeprefix(_SKIPPED)): client.get_run(run_id)
                for key, run_id in sorted(tags.items())
                if key.startswith(_SKIPPED)
            }

    def close(
        self, status: str, metrics: Mapping[str, float], tags: Mapping[str, str], folder: Path
    ) -> None:
        """Record a folder, and the numbers of jobs by status, and close the parent."""
        outbox = Outbox(self.tracking, folder)
        entry = Entry("", {}, now(), run_id=self.run_id, has_files=True, status=status)
        entry.measure(metrics)
        entry.tag(**tags)
        outbox.send(entry, "files", "metrics", "end")
        if outbox.away is not None:
            raise outbox.away

    def _children(self, client: MlflowClient, job: str | None = None) -> list[Run]:
        experiments = client.search_experiments(max_results=10_000)
        wanted = f"tags.`mlflow.parentRunId` = '{self.run_id}'"
        wanted += f" and tags.job = '{job}'" if job is not None else ""
        return list(searched(client, [e.experiment_id for e in experiments], wanted))

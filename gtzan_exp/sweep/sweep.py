"""A sweep: a parent run with a child for every job, also for those that fail or die."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from gtzan_exp.basics.errors import ConfigError, GtzanExpError, Mistake, one_line
from gtzan_exp.basics.files import claimed
from gtzan_exp.basics.terminal import followed, note, phase
from gtzan_exp.config.sweep_plan import SweepPlan
from gtzan_exp.sweep.best import best_file
from gtzan_exp.sweep.close import LEDGER, Ledger, close
from gtzan_exp.sweep.job import LINES, Job
from gtzan_exp.tracking.outbox import sync_command, undelivered
from gtzan_exp.tracking.sweep_run import SweepRun

_MAX_NAME = 100


@dataclass(frozen=True)
class Swept:
    """How a sweep ended.

    Parameters
    ----------
    run_id : str
        The parent run in MLflow.
    status : str
        ``FINISHED``, or ``FAILED`` if any job did not finish.
    output : Path
        The folder of the sweep.
    """

    run_id: str
    status: str
    output: Path

    @property
    def jobs(self) -> pd.DataFrame:
        """The table of the jobs: ``job``, ``status``, ``run_id``, ``overrides`` and ``error``."""
        path = self.output / "record" / "jobs.csv"
        return pd.read_csv(path, keep_default_na=False) if path.is_file() else pd.DataFrame()

    def _repr_html_(self) -> str:
        line = f"sweep {self.status}, run_id={self.run_id}"
        return f"<pre>{line}</pre>{self.jobs.to_html(index=False)}"


def sweep(
    plan: SweepPlan, command: str, overrides: Sequence[str], launch: Callable[[Job], None]
) -> Swept:
    """Run a sweep and report how it ended.

    `command` is the equivalent command line; `launch` runs its jobs, given what each of them calls.
    Raises `ConfigError` if the store cannot be reached, with nothing trained; `KeyboardInterrupt`
    or `SystemExit` if the sweep was stopped, with all that ran closed as KILLED.
    """
    pairs = (text.lstrip("+~").partition("=") for text in overrides)
    params = {key: value for key, _, value in pairs}
    tags = {"command": command, "sweep_dir": plan.folder}
    if plan.n_jobs is not None:
        tags["n_jobs_planned"] = str(plan.n_jobs)
    name = f"sweep {' '.join(overrides)}"[:_MAX_NAME]
    with _free_folder(plan.folder) as folder:
        parent = SweepRun.open(plan.first.tracking, folder, name, params, tags)
        ledger = Ledger(parent, folder, command, plan.n_jobs, plan.search)
        stopped: BaseException | None = None
        status = "FAILED"
        try:
            ledger.write()
            phase("running jobs")
            with followed(folder / LINES, plan.n_jobs):
                fixed = [o.key_or_group for o in plan.options.values() if not o.is_sweep_override()]
                launch(Job(parent, os.getcwd(), plan.folder, plan.search, tuple(fixed)))
        except BrokenExecutor as error:
            stopped = error
        except BaseException as error:
            stopped = error
            raise
        finally:
            killed = isinstance(stopped, KeyboardInterrupt | SystemExit)
            reason = one_line(stopped) if stopped else None
            ledger = replace(ledger, stopped=reason, killed=killed, process=None)
            try:
                status = close(ledger)
            except (GtzanExpError, OSError) as error:
                ledger.write()
                note(f"sweep not closed: {one_line(error)}")
                note(f"  {ledger.folder} has all of it; to deliver and close it:")
                note(f"  {sync_command(ledger.folder)}")
        return Swept(parent.run_id, status, ledger.folder)


@contextmanager
def _free_folder(name: str) -> Iterator[Path]:
    """Claim the folder of a sweep, and remove the result of an earlier one."""
    with claimed(Path(name), "hydra.sweep.dir") as folder:
        left = [*folder.glob(LEDGER), *undelivered([folder])]
        if left:
            what = "holds what a sweep has not delivered, or one that still runs"
            allowed = f"another folder, or first: {sync_command(name)}"
            raise ConfigError(Mistake("hydra.sweep.dir", what, allowed, str(left[0])))
        best_file(folder).unlink(missing_ok=True)
        yield folder

"""A sweep: a parent run, a child for every job, and nothing lost when some of them fail or die."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from gtzan_exp.compose import SweepPlan
from gtzan_exp.config import Cell, described_by, register, resolve
from gtzan_exp.errors import GtzanExpError, one_line
from gtzan_exp.process import end_with_parent, ends_in_order
from gtzan_exp.tracking.sweeps import SweepRun

if TYPE_CHECKING:
    from mlflow.entities import Run

    from gtzan_exp.data.dataset import Dataset

log = logging.getLogger(__name__)

_MAX_NAME = 100
_MAX_DATASETS = 2
_ENDS = ("finished", "failed", "killed", "skipped")


@dataclass(frozen=True)
class Job:
    """What every job of a sweep calls. Every launcher brings it to its workers as it is.

    Parameters
    ----------
    parent : SweepRun
    work : str
        The folder that relative paths start from.
    """

    parent: SweepRun
    work: str

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        register(self.work)  # the worker composes its config after this

    def __call__(self, config: DictConfig) -> None:
        """Train, evaluate and record one cell. A failure is recorded, and the sweep goes on."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.core.utils import filter_overrides

        from gtzan_exp.runner import run

        hydra_config = HydraConfig.get()
        number = hydra_config.job.num
        overrides = " ".join(filter_overrides(hydra_config.overrides.task))
        tags = self.parent.child_tags(number, overrides)
        end_with_parent()
        with ends_in_order():
            try:
                output = Path(hydra_config.runtime.output_dir)
                result = run(config, output, tags=tags, load=self._load)
            except Exception as error:
                _log_failure(error)
                self._record_failure(config, tags, error)
                return
            if result.skipped:
                self.parent.skip(number, result.run_id)
            print(result, flush=True)

    def lose(self, number: int, overrides: str, reason: str) -> None:
        """Record what the worker of a job died of, for launchers that know and go on."""
        self.parent.lose(number, overrides, reason)

    def _load(self, cell: Cell) -> Dataset:
        return _loaded(self.parent.run_id, cell)

    def _record_failure(self, config: DictConfig, tags: dict[str, str], error: Exception) -> None:
        tracking, name, described = self.parent.tracking, "failed", {"task": "train"}
        with suppress(GtzanExpError):
            cell = resolve(config)
            tracking, name = cell.tracking, cell.name
            described |= described_by(cell)
        self.parent.fail(tracking, name, {**described, **tags}, error)


_datasets: dict[str, Dataset] = {}


def _loaded(sweep: str, cell: Cell) -> Dataset:
    """Read the view of a cell once per process and sweep; the last `_MAX_DATASETS` are kept."""
    key = f"{sweep} {cell.view!r} {cell.data!r}"
    if key in _datasets:
        _datasets[key] = _datasets.pop(key)
        return _datasets[key]
    while len(_datasets) >= _MAX_DATASETS:
        _datasets.pop(next(iter(_datasets)))
    _datasets[key] = cell.view.load(cell.data, cache=cell.cache)
    return _datasets[key]


def _log_failure(error: Exception) -> None:
    """Say in a line what went wrong; the log file of the job has the traceback besides."""
    log.error("failed: %s", one_line(error))
    text = traceback.format_exc()
    record = log.makeRecord(log.name, logging.ERROR, __file__, 0, "%s", (text,), None)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def sweep(
    plan: SweepPlan,
    arguments: Sequence[str],
    overrides: Sequence[str],
    launch: Callable[[Job], None],
) -> int:
    """Run a sweep and return its exit status: 0, or 1 where not every job ended well.

    Parameters
    ----------
    plan : SweepPlan
    arguments, overrides : sequence of str
        The command line after ``gtzan-exp``, and the overrides in it.
    launch : callable
        Runs the jobs of the command line; it is given what each of them calls.

    Raises
    ------
    ConfigError
        The store cannot be reached; nothing has been trained.
    KeyboardInterrupt, SystemExit
        The sweep was stopped. All that ran is closed as KILLED.
    """
    command = shlex.join(["gtzan-exp", *arguments])
    params = dict(re.match(r"[+~]*([^=]+)=?(.*)", text, re.DOTALL).groups() for text in overrides)
    tags = {"command": command, "sweep_dir": plan.folder}
    if plan.n_jobs is not None:
        tags["n_jobs_planned"] = str(plan.n_jobs)
    name = f"sweep {' '.join(overrides)}"[:_MAX_NAME]
    parent = SweepRun.open(plan.first.tracking, name, params, tags)
    stopped: BaseException | None = None
    status = "FAILED"
    try:
        launch(Job(parent, os.getcwd()))
    except BrokenExecutor as error:
        stopped = error
    except BaseException as error:
        stopped = error
        raise
    finally:
        status = _close(parent, plan, command, stopped)
    return 0 if status == "FINISHED" else 1


def _close(parent: SweepRun, plan: SweepPlan, command: str, stopped: BaseException | None) -> str:
    """Close the parent run with the table of its jobs, say how it went, and return its status."""
    runs, skipped = parent.jobs(), parent.skipped()
    counts = Counter(run.info.status.lower() for run in runs)
    counts["skipped"] = len(skipped)
    known = sum(counts.values())
    n_jobs = known if plan.n_jobs is None else max(plan.n_jobs, known)
    if isinstance(stopped, KeyboardInterrupt | SystemExit):
        status = "KILLED"
    elif stopped is None and counts["finished"] + counts["skipped"] == n_jobs:
        status = "FINISHED"
    else:
        status = "FAILED"
    metrics = {"n_jobs": n_jobs, **{f"n_{end}": counts[end] for end in _ENDS}}
    lines = [*map(_line, runs), *(_line(run, number) for number, run in skipped.items())]
    folder = Path(plan.folder) / "record"
    _write_record(folder, command, lines, [*runs, *skipped.values()])
    parent.close(status, metrics, folder, stopped)
    _report(status, counts, n_jobs, parent, lines, stopped)
    return status


def _line(run: Run, skipped: int | None = None) -> dict[str, Any]:
    """Return what the table of jobs says of one; `skipped` is the number of a skipped job."""
    tags = run.data.tags
    return {
        "job": int(tags["job"]) if skipped is None else skipped,
        "status": run.info.status if skipped is None else "SKIPPED",
        "run_id": run.info.run_id,
        "overrides": tags.get("overrides", ""),
        "error": tags.get("error") or tags.get("stale") or "",
    }


def _write_record(folder: Path, command: str, lines: list[dict[str, Any]], runs: list[Run]) -> None:
    import pandas as pd

    from gtzan_exp.compare.table import write_summary
    from gtzan_exp.tracking.query import as_table

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "command.txt").write_text(f"{command}\n", encoding="utf-8")
    composed = folder.parent / "multirun.yaml"
    if composed.is_file():
        shutil.copy(composed, folder)
    if lines:
        table = pd.DataFrame(lines).sort_values("job")
        table.to_csv(folder / "jobs.csv", index=False)
    if any(run.info.status == "FINISHED" for run in runs):
        text = write_summary(as_table(runs), folder, title=command)
        (folder / "compare.txt").write_text(f"{text}\n", encoding="utf-8")


def _report(
    status: str,
    counts: Counter[str],
    n_jobs: int,
    parent: SweepRun,
    lines: list[dict[str, Any]],
    stopped: BaseException | None,
) -> None:
    """Print how the sweep went; after a failure, the last lines name the jobs that failed."""
    ends = ", ".join(f"{counts[end]} {end}" for end in _ENDS if counts[end])
    stream = sys.stdout if status == "FINISHED" else sys.stderr
    sys.stdout.flush()
    print(f"sweep {status}: {n_jobs} jobs: {ends or 'none started'}", file=stream, end="")
    print(f"; run_id={parent.run_id}", file=stream)
    if stopped is not None:
        print(f"  stopped by {one_line(stopped)}", file=stream)
    if n_jobs > sum(counts.values()) or counts["killed"]:
        print("  the same command with skip_finished=true runs what is missing", file=stream)
    for line in lines:
        if line["status"] == "FAILED":
            print(f"  {line['overrides']}: {line['error']}", file=stream)
    stream.flush()

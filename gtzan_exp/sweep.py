"""A sweep: a parent run, a child for every job, and nothing lost when some of them fail or die."""

from __future__ import annotations

import logging
import math
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
from gtzan_exp.config import Cell, described_by, resolve
from gtzan_exp.errors import ConfigError, GtzanExpError, one_line
from gtzan_exp.process import end_with_parent, ends_in_order
from gtzan_exp.search import Search, best_command, best_file, best_job, score_mistake
from gtzan_exp.tracking.sweeps import SweepRun

if TYPE_CHECKING:
    from mlflow.entities import Run

    from gtzan_exp.data.dataset import Dataset
    from gtzan_exp.output import Result

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
    search : Search, optional
        What the sweep makes best, where it is a search and its jobs are trials.
    """

    parent: SweepRun
    work: str
    search: Search | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        os.chdir(self.work)  # relative paths start there in a worker too, whoever started it

    def __call__(self, config: DictConfig) -> float | None:
        """Train, evaluate and record one cell. A failure is recorded, and the sweep goes on.

        Returns
        -------
        float or None
            The score of a trial; None where it failed or has no finite score, and in a sweep that
            is not a search.

        Raises
        ------
        ConfigError
            The run does not have the score that the search asks for.
        """
        from hydra.core.hydra_config import HydraConfig
        from hydra.core.utils import filter_overrides

        from gtzan_exp.runner import run

        hydra_config = HydraConfig.get()
        number = hydra_config.job.num
        overrides = " ".join(filter_overrides(hydra_config.overrides.task))
        tags = self._tags(number, overrides)
        end_with_parent()
        with ends_in_order():
            try:
                output = Path(hydra_config.runtime.output_dir)
                result = run(config, output, tags=tags, load=self._load)
            except Exception as error:
                _log_failure(error)
                self._record_failure(config, tags, error)
                return None
            if result.skipped:
                self.parent.skip(number, result.run_id)
            if self.search is None:
                print(result, flush=True)
                return None
            return self._score(result, self.search.metric)

    def _score(self, result: Result, metric: str) -> float | None:
        """Say how a trial went without a word of the test part, and return its score."""
        if metric not in result.metrics:
            raise ConfigError(score_mistake(metric, result.metrics))
        score = result.metrics[metric]
        print(f"run_id={result.run_id} {metric}={score:.4f}", flush=True)
        return score if math.isfinite(score) else None

    def lose(self, number: int, overrides: str, reason: str) -> None:
        """Record what the worker of a job died of, for launchers that know and go on."""
        self.parent.lose(self._tags(number, overrides), reason)

    def _tags(self, number: int, overrides: str) -> dict[str, str]:
        task = "train" if self.search is None else "trial"
        return self.parent.child_tags(number, overrides, task)

    def _load(self, cell: Cell) -> Dataset:
        return _loaded(self.parent.run_id, cell)

    def _record_failure(self, config: DictConfig, tags: dict[str, str], error: Exception) -> None:
        tracking, name, described = self.parent.tracking, "failed", {}
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
        launch(Job(parent, os.getcwd(), plan.search))
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
    lines = [_line(run, int(run.data.tags["job"]), plan.search) for run in runs]
    lines += [_line(run, number, plan.search, "SKIPPED") for number, run in skipped.items()]
    folder = Path(plan.folder) / "record"
    tags: dict[str, str] = {}
    best: list[str] = []
    if plan.search is None:
        _write_record(folder, command, lines, [*runs, *skipped.values()])
    else:
        _write_record(folder, command, lines, [])  # their results on the test part stay unsaid
        number = best_job(Path(plan.folder))
        for line in (line for line in lines if line["job"] == number):
            metric = plan.search.metric
            metrics[f"best/{metric}"] = line[metric]
            tags |= {"best_run_id": line["run_id"], "best_overrides": line["overrides"]}
            best = _best(plan, line)
    parent.close(status, metrics, tags, folder, stopped)
    _report(status, counts, n_jobs, parent, lines, stopped, best)
    return status


def _line(run: Run, job: int, search: Search | None, status: str | None = None) -> dict[str, Any]:
    """Return what the table of jobs says of one: of a trial, its score too."""
    tags = run.data.tags
    return {
        "job": job,
        "status": status or run.info.status,
        "run_id": run.info.run_id,
        "overrides": tags.get("overrides", ""),
        **({search.metric: run.data.metrics.get(search.metric)} if search else {}),
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


def _best(plan: SweepPlan, line: dict[str, Any]) -> list[str]:
    """Return what is said of the best trial, and how it is used."""
    folder, metric = Path(plan.folder), plan.search.metric
    return [
        f"best {metric}={line[metric]:.4f}: job {line['job']}, run_id={line['run_id']}",
        f"  {line['overrides']}",
        "  on the test part, once:",
        f"    {best_command(folder)}",
        "  to keep it as experiment=best/NAME, copy to conf/experiment/best/NAME.yaml:",
        f"    {best_file(folder)}",
    ]


def _report(
    status: str,
    counts: Counter[str],
    n_jobs: int,
    parent: SweepRun,
    lines: list[dict[str, Any]],
    stopped: BaseException | None,
    best: list[str],
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
    print(*best, sep="\n", end="\n" if best else "", file=stream)
    for line in lines:
        if line["status"] == "FAILED":
            print(f"  {line['overrides']}: {line['error']}", file=stream)
    stream.flush()

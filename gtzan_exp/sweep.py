"""A sweep: a parent run, a child for every job, and nothing lost when some of them fail or die."""

from __future__ import annotations

import logging
import math
import os
import re
import shlex
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from gtzan_exp.atomic import write_text
from gtzan_exp.compose import SweepPlan
from gtzan_exp.config import Cell, described_by, resolve
from gtzan_exp.delivery import Busy, delivered
from gtzan_exp.errors import ConfigError, DataError, GtzanExpError, Mistake, one_line
from gtzan_exp.process import (
    end_with_parent,
    ends_in_order,
    host,
    is_alive,
    process_tags,
    say,
    settle,
)
from gtzan_exp.search import Search, best_command, best_file, best_job, score_mistake
from gtzan_exp.tracking.outbox import undelivered
from gtzan_exp.tracking.store import masked
from gtzan_exp.tracking.sweeps import SweepRun

if TYPE_CHECKING:
    from mlflow.entities import Run

    from gtzan_exp.data.dataset import Dataset
    from gtzan_exp.output import Result

log = logging.getLogger(__name__)

LEDGER = "sweep.unclosed.json"
"""The file of a `Ledger` in the folder of its sweep."""

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
    folder : str
        The folder of the sweep.
    search : Search, optional
        What the sweep makes best, where it is a search and its jobs are trials.
    """

    parent: SweepRun
    work: str
    folder: str
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
        output = Path(hydra_config.runtime.output_dir)
        end_with_parent()
        with ends_in_order():
            try:
                result = run(config, output, tags=tags, load=self._load)
                if result.skipped:
                    self.parent.skip(number, result.run_id)
            except Exception as error:
                _log_failure(error)
                self._record_failure(config, output / "record", tags, error)
                return None
            settle()
            if self.search is None:
                say(result)
                return None
            return self._score(result, self.search.metric)

    def _score(self, result: Result, metric: str) -> float | None:
        """Say how a trial went without a word of the test part, and return its score."""
        if metric not in result.metrics:
            raise ConfigError(score_mistake(metric, result.metrics))
        score = result.metrics[metric]
        say(f"run_id={result.run_id} {metric}={score:.4f}")
        return score if math.isfinite(score) else None

    def lose(self, number: int, overrides: str, reason: str) -> None:
        """Record what the worker of a job died of, for launchers that know and go on."""
        folder = Path(self.folder) / "lost" / str(number)
        self.parent.lose(folder, self._tags(number, overrides), reason)

    def _tags(self, number: int, overrides: str) -> dict[str, str]:
        task = "train" if self.search is None else "trial"
        return self.parent.child_tags(number, overrides, task)

    def _load(self, cell: Cell) -> Dataset:
        return _loaded(self.parent.run_id, cell)

    def _record_failure(
        self, config: DictConfig, folder: Path, tags: dict[str, str], error: Exception
    ) -> None:
        tracking, name, described = self.parent.tracking, "failed", {}
        with suppress(GtzanExpError):
            cell = resolve(config)
            tracking, name = cell.tracking, cell.name
            described |= described_by(cell)
        self.parent.fail(tracking, folder, name, {**described, **tags}, error)


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
    command = masked(shlex.join(["gtzan-exp", *arguments]))
    params = dict(re.match(r"[+~]*([^=]+)=?(.*)", text, re.DOTALL).groups() for text in overrides)
    tags = {"command": command, "sweep_dir": plan.folder}
    if plan.n_jobs is not None:
        tags["n_jobs_planned"] = str(plan.n_jobs)
    name = masked(f"sweep {' '.join(overrides)}")[:_MAX_NAME]
    folder = _free_folder(plan.folder)
    parent = SweepRun.open(plan.first.tracking, name, params, tags)
    ledger = Ledger(parent, folder, command, plan.n_jobs, plan.search)
    stopped: BaseException | None = None
    status = "FAILED"
    try:
        ledger.write()
        launch(Job(parent, os.getcwd(), plan.folder, plan.search))
    except BrokenExecutor as error:
        stopped = error
    except BaseException as error:
        stopped = error
        raise
    finally:
        killed = isinstance(stopped, KeyboardInterrupt | SystemExit)
        ended = {"stopped": stopped and one_line(stopped), "killed": killed, "process": None}
        ledger = replace(ledger, **ended)
        try:
            status = close(ledger)
        except ConfigError as error:
            ledger.write()
            sys.stdout.flush()
            print(f"sweep not closed: {one_line(error)}", file=sys.stderr)
            kept = f"  {ledger.folder} has all of it; gtzan-exp sync delivers it and closes it"
            print(kept, file=sys.stderr, flush=True)
    return 0 if status == "FINISHED" else 1


def _free_folder(name: str) -> Path:
    """Make the folder of a sweep, or clear it of what one before has recorded; return it."""
    folder = Path(name)
    where, allowed = "hydra.sweep.dir", "a folder that can be written"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        left = [*folder.glob(LEDGER), *undelivered([folder])]
        if left:
            what = "holds what a sweep has not delivered, or one that still runs"
            allowed = f"another folder, or first: gtzan-exp sync {shlex.quote(name)}"
            raise ConfigError(Mistake(where, what, allowed, str(left[0])))
        best_file(folder).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(Mistake(where, "cannot be made", allowed, str(error))) from error
    return folder


@dataclass(frozen=True)
class Ledger:
    """What it takes to close a sweep, kept in a file from its start until it is closed.

    Parameters
    ----------
    parent : SweepRun
    folder : Path
        The folder of the sweep.
    command : str
    n_jobs : int or None
        None where the sweeper chose jobs as it went.
    search : Search, optional
    stopped : str, optional
        What stopped it before its end, in a line. Before it has ended, that its console died.
    killed : bool
        It was asked to stop, or its console died.
    process : dict of str to str, optional
        The process of the console; None since the sweep has ended.
    """

    parent: SweepRun
    folder: Path
    command: str
    n_jobs: int | None
    search: Search | None
    stopped: str | None = "the console process ended without closing the sweep"
    killed: bool = True
    process: dict[str, str] | None = field(default_factory=process_tags)

    @property
    def may_run(self) -> bool:
        """Whether its console still runs, or is on another machine and nobody knows here."""
        if self.process is None:
            return False
        pid, start = int(self.process["pid"]), float(self.process["process_start"])
        return self.process["host"] != host() or is_alive(pid, start)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Return what a sweep wrote that has not been closed.

        Raises
        ------
        DataError
            The file cannot be read, or is no such file.
        """
        from pydantic import TypeAdapter, ValidationError

        try:
            found = TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            allowed = f"a file {LEDGER} that a sweep left"
            raise DataError(
                Mistake(str(path), "cannot be read", allowed, one_line(error))
            ) from error
        return replace(found, folder=path.parent)

    def write(self) -> None:
        """Write it into the folder of the sweep."""
        from pydantic import TypeAdapter

        text = TypeAdapter(Ledger).dump_json(self, indent=1).decode()
        write_text(self.folder / LEDGER, text, private=True)


def close(ledger: Ledger) -> str:
    """Close the parent run with the table of its jobs, say how it went, and return its status.

    Raises
    ------
    ConfigError
        The store does not answer, or another process delivers a job; nothing is lost.
    """
    for line in delivered([ledger.folder]):
        if isinstance(line, ConfigError):
            raise line
        if isinstance(line, Busy):
            allowed = "gtzan-exp sync, when it has ended"
            raise ConfigError(Mistake(str(ledger.folder), "is not closed yet", allowed, line))
        log.log(logging.WARNING if isinstance(line, GtzanExpError) else logging.INFO, "%s", line)
    parent, search = ledger.parent, ledger.search
    runs, skipped = parent.jobs(), parent.skipped()
    counts = Counter(run.info.status.lower() for run in runs)
    counts["skipped"] = len(skipped)
    known = sum(counts.values())
    n_jobs = known if ledger.n_jobs is None else max(ledger.n_jobs, known)
    if ledger.stopped is None and counts["finished"] + counts["skipped"] == n_jobs:
        status = "FINISHED"
    else:
        status = "KILLED" if ledger.killed else "FAILED"
    metrics = {"n_jobs": n_jobs, **{f"n_{end}": counts[end] for end in _ENDS}}
    lines = [_line(run, int(run.data.tags["job"]), search) for run in runs]
    lines += [_line(run, number, search, "SKIPPED") for number, run in skipped.items()]
    folder = ledger.folder / "record"
    tags: dict[str, str] = {}
    best: list[str] = []
    if search is None:
        _write_record(folder, ledger.command, lines, [*runs, *skipped.values()])
    else:
        _write_record(folder, ledger.command, lines, [])  # test results stay unsaid
        number = best_job(ledger.folder)
        for line in (line for line in lines if line["job"] == number):
            metrics[f"best/{search.metric}"] = line[search.metric]
            tags |= {"best_run_id": line["run_id"], "best_overrides": line["overrides"]}
            best = _best(ledger.folder, search.metric, line)
    parent.close(status, metrics, tags, folder, ledger.stopped)
    (ledger.folder / LEDGER).unlink(missing_ok=True)
    _report(status, counts, n_jobs, parent, lines, ledger.stopped, best)
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
        text = masked(composed.read_text(encoding="utf-8"))
        (folder / composed.name).write_text(text, encoding="utf-8")
    if lines:
        table = pd.DataFrame(lines).sort_values("job")
        table.to_csv(folder / "jobs.csv", index=False)
    if any(run.info.status == "FINISHED" for run in runs):
        text = write_summary(as_table(runs), folder, title=command)
        (folder / "compare.txt").write_text(f"{text}\n", encoding="utf-8")


def _best(folder: Path, metric: str, line: dict[str, Any]) -> list[str]:
    """Return what is said of the best trial, and how it is used."""
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
    stopped: str | None,
    best: list[str],
) -> None:
    """Print how the sweep went; after a failure, the last lines name the jobs that failed."""
    ends = ", ".join(f"{counts[end]} {end}" for end in _ENDS if counts[end])
    stream = sys.stdout if status == "FINISHED" else sys.stderr
    sys.stdout.flush()
    print(f"sweep {status}: {n_jobs} jobs: {ends or 'none started'}", file=stream, end="")
    print(f"; run_id={parent.run_id}", file=stream)
    if stopped is not None:
        print(f"  stopped by {stopped}", file=stream)
    if n_jobs > sum(counts.values()) or counts["killed"]:
        print("  the same command with skip_finished=true runs what is missing", file=stream)
    print(*best, sep="\n", end="\n" if best else "", file=stream)
    for line in lines:
        if line["status"] == "FAILED":
            print(f"  {line['overrides']}: {line['error']}", file=stream)
    stream.flush()

"""Closing a sweep, at its end or later: pending records, the parent run, the table of jobs."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gtzan_exp.basics.errors import AwayError, ConfigError, GtzanExpError, Mistake, counted
from gtzan_exp.basics.files import read_bytes, read_object, write_object, write_text
from gtzan_exp.basics.process import may_run, process_of, process_tags
from gtzan_exp.basics.terminal import note, phase, say
from gtzan_exp.compare.text import Tables, as_text
from gtzan_exp.config.search import Search
from gtzan_exp.run.files import RESULT
from gtzan_exp.sweep.best import best_command, best_file, best_job
from gtzan_exp.tracking.outbox import (
    ERROR,
    RUNNING,
    Entry,
    Outbox,
    left_running,
    sync_command,
    undelivered,
)
from gtzan_exp.tracking.query import as_table
from gtzan_exp.tracking.sweep_run import SweepRun

if TYPE_CHECKING:
    from gtzan_exp.tracking.query import Run

log = logging.getLogger(__name__)

LEDGER = "sweep.unclosed.json"  # the file of a `Ledger` in the folder of its sweep
_PATIENCE = 20  # seconds
_ENDS = ("finished", "failed", "killed", "skipped")


class Busy(str):
    """A message that another process is delivering a file."""


def delivered(
    folders: Sequence[Path], *, uri: str | None = None, anew: bool = False, patience: float = 0
) -> Iterator[str | GtzanExpError]:
    """Deliver all pending records below some folders, to `uri` if the store has moved there.

    Yields a line on what was delivered, or that another process still delivers it after `patience`
    seconds (`Busy`), or an error: a file cannot be read (`DataError`), the store refuses it
    (`RefusedError`), its experiment was deleted (`ConfigError`), or the store does not answer
    (`AwayError`) and is not asked again. Nothing is lost.
    """
    away: set[str] = set()
    for path in sorted({path for folder in folders for path in folder.rglob(f"*{RUNNING}")}):
        try:
            if closed := left_running(path):
                yield closed
        except GtzanExpError as error:
            yield error
    for path in undelivered(folders):
        try:
            outbox = Outbox.read(path, uri=uri, anew=anew)
            if outbox.tracking.uri in away:
                continue
            outbox.tracking.probe()
            is_delivered = outbox.deliver(patience)
            if outbox.away is not None:
                raise outbox.away
        except GtzanExpError as error:
            if isinstance(error, AwayError):
                away.add(outbox.tracking.uri)
            yield error
            continue
        if not is_delivered:
            if path.exists():
                yield Busy(f"{path}: another process delivers it")
            continue
        run = outbox.entries[0]
        _name_run(outbox.folder.parent / RESULT, run)
        yield f"run_id={run.run_id} {run.status} {run.name}"


def _name_run(path: Path, run: Entry) -> None:
    """Add the run id to ``result.json`` where it was unknown."""
    with suppress(OSError, ValueError):
        result = json.loads(read_bytes(path))
        if result.get("run_id") == "":
            write_text(path, json.dumps({**result, "run_id": run.run_id}, indent=1))


@dataclass(frozen=True)
class Ledger:
    """The state needed to close a sweep, kept in a file from its start until it is closed."""

    parent: SweepRun
    folder: Path  # the folder of the sweep
    command: str
    n_jobs: int | None  # None where the sweeper chose jobs while it ran
    search: Search | None
    # Why it stopped early, in a line. While it runs: that its console died.
    stopped: str | None = "the console process ended without closing the sweep"
    killed: bool = True  # whether it was asked to stop, or its console died
    process: dict[str, str] | None = field(default_factory=process_tags)  # None at its end

    @property
    def may_run_on(self) -> str | None:
        """The machine where its console still runs, or may run."""
        return process_of(self.process)[0] if self.process and may_run(self.process) else None

    @classmethod
    def read(cls, path: Path) -> Ledger:
        found = read_object(cls, path, f"a file {LEDGER} that a sweep left")
        return replace(found, folder=path.parent)

    def write(self) -> None:
        write_object(self.folder / LEDGER, self)


def close(ledger: Ledger) -> str:
    """Close the parent run with the table of its jobs, print a report, and return its status."""
    phase("closing the sweep")
    for news in delivered([ledger.folder], patience=_PATIENCE):
        if isinstance(news, ConfigError):
            raise news
        if isinstance(news, Busy):
            allowed = f"{sync_command(ledger.folder)}, when it has ended"
            raise ConfigError(Mistake(str(ledger.folder), "is not closed yet", allowed, news))
        log.log(logging.WARNING if isinstance(news, GtzanExpError) else logging.INFO, "%s", news)
    parent, search = ledger.parent, ledger.search
    runs, skipped = parent.jobs(), parent.skipped()
    counts = Counter(run.info.status.lower() for run in runs)
    counts["skipped"] = len(skipped)
    n_jobs = max(ledger.n_jobs or 0, counts.total())
    status = "KILLED" if ledger.killed else "FAILED"
    if ledger.stopped is None and counts["finished"] + counts["skipped"] == n_jobs:
        status = "FINISHED"
    lines = [_line(run, int(run.data.tags["job"]), search) for run in runs]
    lines += [_line(run, number, search, "SKIPPED") for number, run in skipped.items()]
    compared = [*runs, *skipped.values()] if search is None else []  # test results stay hidden
    folder = ledger.folder / "record"
    table = _write_record(folder, ledger.command, lines, compared)

    ends = ", ".join(f"{counts[end]} {end}" for end in _ENDS if counts[end]) or "none started"
    said = [f"sweep {status}: {counted(n_jobs, 'job')}: {ends}; run_id={parent.run_id}"]
    if ledger.stopped is not None:
        said.append(f"  stopped by {ledger.stopped}")
    if n_jobs > counts.total() or counts["killed"]:
        said.append("  the same command with skip_finished=true runs what is missing")
    elif table and status == "FINISHED":
        said.append(f"next: gtzan-exp compare parent={parent.run_id}")
    metrics = {"n_jobs": n_jobs, **{f"n_{end}": counts[end] for end in _ENDS}}
    tags = {ERROR: ledger.stopped or ""}
    if search is not None:
        number = best_job(ledger.folder)
        for trial in (line for line in lines if line["job"] == number):
            metrics[f"best/{search.metric}"] = trial[search.metric]
            tags |= {"best_run_id": trial["run_id"], "best_overrides": trial["overrides"]}
            said += _best(ledger.folder, search.metric, trial)
    said += [f"  {of['overrides']}: {of['error']}" for of in lines if of["status"] == "FAILED"]
    parent.close(status, metrics, tags, folder)
    (ledger.folder / LEDGER).unlink(missing_ok=True)
    if table:
        say(table, "")
    if status == "FINISHED":
        say(*said)
    else:
        for text in said:
            note(text)
    return status


def sync(
    folders: Sequence[Path], *, uri: str | None = None, anew: bool = False
) -> Iterator[str | GtzanExpError]:
    """Deliver all pending records below some folders, and close the sweeps there that have ended.

    Yields a line for what was delivered or closed, or the error that prevented it; nothing is lost.
    A store that does not answer is not asked again. `uri` is its new address, if it has moved. A
    store that does not know a run which it should know gets it only with `anew`.
    """
    said = set()
    for line in delivered(folders, uri=uri, anew=anew):
        said.add(str(line))
        yield line
    for path in sorted({path for folder in folders for path in folder.rglob(LEDGER)}):
        try:
            ledger = Ledger.read(path)
            if ledger.may_run_on:
                yield f"{path}: left open, it may still run on {ledger.may_run_on}"
                continue
            if uri is not None:
                tracking = replace(ledger.parent.tracking, uri=uri)
                ledger = replace(ledger, parent=replace(ledger.parent, tracking=tracking))
            close(ledger)  # prints a report
            yield f"closed: {ledger.command}"
        except GtzanExpError as error:
            if str(error) not in said:
                yield error


def _line(run: Run, job: int, search: Search | None, status: str | None = None) -> dict[str, Any]:
    tags = run.data.tags
    return {
        "job": job,
        "status": status or run.info.status,
        "run_id": run.info.run_id,
        "overrides": tags.get("overrides", ""),
        **({search.metric: run.data.metrics.get(search.metric)} if search else {}),
        "error": tags.get("error") or tags.get("stale") or "",
    }


def _write_record(folder: Path, command: str, lines: list[dict[str, Any]], runs: list[Run]) -> str:
    """Write the files of a sweep, and return its table for a terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "command.txt").write_text(f"{command}\n", encoding="utf-8")
    composed = folder.parent / "multirun.yaml"
    if composed.is_file():
        text = composed.read_text(encoding="utf-8")
        (folder / composed.name).write_text(text, encoding="utf-8")
    if lines:
        table = pd.DataFrame(lines).sort_values("job")
        table.to_csv(folder / "jobs.csv", index=False)
    if not any(run.info.status == "FINISHED" for run in runs):
        return ""
    tables = Tables.of(as_table(runs))
    tables.write(folder, title=command)
    (folder / "compare.txt").write_text(f"{tables.text()}\n", encoding="utf-8")
    return as_text(tables.lines)


def _best(folder: Path, metric: str, line: dict[str, Any]) -> list[str]:
    """Return the lines of the report on the best trial, and how to use it."""
    return [
        f"best {metric}={line[metric]:.4f}: job {line['job']}, run_id={line['run_id']}",
        f"  {line['overrides']}",
        "  on the test part, once:",
        f"    {best_command(folder)}",
        "  to keep it as experiment=best/NAME, copy to conf/experiment/best/NAME.yaml:",
        f"    {best_file(folder)}",
    ]

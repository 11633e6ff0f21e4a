"""What people see of a command: notes, progress, warnings and errors, on the standard error.

Results go to the standard output: as text (`say`), or with ``--json`` as JSON (`emit`).
Progress is a row of bars on a terminal. Without one it is a line after 2 s, then every 15 s.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from threading import Event, RLock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from gtzan_exp.basics.errors import GtzanExpError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task, TaskID

T = TypeVar("T")

ERROR = ("gtzan-exp: error: ", "bold red")
for_scripts = False  # whether the standard output is for `emit` alone
_FIRST, _BEAT, _LOOK = 2.0, 15.0, 0.2  # seconds
_WIDTH, _NAME = 80, 24  # columns: of a line, of the name of a job
_WARNING = ("warning: ", "yellow")
_board: _Board | None = None
_relay: Path | None = None


def clock(seconds: float) -> str:
    """Return a duration as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def say(*lines: object) -> None:
    """Print lines of a result."""
    for line in lines:
        if for_scripts:
            note(str(line))
        else:
            print(line, flush=True)


def emit(value: Any) -> None:
    """Print a value as JSON; tables are lists of rows, NaN is null."""
    from pydantic_core import to_json

    def plain(other: Any) -> Any:
        return other.to_dict("records") if hasattr(other, "to_dict") else other.tolist()

    text = to_json(value, indent=1, inf_nan_mode="null", fallback=plain)
    print(text.decode(), flush=True)


def report(error: GtzanExpError) -> None:
    """Print the mistakes of a user, a line each."""
    first, *others = (" ".join(str(mistake).splitlines()) for mistake in error.mistakes)
    if others:
        note(f"{len(error.mistakes)} errors", "gtzan-exp: ", "bold red")
        for line in (first, *others):
            note(f"  {line}")
    else:
        note(first, *ERROR)
    if for_scripts:
        emit({"errors": error.mistakes})


def note(text: str, label: str = "", style: str = "") -> None:
    """Print a line, after a label in a style of rich, above the bars."""
    if _board is None:
        _print(text, label, style)
    else:
        _board.note(text, label, style)


def _print(text: str, label: str, style: str) -> None:
    from rich.text import Text

    whole = Text.assemble((label, style), text)
    _console().print(whole, soft_wrap=not _is_terminal(), highlight=False)


@cache
def _console() -> Console:
    """Return rich's console, which honours NO_COLOR and FORCE_COLOR."""
    from rich.console import Console

    return Console(stderr=True)


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def attended() -> Iterator[None]:
    """Show the progress of what runs inside."""
    global _board
    if _board is not None:
        yield
        return
    _board = board = _Board()
    try:
        yield
    except GtzanExpError:
        board.held.clear()  # a mistake that is found at once is one line; the log file has all
        raise
    finally:
        _board = None
        board.close()


def phase(what: str) -> None:
    """Show what is being done, until the next call; an empty text ends it."""
    if _board is not None:
        _board.phase(what)


@contextmanager
def doing(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show the progress of steps; yields a function to call after each, maybe with a note."""
    if _board is None:
        yield lambda note="": None
        return
    progress = _board.progress
    task = progress.add_task(what, total=total, note="")
    try:
        yield lambda note="": progress.update(task, advance=1, note=note)
    finally:
        progress.remove_task(task)


def steps(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield items, and show how many are done of the total, or of their number."""
    if total is None and isinstance(items, Collection):
        total = len(items)
    with doing(what, total) as advance:
        for item in items:
            yield item
            advance()


def _state(task: Task) -> str:
    elapsed, done = task.elapsed or 0.0, task.completed
    if not task.total:
        return clock(elapsed) if elapsed >= 1 else ""
    left = f", {clock(elapsed / done * (task.total - done))} left" if done else ""
    return f"{done:.0f}/{task.total:.0f}{left}"


class _Board:
    """The tasks that are running: as bars on a terminal, otherwise as a line from time to time."""

    def __init__(self) -> None:
        self.held: list[tuple[str, ...]] = []
        self._is_live = _is_terminal() and "COMP_LINE" not in os.environ  # of a completing shell
        self._said, self._pause = monotonic(), _FIRST
        self._ended, self._lock = Event(), RLock()
        self._phase: TaskID | None = None
        if self._is_live:
            self.phase("checking the configuration")

    @cached_property
    def progress(self) -> Progress:
        from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
        from rich.text import Text

        class State(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(_state(task))

        name, more = "{task.description}", "{task.fields[note]}"
        progress = Progress(
            *(TextColumn(name), BarColumn(20), State(), TextColumn(more)),
            console=_console(),
            refresh_per_second=4,
            transient=True,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        if self._is_live:
            progress.start()
        else:
            Thread(target=self._beats, daemon=True).start()
        return progress

    def phase(self, what: str) -> None:
        if self._phase is None:
            self._phase = self.progress.add_task(what, total=None, note="")
        self.progress.reset(self._phase, description=what, visible=bool(what))

    def note(self, *line: str) -> None:
        with self._lock:
            self.held.append(line)
            if self._is_live or not self.progress.tasks or self._pause > _FIRST:
                self._show()

    def _show(self) -> None:
        while self.held:
            _print(*self.held.pop(0))
        self._said = monotonic()

    def _beats(self) -> None:
        while not self._ended.wait(_LOOK):
            with self._lock:
                if monotonic() - self._said < self._pause:
                    continue
                tasks = [task for task in self.progress.tasks if task.visible]
                if tasks and not self.held:
                    states = (f"{t.description}: {_state(t)} {t.fields['note']}" for t in tasks)
                    self.held.append(("; ".join(state.rstrip(": ") for state in states), "", ""))
                self._pause = _BEAT
                self._show()

    def close(self) -> None:
        with self._lock:
            self._ended.set()
            if self._is_live:
                self.progress.stop()
            self._show()


class Handler(logging.Handler):
    """The console of Hydra's logging: of a job of a sweep, and of Hydra, it shows warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show the message of a record, without a traceback."""
        text, is_warning = record.getMessage(), record.levelno == logging.WARNING
        if _relay is not None:
            if is_warning:
                relay(text)
        elif is_warning or not record.name.startswith("hydra"):
            note(text, *(_WARNING if is_warning else ()))


@contextmanager
def relayed(path: Path) -> Iterator[None]:
    """Send warnings and `relay` to the process that has `followed` a file, from any process."""
    global _relay
    before, _relay = _relay, path
    try:
        yield
    finally:
        _relay = before


def relay(*texts: str) -> None:
    """Send the name of a finished job and its result, or a warning."""
    assert _relay is not None
    with suppress(OSError), _relay.open("a", encoding="utf-8") as lines:  # only to be seen
        lines.write(json.dumps(texts) + "\n")


@contextmanager
def followed(path: Path, n_jobs: int | None) -> Iterator[None]:
    """Print what jobs relay into a file: warnings once, and each finished job with its number."""
    ended, started, seen = Event(), monotonic(), set[str]()
    path.unlink(missing_ok=True)
    path.touch()

    def follow(advance: Callable[..., None]) -> None:
        done, width, is_last, begun = 0, _NAME, False, ""
        with path.open(encoding="utf-8") as lines:
            while not is_last:
                is_last = ended.wait(_LOOK)
                while line := lines.readline():
                    begun += line
                    if not begun.endswith("\n"):  # of a line that is still being written
                        continue
                    (name, *result), begun = json.loads(begun), ""
                    if result:
                        done += 1
                        advance()
                        left = (monotonic() - started) / done * max((n_jobs or 0) - done, 0)
                        number = f"[{done}/{n_jobs}, {clock(left)} left]" if n_jobs else f"[{done}]"
                        room = max(_WIDTH - len(number) - len(result[0]) - 4, _NAME)
                        name = name if len(name) <= room else f"{name[: room - 1]}…"
                        width = min(max(width, len(name)), room)
                        note(f"{number} {name:<{width}}   {result[0]}"[:_WIDTH])
                    elif name not in seen:
                        seen.add(name)
                        note(name, *_WARNING)

    with doing("sweep", n_jobs) as advance:
        thread = Thread(target=follow, args=(advance,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            path.unlink(missing_ok=True)

"""The state needed to close a sweep, in a file that outlives its console."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from gtzan_exp.basics.atomic import read_object, write_object
from gtzan_exp.basics.process import may_run, process_tags
from gtzan_exp.config.search import Search
from gtzan_exp.tracking.sweep_run import SweepRun

LEDGER = "sweep.unclosed.json"
"""The file of a `Ledger` in the folder of its sweep."""


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
    # the process of the console; None once the sweep has ended
    process: dict[str, str] | None = field(default_factory=process_tags)

    @property
    def may_run_on(self) -> str | None:
        """The machine where its console still runs, or may run."""
        return self.process["host"] if self.process and may_run(self.process) else None

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Return the ledger of a sweep that has not been closed.

        Raises `DataError` if the file cannot be read, or is no such file.
        """
        found = read_object(cls, path, f"a file {LEDGER} that a sweep left")
        return replace(found, folder=path.parent)

    def write(self) -> None:
        """Write the ledger into the folder of the sweep."""
        write_object(self.folder / LEDGER, self)

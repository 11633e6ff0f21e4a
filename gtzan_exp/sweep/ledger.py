"""What it takes to close a sweep, in a file that outlives its console."""

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
    def may_run_on(self) -> str | None:
        """The machine where its console still runs, or may run because nobody here knows."""
        return self.process["host"] if self.process and may_run(self.process) else None

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Return what a sweep wrote that has not been closed.

        Raises
        ------
        DataError
            The file cannot be read, or is no such file.
        """
        found = read_object(cls, path, f"a file {LEDGER} that a sweep left")
        return replace(found, folder=path.parent)

    def write(self) -> None:
        """Write it into the folder of the sweep."""
        write_object(self.folder / LEDGER, self)

"""What the store did not get while it was away: found again, delivered, and sweeps closed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gtzan_exp.errors import ConfigError, DataError, GtzanExpError
from gtzan_exp.output import RESULT
from gtzan_exp.sweep import LEDGER, Ledger, close
from gtzan_exp.tracking.outbox import Entry, deliver, undelivered


def sync(folders: Sequence[Path], *, uri: str | None = None) -> Iterator[str | GtzanExpError]:
    """Deliver all that lies below some folders, and close the sweeps there that have ended.

    Parameters
    ----------
    folders : sequence of Path
    uri : str, optional
        Where the store is now, if it has moved.

    Yields
    ------
    str or GtzanExpError
        What was delivered or closed, in a line, or why it was not. Nothing is lost then. After a
        store that does not answer nothing more is tried.
    """
    for path in undelivered(folders):
        try:
            outbox = deliver(path, uri=uri)
        except ConfigError as error:
            yield error
            return
        except DataError as error:
            yield error
            continue
        if outbox is None:
            yield f"{path}: another process delivers it"
            continue
        run = outbox.entries[0]
        _name_run(outbox.folder.parent / RESULT, run)
        yield f"run_id={run.run_id} {run.status} {run.name}"
    for path in sorted({path for folder in folders for path in folder.rglob(LEDGER)}):
        try:
            ledger = Ledger.read(path)
            if ledger.is_running:
                continue
            if uri is not None:
                tracking = replace(ledger.parent.tracking, uri=uri)
                ledger = replace(ledger, parent=replace(ledger.parent, tracking=tracking))
            yield f"run_id={ledger.parent.run_id} {close(ledger)} {ledger.command}"
        except GtzanExpError as error:
            yield error


def _name_run(path: Path, run: Entry) -> None:
    """Write into ``result.json`` which run it became, where that was not known."""
    with suppress(OSError, ValueError):
        result = json.loads(path.read_text(encoding="utf-8"))
        if result.get("run_id") == "":
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(json.dumps({**result, "run_id": run.run_id}, indent=1))
            os.replace(unfinished, path)

"""What the store did not get while it was away, found below a folder and delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gtzan_exp.basics.atomic import write_text
from gtzan_exp.basics.errors import AwayError, GtzanExpError
from gtzan_exp.basics.opening import read_bytes
from gtzan_exp.run.files import RESULT
from gtzan_exp.tracking.outbox import RUNNING, Entry, Outbox, left_running, undelivered


class Busy(str):
    """Says of a file that another process delivers it."""


def delivered(
    folders: Sequence[Path], *, uri: str | None = None, anew: bool = False
) -> Iterator[str | GtzanExpError]:
    """Deliver all that lies below some folders, to `uri` if the store has moved there.

    Yields
    ------
    str or GtzanExpError
        What was delivered, in a line; or that another process does so (`Busy`); or that a file
        cannot be read (`DataError`), that its store does not take it (`RefusedError`), that its
        experiment was deleted (`ConfigError`), or that its store does not answer (`AwayError`),
        which is not asked again then. Nothing is lost.
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
            outbox = Outbox.read(path, uri=uri)
            if outbox.tracking.uri in away:
                continue
            outbox.anew = anew
            outbox.tracking.probe()
            is_delivered = outbox.deliver()
            if outbox.away is not None:
                raise outbox.away
        except GtzanExpError as error:
            if isinstance(error, AwayError):
                away.add(outbox.tracking.uri)
            yield error
            continue
        if not is_delivered:
            yield Busy(f"{path}: another process delivers it")
            continue
        run = outbox.entries[0]
        _name_run(outbox.folder.parent / RESULT, run)
        yield f"run_id={run.run_id} {run.status} {run.name}"


def _name_run(path: Path, run: Entry) -> None:
    """Write into ``result.json`` which run it became, where that was not known."""
    with suppress(OSError, ValueError):
        result = json.loads(read_bytes(path))
        if result.get("run_id") == "":
            write_text(path, json.dumps({**result, "run_id": run.run_id}, indent=1))

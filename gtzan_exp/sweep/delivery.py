"""Finds pending records below a folder and delivers them to the store."""

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
    """A message that another process is delivering a file."""


def delivered(
    folders: Sequence[Path], *, uri: str | None = None, anew: bool = False
) -> Iterator[str | GtzanExpError]:
    """Deliver all pending records below some folders, to `uri` if the store has moved there.

    Yields a line on what was delivered, or that another process is delivering it (`Busy`), or an
    error: a file cannot be read (`DataError`), the store refuses it (`RefusedError`), its
    experiment was deleted (`ConfigError`), or the store does not answer (`AwayError`) and is not
    asked again. Nothing is lost.
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
    """Add the run id to ``result.json`` where it was unknown."""
    with suppress(OSError, ValueError):
        result = json.loads(read_bytes(path))
        if result.get("run_id") == "":
            write_text(path, json.dumps({**result, "run_id": run.run_id}, indent=1))

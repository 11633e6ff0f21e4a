"""Deliver what the store did not get while it was away, and close the sweeps that were not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gtzan_exp.basics.errors import GtzanExpError
from gtzan_exp.sweep.close import close
from gtzan_exp.sweep.delivery import delivered
from gtzan_exp.sweep.ledger import LEDGER, Ledger


def sync(folders: Sequence[Path], *, uri: str | None = None) -> Iterator[str | GtzanExpError]:
    """Deliver all that lies below some folders, and close the sweeps there that have ended.

    Yields what was delivered or closed, in a line, or why it was not. Nothing is lost then. A store
    that does not answer is not asked again; `uri` says where it is now, if it has moved.
    """
    said = set()
    for line in delivered(folders, uri=uri):
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
            close(ledger)  # which says how it went
            yield f"closed: {ledger.command}"
        except GtzanExpError as error:
            if str(error) not in said:
                yield error

"""Exclusive write access to a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gtzan_exp.basics.errors import ConfigError, Mistake

_LOCK = ".writing.lock"


@contextmanager
def claimed(folder: Path, where: str) -> Iterator[Path]:
    """Make the folder of the option `where` and lock it for writing, re-entrantly in a process."""
    from filelock import FileLock, Timeout

    def refuse(what: str, got: object) -> ConfigError:
        return ConfigError(Mistake(where, what, "another folder, that can be written", str(got)))

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.resolve() / _LOCK, is_singleton=True).acquire(timeout=0)
    except Timeout:
        raise refuse("another run or sweep writes there", folder) from None
    except OSError as error:
        raise refuse("cannot be made or written", error) from error
    with lock:
        yield folder

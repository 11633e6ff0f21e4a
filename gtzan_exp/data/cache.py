"""Cached folders that are built once, atomically, also by concurrent processes."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from gtzan_exp.basics.errors import ConfigError, Mistake

Contents = TypeVar("Contents")


def cached_folder(parent: Path, key: str, build: Callable[[Path], None]) -> Path:
    """Return the folder ``parent/key``, building it first when it is not there.

    `key` is a fingerprint of all that the contents depend on. `build` fills an empty temporary
    folder, in one process at a time, that is renamed afterwards. Raises `ConfigError` if `parent`
    cannot be written, or `build` raised an OSError, as it does on a full disk.
    """
    folder = parent / key
    if folder.is_dir():
        return folder
    with _held(parent, key) as unfinished:
        if not folder.is_dir():
            unfinished.mkdir()
            build(unfinished)
            unfinished.rename(folder)
    return folder


def cached(
    parent: Path, key: str, build: Callable[[Path], None], read: Callable[[Path], Contents]
) -> Contents:
    """Return what `read` finds in a `cached_folder`; one that it cannot read is rebuilt."""
    folder = cached_folder(parent, key, build)
    try:
        return read(folder)
    except (OSError, EOFError, ValueError, KeyError):
        with _held(parent, key) as unfinished:
            if folder.is_dir():
                folder.rename(unfinished)
    return read(cached_folder(parent, key, build))


def stamp(path: Path) -> str:
    """Return the size and modification time of a file, to detect changes."""
    try:
        status = path.stat()
    except OSError as error:
        return str(error)
    return f"{status.st_size} {status.st_mtime_ns}"


@contextmanager
def _held(parent: Path, key: str) -> Iterator[Path]:
    """Lock a folder, and yield the path of its unfinished version, which is removed afterwards."""
    unfinished = parent / f"{key}.unfinished"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with FileLock(parent / f"{key}.lock"):
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                yield unfinished
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        allowed = "a folder of your own with room (paths.cache=... or GTZAN_EXP_CACHE)"
        mistake = Mistake("paths.cache", "cannot be written", allowed, str(error))
        raise ConfigError(mistake) from error

"""Folders that are built once, whole or not at all, also by two processes at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gtzan_exp.basics.errors import ConfigError, Mistake

Contents = TypeVar("Contents")


def cached_folder(parent: Path, key: str, build: Callable[[Path], None]) -> Path:
    """Return the folder ``parent/key``, building it first when it is not there.

    Parameters
    ----------
    parent : Path
        Where such folders are kept; made when missing.
    key : str
        Name of the folder: a fingerprint of all that its contents depend on.
    build : callable
        Called with an empty temporary folder that it must fill. It runs in one process at a time;
        the folder appears under its name only after `build` returned. What a killed process left
        unfinished is removed by the next.

    Raises
    ------
    ConfigError
        `parent` cannot be written, or `build` raised an OSError, as it does on a full disk.
    """
    folder = parent / key
    if folder.is_dir():
        return folder
    with _held(parent, key) as unfinished:
        if not folder.is_dir():
            try:
                unfinished.mkdir()
                build(unfinished)
                unfinished.rename(folder)
            except OSError as error:
                raise _not_written(error) from error
    return folder


def cached(
    parent: Path,
    key: str,
    build: Callable[[Path], None],
    read: Callable[[Path], Contents],
) -> Contents:
    """Return what `read` finds in a `cached_folder`; one that is damaged is built anew.

    Parameters
    ----------
    parent, key, build : as in `cached_folder`
    read : callable
        Called with the folder. It raises OSError, EOFError, ValueError or KeyError when something
        is missing there, cut short or not of the right form.

    Raises
    ------
    ConfigError
        `parent` cannot be written.
    """
    folder = cached_folder(parent, key, build)
    try:
        return read(folder)
    except (OSError, EOFError, ValueError, KeyError):
        with _held(parent, key) as unfinished:
            if folder.is_dir():
                folder.rename(unfinished)
    return read(cached_folder(parent, key, build))


def stamp(path: Path) -> str:
    """Return what tells whether a file has changed: its size and the time of its last change."""
    try:
        status = path.stat()
    except OSError as error:
        return str(error)
    return f"{status.st_size} {status.st_mtime_ns}"


@contextmanager
def _held(parent: Path, key: str) -> Iterator[Path]:
    """Hold the lock of a folder, and give the path of its unfinished one; it is removed after."""
    from filelock import FileLock

    lock = FileLock(parent / f"{key}.lock")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
    except OSError as error:
        raise _not_written(error) from error
    unfinished = parent / f"{key}.unfinished"
    with held:
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            yield unfinished
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _not_written(error: OSError) -> ConfigError:
    allowed = "a folder of your own with room (paths.cache=... or GTZAN_EXP_CACHE)"
    return ConfigError(Mistake("paths.cache", "cannot be written", allowed, str(error)))

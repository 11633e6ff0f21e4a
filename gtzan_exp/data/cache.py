"""Folders that are built once, whole or not at all, also by two processes at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from gtzan_exp.errors import ConfigError, Mistake


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
        `parent` cannot be written.
    """
    folder = parent / key
    if folder.is_dir():
        return folder
    from filelock import FileLock

    lock = FileLock(parent / f"{key}.lock")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
    except OSError as error:
        raise ConfigError(
            Mistake(
                "paths.cache",
                "cannot be written",
                "a folder of your own (paths.cache=... or GTZAN_EXP_CACHE)",
                str(error),
            )
        ) from error
    with held:
        if not folder.is_dir():
            unfinished = parent / f"{key}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                build(unfinished)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder

"""The folder that a report is written into: never one that holds something."""

from __future__ import annotations

from pathlib import Path

from gtzan_exp.basics.errors import ConfigError, Mistake


def free_folder(path: Path) -> Path:
    """Return `path` in full; it is not made yet.

    Raises
    ------
    ConfigError
        It is a file, or a folder that is not empty.
    """
    folder = path.expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(
            Mistake("output", "not a folder", "a new or an empty folder", str(folder))
        )
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(Mistake("output", "not empty", "a new or an empty folder", str(folder)))
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in.

    Raises
    ------
    ConfigError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        allowed = "a folder that can be made"
        raise ConfigError(Mistake("output", "cannot be made", allowed, str(error))) from error

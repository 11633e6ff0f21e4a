"""Modules of the user's own, in the working directory or beside the folder of configs."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_folders: list[str] = []


def own_folders() -> tuple[str, ...]:
    """Return the folders of `look_in`, for a worker to look in too."""
    return tuple(_folders)


def look_in(*folders: str) -> None:
    """Say where modules that the user names may lie besides; nothing is searched there yet."""
    _folders[:] = dict.fromkeys(folders)


def look_for(module: str) -> None:
    """Append the folders of `look_in` to ``sys.path`` if a module is not found without them.

    What is installed comes first, and a folder where the user has named nothing is not searched.
    """
    name = module.partition(".")[0]
    if name and name not in sys.modules and find_spec(name) is None:
        sys.path.extend(folder for folder in _folders if folder not in sys.path)

"""The user's own modules, in the working directory or beside the folder of configs."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_folders: list[str] = []


def own_folders() -> tuple[str, ...]:
    """Return the folders of `look_in`, for use in workers."""
    return tuple(_folders)


def look_in(*folders: str) -> None:
    """Set further folders for modules that the user names, without searching them yet."""
    _folders[:] = dict.fromkeys(folders)


def look_for(module: str) -> None:
    """Append the folders of `look_in` to ``sys.path`` if a module is not found otherwise.

    Installed modules come first, and folders are not searched unless the user names a module.
    """
    name = module.partition(".")[0]
    if name and name not in sys.modules and find_spec(name) is None:
        sys.path.extend(folder for folder in _folders if folder not in sys.path)

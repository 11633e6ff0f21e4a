"""librosa, imported lazily, and for the first time by one process only."""

import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from filelock import FileLock

_COMPILED = ("beat", "core", "decompose", "effects", "feature", "onset", "util")


def load() -> ModuleType:
    """Return the module ``librosa``.

    On its first import after an installation librosa compiles functions into a cache beside it.
    Processes that do so concurrently corrupt that cache, which crashes every later process (seen
    with librosa 0.11 and numba 0.68). So the first import holds a lock, and a file in the user's
    cache folder marks it as done.
    """
    if "librosa" not in sys.modules:
        done = _marker()
        with contextlib.suppress(OSError):
            done.parent.mkdir(parents=True, exist_ok=True)
        if not done.exists() and os.access(done.parent, os.W_OK):
            with FileLock(done.with_suffix(".lock")):
                for name in _COMPILED:
                    importlib.import_module(f"librosa.{name}")
                done.touch()
    return importlib.import_module("librosa")


def _marker() -> Path:
    """Return the file that marks this installation of librosa as compiled."""
    from platformdirs import user_cache_path

    spec = importlib.util.find_spec("librosa")
    origin = str(spec and spec.origin)
    installed = os.stat(origin)
    key = f"{origin} {installed.st_ino} {installed.st_ctime_ns} {sys.version}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return user_cache_path("gtzan_exp", appauthor=False) / "compiled" / name

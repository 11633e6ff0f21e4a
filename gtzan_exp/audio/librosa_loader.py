"""librosa, imported lazily, and for the first time by one process only."""

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from pathlib import Path
from types import ModuleType

from filelock import FileLock
from platformdirs import user_cache_path


def load() -> ModuleType:
    """Return the module ``librosa``.

    Processes that compile its functions at the same time corrupt numba's cache, which crashes every
    later process (https://github.com/numba/numba/issues/10128). So one holds a lock while it
    compiles what this package calls, and leaves a mark in the cache, ``$NUMBA_CACHE_DIR`` or a
    folder of the user's.
    """
    if "librosa" not in sys.modules:
        own = user_cache_path("gtzan_exp", appauthor=False) / "numba"
        cache = Path(os.environ.get("NUMBA_CACHE_DIR") or own)
        with contextlib.suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK):
            os.environ["NUMBA_CACHE_DIR"] = str(cache)
            importlib.import_module("numba").config.reload_config()  # it may be there already
            done = cache / _installation()
            if not done.exists():
                with FileLock(cache / "lock"):
                    if not done.exists():
                        _compile()
                        done.touch()
    return importlib.import_module("librosa")


def _compile() -> None:
    import librosa
    import numpy as np

    from gtzan_exp.audio.sliding_median import sliding_median

    noise = np.random.default_rng(0).standard_normal(22_050, dtype=np.float32)
    librosa.feature.chroma_stft(y=noise)
    librosa.beat.beat_track(y=noise)
    librosa.zero_crossings(noise)
    sliding_median(noise.reshape(-1, 10), 31)


def _installation() -> str:
    """Return a name for librosa, numba, Python and the processor, which a cache depends on."""
    origin = str(getattr(importlib.util.find_spec("librosa"), "origin", None))
    installed, numba = os.stat(origin), importlib.metadata.version("numba")
    key = f"{origin} {installed.st_ino} {installed.st_ctime_ns} {numba} {sys.version}"
    return hashlib.sha256(f"{key} {platform.node()}".encode()).hexdigest()[:16]

"""The first use of librosa on a machine, by several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os
import numba  # before the folder of its cache is known
import numpy as np
from gtzan_exp.audio import features, librosa_loader
librosa = librosa_loader.load()
y = np.random.default_rng(1).standard_normal(66150, dtype=np.float32)
features.extract(y, features.FeatureSettings())
librosa.beat.beat_track(onset_envelope=librosa.onset.onset_strength(y=y))
librosa.zero_crossings(y, pad=False)
print(os.environ["NUMBA_CACHE_DIR"])
"""


@pytest.mark.slow
def test_one_process_compiles_all_that_others_call(tmp_path):
    """Where several compile the same function, the cache they leave crashes every later one."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    command = [sys.executable, "-c", SCRIPT]
    first = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    cache = tmp_path / "gtzan_exp" / "numba"
    assert [process.communicate()[0] for process in first] == [f"{cache}\n"] * 2
    assert [process.returncode for process in first] == [0, 0]
    (mark,) = (path for path in cache.iterdir() if path.is_file() and path.name != "lock")
    compiled = [path.stat().st_mtime_ns for path in cache.rglob("guf-*.nbc")]
    assert compiled
    assert max(compiled) <= mark.stat().st_mtime_ns

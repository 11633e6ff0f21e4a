"""The first import of librosa on a machine, by several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gtzan_exp.audio import librosa_loader


@pytest.mark.slow
def test_the_first_import_is_marked_and_done_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not librosa_loader._marker().exists()
    script = "from gtzan_exp.audio import librosa_loader; print(librosa_loader.load().__name__)"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert librosa_loader._marker().exists()


@pytest.mark.slow
def test_processes_that_import_librosa_first_do_not_harm_its_cache(tmp_path):
    """Without the lock, three processes left a cache that crashed every later one."""
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
    }
    script = (
        "import numpy as np; from gtzan_exp.audio import librosa_loader; "
        "librosa = librosa_loader.load(); "
        "print(len(librosa.onset.onset_detect(y=np.sin(np.arange(44100.0)))))"
    )
    command = [sys.executable, "-c", script]
    first = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait() for process in first] == [0, 0, 0]
    assert subprocess.run(command, env=environment).returncode == 0

"""Small audio collections, written to disk as real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

RATE = 22050


def music(seconds: float, seed: int = 0) -> np.ndarray:
    """Return a chord with a beat and some noise, float32, so that every feature has something."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in 220 * 2 ** (rng.integers(0, 24, 3) / 12))
    beat = np.exp(-12 * (t % (0.4 + 0.2 * rng.random()))) * rng.standard_normal(len(t))
    return (0.1 * chord + 0.2 * beat + 0.005 * rng.standard_normal(len(t))).astype(np.float32)


@pytest.fixture
def write_track() -> Callable[..., Path]:
    """Return a function that writes a file of synthetic music."""

    def write(path: Path, *, seconds: float = 3.2, seed: int = 0) -> Path:
        import soundfile

        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, music(seconds, seed), RATE)
        return path

    return write


@pytest.fixture
def collection(tmp_path: Path, write_track: Callable[..., Path]) -> Path:
    """Return a folder of six tracks in three genres, under a name that is hard to quote."""
    root = tmp_path / "my music, für uns"
    for seed in range(6):
        genre = ("blues", "jazz", "rock")[seed // 2]
        write_track(root / genre / f"{genre}.{seed:05}.wav", seed=seed)
    return root

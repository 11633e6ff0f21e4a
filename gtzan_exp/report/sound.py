"""Sounds that a page plays."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Self

import numpy as np

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Sound:
    """A sound on the page."""

    title: str
    owner: str  # playing it moves the cursors of the pictures of the same owner
    mp3: bytes

    @classmethod
    def of(cls, title: str, owner: str, y: np.ndarray, sample_rate: int) -> Self:
        """Return a wave, shape (samples,), as a sound."""
        import soundfile

        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", sample_rate, 1, format="MP3") as written:
            for start in range(0, len(y), _BLOCK):
                written.write(np.clip(y[start : start + _BLOCK], -1, 1))
        return cls(title, owner, file.getvalue())

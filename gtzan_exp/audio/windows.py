"""A file of any length as windows that a model can classify, one in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gtzan_exp.audio.features import GTZAN_SECONDS
from gtzan_exp.audio.tracks import SILENCE_PEAK, decode, duration, load_audio
from gtzan_exp.basics.errors import DataError, Mistake


def windows(path: Path, *, sample_rate: int, max_seconds: float) -> Iterator[np.ndarray]:
    """Yield the windows of a file, mono signals of float32.

    A file of at most `max_seconds` is one window, read as `prepare` reads it. A longer one is cut
    into windows of 30 s, or of `max_seconds` if that is less; an incomplete last window and silent
    ones are left out. `max_seconds` is the length of a track that `prepare` reads. Raises
    `DataError` as in `load_audio`, or if all windows are silent.
    """
    whole = duration(path)
    if whole <= max_seconds:
        yield load_audio(path, sample_rate=sample_rate, max_seconds=max_seconds)
        return
    seconds = min(GTZAN_SECONDS, max_seconds)
    sounding = 0
    for number in range(int(whole / seconds)):
        y = decode(path, sample_rate=sample_rate, start=number * seconds, seconds=seconds)
        if not len(y):
            break  # the header overstates the length
        if len(y) + 1 >= round(seconds * sample_rate) and np.abs(y).max() >= SILENCE_PEAK:
            sounding += 1
            yield y
    if not sounding:
        allowed = f"a peak of at least {SILENCE_PEAK:g}"
        raise DataError(Mistake(str(path), "silent", allowed, f"{whole:.0f} s of silence"))

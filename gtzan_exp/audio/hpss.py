"""Harmonic and percussive parts of a signal: librosa's HPSS, many times faster.

Source: D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010, as in
`librosa.decompose.hpss` with its default arguments.
"""

from __future__ import annotations

import numpy as np

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.spectrum import Spectrum

KERNEL = 31
"""Width of both median filters, in frames and in frequency bins."""


def harmonic_percussive(spectrum: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """Return the harmonic and the percussive wave of a signal, float32, shape (samples,).

    As in GTZAN's features, both are zero beyond the last whole hop.
    """
    librosa = librosa_loader.load()
    hop_length = spectrum.framing.hop_length
    length = len(spectrum.y) // hop_length * hop_length
    harmonic, percussive = np.zeros_like(spectrum.y), np.zeros_like(spectrum.y)
    harmonic[:length] = librosa.istft(
        spectrum.stft * _harmonic_mask(spectrum.magnitude), hop_length=hop_length, length=length
    )
    # The two masks sum to one, and the inverse transform is linear and exact.
    np.subtract(spectrum.y[:length], harmonic[:length], out=percussive[:length])
    return harmonic, percussive


def _harmonic_mask(magnitude: np.ndarray) -> np.ndarray:
    """Return Wiener's soft mask, as `librosa.util.softmask` with power 2 and split zeros."""
    from gtzan_exp.audio.sliding_median import sliding_median

    harmonic = np.square(sliding_median(magnitude.T, KERNEL))
    percussive = sliding_median(np.ascontiguousarray(magnitude), KERNEL)
    total = np.square(np.ascontiguousarray(percussive.T))
    tiny = np.finfo(magnitude.dtype).tiny  # 0 / 0 gives one half
    harmonic += tiny
    total += harmonic
    total += tiny
    return np.divide(harmonic, total, out=harmonic).T

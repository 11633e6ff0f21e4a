"""A signal and its transforms, each computed once, on demand, and shared by all views."""

from functools import cache, cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from gtzan_exp.audio import librosa_loader
from gtzan_exp.basics.errors import DataError, Mistake

_KERNEL = 31  # width of the median filters of HPSS, in frames and in frequency bins


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a signal is cut into frames and transformed; the defaults are those of GTZAN's views."""

    sample_rate: Annotated[int, Field(ge=4000, le=384000)] = 22050  # samples per second
    n_fft: Annotated[int, Field(ge=256, le=65536, multiple_of=2)] = 2048  # samples per frame
    # samples to the next frame, at most half a frame, so that the transform can be inverted
    hop_length: Annotated[int, Field(ge=16)] = 512
    n_mels: Annotated[int, Field(ge=8, le=1024)] = 128  # bands from 0 Hz to half the sample rate
    pad_mode: Literal["reflect", "constant"] = "reflect"  # at the ends: a reflection, or zeros

    @model_validator(mode="after")
    def _frames_must_overlap(self) -> Self:
        if self.hop_length > self.n_fft // 2:
            most, got = self.n_fft // 2, self.hop_length
            raise ValueError(f"hop_length must be at most n_fft / 2 = {most}, got {got}")
        return self


class Spectrum:
    """The transforms of a mono signal `y`, float32 of shape (samples,), of over half a frame."""

    def __init__(self, y: np.ndarray, framing: Framing) -> None:
        if len(y) <= framing.n_fft // 2:
            allowed = f"over {framing.n_fft // 2} samples"
            raise DataError(Mistake("audio", "too short", allowed, str(len(y))))
        self.y = y
        self.framing = framing

    @classmethod
    def of(cls, sound: np.ndarray | Self, framing: Framing) -> Self:
        """Return the spectrum of a signal, or `sound` itself if it already is one."""
        if not isinstance(sound, Spectrum):
            return cls(sound, framing)
        names, one = Framing.__dataclass_fields__, sound.framing
        same = all(getattr(one, name) == getattr(framing, name) for name in names)
        return sound if same else cls(sound.y, framing)

    @cached_property
    def stft(self) -> np.ndarray:
        """Complex spectrum, complex64, shape (n_fft / 2 + 1, frames), frames contiguous."""
        framing = self.framing
        sizes = {"n_fft": framing.n_fft, "hop_length": framing.hop_length}
        return librosa_loader.load().stft(self.y, pad_mode=framing.pad_mode, **sizes)

    @cached_property
    def magnitude(self) -> np.ndarray:
        """Absolute value of `stft`, float32."""
        return np.abs(self.stft)

    @cached_property
    def power(self) -> np.ndarray:
        """Square of `magnitude`."""
        return np.square(self.magnitude)

    @cached_property
    def mel(self) -> np.ndarray:
        """Power in mel bands, float32, shape (n_mels, frames)."""
        framing = self.framing
        return _mel_filters(framing.sample_rate, framing.n_fft, framing.n_mels) @ self.power

    @cached_property
    def mel_db(self) -> np.ndarray:
        """`mel` in dB re 1, clipped to 80 dB below its peak, as by `librosa.power_to_db`."""
        return librosa_loader.load().power_to_db(self.mel)

    @cached_property
    def onset_strength(self) -> np.ndarray:
        """The onset envelope that `librosa.beat.beat_track` computes, shape (frames,)."""
        sizes = {"n_fft": self.framing.n_fft, "hop_length": self.framing.hop_length}
        strength = librosa_loader.load().onset.onset_strength
        return strength(S=self.mel_db, sr=self.framing.sample_rate, aggregate=np.median, **sizes)

    @cached_property
    def harmonic_percussive(self) -> tuple[np.ndarray, np.ndarray]:
        """The harmonic and the percussive wave, float32, shape (samples,).

        By median filters (D. Fitzgerald, DAFx 2010), as in librosa. Both are 0 beyond the last
        whole hop, as in GTZAN's features.
        """
        hop_length = self.framing.hop_length
        length = len(self.y) // hop_length * hop_length
        harmonic, percussive = np.zeros_like(self.y), np.zeros_like(self.y)
        masked = self.stft * _harmonic_mask(self.magnitude)
        istft = librosa_loader.load().istft
        harmonic[:length] = istft(masked, hop_length=hop_length, length=length)
        # The two masks sum to one, and the inverse transform is linear and exact.
        np.subtract(self.y[:length], harmonic[:length], out=percussive[:length])
        return harmonic, percussive


def _harmonic_mask(magnitude: np.ndarray) -> np.ndarray:
    """Return Wiener's soft mask, as `librosa.util.softmask` with power 2 and split zeros."""
    from gtzan_exp.audio.sliding_median import sliding_median

    harmonic = np.square(sliding_median(magnitude.T, _KERNEL))
    percussive = sliding_median(np.ascontiguousarray(magnitude), _KERNEL)
    total = np.square(np.ascontiguousarray(percussive.T))
    tiny = np.finfo(magnitude.dtype).tiny  # 0 / 0 gives one half
    harmonic += tiny
    total += harmonic
    total += tiny
    return np.divide(harmonic, total, out=harmonic).T


@cache
def _mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    return librosa_loader.load().filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels)

"""The 57 features of GTZAN's published table, from one short-time Fourier transform."""

import warnings
from collections.abc import Iterator
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.spectrum import Framing, Spectrum

GTZAN_SECONDS = 30
"""Length of a GTZAN track; the published table of segments covers no more than this."""

_PITCH_LIMIT = 4000.0  # upper frequency limit of `librosa.piptrack`, in Hz


@dataclass(frozen=True, kw_only=True)
class FeatureSettings(Framing):
    """How features are computed; the defaults are those of the published table."""

    n_mfcc: Annotated[int, Field(gt=0)] = 20  # mel-frequency coefficients; at most `n_mels`
    roll_percent: Annotated[float, Field(gt=0, lt=1)] = 0.85  # share of the energy below it

    @model_validator(mode="after")
    def _bands_must_suffice(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc must be at most n_mels = {self.n_mels}, got {self.n_mfcc}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features in the order of the published table."""
        frames = ["chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "rolloff"]
        frames += ["zero_crossing_rate", "harmony", "perceptr"]
        mfccs = [f"mfcc{i}" for i in range(1, self.n_mfcc + 1)]
        before, after = (
            [f"{name}_{moment}" for name in names for moment in ("mean", "var")]
            for names in (frames, mfccs)
        )
        return (*before, "tempo", *after)


FEATURE_COLUMNS: tuple[str, ...] = FeatureSettings().columns
"""Names of the 57 features, in the order of the published table."""


def extract(sound: np.ndarray | Spectrum, settings: FeatureSettings) -> dict[str, float | int]:
    """Return the features of a mono signal at ``settings.sample_rate``.

    The values equal those of librosa's own functions with the same settings. Each frame-wise
    feature gives its mean and its population variance over all frames. First comes ``length`` in
    samples, then `settings.columns` in order: frequencies in Hz, tempo in beats per minute, the
    rest without unit. Raises `DataError` if the signal is at most half a frame long.
    """
    librosa = librosa_loader.load()
    spectrum = Spectrum.of(sound, settings)
    y, magnitude, onsets = spectrum.y, spectrum.magnitude, spectrum.onset_strength
    rate, hop, size = settings.sample_rate, settings.hop_length, settings.n_fft
    frames = {"frame_length": size, "hop_length": hop}
    feature, share = librosa.feature, settings.roll_percent
    harmonic, percussive = spectrum.harmonic_percussive
    centroid, bandwidth = _centroid_and_bandwidth(spectrum)
    values = {
        "chroma_stft": _chroma(spectrum),
        "rms": feature.rms(y=y, pad_mode=settings.pad_mode, **frames),
        "spectral_centroid": centroid,
        "spectral_bandwidth": bandwidth,
        "rolloff": feature.spectral_rolloff(S=magnitude, sr=rate, roll_percent=share),
        "zero_crossing_rate": feature.zero_crossing_rate(y, **frames),
        "harmony": harmonic,
        "perceptr": percussive,
    }
    mfccs = feature.mfcc(S=spectrum.mel_db, n_mfcc=settings.n_mfcc)
    values |= {f"mfcc{i}": mfcc for i, mfcc in enumerate(mfccs, start=1)}
    tempo, _ = librosa.beat.beat_track(onset_envelope=onsets, sr=rate, hop_length=hop)
    row: dict[str, float | int] = {"tempo": float(np.squeeze(tempo))}
    for name, value in values.items():
        row[f"{name}_mean"] = float(value.mean(dtype=np.float64))
        row[f"{name}_var"] = float(value.var(dtype=np.float64))
    return {"length": len(y)} | {name: row[name] for name in settings.columns}


def segments(
    y: np.ndarray, seconds: float, settings: FeatureSettings
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield number and signal of the segments of a track, cut as those of GTZAN's published table.

    Segment ``i`` starts at ``i * step`` and is one sample shorter than ``step``, which is `seconds`
    in samples. The part of a track beyond 30 s, and an incomplete last segment, are left out.
    """
    step = round(seconds * settings.sample_rate)
    complete = (len(y) + 1) // step
    for i in range(min(complete, int(GTZAN_SECONDS / seconds))):
        yield i, y[i * step : (i + 1) * step - 1]


def _chroma(spectrum: Spectrum) -> np.ndarray:
    """Return `librosa.feature.chroma_stft`; tuning is estimated from the pitched bins only."""
    librosa = librosa_loader.load()
    framing, power = spectrum.framing, spectrum.power
    bins = min(int(_PITCH_LIMIT * framing.n_fft / framing.sample_rate) + 3, len(power))
    rate = framing.sample_rate * 2 * (bins - 1) / framing.n_fft
    peaks = 0.1 * power.max(axis=0, keepdims=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Trying to estimate tuning from empty")
        tuning = librosa.estimate_tuning(S=power[:bins], sr=rate, ref=peaks, bins_per_octave=12)
    return librosa.feature.chroma_stft(S=power, sr=framing.sample_rate, tuning=tuning)


def _centroid_and_bandwidth(spectrum: Spectrum) -> tuple[np.ndarray, np.ndarray]:
    """Return spectral centroid and bandwidth by frame; 0 in silent frames."""
    framing = spectrum.framing
    frequencies = np.linspace(0.0, framing.sample_rate / 2, framing.n_fft // 2 + 1)
    # float64 and centred frequencies, since the variance is a difference of large numbers
    middle = frequencies[-1] / 2
    moments = np.stack([(frequencies - middle) ** power for power in range(3)])
    total, first, second = moments @ spectrum.magnitude.astype(np.float64)
    sounding = total > np.finfo(np.float32).tiny
    total[~sounding] = 1.0
    mean = first / total
    variance = np.maximum(second / total - mean**2, 0.0)
    return np.where(sounding, mean + middle, 0.0), np.where(sounding, np.sqrt(variance), 0.0)

"""The analysis of one track: arrays to plot and summary numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.features import FeatureSettings, extract
from gtzan_exp.audio.spectrum import Spectrum
from gtzan_exp.audio.tracks import load_audio


@dataclass(frozen=True)
class AnalysedTrack:
    """A track and what `analyse` found in it."""

    id: str  # id of the track, or the name of the file
    genre: str | None  # None for a file that belongs to no data set
    path: Path
    spectrum: Spectrum  # the signal and its transforms
    harmonic: np.ndarray  # float32, shape (samples,), as `percussive`
    percussive: np.ndarray
    mfcc: np.ndarray  # shape (n_mfcc, frames)
    chroma: np.ndarray  # shape (12, frames): energy relative to the strongest of its frame
    onset_strength: np.ndarray  # shape (frames,)
    tempo: float  # in beats per minute, 0 when there is no onset
    beats: np.ndarray  # shape (n_beats,): in seconds
    zero_crossings: int  # in the whole signal, its first sample not counted
    crossings_per_second: np.ndarray  # shape (frames,)
    features: dict[str, float | int]  # ``length`` and the features of the published table

    @property
    def y(self) -> np.ndarray:
        """The signal, float32, shape (samples,)."""
        return self.spectrum.y

    @property
    def sample_rate(self) -> int:
        return self.spectrum.framing.sample_rate

    @property
    def hop_seconds(self) -> float:
        """Time from one frame to the next, in seconds."""
        return self.spectrum.framing.hop_length / self.sample_rate

    @property
    def seconds(self) -> float:
        return len(self.y) / self.sample_rate

    def numbers(self) -> dict[str, Any]:
        """Return the numbers of the track as plain data, with units in the names."""
        return {
            "genre": self.genre,
            "sample_rate_hz": self.sample_rate,
            "samples": len(self.y),
            "duration_s": self.seconds,
            "peak": float(np.abs(self.y).max()),
            "rms": float(np.sqrt(np.mean(np.square(self.y, dtype=np.float64)))),
            "stft_shape": list(self.spectrum.magnitude.shape),
            "mel_shape": list(self.spectrum.mel.shape),
            "mfcc_shape": list(self.mfcc.shape),
            "chroma_shape": list(self.chroma.shape),
            "zero_crossings": self.zero_crossings,
            "zero_crossings_per_s": self.zero_crossings / self.seconds,
            "tempo_bpm": self.tempo,
            "beats": len(self.beats),
            "features": self.features,
        }


def analyse(id: str, genre: str | None, path: Path, *, max_seconds: float) -> AnalysedTrack:
    """Read and analyse a file, or its first `max_seconds`."""
    librosa = librosa_loader.load()
    settings = FeatureSettings()
    y = load_audio(path, sample_rate=settings.sample_rate, max_seconds=max_seconds)
    spectrum = Spectrum(y, settings)
    harmonic, percussive = spectrum.harmonic_percussive
    onsets = spectrum.onset_strength
    tempo, beats = librosa.beat.beat_track(
        onset_envelope=onsets, sr=settings.sample_rate, hop_length=settings.hop_length, units="time"
    )
    rate = librosa.feature.zero_crossing_rate(
        y, frame_length=settings.n_fft, hop_length=settings.hop_length
    )
    return AnalysedTrack(
        id=id,
        genre=genre,
        path=path,
        spectrum=spectrum,
        harmonic=harmonic,
        percussive=percussive,
        mfcc=librosa.feature.mfcc(S=spectrum.mel_db, n_mfcc=settings.n_mfcc),
        chroma=librosa.feature.chroma_stft(S=spectrum.power, sr=settings.sample_rate),
        onset_strength=onsets,
        tempo=float(np.atleast_1d(tempo)[0]),
        beats=np.atleast_1d(beats),
        zero_crossings=int(np.count_nonzero(librosa.zero_crossings(y, pad=False))),
        crossings_per_second=rate[0] * settings.sample_rate,
        features=extract(spectrum, settings),
    )

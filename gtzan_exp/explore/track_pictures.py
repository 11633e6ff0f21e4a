"""Plots of tracks: one file per track and kind, with scales shared by all tracks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, NullFormatter
from scipy.interpolate import make_interp_spline
from sklearn.preprocessing import scale

from gtzan_exp.audio import librosa_loader
from gtzan_exp.basics.genres import GENRES, genre_colors
from gtzan_exp.explore.analysis import AnalysedTrack
from gtzan_exp.report.canvas import INK, MUTED, Picture, canvas

FrequencyAxis = Literal["log", "linear"]

TOP_DB = 80.0  # dynamic range of spectrograms below their peak, in dB
_LOWEST_HZ = 30.0
_LOG_ROWS = 400
_COLUMNS = 1200
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
_MEL_TICKS_HZ = _TICKS_HZ[3:]
_PITCHES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_OWN_FILE = "#3f90da"
_short = EngFormatter(sep="")


@dataclass(frozen=True)
class Scales:
    """What the plots of all tracks have in common, so that tracks can be compared by eye."""

    sounds: Sequence[AnalysedTrack]
    frequency_axis: FrequencyAxis

    def most(self, of: Callable[[AnalysedTrack], float]) -> float:
        """Return the largest value of the tracks."""
        return float(max(map(of, self.sounds)))


@dataclass(frozen=True)
class Kind:
    """One kind of picture."""

    name: str  # part of the file name; `title` is the heading
    title: str
    height: float  # in inches
    draw: Callable[[Sequence[Axes], AnalysedTrack, Scales], str]  # and return the alternative text
    rows: int = 1  # number of axes, one above the other
    over_time: bool = True  # whether the x axis is time


def draw(kind: Kind, sounds: Sequence[AnalysedTrack], scales: Scales, path: Path) -> Picture:
    """Write a plot of tracks, side by side, to the PNG `path`."""
    width = 5.2 if len(sounds) == 1 else 4.2 * len(sounds)
    seen, seconds = [], scales.most(lambda one: one.seconds)
    with canvas(path, size=(width, kind.height)) as figure:
        grid = figure.subplots(kind.rows, len(sounds), squeeze=False, sharex="col")
        for axes, sound in zip(grid.T.tolist(), sounds, strict=True):
            axes[-1].set(xlim=(0, seconds), xlabel="time (s)")
            seen.append(kind.draw(axes, sound, scales))
            axes[0].set_title(f"{sound.id}: {axes[0].get_title(loc='left') or kind.title}")
    span = None
    if kind.over_time and len(sounds) == 1:  # positions are final after drawing
        place = grid[0, 0].get_position()
        span = (float(place.x0), float(place.x1), seconds)
    return Picture(path, " ".join(seen), span, sounds[0].id)


def envelope(y: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return starts (in samples), minima and maxima of at most `columns` intervals of a wave."""
    starts = np.unique(np.linspace(0, len(y), min(columns, len(y)), endpoint=False).astype(int))
    return starts, np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)


def log_frequency(power: np.ndarray, edges: np.ndarray, bin_hz: float) -> np.ndarray:
    """Return the mean power between neighbouring `edges`, of bins as wide as they are apart.

    From bins at 0, `bin_hz`, 2 `bin_hz`, ..., shape (bins, frames), and increasing edges in Hz,
    shape (rows + 1,), to shape (rows, frames).
    """
    bounds = (np.arange(len(power) + 1) - 0.5) * bin_hz
    total = np.zeros((len(power) + 1, power.shape[1]))
    np.cumsum(power, axis=0, dtype=np.float64, out=total[1:])
    below = make_interp_spline(bounds, total, k=1)(edges)
    return np.diff(below, axis=0) * bin_hz / np.diff(edges)[:, None]


def _color(sound: AnalysedTrack) -> str:
    return genre_colors([sound.genre])[sound.genre] if sound.genre in GENRES else _OWN_FILE


def _image(axes: Axes, sound: AnalysedTrack, values: np.ndarray, label: str, **look: Any) -> None:
    """Draw a matrix over time, with its first row at the bottom and a colour bar."""
    start, end = -0.5 * sound.hop_seconds, (values.shape[1] - 0.5) * sound.hop_seconds
    extent = (start, end, -0.5, len(values) - 0.5)
    image = axes.imshow(values, origin="lower", aspect="auto", extent=extent, **look)
    axes.spines[:].set_visible(False)
    axes.figure.colorbar(image, ax=axes, label=label, pad=0.02, aspect=14)


def _decibels(
    axes: Axes, sound: AnalysedTrack, power: np.ndarray, ticks_hz: Sequence[int], rows: np.ndarray
) -> None:
    """Draw power in dB below its peak; `rows` are those of the ticks."""
    values = librosa_loader.load().power_to_db(power, ref=np.max, top_db=TOP_DB)
    _image(axes, sound, values, "dB re peak", cmap="magma", clim=(-TOP_DB, 0))
    axes.set_yticks(rows, [_short(hz) for hz in ticks_hz])
    axes.set_ylabel("frequency (Hz)")


def _wave(axes: Axes, sound: AnalysedTrack, y: np.ndarray, scales: Scales) -> None:
    starts, low, high = envelope(y, _COLUMNS)
    color = _color(sound)
    axes.fill_between(starts / sound.sample_rate, low, high, color=color, lw=0.4, edgecolor=color)
    axes.axhline(0, color=INK, lw=0.5)
    peak = 1.05 * scales.most(lambda one: np.abs(one.y).max())
    axes.set(ylim=(-peak, peak), ylabel="amplitude")


def _waveform(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    _wave(axes[0], sound, sound.y, scales)
    peak = np.abs(sound.y).max()
    return f"Waveform of {sound.id}: {sound.seconds:.1f} s, largest amplitude {peak:.2f}."


def _stft(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    magnitude = sound.spectrum.magnitude
    nyquist = sound.sample_rate / 2
    frequencies = np.linspace(0, nyquist, len(magnitude))
    middle, loud = np.percentile(magnitude, (50, 95), axis=1)
    loudest = scales.most(lambda one: one.spectrum.magnitude.max())
    floor = loudest * 1e-5
    color = _color(sound)
    (panel,) = axes
    most, fill = magnitude.max(axis=1), panel.fill_between
    fill(frequencies, floor, most, color=MUTED, alpha=0.25, lw=0, label="maximum")
    fill(frequencies, floor, loud, color=color, alpha=0.5, lw=0, label="95 % of frames")
    panel.plot(frequencies, middle, color=INK, lw=1.1, label="median frame")
    panel.set(yscale="log", ylim=(floor, loudest * 2), ylabel="STFT magnitude")
    panel.set(xlim=(0, nyquist), xlabel="frequency (Hz)")
    if scales.frequency_axis == "log":
        panel.set(xlim=(_LOWEST_HZ, nyquist), xscale="log", xticks=_TICKS_HZ)
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_major_formatter(_short)
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.legend(fontsize=8, loc="lower left")
    panel.grid(alpha=0.25)
    bins, frames = magnitude.shape
    strongest = frequencies[magnitude.mean(axis=1).argmax()]
    return (
        f"STFT magnitude of {sound.id} over frequency: maximum, 95 % and median of {frames} frames "
        f"of {bins} bins; the strongest bin is at {strongest:.0f} Hz."
    )


def _spectrogram(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    nyquist = sound.sample_rate / 2
    edges = np.geomspace(_LOWEST_HZ, nyquist, _LOG_ROWS + 1)
    bin_hz = sound.sample_rate / sound.spectrum.framing.n_fft
    power = log_frequency(sound.spectrum.power, edges, bin_hz)
    rows = np.interp(np.log(_TICKS_HZ), np.log(edges), np.arange(len(edges)) - 0.5)
    _decibels(axes[0], sound, power, _TICKS_HZ, rows)
    return (
        f"Spectrogram of {sound.id} in dB below its peak, time to the right, frequency upwards on "
        "a logarithmic axis."
    )


def _mel(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    hz_to_mel = librosa_loader.load().hz_to_mel
    bands = len(sound.spectrum.mel)
    step = hz_to_mel(sound.sample_rate / 2) / (bands + 1)
    rows = hz_to_mel(np.array(_MEL_TICKS_HZ)) / step - 1
    _decibels(axes[0], sound, sound.spectrum.mel, _MEL_TICKS_HZ, rows)
    return f"Mel spectrogram of {sound.id} in {bands} bands, in dB below its peak, over time."


def _harmonic_percussive(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    for panel, title in zip(axes, ("harmonic", "percussive"), strict=True):
        _wave(panel, sound, getattr(sound, title), scales)
        panel.set_title(f"{title} wave")
    return (
        f"Harmonic wave (standard deviation {sound.harmonic.std():.3f}) and percussive wave "
        f"(standard deviation {sound.percussive.std():.3f}) of {sound.id}, one above the other."
    )


def _mfcc(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    raw, standardised = axes
    limits = (-scales.most(lambda one: -one.mfcc.min()), scales.most(lambda one: one.mfcc.max()))
    _image(raw, sound, sound.mfcc, "MFCC", cmap="viridis", clim=limits)
    z = scale(sound.mfcc.astype(np.float64), axis=1)
    _image(standardised, sound, z, "z-score", cmap="RdBu_r", clim=(-3, 3))
    raw.set_title("raw MFCC")
    standardised.set_title("standardised per coefficient")
    count, frames = sound.mfcc.shape
    numbers = [1, *range(5, count + 1, 5)]
    for panel in axes:
        panel.set_yticks([number - 1 for number in numbers], list(map(str, numbers)))
        panel.set_ylabel("coefficient")
    return f"{count} MFCC of {sound.id} in {frames} frames, raw and standardised."


def _chroma(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    _image(axes[0], sound, sound.chroma, "relative energy", cmap="magma", clim=(0, 1))
    axes[0].set_yticks(range(12), _PITCHES)
    axes[0].set_ylabel("pitch class")
    strongest = _PITCHES[int(sound.chroma.mean(axis=1).argmax())]
    return f"Chroma of {sound.id}: on average the strongest pitch class is {strongest}."


def _onsets(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    times = np.arange(len(sound.onset_strength)) * sound.hop_seconds
    (panel,) = axes
    top = 1.05 * scales.most(lambda one: one.onset_strength.max()) or 1.0
    panel.vlines(sound.beats, 0, top, color=_color(sound), lw=1.4, label="tracked beat")
    panel.plot(times, sound.onset_strength, color=INK, lw=0.8, label="onset strength")
    panel.set(ylim=(0, 1.35 * top), ylabel="onset strength (dB)")
    tempo = f"tempo {sound.tempo:.1f} beats/min"
    panel.legend(title=tempo, fontsize=8, title_fontsize=8, loc="upper right", ncols=2)
    return f"Onset strength of {sound.id} with {len(sound.beats)} tracked beats, {tempo}."


def _zero_crossings(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> str:
    rate = sound.crossings_per_second
    times = np.arange(len(rate)) * sound.hop_seconds
    (panel,) = axes
    # The outline keeps the lightest colour visible.
    panel.fill_between(times, rate, color=_color(sound), edgecolor=INK, lw=0.35)
    mean = sound.zero_crossings / sound.seconds
    label = f"{sound.zero_crossings:,} in all, {mean:,.0f}/s on average"
    panel.axhline(mean, color=INK, lw=1, ls="--", label=label)
    top = scales.most(lambda one: one.crossings_per_second.max())
    panel.set(ylim=(0, 1.26 * top), ylabel="zero crossings (1/s)")
    panel.legend(fontsize=8, loc="upper right")
    panel.yaxis.set_major_formatter(_short)
    return f"Zero crossings of {sound.id} per second over time; {label}."


KINDS = (
    Kind("waveform", "Waveform", 2.2, _waveform),
    Kind("stft", "STFT magnitude", 2.9, _stft, over_time=False),
    Kind("spectrogram", "Spectrogram (dB)", 3.0, _spectrogram),
    Kind("mel", "Mel spectrogram (dB)", 3.0, _mel),
    Kind("harmonic_percussive", "Harmonic and percussive waves", 3.6, _harmonic_percussive, rows=2),
    Kind("mfcc", "Mel-frequency cepstral coefficients (MFCC)", 4.2, _mfcc, rows=2),
    Kind("chroma", "Chroma", 3.0, _chroma),
    Kind("onsets", "Onset strength and beats", 2.6, _onsets),
    Kind("zero_crossings", "Zero crossings", 2.6, _zero_crossings),
)

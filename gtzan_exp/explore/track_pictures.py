"""Pictures of tracks: one file per track and kind, drawn to scales that all the tracks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from gtzan_exp.audio import librosa_loader
from gtzan_exp.basics.genres import GENRES, genre_colors
from gtzan_exp.explore.analysis import AnalysedTrack
from gtzan_exp.report.canvas import INK, MUTED, Picture, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FrequencyAxis = Literal["log", "linear"]

TOP_DB = 80.0
"""Spectrograms reach this far down from their peak, in dB."""

_LOWEST_HZ = 30.0
_LOG_ROWS = 400
_COLUMNS = 1200
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
_MEL_TICKS_HZ = (500, 1000, 2000, 5000, 10000)
_PITCHES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_OWN_FILE = "#3f90da"


@dataclass(frozen=True)
class Scales:
    """What the pictures of one kind have in common, so that tracks can be compared by eye.

    Parameters
    ----------
    seconds : float
        End of the time axis.
    peak : float
        Largest amplitude.
    magnitudes : (float, float)
        Range of STFT magnitudes to show.
    mfcc : (float, float)
        Range of raw coefficients.
    onset, crossings : float
        Largest onset strength, and most zero crossings per second.
    frequency_axis : {"log", "linear"}
    """

    seconds: float
    peak: float
    magnitudes: tuple[float, float]
    mfcc: tuple[float, float]
    onset: float
    crossings: float
    frequency_axis: FrequencyAxis

    @classmethod
    def of(cls, sounds: Sequence[AnalysedTrack], frequency_axis: FrequencyAxis) -> Scales:
        """Return the scales that hold all of `sounds`."""
        loudest = max(float(sound.spectrum.magnitude.max()) for sound in sounds)
        return cls(
            seconds=max(sound.seconds for sound in sounds),
            peak=1.05 * max(float(np.abs(sound.y).max()) for sound in sounds),
            magnitudes=(loudest * 1e-5, loudest * 2),
            mfcc=(
                min(float(sound.mfcc.min()) for sound in sounds),
                max(float(sound.mfcc.max()) for sound in sounds),
            ),
            onset=1.05 * max(float(sound.onset_strength.max()) for sound in sounds) or 1.0,
            crossings=1.05
            * max(float(sound.zero_crossing_rate.max()) * sound.sample_rate for sound in sounds),
            frequency_axis=frequency_axis,
        )


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    Parameters
    ----------
    name, title : str
        For the file, and for people.
    height : float
        In inches.
    draw : callable
        Draws a sound on its axes.
    alt : callable
        Says what is to be seen.
    rows : int
        How many axes it needs, one above the other.
    """

    name: str
    title: str
    height: float
    draw: Callable[[Sequence[Axes], AnalysedTrack, Scales], None]
    alt: Callable[[AnalysedTrack], str]
    rows: int = 1


def draw(sound: AnalysedTrack, scales: Scales, folder: Path) -> Iterator[tuple[Kind, Picture]]:
    """Draw every kind of picture of a track, as ``<id>.<kind>.png``, and yield each when done."""
    for kind in KINDS:
        path = folder / f"{sound.id}.{kind.name}.png"
        with canvas(path, size=(5.2, kind.height)) as figure:
            axes = figure.subplots(kind.rows, 1, squeeze=False, sharex=True)[:, 0]
            kind.draw(axes, sound, scales)
            _entitle(axes, sound, kind)
        yield kind, Picture(path, kind.alt(sound))


def draw_side_by_side(
    sounds: Sequence[AnalysedTrack], scales: Scales, folder: Path
) -> Iterator[Path]:
    """Draw every kind of picture once more, the tracks in columns, as ``side_by_side.<kind>.png``.

    These are for print; they are too wide for a phone.
    """
    for kind in KINDS:
        path = folder / f"side_by_side.{kind.name}.png"
        with canvas(path, size=(4.2 * len(sounds), kind.height)) as figure:
            grid = figure.subplots(
                kind.rows, len(sounds), squeeze=False, sharex=kind.name != "stft"
            )
            for axes, sound in zip(grid.T, sounds, strict=True):
                kind.draw(axes, sound, scales)
                _entitle(axes, sound, kind)
        yield path


def envelope(y: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the columns of a picture of a wave start, and its extremes in each.

    Parameters
    ----------
    y : ndarray, shape (samples,)
    columns : int
        At most so many.

    Returns
    -------
    starts : ndarray of int, shape (columns,)
        In samples.
    low, high : ndarray, shape (columns,)
    """
    starts = np.unique(np.linspace(0, len(y), min(columns, len(y)), endpoint=False).astype(int))
    return starts, np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)


def log_frequency(power: np.ndarray, edges: np.ndarray, bin_hz: float) -> np.ndarray:
    """Return the mean power between neighbouring `edges`; where no bin lies, that of the nearest.

    Parameters
    ----------
    power : ndarray, shape (bins, frames)
        The bins are at 0, `bin_hz`, 2 `bin_hz`, ...
    edges : ndarray, shape (rows + 1,)
        In Hz, rising.
    bin_hz : float

    Returns
    -------
    ndarray, shape (rows, frames)
    """
    first = np.ceil(edges[:-1] / bin_hz).astype(int)
    last = np.ceil(edges[1:] / bin_hz).astype(int)
    empty = first >= last
    first[empty] = np.rint((edges[:-1] + edges[1:])[empty] / 2 / bin_hz).astype(int)
    last[empty] = first[empty] + 1
    first, last = np.minimum(first, len(power) - 1), np.minimum(last, len(power))
    total = np.zeros((len(power) + 1, power.shape[1]))
    np.cumsum(power, axis=0, dtype=np.float64, out=total[1:])
    return (total[last] - total[first]) / (last - first)[:, None]


def _entitle(axes: Sequence[Axes], sound: AnalysedTrack, kind: Kind) -> None:
    if kind.rows > 1:
        for one in axes:
            one.set_title(one.get_title(loc="left"), fontsize=10, pad=5)
        axes[0].set_title(f"{sound.id}: {axes[0].get_title(loc='left')}", fontsize=10, pad=5)
    else:
        axes[0].set_title(f"{sound.id}: {kind.title}", fontsize=10, pad=5)


def _color(sound: AnalysedTrack) -> str:
    return genre_colors([sound.genre])[sound.genre] if sound.genre in GENRES else _OWN_FILE


def _time_axis(axes: Axes, scales: Scales) -> None:
    axes.set_xlim(0, scales.seconds)
    axes.set_xlabel("time (s)")


def _image(
    axes: Axes, sound: AnalysedTrack, values: np.ndarray, *, label: str, **options: object
) -> None:
    """Draw a matrix with time to the right, its first row at the bottom, and a colour bar."""
    half = sound.hop_seconds / 2
    end = (values.shape[1] - 0.5) * sound.hop_seconds
    extent = (-half, end, -0.5, len(values) - 0.5)
    image = axes.imshow(values, origin="lower", aspect="auto", extent=extent, **options)
    axes.spines[:].set_visible(False)
    axes.figure.colorbar(image, ax=axes, label=label, pad=0.02, aspect=14)


def _frequency_ticks(
    axes: Axes, ticks_hz: Sequence[int], place: Callable[[np.ndarray], np.ndarray]
) -> None:
    axes.set_yticks(place(np.array(ticks_hz)), [_short(hz) for hz in ticks_hz])
    axes.set_ylabel("frequency (Hz)")


def _short(hz: float) -> str:
    return f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}"


def _wave(axes: Axes, sound: AnalysedTrack, y: np.ndarray, scales: Scales) -> None:
    starts, low, high = envelope(y, _COLUMNS)
    color = _color(sound)
    axes.fill_between(starts / sound.sample_rate, low, high, color=color, lw=0.4, edgecolor=color)
    axes.axhline(0, color=INK, lw=0.5)
    axes.set(ylim=(-scales.peak, scales.peak), ylabel="amplitude")


def _waveform(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    _wave(axes[0], sound, sound.y, scales)
    _time_axis(axes[0], scales)


def _stft(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    magnitude = sound.spectrum.magnitude
    frequencies = np.linspace(0, sound.sample_rate / 2, len(magnitude))
    middle, loud = np.percentile(magnitude, (50, 95), axis=1)
    floor = scales.magnitudes[0]
    color = _color(sound)
    (panel,) = axes
    panel.fill_between(
        frequencies, floor, magnitude.max(axis=1), color=MUTED, alpha=0.25, lw=0, label="maximum"
    )
    panel.fill_between(
        frequencies, floor, loud, color=color, alpha=0.5, lw=0, label="95 % of frames"
    )
    panel.plot(frequencies, middle, color=INK, lw=1.1, label="median frame")
    panel.set(yscale="log", ylim=scales.magnitudes, xscale=scales.frequency_axis)
    panel.set(xlabel="frequency (Hz)", ylabel="STFT magnitude")
    panel.set_xlim(_LOWEST_HZ if scales.frequency_axis == "log" else 0, sound.sample_rate / 2)
    if scales.frequency_axis == "log":
        panel.set_xticks(_TICKS_HZ)
        panel.xaxis.set_minor_formatter(NullFormatter())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda hz, _: _short(hz)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.legend(fontsize=8, loc="lower left")
    panel.grid(alpha=0.25)


def _spectrogram(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    librosa = librosa_loader.load()

    nyquist = sound.sample_rate / 2
    edges = np.geomspace(_LOWEST_HZ, nyquist, _LOG_ROWS + 1)
    power = log_frequency(
        sound.spectrum.power, edges, sound.sample_rate / sound.spectrum.framing.n_fft
    )
    decibels = librosa.power_to_db(power, ref=np.max, top_db=TOP_DB)
    _image(axes[0], sound, decibels, label="dB re peak", cmap="magma", vmin=-TOP_DB, vmax=0)
    span = np.log(nyquist / _LOWEST_HZ)
    _frequency_ticks(
        axes[0], _TICKS_HZ, lambda hz: np.log(hz / _LOWEST_HZ) / span * _LOG_ROWS - 0.5
    )
    _time_axis(axes[0], scales)


def _mel(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    librosa = librosa_loader.load()

    nyquist = sound.sample_rate / 2
    decibels = librosa.power_to_db(sound.spectrum.mel, ref=np.max, top_db=TOP_DB)
    _image(axes[0], sound, decibels, label="dB re peak", cmap="magma", vmin=-TOP_DB, vmax=0)
    step = librosa.hz_to_mel(nyquist) / (len(decibels) + 1)
    _frequency_ticks(axes[0], _MEL_TICKS_HZ, lambda hz: librosa.hz_to_mel(hz) / step - 1)
    _time_axis(axes[0], scales)


def _harmonic_percussive(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    parts = {"harmonic wave": sound.harmonic, "percussive wave": sound.percussive}
    for panel, (title, y) in zip(axes, parts.items(), strict=True):
        _wave(panel, sound, y, scales)
        panel.set_title(title)
    _time_axis(axes[-1], scales)


def _mfcc(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    low, high = scales.mfcc
    raw, standardised = axes
    _image(raw, sound, sound.mfcc, label="MFCC", cmap="viridis", vmin=low, vmax=high)
    _image(
        standardised,
        sound,
        sound.mfcc_standardised,
        label="z-score",
        cmap="RdBu_r",
        vmin=-3,
        vmax=3,
    )
    raw.set_title("MFCC as they are")
    standardised.set_title("standardised per coefficient")
    for panel in axes:
        ticks = [i for i in range(len(sound.mfcc)) if i == 0 or (i + 1) % 5 == 0]
        panel.set_yticks(ticks, [i + 1 for i in ticks])
        panel.set_ylabel("coefficient")
    _time_axis(standardised, scales)


def _chroma(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    _image(axes[0], sound, sound.chroma, label="relative energy", cmap="magma", vmin=0, vmax=1)
    axes[0].set_yticks(range(12), _PITCHES)
    axes[0].set_ylabel("pitch class")
    _time_axis(axes[0], scales)


def _onsets(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    times = np.arange(len(sound.onset_strength)) * sound.hop_seconds
    (panel,) = axes
    panel.vlines(sound.beats, 0, scales.onset, color=_color(sound), lw=1.4, label="tracked beat")
    panel.plot(times, sound.onset_strength, color=INK, lw=0.8, label="onset strength")
    panel.set(ylim=(0, 1.35 * scales.onset), ylabel="onset strength (dB)")
    panel.legend(
        title=f"tempo {sound.tempo:.1f} beats/min",
        fontsize=8,
        title_fontsize=8,
        loc="upper right",
        ncols=2,
    )
    _time_axis(panel, scales)


def _zero_crossings(axes: Sequence[Axes], sound: AnalysedTrack, scales: Scales) -> None:
    from matplotlib.ticker import FuncFormatter

    rate = sound.zero_crossing_rate * sound.sample_rate
    times = np.arange(len(rate)) * sound.hop_seconds
    (panel,) = axes
    # The outline keeps the lightest of the colours visible.
    panel.fill_between(times, rate, color=_color(sound), edgecolor=INK, lw=0.35)
    mean = sound.zero_crossings / sound.seconds
    label = f"{sound.zero_crossings:,} in all, {mean:,.0f}/s on average"
    panel.axhline(mean, color=INK, lw=1, ls="--", label=label)
    panel.set(ylim=(0, 1.2 * scales.crossings), ylabel="zero crossings (1/s)")
    panel.legend(fontsize=8, loc="upper right")
    panel.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: _short(rate)))
    _time_axis(panel, scales)


def _spectrum_alt(sound: AnalysedTrack) -> str:
    bins, frames = sound.spectrum.magnitude.shape
    peak = int(sound.spectrum.magnitude.mean(axis=1).argmax())
    hz = peak * sound.sample_rate / sound.spectrum.framing.n_fft
    return (
        f"STFT magnitude of {sound.id} over frequency: maximum, 95 % and median of {frames} frames "
        f"of {bins} bins; the strongest bin is at {hz:.0f} Hz."
    )


KINDS = (
    Kind(
        "waveform",
        "waveform",
        2.2,
        _waveform,
        lambda s: (
            f"Waveform of {s.id}: {s.seconds:.1f} s, largest amplitude {np.abs(s.y).max():.2f}."
        ),
    ),
    Kind("stft", "STFT magnitude", 2.9, _stft, _spectrum_alt),
    Kind(
        "spectrogram",
        "spectrogram (dB)",
        3.0,
        _spectrogram,
        lambda s: (
            f"Spectrogram of {s.id} in dB below its peak, time to the right, frequency "
            "upwards on a logarithmic axis."
        ),
    ),
    Kind(
        "mel",
        "mel spectrogram (dB)",
        3.0,
        _mel,
        lambda s: (
            f"Mel spectrogram of {s.id} in {len(s.spectrum.mel)} bands, in dB below its "
            "peak, time to the right."
        ),
    ),
    Kind(
        "harmonic_percussive",
        "harmonic and percussive waves",
        3.6,
        _harmonic_percussive,
        lambda s: (
            f"Harmonic wave (standard deviation {s.harmonic.std():.3f}) and percussive wave "
            f"(standard deviation {s.percussive.std():.3f}) of {s.id}, one above the other."
        ),
        rows=2,
    ),
    Kind(
        "mfcc",
        "mel-frequency cepstral coefficients (MFCC)",
        4.2,
        _mfcc,
        lambda s: (
            f"{len(s.mfcc)} MFCC of {s.id} in {s.mfcc.shape[1]} frames, as they are and "
            "standardised per coefficient."
        ),
        rows=2,
    ),
    Kind(
        "chroma",
        "chroma",
        3.0,
        _chroma,
        lambda s: (
            f"Chroma of {s.id}: on average the strongest pitch class is "
            f"{_PITCHES[int(s.chroma.mean(axis=1).argmax())]}."
        ),
    ),
    Kind(
        "onsets",
        "onset strength and beats",
        2.6,
        _onsets,
        lambda s: (
            f"Onset strength of {s.id} with {len(s.beats)} tracked beats at {s.tempo:.1f} "
            "beats per minute."
        ),
    ),
    Kind(
        "zero_crossings",
        "zero crossings",
        2.6,
        _zero_crossings,
        lambda s: f"Zero crossings of {s.id} per second over time; {s.zero_crossings} in all.",
    ),
)

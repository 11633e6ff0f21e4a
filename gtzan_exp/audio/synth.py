"""A small band for the synthetic sample: pitched notes, a drum kit and a mastering chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TABLE = 2048
_MAX_HARMONICS = 40
_HIHAT_FLOOR_HZ = 5000.0
_LOUDNESS = 0.25


@dataclass(frozen=True)
class Timbre:
    """The sound of a pitched instrument.

    Parameters
    ----------
    rolloff : float
        Harmonic k has amplitude ``k ** -rolloff``: 0.8 is a bowed string, 2.5 a flute.
    even : float
        Weight of the even harmonics: 0 is a clarinet, 1 a string.
    attack, decay : float
        Rise, and fall to 1/e, in seconds.
    damping : float
        How much sooner the upper harmonics die than the fundamental; 0 keeps the colour constant.
    vibrato : float
        Depth of a 5.5 Hz vibrato in cycles of the fundamental.
    """

    rolloff: float
    even: float = 1.0
    attack: float = 0.005
    decay: float = 0.5
    damping: float = 0.0
    vibrato: float = 0.0


@dataclass(frozen=True)
class Kit:
    """The sound of a drum kit: pitches in Hz, decays in seconds, `wires` the noise of the snare."""

    kick: float = 55.0
    kick_decay: float = 0.12
    snare: float = 190.0
    wires: float = 0.7
    snare_decay: float = 0.1
    hat_decay: float = 0.03


def note(timbre: Timbre, pitch: float, seconds: float, *, sample_rate: int) -> np.ndarray:
    """Return one note by wavetable synthesis, band-limited below half the sample rate.

    Parameters
    ----------
    timbre : Timbre
        The instrument.
    pitch : float
        MIDI note number (69 is 440 Hz).
    seconds : float
        Length of the note; its last 10 ms fade out.
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
    """
    frequency = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    partials = np.arange(1, max(2, min(_MAX_HARMONICS, int(0.45 * sample_rate / frequency)) + 1))
    weights = partials**-timbre.rolloff * np.where(partials % 2, 1.0, timbre.even)
    weights *= _LOUDNESS * np.sqrt(2.0 / np.sum(weights**2))
    body = weights / (1.0 + timbre.damping * (partials - 1))

    time = np.arange(max(1, round(seconds * sample_rate))) / sample_rate
    phase = time * frequency
    if timbre.vibrato:
        phase += timbre.vibrato * np.sin(2.0 * np.pi * 5.5 * time)
    index = (phase * _TABLE).astype(np.int32) & (_TABLE - 1)

    envelope = np.minimum(time / timbre.attack, 1.0) * np.exp(-time / timbre.decay)
    envelope *= np.minimum((time[-1] - time) / 0.01, 1.0)
    wave = _table(body)[index]
    if timbre.damping:
        shine = np.exp(-time * (2.0 + timbre.damping) / timbre.decay)
        wave = wave + _table(weights - body)[index] * shine
    return (wave * envelope).astype(np.float32)


def _table(weights: np.ndarray) -> np.ndarray:
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=complex)
    spectrum[1 : len(weights) + 1] = -0.5j * _TABLE * weights
    return np.fft.irfft(spectrum)


def kick(kit: Kit, *, sample_rate: int) -> np.ndarray:
    """Return one bass-drum hit, a falling sine: float32, shape (samples,)."""
    time = np.arange(int(5 * kit.kick_decay * sample_rate)) / sample_rate
    phase = kit.kick * time + 2.5 * (1.0 - np.exp(-time / 0.02))
    return (np.sin(2.0 * np.pi * phase) * np.exp(-time / kit.kick_decay)).astype(np.float32)


def snare(kit: Kit, rng: np.random.Generator, *, sample_rate: int) -> np.ndarray:
    """Return one snare hit, a tone under noise: float32, shape (samples,)."""
    time = np.arange(int(5 * kit.snare_decay * sample_rate)) / sample_rate
    tone = np.sin(2.0 * np.pi * kit.snare * time) * np.exp(-time / 0.05)
    noise = rng.standard_normal(len(time)) * np.exp(-time / kit.snare_decay)
    return (0.6 * (1.0 - kit.wires) * tone + 0.4 * kit.wires * noise).astype(np.float32)


def hihat(kit: Kit, rng: np.random.Generator, *, sample_rate: int) -> np.ndarray:
    """Return one hi-hat or ride stroke, noise above 5 kHz: float32, shape (samples,)."""
    samples = max(64, int(5 * kit.hat_decay * sample_rate))
    time = np.arange(samples) / sample_rate
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1.0 / sample_rate)
    spectrum *= np.clip(hertz / min(_HIHAT_FLOOR_HZ, 0.4 * sample_rate), 0.0, 1.0) ** 3
    return (0.25 * np.fft.irfft(spectrum, samples) * np.exp(-time / kit.hat_decay)).astype(
        np.float32
    )


def place(track: np.ndarray, sound: np.ndarray, seconds: float, *, sample_rate: int) -> None:
    """Add `sound` to `track` in place, starting at `seconds`; what lies outside is cut off."""
    start = round(seconds * sample_rate)
    head = max(0, -start)
    tail = min(len(sound), len(track) - start)
    if tail > head:
        track[start + head : start + tail] += sound[head:tail]


def overdrive(bus: np.ndarray, amount: float) -> np.ndarray:
    """Return `bus` through a soft clipper; 0 leaves it clean, 6 is a fuzz box."""
    return np.tanh(amount * bus) / np.tanh(amount) if amount else bus


def master(
    mix: np.ndarray,
    rng: np.random.Generator,
    *,
    sample_rate: int,
    tilt: float,
    wet: float,
    room: float,
    hiss: float,
    squash: float,
    peak: float,
) -> np.ndarray:
    """Return the finished track: equaliser and reverb in one convolution, hiss, limiter.

    Parameters
    ----------
    mix : numpy.ndarray of float32, shape (samples,)
        Everything that was played.
    rng : numpy.random.Generator
        Draws the room and the hiss.
    sample_rate : int
        Samples per second.
    tilt : float
        Slope of the equaliser around 1 kHz in dB per octave.
    wet : float
        Energy of the reverberation relative to the dry sound.
    room : float
        Decay of the reverberation to 1/e, in seconds.
    hiss : float
        Level of white noise relative to the mix, in dB.
    squash : float
        Drive of the limiter relative to the level of the mix; the more, the louder the track.
    peak : float
        Largest absolute value of the result.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
    """
    samples = len(mix)
    time = np.arange(int(3 * room * sample_rate)) / sample_rate
    response = rng.standard_normal(len(time)) * np.exp(-time / room)
    response *= np.sqrt(wet) / np.sqrt(np.sum(response**2))
    response[0] = 1.0

    size = -(-(samples + len(response)) // 4096) * 4096
    hertz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    octaves = np.log2(np.clip(hertz, 30.0, None) / 1000.0)
    spectrum = np.fft.rfft(mix, size) * np.fft.rfft(response, size)
    spectrum *= 10.0 ** (tilt * octaves / 20.0) * (hertz > 20.0)
    track = np.fft.irfft(spectrum, size)[:samples]

    track /= max(float(np.sqrt(np.mean(track**2))), 1e-9)
    track += 10.0 ** (hiss / 20.0) * rng.standard_normal(samples)
    track = np.tanh(squash * track)
    return (peak * track / np.max(np.abs(track))).astype(np.float32)

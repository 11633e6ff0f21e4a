"""The instruments of the synthetic bands, and the desk that masters their music."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_PERIOD = 2048
_MAX_HARMONICS = 40


def note(pitch: int, samples: int, manner: Mapping[str, float], sample_rate: int) -> np.ndarray:
    """Return one note, all harmonics of which lie below half the sample rate.

    `pitch` is a MIDI number: 69 is 440 Hz. The note falls to 1/e in `decay` seconds, and its
    harmonic k has the amplitude ``k ** -rolloff``.
    """
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    harmonics = np.arange(1.0, max(2.0, min(_MAX_HARMONICS, 0.5 * sample_rate / hertz)))
    spectrum = np.zeros(_PERIOD // 2 + 1, dtype=complex)
    spectrum[1 : len(harmonics) + 1] = -1j * harmonics ** -manner["rolloff"]
    period = np.fft.irfft(spectrum)

    time = np.arange(samples) / sample_rate
    envelope = np.exp(-time / manner["decay"]) * np.clip(time / 0.01, 0.0, 1.0)
    envelope *= 0.25 / np.std(period) * np.clip(time[::-1] / 0.01, 0.0, 1.0)
    return envelope * period[(time * hertz * _PERIOD).astype(int) % _PERIOD]


def drum_kit(ring: float, rng: np.random.Generator, sample_rate: int) -> dict[str, np.ndarray]:
    """Return one stroke of kick, snare and hat; that of the hat falls to 1/e in `ring` seconds."""
    time = np.arange(sample_rate // 2) / sample_rate
    noise = rng.standard_normal(len(time) + 2)
    falling_sine = np.sin(2.0 * np.pi * (55.0 * time + 2.5 * (1.0 - np.exp(-time / 0.02))))
    return {
        "kick": falling_sine * np.exp(-time / 0.12),
        "snare": 0.3 * noise[2:] * np.exp(-time / 0.1),
        "hat": 0.06 * np.diff(noise, 2) * np.exp(-time / ring),
    }


def place(track: np.ndarray, sound: np.ndarray, start: int) -> None:
    """Add `sound` to `track` in place from sample `start` on; what lies outside is cut off."""
    head = max(0, start)
    heard = sound[head - start : max(head, len(track)) - start]
    track[head : head + len(heard)] += heard


def master(
    music: np.ndarray, manner: Mapping[str, float], rng: np.random.Generator, sample_rate: int
) -> np.ndarray:
    """Return `music` in a room, through an equaliser, with hiss and through a limiter.

    What still rings in the room at the end is heard at the start: the music went on before it.
    """
    time = np.arange(sample_rate, dtype=np.float32) / sample_rate
    room = rng.standard_normal(sample_rate, dtype=np.float32) * np.exp(-time / 0.25)
    room *= np.sqrt(manner["reverb"] / np.sum(room**2))
    room[0] = 1.0

    samples = len(music)
    hertz = np.fft.rfftfreq(samples, 1.0 / sample_rate).astype(np.float32)
    equaliser = (hertz > 20.0) / (1.0 + (hertz / manner["cutoff"]) ** 2)
    track = np.fft.irfft(np.fft.rfft(music) * np.fft.rfft(room, samples) * equaliser, samples)
    track /= np.maximum(np.std(track), 1e-9)
    track += manner["hiss"] * rng.standard_normal(samples, dtype=np.float32)
    track = np.tanh(manner["squash"] * track)
    return 0.95 * track / np.max(np.abs(track))

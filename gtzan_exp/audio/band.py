"""Plays the synthetic sample: a song's patterns become notes, the notes become sound."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gtzan_exp.audio import synth
from gtzan_exp.audio.recipes import CHORDS, Groove, Harmony, Sound

_PEAK = 0.95
_LOWEST_BASS = 28
_STRENGTH = {"x": 1.0, "o": 0.4}


@dataclass(frozen=True)
class Song:
    """What one track is made of: `tempo` in beats per minute, `key` in semitones above C."""

    groove: Groove
    sound: Sound
    harmony: Harmony
    tempo: float
    key: int


@dataclass(frozen=True)
class _Bar:
    start: float
    root: int
    chord: tuple[int, ...]


@dataclass(frozen=True)
class _Note:
    onset: float
    seconds: float
    pitch: int


def perform(song: Song, rng: np.random.Generator, *, samples: int, sample_rate: int) -> np.ndarray:
    """Return an excerpt of `song` that starts anywhere in it: float32, shape (samples,)."""
    sound = song.sound
    bars = _bars(song, rng, samples / sample_rate)
    render = functools.partial(_render, samples=samples, sample_rate=sample_rate)
    drums, bass, comp, lead = sound.levels
    mix = drums * _drums(song, bars, rng, samples=samples, sample_rate=sample_rate)
    mix += bass * render(sound.bass, _bass(song, bars, rng))
    mix += comp * synth.overdrive(render(sound.comp, _comp(song, bars, rng)), sound.drive)
    mix += lead * synth.overdrive(render(sound.lead, _lead(song, bars, rng)), sound.drive)
    if sound.swell:
        time = np.arange(samples) / sample_rate
        wave = np.sin(2.0 * np.pi * (rng.uniform(0.08, 0.25) * time + rng.random()))
        mix *= 1.0 - sound.swell * (0.5 + 0.5 * wave)
    return synth.master(
        mix,
        rng,
        sample_rate=sample_rate,
        tilt=sound.tilt,
        wet=sound.wet,
        room=sound.room,
        hiss=sound.hiss,
        squash=sound.squash,
        peak=_PEAK,
    )


def _bars(song: Song, rng: np.random.Generator, seconds: float) -> list[_Bar]:
    length = 240.0 / song.tempo
    chords = song.harmony.chords
    skipped = int(rng.integers(len(chords)))
    first = -length * rng.random()
    bars = []
    for number in range(int((seconds - first) / length) + 1):
        degree, quality = chords[(skipped + number) % len(chords)]
        bars.append(_Bar(first + number * length, (song.key + degree) % 12, CHORDS[quality]))
    return bars


def _hits(pattern: str) -> Iterator[tuple[int, int, str]]:
    """Yield step, length in steps and symbol of each event of a pattern."""
    for step, symbol in enumerate(pattern):
        if symbol not in ".-":
            rest = pattern[step + 1 :]
            yield step, 1 + len(rest) - len(rest.lstrip("-")), symbol


def _onset(song: Song, bar: _Bar, step: int, rng: np.random.Generator) -> float:
    beat, sixteenth = divmod(step, 4)
    swing = song.groove.swing
    within = np.interp(sixteenth / 4, (0.0, 0.5, 1.0), (0.0, swing, 1.0))
    return float(bar.start + (beat + within) * 60.0 / song.tempo + rng.normal(0, song.groove.loose))


def _drums(
    song: Song, bars: list[_Bar], rng: np.random.Generator, *, samples: int, sample_rate: int
) -> np.ndarray:
    kit = song.sound.kit
    track = np.zeros(samples, dtype=np.float32)
    for pattern, hit in (
        (song.groove.kick, synth.kick(kit, sample_rate=sample_rate)),
        (song.groove.snare, synth.snare(kit, rng, sample_rate=sample_rate)),
        (song.groove.hat, synth.hihat(kit, rng, sample_rate=sample_rate)),
    ):
        for bar in bars:
            for step, _, symbol in _hits(pattern):
                strength = _STRENGTH[symbol] * rng.uniform(0.8, 1.0)
                synth.place(
                    track, strength * hit, _onset(song, bar, step, rng), sample_rate=sample_rate
                )
    return track


def _bass(song: Song, bars: list[_Bar], rng: np.random.Generator) -> Iterator[_Note]:
    sixteenth = 15.0 / song.tempo
    for bar in bars:
        root = _LOWEST_BASS + (bar.root - _LOWEST_BASS) % 12
        for step, length, symbol in _hits(song.groove.bass):
            walked = int(rng.choice(bar.chord)) % 12
            interval = {"r": 0, "3": bar.chord[1], "5": 7, "8": 12, "w": walked}[symbol]
            yield _Note(_onset(song, bar, step, rng), length * sixteenth, root + interval)


def _comp(song: Song, bars: list[_Bar], rng: np.random.Generator) -> Iterator[_Note]:
    sixteenth = 15.0 / song.tempo
    for bar in bars:
        for step, length, _ in _hits(song.groove.comp):
            onset = _onset(song, bar, step, rng)
            for interval in bar.chord:
                yield _Note(onset, length * sixteenth, song.harmony.register + bar.root + interval)


def _lead(song: Song, bars: list[_Bar], rng: np.random.Generator) -> Iterator[_Note]:
    """Yield a random walk over the scale, on eighths."""
    sixteenth = 15.0 / song.tempo
    scale = song.harmony.scale
    position = 0
    for bar in bars:
        for step in range(0, 16, 2):
            if rng.random() < song.groove.density:
                position = int(np.clip(position + rng.integers(-2, 3), -4, 9))
                octave, degree = divmod(position, len(scale))
                pitch = song.harmony.lead_register + song.key + 12 * octave + scale[degree]
                length = int(rng.choice((2, 2, 4)))
                yield _Note(_onset(song, bar, step, rng), length * sixteenth, pitch)


def _render(
    timbre: synth.Timbre, notes: Iterable[_Note], *, samples: int, sample_rate: int
) -> np.ndarray:
    sound = functools.cache(functools.partial(synth.note, timbre, sample_rate=sample_rate))
    track = np.zeros(samples, dtype=np.float32)
    for note in notes:
        synth.place(track, sound(note.pitch, note.seconds), note.onset, sample_rate=sample_rate)
    return track

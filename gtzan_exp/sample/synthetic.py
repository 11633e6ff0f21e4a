"""Synthetic bands of ten genres: instruments, what they play, and the files of their tracks."""

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from gtzan_exp.basics import terminal
from gtzan_exp.basics.errors import ConfigError, Mistake, nearest
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.sample.songbook import GROOVES, MANNERS, QUANTITIES, SONGS, SPREAD, chord_tones

_PERIOD = 2048
_MAX_HARMONICS = 40
ARTISTS_PER_GENRE = 4
"""Synthetic artists of each genre; track `index` is played by artist ``index % 4``."""

# Measured with 20 tracks of 6 s per genre: these set how far the genres run into each other.
_BORROWED = 0.15  # share of tracks with the groove of a neighbouring genre
_MAX_LEAN = 0.8  # how far an artist's manner may lie on the way to that of a neighbouring genre
_TRACK_LEAN = 0.2  # standard deviation of a track's lean around its artist's
_TRACK_SPREAD = 0.9  # spread of an artist's tracks, as a part of the spread of a genre's artists
_REGISTERS = {"bass": 36, "chords": 48, "lead": 60}


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


def sample_artist(genre: str, index: int) -> str:
    """Return the synthetic artist of a track; all tracks of an artist share its peculiarities."""
    return f"synthetic-{_known(genre)}-{index % ARTISTS_PER_GENRE}"


def synthesize(
    genre: str, index: int, *, seed: int = 0, seconds: float = 6.0, sample_rate: int = 22050
) -> np.ndarray:
    """Return a synthetic track, mono in [-1, 1], float32, shape (round(seconds * sample_rate),).

    The same arguments give the same track in any process and in any order of calls; on another
    platform or NumPy the samples may differ by rounding. Another seed gives another band of artists
    and other tracks. Raises `ConfigError` if `genre` is not one of the ten.
    """
    rng = _generator(seed, _known(genre), index)
    artist = _generator(seed, sample_artist(genre, index))
    groove, manner = _style(genre, artist, rng)
    key = int(artist.integers(12) + rng.choice((0, 5, 7)))
    changes = [chord_tones(symbol, key) for symbol in SONGS[genre]["changes"].split(",")]
    music = play(groove, changes, manner, rng, round(seconds * sample_rate), sample_rate)
    return master(music, manner, rng, sample_rate)


def write_sample(
    root: Path, *, tracks_per_genre: int, seconds: float, seed: int, sample_rate: int = 22050
) -> None:
    """Write the sample in GTZAN's layout, ``genres_original/<genre>/<genre>.NNNNN.wav``.

    16-bit PCM, whose metadata call the file synthetic and name its `sample_artist`.
    """
    import soundfile

    for genre in terminal.steps(GENRES, "synthesising the sample"):
        folder = root / "genres_original" / genre
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(tracks_per_genre):
            track = synthesize(genre, index, seed=seed, seconds=seconds, sample_rate=sample_rate)
            path = folder / f"{genre}.{index:05d}.wav"
            with soundfile.SoundFile(path, "w", sample_rate, 1, "PCM_16") as file:
                file.artist = sample_artist(genre, index)
                file.comment = f"synthetic {genre}, made by gtzan-exp with seed {seed}"
                file.write(track)


def play(
    groove: dict[str, str],
    changes: list[list[int]],
    manner: dict[str, float],
    rng: np.random.Generator,
    samples: int,
    sample_rate: int,
) -> np.ndarray:
    """Return the sound of an excerpt that starts anywhere in the changes, each of one bar."""
    music = np.zeros(samples, dtype=np.float32)
    drums = drum_kit(manner["ring"], rng, sample_rate)
    tone = functools.cache(functools.partial(note, manner=manner, sample_rate=sample_rate))
    sixteenth = 15.0 / manner["tempo"] * sample_rate
    start = rng.uniform(0.0, len(changes))
    for bar in range(int(start), int(start + samples / (16.0 * sixteenth)) + 1):
        chord = changes[bar % len(changes)]
        for part, symbol, step, steps in bar_events(groove, manner["swing"], rng):
            if part in drums:
                sound = drums[part]
            else:
                tones = chord if symbol == "x" else [chord[int(symbol) - 1]]
                length = round(steps * sixteenth)
                notes = (tone(_REGISTERS[part] + semitones, length) for semitones in tones)
                sound = sum(notes, start=np.zeros(length))
            onset = (16.0 * (bar - start) + step) * sixteenth
            onset += rng.normal(0.0, manner["loose"] * sample_rate)
            level = manner[part] * (0.4 if symbol == "o" else 1.0)
            place(music, level * sound, round(onset))
    return music


def bar_events(
    groove: dict[str, str], swing: float, rng: np.random.Generator
) -> Iterator[tuple[str, str, float, int]]:
    """Yield part, symbol, onset and length in sixteenths of all that a band plays in a bar."""
    lead = "".join(rng.choice(("1-", "2-", "3-", "4-", "..", ".."), 8))
    for part, pattern in (groove | {"lead": lead}).items():
        for event in re.finditer("[^.-]-*", pattern):
            late = (swing - 0.5) * (0, 2, 4, 2)[event.start() % 4]
            yield part, event[0][0], event.start() + late, len(event[0])


def _known(genre: str) -> str:
    if genre not in GENRES:
        got = f"{genre!r}{nearest(genre, GENRES)}"
        raise ConfigError(Mistake("genre", "not in the sample", ", ".join(GENRES), got))
    return genre


def _generator(*key: object) -> np.random.Generator:
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def _style(
    genre: str, artist: np.random.Generator, rng: np.random.Generator
) -> tuple[dict[str, str], dict[str, float]]:
    """Return the groove and the manner of a genre as bent by the artist and then by chance."""
    neighbours = SONGS[genre]["neighbours"].split(",")
    idol, lender = (str(source.choice(neighbours)) for source in (artist, rng))
    groove = GROOVES[lender if rng.random() < _BORROWED else genre]
    lean = np.clip(artist.uniform(0.0, _MAX_LEAN) + rng.normal(0.0, _TRACK_LEAN), 0.0, 1.0)
    manner = MANNERS[genre] + lean * (MANNERS[idol] - MANNERS[genre])
    character, mood = (source.standard_normal(len(SPREAD)) for source in (artist, rng))
    manner += SPREAD * (character + _TRACK_SPREAD * mood)
    return groove, dict(zip(QUANTITIES, np.exp(manner).tolist(), strict=True))

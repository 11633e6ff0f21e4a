"""The embedded data set: synthetic audio of ten genres, so that everything runs with no data."""

from __future__ import annotations

import hashlib
import math
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gtzan_exp.audio.band import Song, perform
from gtzan_exp.audio.recipes import RECIPES, Sound
from gtzan_exp.basics.errors import ConfigError, Mistake, nearest
from gtzan_exp.basics.genres import GENRES

ARTISTS_PER_GENRE = 4
"""Synthetic artists of each genre; track `index` is played by artist ``index % 4``."""

# Measured with 20 tracks of 6 s per genre: these set how far the genres run into each other.
_BORROWED = 0.15  # share of tracks with the groove or the sound of a neighbouring genre
_MAX_LEAN = 0.8  # how far an artist's sound may lie on the way to that of a neighbouring genre
_TRACK_LEAN = 0.2  # standard deviation of a track's lean around its artist's
_TRACK_SPREAD = 0.8  # spread of an artist's tracks, as a part of the spread of a genre's artists

_TRAITS = 12


def sample_artist(genre: str, index: int) -> str:
    """Return the synthetic artist of a track; all tracks of an artist share its peculiarities."""
    return f"synthetic-{_known(genre)}-{index % ARTISTS_PER_GENRE}"


def synthesize(
    genre: str,
    index: int,
    *,
    seed: int = 0,
    seconds: float = 6.0,
    sample_rate: int = 22050,
) -> np.ndarray:
    """Return one synthetic track.

    The same arguments give the same track in any process and in any order of calls; on another
    platform or NumPy the samples may differ by rounding.

    Parameters
    ----------
    genre : str
        One of `gtzan_exp.basics.genres.GENRES`.
    index : int
        Number of the track within its genre.
    seed : int
        Another seed gives another band of artists and other tracks.
    seconds : float
        Length of the track.
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray of float32, shape (round(seconds * sample_rate),)
        Mono, within [-1, 1].

    Raises
    ------
    ConfigError
        If `genre` is not one of the ten.
    """
    rng = _generator(seed, _known(genre), index)
    song = _song(genre, index, seed, rng)
    return perform(song, rng, samples=round(seconds * sample_rate), sample_rate=sample_rate)


def write_sample(
    root: Path,
    *,
    tracks_per_genre: int,
    seconds: float,
    seed: int,
    sample_rate: int = 22050,
) -> None:
    """Write the sample in GTZAN's layout, ``genres_original/<genre>/<genre>.NNNNN.wav``.

    Parameters
    ----------
    root : Path
        Folder to write into; made when it is not there.
    tracks_per_genre : int
        Number of tracks of each of the ten genres.
    seconds : float
        Length of each track.
    seed : int
        Seed of the whole sample.
    sample_rate : int
        Samples per second.

    Notes
    -----
    16-bit PCM, whose metadata call the file synthetic and name its `sample_artist`.
    """
    import soundfile
    from tqdm import tqdm

    for genre in tqdm(GENRES, desc="synthesising", unit="genre", disable=None):
        folder = root / "genres_original" / genre
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(tracks_per_genre):
            track = synthesize(genre, index, seed=seed, seconds=seconds, sample_rate=sample_rate)
            path = folder / f"{genre}.{index:05d}.wav"
            with soundfile.SoundFile(path, "w", sample_rate, 1, "PCM_16") as file:
                file.artist = sample_artist(genre, index)
                file.comment = f"synthetic {genre}, made by gtzan-exp with seed {seed}"
                file.write(track)


def _known(genre: str) -> str:
    if genre not in RECIPES:
        raise ConfigError(
            Mistake(
                "genre",
                "not in the sample",
                ", ".join(GENRES),
                f"{genre!r}{nearest(genre, GENRES)}",
            )
        )
    return genre


def _generator(*key: object) -> np.random.Generator:
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def _song(genre: str, index: int, seed: int, rng: np.random.Generator) -> Song:
    """Bend the recipe of `genre` by its artist, then by chance; some tracks borrow outright."""
    recipe = RECIPES[genre]
    artist = _generator(seed, sample_artist(genre, index))
    idol = str(artist.choice(recipe.neighbours))
    lean = artist.uniform(0.0, _MAX_LEAN) + rng.normal(0.0, _TRACK_LEAN)
    key = int(artist.integers(12))
    character = artist.standard_normal(_TRAITS) + _TRACK_SPREAD * rng.standard_normal(_TRAITS)

    sound = _blend(recipe.sound, RECIPES[idol].sound, min(max(lean, 0.0), 1.0))
    groove = recipe.groove
    lender = RECIPES[str(rng.choice(recipe.neighbours))]
    chance = rng.random()
    if chance < _BORROWED / 2:
        groove = lender.groove
    elif chance < _BORROWED:
        sound = lender.sound

    slowest, fastest = groove.tempo
    pace, *manner = character
    return Song(
        groove=groove,
        sound=_bend(sound, *manner),
        harmony=recipe.harmony,
        tempo=math.sqrt(slowest * fastest) * (fastest / slowest) ** (0.25 * pace),
        key=(key + int(rng.choice((0, 0, 5, 7)))) % 12,
    )


def _blend(own: Any, other: Any, weight: float) -> Any:
    """Return what lies between two numbers, tuples or dataclasses of the same kind."""
    if is_dataclass(own):
        names = [field.name for field in fields(own)]
        return type(own)(
            **{name: _blend(getattr(own, name), getattr(other, name), weight) for name in names}
        )
    if isinstance(own, tuple):
        return tuple(_blend(a, b, weight) for a, b in zip(own, other, strict=True))
    return (1.0 - weight) * own + weight * other


def _bend(
    sound: Sound,
    brightness: float,
    tuning: float,
    drive: float,
    tilt: float,
    wet: float,
    hiss: float,
    squash: float,
    *levels: float,
) -> Sound:
    """Return `sound` moved by a character, of which every trait is a standard score."""
    pitch = math.exp(0.15 * tuning)
    return replace(
        sound,
        comp=replace(sound.comp, rolloff=sound.comp.rolloff - 0.15 * brightness),
        lead=replace(sound.lead, rolloff=sound.lead.rolloff - 0.15 * brightness),
        levels=tuple(
            level * math.exp(0.35 * score)
            for level, score in zip(sound.levels, levels, strict=True)
        ),
        kit=replace(
            sound.kit,
            kick=sound.kit.kick * pitch,
            snare=sound.kit.snare * pitch,
            hat_decay=sound.kit.hat_decay * pitch**2,
        ),
        drive=sound.drive * math.exp(0.5 * drive),
        tilt=sound.tilt + 1.2 * tilt,
        wet=sound.wet * math.exp(0.6 * wet),
        hiss=sound.hiss + 6.0 * hiss,
        squash=sound.squash * math.exp(0.4 * squash),
    )

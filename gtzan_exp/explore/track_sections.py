"""The report on tracks, side by side if there are several."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from gtzan_exp.audio.tracks import Track, scan_tracks
from gtzan_exp.basics.errors import ConfigError, Mistake, nearest
from gtzan_exp.basics.genres import labelled
from gtzan_exp.basics.terminal import steps
from gtzan_exp.data.contracts import Location
from gtzan_exp.explore.analysis import AnalysedTrack, analyse
from gtzan_exp.explore.settings import Look
from gtzan_exp.explore.track_pictures import KINDS, FrequencyAxis, Scales, draw
from gtzan_exp.report.page import Report, Section, Sound, Table

_TEXTS = {
    "waveform": "Amplitude over time, full scale being 1.",
    "stft": "How strong each frequency is: frames of 2,048 samples, 512 samples apart.",
    "spectrogram": "Mean power in each row, in dB below the peak of the track, down to -80 dB.",
    "mel": "Power in 128 bands as wide as the ear hears them, in dB below the peak of the track.",
    "harmonic_percussive": "The track taken apart by median filters along time and along "
    "frequency; the two waves add up to it.",
    "mfcc": "The shape of the mel spectrum in 20 coefficients. The first one is loudness and hides "
    "the others; standardised, each coefficient has mean 0 and variance 1.",
    "chroma": "Energy in the twelve pitch classes, the strongest of each frame being 1.",
    "onsets": "Rise of the mel spectrum from frame to frame, and the beats that follow from it.",
    "zero_crossings": "How often the wave changes its sign; noise does so more often than tone.",
}
_LISTEN = "What is played moves a cursor along the pictures of its track below."
_NAMED = 4


def read_tracks(look: Look) -> Report:
    """Analyse tracks of the data, or a file of the user's own, or both."""
    settings, data = look.settings, look.data
    places: list[tuple[str, str | None, Path]] = []
    if settings.track_ids:
        tracks = _chosen(settings.track_ids, data)
        places += [(track.id, track.genre, track.path) for track in tracks]
    if settings.audio:
        path = settings.audio.expanduser().absolute()
        places.append((path.name, None, path))
    sounds = [
        analyse(*place, max_seconds=settings.max_seconds)
        for place in steps(places, "analysing tracks")
    ]
    name, synthetic = (data.name, data.synthetic) if settings.track_ids else ("file", False)
    numbers = {sound.id: sound.numbers() for sound in sounds}
    (_, first), several = next(iter(numbers.items())), len(sounds) > 1
    ids, more = list(numbers), len(sounds) - _NAMED
    facts = {
        "data": labelled(name, synthetic),
        "files": ", ".join(str(sound.path) for sound in sounds),
        "read": f"at most {settings.max_seconds:g} s of each file",
    }
    metrics = {key: value for key, value in first.items() if isinstance(value, int | float)}
    return Report(
        title="Explore " + ", ".join(ids[:_NAMED]) + (f" and {more} more" if more > 0 else ""),
        synthetic=synthetic,
        facts=facts | ({"scales": "the same for all tracks"} if several else {}),
        tags={"data": name, "tracks": ", ".join(ids)},
        metrics={"tracks": len(sounds)} if several else metrics,
        numbers={"data": name, "tracks": numbers},
        write=partial(_write, sounds, numbers, settings.frequency_axis),
    )


def _write(
    tracks: Sequence[AnalysedTrack],
    numbers: Mapping[str, Mapping[str, Any]],
    frequency_axis: FrequencyAxis,
    folder: Path,
) -> list[Section]:
    groups = {track.id: [track] for track in tracks}
    if len(tracks) > 1:
        groups["side_by_side"] = list(tracks)
    scales = Scales(tracks, frequency_axis)
    plain = pd.DataFrame(numbers)
    features = pd.DataFrame(plain.loc["features"].to_dict())
    texts = plain.drop(index="features").map(_text)
    tables = [
        Table("Signal", texts.reset_index(names="quantity")),
        Table("Features of the published table", features.reset_index(names="feature")),
    ]
    sections = [
        Section("Listen", _LISTEN, sounds=[sound for track in tracks for sound in _heard(track)]),
        Section("Numbers", tables=tables),
    ]
    for kind in steps(KINDS, "drawing charts"):
        drawn = [
            draw(kind, sounds, scales, folder / f"{name}.{kind.name}.png")
            for name, sounds in groups.items()
        ]
        sections.append(Section(kind.title, _TEXTS[kind.name], drawn[: len(tracks)]))
    return sections


def _chosen(ids: tuple[str, ...], data: Location) -> list[Track]:
    root = data.folder() / "genres_original"
    tracks = {track.id: track for track in scan_tracks(root, data.labels)[0]}
    known = list(tracks)
    allowed = f"one of {len(known)} ids, {known[0]} to {known[-1]}"
    mistakes = [
        Mistake("track", f"no audio of it in data={data.name}{nearest(id, known)}", allowed, id)
        for id in ids
        if id not in tracks
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return [tracks[id] for id in ids]


def _heard(track: AnalysedTrack) -> list[Sound]:
    parts = {"": track.y, ", harmonic part": track.harmonic, ", percussive part": track.percussive}
    return [
        Sound.of(f"{track.id}{name}", track.id, y, track.sample_rate) for name, y in parts.items()
    ]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else value or "unknown"

"""The report on tracks, side by side if there are several."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from gtzan_exp.audio.tracks import Track, scan_tracks
from gtzan_exp.basics.errors import ConfigError, Mistake, nearest
from gtzan_exp.basics.genres import labelled
from gtzan_exp.basics.terminal import steps
from gtzan_exp.data.contracts import Location
from gtzan_exp.explore.analysis import AnalysedTrack, analyse
from gtzan_exp.explore.settings import ExploreSettings, Look
from gtzan_exp.explore.track_pictures import KINDS, Scales, draw
from gtzan_exp.report.page import Section, Sound, Table

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


@dataclass(frozen=True)
class TracksReport:
    """The report on tracks of the data, or on a file of the user's own."""

    data: str
    synthetic: bool
    sounds: tuple[AnalysedTrack, ...]
    settings: ExploreSettings

    @classmethod
    def read(cls, look: Look) -> Self:
        settings, data = look.settings, look.data
        places: list[tuple[str, str | None, Path]] = []
        if settings.track_ids:
            tracks = _chosen(settings.track_ids, data)
            places += [(track.id, track.genre, track.path) for track in tracks]
        if settings.audio:
            path = settings.audio.expanduser().absolute()
            places.append((path.name, None, path))
        sounds = tuple(
            analyse(*place, max_seconds=settings.max_seconds)
            for place in steps(places, "analysing tracks")
        )
        from_data = bool(settings.track_ids)
        return cls(
            data=data.name if from_data else "file",
            synthetic=from_data and data.synthetic,
            sounds=sounds,
            settings=settings,
        )

    @property
    def subject(self) -> str:
        named = ", ".join(sound.id for sound in self.sounds[:_NAMED])
        more = len(self.sounds) - _NAMED
        return f"{named} and {more} more" if more > 0 else named

    @property
    def facts(self) -> dict[str, Any]:
        found = {
            "data": labelled(self.data, self.synthetic),
            "files": ", ".join(str(sound.path) for sound in self.sounds),
            "read": f"at most {self.settings.max_seconds:g} s of each file",
        }
        return found | ({"scales": "the same for all tracks"} if len(self.sounds) > 1 else {})

    @property
    def tags(self) -> dict[str, str]:
        return {"tracks": ", ".join(sound.id for sound in self.sounds)}

    def metrics(self) -> dict[str, float]:
        """Return the numbers of a single track; of several, only their count."""
        if len(self.sounds) > 1:
            return {"tracks": len(self.sounds)}
        numbers = self.sounds[0].numbers()
        return {key: value for key, value in numbers.items() if isinstance(value, int | float)}

    def numbers(self) -> dict[str, Any]:
        """Return the numbers of each track by id, as plain data."""
        return {"tracks": {sound.id: sound.numbers() for sound in self.sounds}}

    def write(self, folder: Path) -> list[Section]:
        """Draw the pictures into `folder` and return the sections of the page."""
        groups: dict[str, tuple[AnalysedTrack, ...]] = {sound.id: (sound,) for sound in self.sounds}
        if len(self.sounds) > 1:
            groups["side_by_side"] = self.sounds
        scales = Scales.of(self.sounds, self.settings.frequency_axis)
        sections = [
            Section("Listen", _LISTEN, sounds=[s for track in self.sounds for s in _heard(track)]),
            Section("Numbers", tables=self._tables()),
        ]
        for kind in steps(KINDS, "drawing charts"):
            drawn = [
                draw(kind, sounds, scales, folder / f"{name}.{kind.name}.png")
                for name, sounds in groups.items()
            ]
            sections.append(Section(kind.title, _TEXTS[kind.name], drawn[: len(self.sounds)]))
        return sections

    def _tables(self) -> list[Table]:
        numbers = {sound.id: sound.numbers() for sound in self.sounds}
        features = pd.DataFrame({id: row.pop("features") for id, row in numbers.items()})
        plain = pd.DataFrame(numbers).map(_text)
        return [
            Table("Signal", plain.reset_index(names="quantity")),
            Table("Features of the published table", features.reset_index(names="feature")),
        ]


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

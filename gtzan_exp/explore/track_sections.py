"""A look at tracks, side by side when there are several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from gtzan_exp.basics.genres import labelled
from gtzan_exp.explore.analysis import AnalysedTrack, analyse, chosen_tracks
from gtzan_exp.explore.settings import ExploreSettings, Look
from gtzan_exp.explore.track_pictures import KINDS, Scales, draw
from gtzan_exp.report.page import Section, Table

_NAMED = 4


@dataclass(frozen=True)
class TracksReport:
    """What there is to say about tracks.

    Parameters
    ----------
    data : str
        Where they are from.
    synthetic : bool
        They have been generated.
    sounds : tuple of AnalysedTrack
    settings : ExploreSettings
    """

    data: str
    synthetic: bool
    sounds: tuple[AnalysedTrack, ...]
    settings: ExploreSettings

    @classmethod
    def read(cls, look: Look) -> TracksReport:
        """Read and analyse the tracks.

        Raises
        ------
        ConfigError
            A track is not in the data.
        DataError
            The data has no audio, or a file is no audio.
        """
        settings, data = look.settings, look.data
        places: list[tuple[str, str | None, Path]] = []
        if settings.track_ids:
            root = data.folder() / "genres_original"
            tracks = chosen_tracks(root, settings.track_ids, data.name)
            places += [(track.id, track.genre, track.path) for track in tracks]
        if settings.audio:
            path = settings.audio.expanduser().absolute()
            places.append((path.name, None, path))
        sounds = tuple(
            analyse(*place, max_seconds=settings.max_seconds)
            for place in tqdm(places, "listen", unit="track", disable=None)
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
        return {
            "data": labelled(self.data, self.synthetic),
            "files": ", ".join(str(sound.path) for sound in self.sounds),
            "read": f"at most {self.settings.max_seconds:g} s of each file",
            "scales": "the same for all tracks",
        }

    @property
    def tags(self) -> dict[str, str]:
        return {"tracks": ", ".join(sound.id for sound in self.sounds)}

    def metrics(self) -> dict[str, float]:
        """Return the numbers of a single track; several would need the same names."""
        if len(self.sounds) > 1:
            return {"tracks": len(self.sounds)}
        numbers = self.sounds[0].numbers()
        return {key: value for key, value in numbers.items() if isinstance(value, int | float)}

    def numbers(self) -> dict[str, Any]:
        """Return the numbers of each track by its id, as plain data."""
        return {"tracks": {sound.id: sound.numbers() for sound in self.sounds}}

    def write(self, folder: Path) -> list[Section]:
        """Draw the pictures into `folder` and return the sections of the page."""
        groups: dict[str, tuple[AnalysedTrack, ...]] = {sound.id: (sound,) for sound in self.sounds}
        if len(self.sounds) > 1:
            groups["side_by_side"] = self.sounds
        scales = Scales.of(self.sounds, self.settings.frequency_axis)
        sections = [Section("Numbers", tables=self._tables())]
        for kind in tqdm(KINDS, "draw", unit="kind", disable=None):
            drawn = [
                draw(kind, sounds, scales, folder / f"{name}.{kind.name}.png")
                for name, sounds in groups.items()
            ]
            sections.append(Section(kind.title, kind.text, drawn[: len(self.sounds)]))
        return sections

    def _tables(self) -> list[Table]:
        numbers = {sound.id: sound.numbers() for sound in self.sounds}
        features = pd.DataFrame({id: row.pop("features") for id, row in numbers.items()})
        plain = pd.DataFrame(numbers).map(_text)
        return [
            Table("Numbers of the signal", plain.reset_index(names="number")),
            Table("Features of the published table", features.reset_index(names="feature")),
        ]


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, list):
        return " x ".join(str(size) for size in value)
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else value

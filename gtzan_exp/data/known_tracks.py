"""The tracks of a location, by view, found by names only."""

from __future__ import annotations

from pathlib import Path

from gtzan_exp.audio.tracks import scan_tracks
from gtzan_exp.audio.view_folder import IMAGES
from gtzan_exp.basics.genres import track_id
from gtzan_exp.basics.spellings import Relabel
from gtzan_exp.data.contracts import Location
from gtzan_exp.data.name_lists import read_rows

_TABLES = {"features_30_sec.csv": False, "features_3_sec.csv": True}
_PICTURES = (".png", ".jpg", ".jpeg")
_AUDIO = "genres_original"


def known_tracks(location: Location) -> dict[str, dict[str, str]]:
    """Return the genre of each track of a location by its id, by view.

    The views are those of ``features`` and ``spectrograms`` that exist, or ``audio`` if neither
    does. Raises `DataError` if a table cannot be read.
    """
    root, relabel = location.folder(), Relabel(location.labels)
    found: dict[str, dict[str, str]] = {}
    for name, in_segments in _TABLES.items():
        if "features" not in found and (root / name).is_file():
            found["features"] = _rows(root / name, relabel, in_segments)
    genres = {
        track_id(file.name, genre): genre
        for file in (root / IMAGES).glob("[!.]*/[!.]*")
        if file.suffix.lower() in _PICTURES and (genre := relabel(file.parent.name))
    }
    if genres:
        found["spectrograms"] = genres
    if not found and (root / _AUDIO).is_dir():
        tracks, _ = scan_tracks(root / _AUDIO, location.labels)
        found["audio"] = {track.id: track.genre for track in tracks}
    return found


def all_known(location: Location) -> dict[str, str]:
    """Return the genre of each track of a location, over all views."""
    return {id: genre for part in known_tracks(location).values() for id, genre in part.items()}


def _rows(path: Path, relabel: Relabel, in_segments: bool) -> dict[str, str]:
    rows = read_rows(path, ("filename", "label"), "a table with the columns filename and label")
    genres = {track_id(name, relabel(label)): relabel(label) for _, (name, label) in rows}
    if not in_segments:
        return genres
    return {id.rpartition(".")[0]: genre for id, genre in genres.items()}

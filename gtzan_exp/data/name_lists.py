"""Lists and small tables: their lines, rows and names of tracks; the tracks of a location."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from io import TextIOWrapper
from itertools import chain
from pathlib import Path

import numpy as np

from gtzan_exp.audio.tracks import scan_tracks
from gtzan_exp.audio.view_folder import IMAGES, picture_files
from gtzan_exp.basics.checks import shorten
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.files import opened
from gtzan_exp.basics.genres import ids_of, track_id
from gtzan_exp.basics.spellings import Relabel
from gtzan_exp.data.contracts import Location

_ARTISTS = (
    "a CSV with the columns filename and group (for GTZAN: the artists of B. L. Sturm's index, "
    "arXiv:1306.1461)"
)
_TABLES = {"features_30_sec.csv": False, "features_3_sec.csv": True}
_AUDIO = "genres_original"


def read_lines(path: Path, wanted: str) -> list[str]:
    """Return the lines of a text without blanks, spaces and quotes around; errors name `wanted`."""
    try:
        with TextIOWrapper(opened(path), encoding="utf-8-sig") as file:
            return [name for line in file if (name := line.strip().strip("\"'"))]
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(Mistake(str(path), "cannot be read as text", wanted, str(error))) from error


def read_rows(path: Path, columns: Sequence[str], wanted: str) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV in these columns only, each with the number of its line."""
    header, rows = read_csv(path, wanted)
    if not set(columns) <= set(header):
        got = ", ".join(header)
        raise DataError(Mistake(str(path), "columns are missing", wanted, got))
    places = [header.index(name) for name in columns]
    return [(line, [row[place] for place in places]) for line, row in rows]


def read_csv(path: Path, wanted: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header of a CSV and its rows, all of its length, each with its line number."""
    try:
        with TextIOWrapper(opened(path), encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            rows = [(lines.line_num, row) for row in lines if row]
    except (UnicodeDecodeError, OSError, csv.Error) as error:
        raise DataError(Mistake(str(path), "not a CSV table", wanted, str(error))) from error
    if not rows:
        raise DataError(Mistake(str(path), "not a CSV table", wanted, "no line"))
    header = [name.strip() for name in rows[0][1]]
    fields = f"{len(header)} ({', '.join(header)})"
    ragged = [
        Mistake(f"{path}, line {line}", "not a field for each column", fields, f"{len(row)} fields")
        for line, row in rows[1:]
        if len(row) != len(header)
    ]
    if ragged:
        raise DataError(shorten(ragged, str(path)))
    return header, rows[1:]


def track_ids(names: Iterable[str], track_of: Mapping[str, str]) -> dict[str, str]:
    """Return the track of each name, by known ids; a name of none gets the id of `ids_of`."""
    return {
        name: next((track_of[id] for id in chain([name], ids_of(name)) if id in track_of), None)
        or next(ids_of(name))
        for name in names
    }


def read_groups(path: Path, tracks: np.ndarray) -> np.ndarray:
    """Return the one group of each track, shape (n,), by a CSV with ``filename`` and ``group``."""
    if not os.path.lexists(path):
        wanted = f"split.groups=FILE, {_ARTISTS}"
        raise DataError(Mistake("split.groups", "no list of groups", wanted, str(path)))
    group_of: dict[str, str] = {}
    mistakes = []
    rows = read_rows(path, ("filename", "group"), _ARTISTS)
    own = dict(zip(tracks.tolist(), tracks.tolist(), strict=True))
    ids = track_ids((name for _, (name, _) in rows), own)
    for line, (name, group) in rows:
        where, group = f"{path}, line {line}", group.strip()
        first = group_of.setdefault(ids[name], group)
        if not group:
            mistakes.append(Mistake(where, "the group is blank", "a group for each file", name))
        elif group != first:
            what, got = f"{name} is in two groups", f"{first} and {group}"
            mistakes.append(Mistake(where, what, "one group for each file", got))
    if mistakes:
        raise DataError(shorten(mistakes, str(path)))
    missing = [track for track in tracks if track not in group_of]
    if missing:
        got = f"{len(missing)} without one, first {missing[0]}"
        raise DataError(Mistake(str(path), "groups are missing", "a group for each track", got))
    return np.array([group_of[track] for track in tracks])


def known_tracks(location: Location) -> dict[str, dict[str, str]]:
    """Return genres by the id of tracks, by view; of ``audio`` where there is no other view."""
    root, relabel = location.folder(), Relabel(location.labels)
    found: dict[str, dict[str, str]] = {}
    for name, in_segments in _TABLES.items():
        if "features" not in found and (root / name).is_file():
            found["features"] = _rows(root / name, relabel, in_segments)
    files = [(file.name, relabel(file.parent.name)) for file in picture_files(root / IMAGES)]
    genres = {track_id(name, genre): genre for name, genre in files if genre}
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

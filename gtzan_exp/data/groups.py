"""Who made a track: lists of groups, such as artists, by file name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gtzan_exp.basics.checks import shorten
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.name_lists import read_rows, track_ids

ARTISTS = "artist_groups_merged.csv"
"""Name of the list of artists in a folder of splits."""

_WANTED = (
    "a CSV with the columns filename and group (for GTZAN: the artists of B. L. Sturm's index, "
    "arXiv:1306.1461)"
)


def read_groups(path: Path, tracks: np.ndarray) -> np.ndarray:
    """Return the group of each track.

    Parameters
    ----------
    path : Path
        A CSV with the columns ``filename`` (``blues.00000.wav``, ``rock/one song.wav``) and
        ``group``.
    tracks : ndarray of str, shape (n,)
        Track ids.

    Returns
    -------
    ndarray of str, shape (n,)

    Raises
    ------
    DataError
        There is no such file, it is not such a table, or a track has no group or two of them.
    """
    if not path.is_file():
        wanted = f"split.groups=FILE, {_WANTED}"
        raise DataError(Mistake("split.groups", "no list of groups", wanted, str(path)))
    group_of: dict[str, str] = {}
    mistakes = []
    rows = read_rows(path, ("filename", "group"), _WANTED)
    ids = track_ids((name for _, (name, _) in rows), tracks.tolist())
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

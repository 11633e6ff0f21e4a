"""Who made a track: lists of groups, such as artists, by file name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gtzan_exp.errors import DataError, Mistake
from gtzan_exp.genres import track_id

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
        A CSV with the columns ``filename`` (``blues.00000.wav``) and ``group``.
    tracks : ndarray of str, shape (n,)
        Track ids.

    Returns
    -------
    ndarray of str, shape (n,)

    Raises
    ------
    DataError
        There is no such file, it is not such a table, or it lacks a track.
    """
    if not path.is_file():
        wanted = f"split.groups=FILE, {_WANTED}"
        raise DataError(Mistake("split.groups", "no list of groups", wanted, str(path)))
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(Mistake(str(path), "not a CSV table", _WANTED, str(error))) from error
    if not {"filename", "group"} <= set(table.columns):
        got = ", ".join(table.columns)
        raise DataError(Mistake(str(path), "columns are missing", _WANTED, got))
    group_of = {
        track_id(name, name.partition(".")[0]): group
        for name, group in zip(table["filename"], table["group"], strict=True)
    }
    missing = [track for track in tracks if track not in group_of]
    if missing:
        got = f"{len(missing)} without one, first {missing[0]}"
        raise DataError(Mistake(str(path), "groups are missing", "a group for each track", got))
    return np.array([group_of[track] for track in tracks])

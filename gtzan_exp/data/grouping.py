"""Which rows belong together: pieces of a track, tracks of an artist, and what to say about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gtzan_exp.basics.errors import DataError
from gtzan_exp.basics.spellings import case_twins
from gtzan_exp.data.contracts import Location
from gtzan_exp.data.labels import class_mistakes
from gtzan_exp.data.pieces import Look, find_pieces


@dataclass(frozen=True)
class Grouping:
    """The groups of rows.

    Parameters
    ----------
    tracks : ndarray of str, shape (n_rows,)
    artists : ndarray of str, shape (n_rows,), or None
    notes : tuple of str
        What was grouped or is doubtful, a line each.
    """

    tracks: np.ndarray
    artists: np.ndarray | None
    notes: tuple[str, ...]


def group_rows(
    location: Location,
    source: str,
    ids: np.ndarray,
    labels: np.ndarray,
    tracks: np.ndarray,
    look: Look,
    *,
    told: bool = False,
) -> Grouping:
    """Group the tracks that rows are named by, where these are pieces of longer ones.

    Parameters
    ----------
    location : Location
        Its option ``pieces`` decides.
    source : str
        The file or folder to name.
    ids, labels, tracks : ndarray of str, shape (n_rows,)
        As in `Dataset`.
    look : callable
        Returns the vectors of rows; the first row stands for its track.
    told : bool
        The data itself says which track a row is of, so that nothing is to be recognised.

    Raises
    ------
    DataError
        A genre has a single track once pieces are grouped, ``pieces`` is ``group`` and the names
        tell none, or artists are not known for all tracks.
    """
    said = [case_twins(ids.tolist())]
    whole = tracks
    names, first, codes = np.unique(tracks, return_index=True, return_inverse=True)
    if told:
        if len(names) < len(tracks):
            said.append(f"{len(tracks)} rows are of {len(names)} tracks, by the column track")
    else:
        found = find_pieces(names, labels[first], lambda rows: look(first[rows]), location.pieces)
        if found is not None:
            whole = found.tracks[codes]
            said.append(found.evidence)
    mistakes = class_mistakes(source, labels, whole, location.classes)
    if mistakes:
        because = f" ({said[-1]})" if said[-1] else ""
        raise DataError(replace(mistake, got=mistake.got + because) for mistake in mistakes)
    return Grouping(whole, _artists(location, whole, tracks), tuple(filter(None, said)))


def _artists(location: Location, whole: np.ndarray, tracks: np.ndarray) -> np.ndarray | None:
    """Return the artists of rows from a list that names whole tracks, or their pieces."""
    try:
        return location.artists(whole)
    except DataError:
        if np.array_equal(whole, tracks):
            raise
        return location.artists(tracks)

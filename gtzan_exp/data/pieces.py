"""Rows that are pieces of tracks cut beforehand: told by their names and by how close they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.genres import track_id
from gtzan_exp.data.piece_names import Candidate, candidates, readings, words_of

Mode = Literal["auto", "tracks", "group"]
"""``auto``: recognise pieces; ``tracks``: each row is a track; ``group``: believe the names."""

Look = Callable[[np.ndarray], np.ndarray]
"""From row numbers to the vectors of these rows, float of shape (n, d)."""

NEAR, NEAR_IN_ORDER, NEAR_BY_WORD = 0.70, 0.80, 0.85
_ORDER, _EVEN_ORDER = 5.0, 2.5
_ALIKE = 0.08
_APART = 0.90
_ROWS_OF_STEM, _ROWS_OF_GENRE = 50, 500
_ROWS, _QUERIES, _NEIGHBOURS = 20_000, 1_000, 20
_SUSPICIOUS, _MANY_ERRORS = 0.3, 0.2
_BY_HAND = "data.pieces=tracks|group, or a column track in the table, says otherwise"


@dataclass(frozen=True)
class Pieces:
    """What was found out about rows that may be pieces of tracks.

    Parameters
    ----------
    tracks : ndarray of str, shape (n_rows,)
        The id of the track of each row, which is its own where it is no piece.
    n_pieces, n_tracks : int
        Rows that are pieces, and the tracks that these belong to; 0 where there is only a warning.
    evidence : str
        One line: what was done and why, or what is suspicious.
    """

    tracks: np.ndarray
    n_pieces: int
    n_tracks: int
    evidence: str


@dataclass(frozen=True)
class Closeness:
    """How close members of a stem are, compared with others of their genre.

    Parameters
    ----------
    ratio : float
        The median over rows of the mean distance to their own stem by that to other stems.
    order : float
        By how many standard deviations more often than by chance the nearest member of the stem is
        a neighbour by number.
    """

    ratio: float
    order: float

    def is_enough(self, candidate: Candidate) -> bool:
        """Tell whether members of a stem are pieces of a track, by what their names say besides."""
        if candidate.by_word:
            return self.ratio <= NEAR_BY_WORD
        in_order = self.order >= (_EVEN_ORDER if candidate.is_even else _ORDER)
        return self.ratio <= (NEAR_IN_ORDER if in_order else NEAR)


def find_pieces(
    ids: np.ndarray, labels: np.ndarray, look: Look, mode: Mode = "auto"
) -> Pieces | None:
    """Recognise the rows that are pieces of tracks.

    Names: two stems or more of two members or more in a genre, whose numbers count through them
    (`piece_names`). Closeness: the median over rows of the mean distance to their stem by that to
    other stems of the genre, over standardised vectors. Measured on GTZAN, features and levels of
    pictures: 0.42 to 0.63 for pieces of 3 to 15 s (0.72 in classical alone, 0.74 where the tracks
    are an artist's), 0.77 to 0.81 for the tracks of an artist, 0.98 to 1.01 for groups drawn by
    chance. So `NEAR` is asked of names that only count, `NEAR_IN_ORDER` where, besides, pieces that
    follow each other are the closest, which an artist's tracks are not, and `NEAR_BY_WORD` where a
    word or a range says that they are pieces.

    Where names tell nothing, the genre of the nearest row tells whether rows are suspiciously
    close: it is wrong for 9 % of the pieces of GTZAN, and that of the 20th nearest for 48 %; of
    whole tracks for 32 % and 66 %.

    Parameters
    ----------
    ids : ndarray of str, shape (n,)
        ``<genre>.<name>``, sorted, each once.
    labels : ndarray of str, shape (n,)
    look : callable
        Returns the vectors of rows.
    mode : {"auto", "tracks", "group"}

    Raises
    ------
    DataError
        `mode` is ``group`` and the names tell no pieces.
    """
    if mode == "tracks":
        return None
    names = [name.removeprefix(f"{label}.") for name, label in zip(ids, labels, strict=True)]
    tracks, left = ids.astype(object), np.arange(len(ids))
    shown, ratios = [], []
    while True:
        found = candidates(names, labels, left)
        measured = [(candidate, _closeness(candidate, labels, look)) for candidate in found]
        chosen = _chosen(measured, believe=mode == "group")
        if chosen is None:
            break
        candidate, close = chosen
        rows = _name_tracks(candidate.spelling, names, labels, left, tracks)
        shown.append(ids[candidate.rows[0]])
        ratios.append(close.ratio)
        left = np.setdiff1d(left, rows)
    tracks = tracks.astype(str)
    if shown:
        grouped = tracks != ids
        n_pieces, n_tracks = int(grouped.sum()), len(np.unique(tracks[grouped]))
        why = f"by names like {', '.join(shown[:3])}"
        if mode == "auto":
            why += f" and by closeness ({max(ratios):.2f} of the distance between tracks)"
        line = f"{n_pieces} rows are pieces of {n_tracks} tracks and count as these, {why}"
        return Pieces(tracks, n_pieces, n_tracks, f"{line}; {_BY_HAND}")
    if mode == "group":
        allowed = "names such as one-1, one-2, two-1, two-2 in each genre, or a column track"
        raise DataError(Mistake("data.pieces", "names tell no pieces", allowed, str(ids[0])))
    warning = _doubt(measured, ids) or _suspicion(labels, look)
    return Pieces(ids, 0, 0, f"{warning}; {_BY_HAND}") if warning else None


def _closeness(candidate: Candidate, labels: np.ndarray, look: Look) -> Closeness:
    from scipy.spatial.distance import cdist

    picked = _sample(candidate, labels)
    vectors = _standardised(look(candidate.rows[picked]))
    genres, stems = labels[candidate.rows[picked]], candidate.stems[picked]
    ratios, surplus, variance = [], 0.0, 0.0
    for genre in np.unique(genres):
        here = genres == genre
        distances = cdist(vectors[here], vectors[here])
        same = stems[here, np.newaxis] == stems[here]
        between = (distances * ~same).sum(axis=1) / np.maximum(1, (~same).sum(axis=1))
        np.fill_diagonal(same, False)
        siblings = same.sum(axis=1)
        within = (distances * same).sum(axis=1) / np.maximum(1, siblings)
        known = (siblings > 0) & (between > 0)
        ratios.append(within[known] / between[known])
        place = _places(candidate.order[picked][here], stems[here])
        follows = same & (np.abs(place[:, np.newaxis] - place) == 1)
        nearest = np.where(same, distances, np.inf).argmin(axis=1)
        chance = (follows.sum(axis=1) / np.maximum(1, siblings))[siblings > 1]
        hits = follows[np.arange(len(nearest)), nearest][siblings > 1]
        surplus += float((hits - chance).sum())
        variance += float((chance * (1 - chance)).sum())
    ratio = float(np.median(np.concatenate(ratios))) if any(map(len, ratios)) else 1.0
    return Closeness(ratio, surplus / variance**0.5 if variance else 0.0)


def _sample(candidate: Candidate, labels: np.ndarray) -> np.ndarray:
    """Return places of whole stems, about `_ROWS_OF_GENRE` rows of each genre."""
    kept = np.flatnonzero(_places(candidate.order, candidate.stems) < _ROWS_OF_STEM)
    genres = np.unique(labels[candidate.rows[kept]], return_inverse=True)[1]
    every = -(-np.bincount(genres) // _ROWS_OF_GENRE)
    return kept[candidate.stems[kept] % every[genres] == 0]


def _places(order: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """Return which member of its stem each is by number, from 0."""
    ranked = np.lexsort((order, stems))
    sizes = np.bincount(stems)
    places = np.empty(len(order), dtype=int)
    places[ranked] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return places


def _chosen(
    measured: list[tuple[Candidate, Closeness]], *, believe: bool
) -> tuple[Candidate, Closeness] | None:
    """Return the reading of most rows; of several, the closest, the plainest where these are alike.

    Plainest is a number at the end of the name, and of these the one with the longest tracks.
    """
    fit = [pair for pair in measured if believe or pair[1].is_enough(pair[0])]
    if not fit:
        return None
    most = max(len(candidate.rows) for candidate, _ in fit)
    fit = [pair for pair in fit if 2 * len(pair[0].rows) >= most]
    best = min(close.ratio for _, close in fit)
    alike = [pair for pair in fit if pair[1].ratio <= best + _ALIKE]
    return min(
        alike,
        key=lambda pair: (
            not pair[0].spelling.endswith("$"),
            pair[0].stems.max(),
            pair[0].spelling,
        ),
    )


def _name_tracks(
    spelling: str, names: list[str], labels: np.ndarray, rows: np.ndarray, tracks: np.ndarray
) -> np.ndarray:
    """Set the tracks of those of `rows` whose names have this spelling, and return these rows."""
    common = words_of(np.unique(labels).tolist())
    found = []
    for row in rows.tolist():
        for reading in readings(names[row], common):
            if reading.spelling == spelling:
                tracks[row] = track_id(f"{reading.stem.replace('/', '_')}.wav", labels[row])
                found.append(row)
                break
    return np.array(found)


def _doubt(measured: list[tuple[Candidate, Closeness]], ids: np.ndarray) -> str:
    near = [pair for pair in measured if pair[1].ratio < _APART]
    if not near:
        return ""
    candidate, close = max(near, key=lambda pair: len(pair[0].rows))
    return (
        f"{len(candidate.rows)} rows are named as pieces of tracks may be, such as "
        f"{ids[candidate.rows[0]]}, and lie as close as tracks of an artist do "
        f"({close.ratio:.2f} of the distance between stems): each counts as a track"
    )


def _suspicion(labels: np.ndarray, look: Look) -> str:
    """Say that the nearest row has the same genre much oftener than those a little further away."""
    from scipy.spatial.distance import cdist

    rows = np.arange(len(labels))
    draw = np.random.default_rng(0)
    if len(rows) > _ROWS:
        rows = np.sort(draw.choice(rows, _ROWS, replace=False))
    further = min(_NEIGHBOURS, np.unique(labels[rows], return_counts=True)[1].min() // 2)
    if further < 5:
        return ""
    vectors, genres = _standardised(look(rows)), labels[rows]
    asked = draw.permutation(len(rows))[:_QUERIES]
    wrong = np.zeros(2)
    for some in np.array_split(asked, -(-len(asked) // 100)):
        distances = cdist(vectors[some], vectors)
        distances[np.arange(len(some)), some] = np.inf
        nearest = np.argpartition(distances, (0, further - 1), axis=1)[:, [0, further - 1]]
        wrong += (genres[nearest] != genres[some, np.newaxis]).sum(axis=0)
    near, far = wrong / len(asked)
    if far < _MANY_ERRORS or near > _SUSPICIOUS * far:
        return ""
    return (
        f"rows are suspiciously close: {1 - near:.0%} have the genre of the nearest other row, "
        f"{1 - far:.0%} that of the {further}th nearest; they may be pieces of tracks"
    )


def _standardised(vectors: np.ndarray) -> np.ndarray:
    spread = vectors.std(axis=0)
    varied = spread > 0
    return (vectors[:, varied] - vectors[:, varied].mean(axis=0)) / spread[varied]

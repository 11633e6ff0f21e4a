"""Recognises rows that are pieces of tracks, by their names and by their distances."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.genres import track_id
from gtzan_exp.data.piece_names import Candidate, candidates, readings, words_of

Mode = Literal["auto", "tracks", "group"]
"""``auto``: recognise pieces; ``tracks``: each row is a track; ``group``: rely on the names."""

Look = Callable[[np.ndarray], np.ndarray]
"""From row numbers to the vectors of these rows, float of shape (n, d)."""

NEAR, NEAR_EVEN, NEAR_IN_ORDER, NEAR_SURELY_IN_ORDER, NEAR_BY_WORD = 0.62, 0.70, 0.70, 0.80, 0.85
_EVEN, _ORDER = 0.75, 2.0
_ORDER_OF_EVEN, _ORDER_OF_UNEVEN = (0.15, 3.0), (0.20, 5.0)
_ALIKE = 0.08
_APART = 0.90
_ROWS_OF_STEM, _ROWS_OF_GENRE = 50, 500
_ROWS, _QUERIES, _NEIGHBOURS = 20_000, 1_000, 20
_SUSPICIOUS, _MANY_ERRORS = 0.3, 0.2
_BY_HAND = "data.pieces=tracks|group, or a column track in the table, says otherwise"


@dataclass(frozen=True)
class Pieces:
    """The result of the search for pieces of tracks."""

    tracks: np.ndarray  # str, shape (n_rows,): the track id of each row; its own if no piece
    n_pieces: int  # and `n_tracks`, that of their tracks; 0 where there is only a warning
    n_tracks: int
    evidence: str  # a line on what was done and why, or on what is suspicious


class _Measured(NamedTuple):
    """A candidate, the ratio of distances within stems to those between them, and its limit."""

    candidate: Candidate
    ratio: float
    limit: float


def find_pieces(
    ids: np.ndarray, labels: np.ndarray, look: Look, mode: Mode = "auto"
) -> Pieces | None:
    """Recognise the rows that are pieces of tracks, by their sorted, unique ids ``<genre>.<name>``.

    Names: at least two stems with at least two members in a genre, whose numbers count through them
    (`piece_names`). Closeness: the median over rows of the ratio of the mean distance to their stem
    to that to other stems of the genre, for standardised vectors. Measured on GTZAN, features and
    levels of images: 0.42 to 0.63 for pieces of 3 to 15 s (0.72 in classical only, 0.74 where all
    tracks are by one artist), 0.77 to 0.81 for the tracks of an artist, 0.98 to 1.01 for random
    groups; in two genres only, an artist's tracks have 0.64 to 0.88. So the limit is `NEAR` for
    names that are only numbered, and `NEAR_EVEN` where nearly all stems have one size, as artists
    do not. It is higher where the nearest members of a stem are consecutive: for pieces this
    happens 22 to 50 % of the way from chance to always, for an artist's tracks at most 19 %. The
    limit is `NEAR_IN_ORDER` where that exceeds two standard errors, `NEAR_SURELY_IN_ORDER` where it
    exceeds five (three, if stems have one size), and `NEAR_BY_WORD` where a word or a range marks
    the pieces.

    Where names tell nothing, the genre of the nearest row shows whether rows are suspiciously
    close: it is wrong for 9 % of the pieces of GTZAN, and that of the 20th nearest for 48 %; for
    whole tracks these are 32 % and 66 %. Raises `DataError` if `mode` is ``group`` and the names
    tell no pieces.
    """
    if mode == "tracks":
        return None
    names = [name.removeprefix(f"{label}.") for name, label in zip(ids, labels, strict=True)]
    common = words_of(np.unique(labels).tolist())
    tracks, left = ids.astype(object), np.arange(len(ids))
    shown, ratios = [], []
    while True:
        measured = [_measured(candidate, look) for candidate in candidates(names, labels, left)]
        fit = measured if mode == "group" else [m for m in measured if m.ratio <= m.limit]
        if not fit:
            break
        candidate, ratio, _ = _best(fit)
        shown.append(ids[candidate.members["row"].min()])
        ratios.append(ratio)
        named = np.zeros(len(ids), dtype=bool)
        for row in left.tolist():
            for reading in readings(names[row], common):
                if reading.spelling == candidate.spelling:
                    tracks[row] = track_id(f"{reading.stem.replace('/', '_')}.wav", labels[row])
                    named[row] = True
        left = left[~named[left]]
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


def _measured(candidate: Candidate, look: Look) -> _Measured:
    """Measure the closeness within stems, on about `_ROWS_OF_GENRE` rows of each genre."""
    from scipy.spatial.distance import cdist
    from sklearn.preprocessing import StandardScaler

    some = candidate.members[candidate.members["place"] < _ROWS_OF_STEM]
    every = -(-some.groupby("genre")["row"].transform("size") // _ROWS_OF_GENRE)
    some = some[some["stem"] % every == 0].reset_index(drop=True)
    vectors = StandardScaler().fit_transform(look(some["row"].to_numpy()))
    ratios, hits, chances = [], [], []
    for _, here in some.groupby("genre"):
        distances = cdist(vectors[here.index], vectors[here.index])
        stems, places = here["stem"].to_numpy(), here["place"].to_numpy()
        same = np.equal.outer(stems, stems)
        between = distances.mean(axis=1, where=~same)
        np.fill_diagonal(same, False)
        within = distances.mean(axis=1, where=same)
        ratios.append(within[between > 0] / between[between > 0])
        follows = same & (np.abs(np.subtract.outer(places, places)) == 1)
        nearest = np.where(same, distances, np.inf).argmin(axis=1)
        hits.append(follows[np.arange(len(nearest)), nearest])
        chances.append(follows.sum(axis=1) / same.sum(axis=1))
    ratio = np.median(np.concatenate(ratios)) if any(map(len, ratios)) else 1.0
    chance = np.concatenate(chances)
    surplus = (np.concatenate(hits) - chance).sum()
    error = (chance * (1 - chance)).sum() ** 0.5
    limit = NEAR_BY_WORD
    if not candidate.by_word:
        sizes = candidate.members.groupby("stem").size().value_counts(normalize=True)
        is_even = sizes.max() >= _EVEN
        lift, surely = _ORDER_OF_EVEN if is_even else _ORDER_OF_UNEVEN
        if error == 0 or surplus < max(lift * (1 - chance).sum(), _ORDER * error):
            limit = NEAR_EVEN if is_even else NEAR
        else:
            limit = NEAR_SURELY_IN_ORDER if surplus >= surely * error else NEAR_IN_ORDER
    return _Measured(candidate, float(ratio), limit)


def _best(fit: list[_Measured]) -> _Measured:
    """Return the candidate with most rows; among similar ones the closest, then the plainest.

    The plainest has the number at the end of the name, and among these the longest tracks.
    """
    most = max(len(one.candidate.members) for one in fit)
    fit = [one for one in fit if 2 * len(one.candidate.members) >= most]
    closest = min(one.ratio for one in fit)
    return min(
        (one for one in fit if one.ratio <= closest + _ALIKE),
        key=lambda one: (
            one.candidate.spelling.startswith(("first", "inside")),
            one.candidate.members["stem"].max(),
            one.candidate.spelling,
        ),
    )


def _doubt(measured: list[_Measured], ids: np.ndarray) -> str:
    near = [one for one in measured if one.ratio < _APART]
    if not near:
        return ""
    candidate, ratio, _ = max(near, key=lambda one: len(one.candidate.members))
    return (
        f"{len(candidate.members)} rows are named as pieces of tracks may be, such as "
        f"{ids[candidate.members['row'].min()]}, and lie as close as tracks of an artist do "
        f"({ratio:.2f} of the distance between stems): each counts as a track"
    )


def _suspicion(labels: np.ndarray, look: Look) -> str:
    """Return a warning if the nearest row has the same genre much more often than further ones."""
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    rows, draw = np.arange(len(labels)), np.random.default_rng(0)
    if len(rows) > _ROWS:
        rows = np.sort(draw.choice(rows, _ROWS, replace=False))
    further = min(_NEIGHBOURS, np.unique(labels[rows], return_counts=True)[1].min() // 2)
    if further < 5:
        return ""
    vectors, genres = StandardScaler().fit_transform(look(rows)), labels[rows]
    asked = draw.permutation(len(rows))[:_QUERIES]
    neighbours = NearestNeighbors(n_neighbors=further + 1, algorithm="brute").fit(vectors)
    found = neighbours.kneighbors(vectors[asked], return_distance=False)[:, [1, further]]
    near, far = (genres[found] != genres[asked, np.newaxis]).mean(axis=0)
    if far < _MANY_ERRORS or near > _SUSPICIOUS * far:
        return ""
    return (
        f"rows are suspiciously close: {1 - near:.0%} have the genre of the nearest other row, "
        f"{1 - far:.0%} that of the {further}th nearest; they may be pieces of tracks"
    )

"""Groups rows that are pieces of tracks, which their names and their distances tell."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.genres import track_id
from gtzan_exp.basics.spellings import case_twins, class_mistakes
from gtzan_exp.data.contracts import Dataset, Location, Mode
from gtzan_exp.data.piece_names import Candidate, candidates, readings, words_of

Look = Callable[[np.ndarray], np.ndarray]
"""From row numbers to the vectors of these rows, float of shape (n, d)."""

# Closeness is the median over rows of the ratio of the mean distance to their stem to that to other
# stems of the genre. Measured on GTZAN, features and levels of images: 0.42 to 0.63 for pieces of 3
# to 15 s (0.72 in classical only, 0.74 where all tracks are by one artist), 0.77 to 0.81 for the
# tracks of an artist (0.64 to 0.88 in two genres only), 0.98 to 1.01 for random groups.
_NEAR, _NEAR_EVEN = 0.62, 0.70  # for numbered names; where nearly all stems have one size
_NEAR_IN_ORDER, _NEAR_SURELY_IN_ORDER = 0.70, 0.80  # where nearest members are consecutive
_NEAR_BY_WORD, _APART = 0.85, 0.90  # where a word or a range marks pieces; beyond: no doubt
_EVEN, _ALIKE = 0.75, 0.08
# How far from chance to always nearest members must be consecutive (pieces: 22 to 50 % of the way,
# an artist's tracks: at most 19 %), in two standard errors at least, and how many of these make
# it sure; for stems of one size, and for others.
_ORDER, _ORDER_OF_EVEN, _ORDER_OF_UNEVEN = 2.0, (0.15, 3.0), (0.20, 5.0)
_ROWS_OF_STEM, _ROWS_OF_GENRE = 50, 500
_ROWS, _QUERIES, _NEIGHBOURS = 20_000, 1_000, 20
# The genre of the nearest row is wrong for 9 % of the pieces of GTZAN, and that of the 20th nearest
# for 48 %; for whole tracks these are 32 % and 66 %.
_SUSPICIOUS, _MANY_ERRORS = 0.3, 0.2
_BY_HAND = "data.pieces=tracks|group, or a column track in the table, says otherwise"


class _Measured(NamedTuple):
    """A candidate, its closeness, and the limit for it."""

    candidate: Candidate
    ratio: float
    limit: float


def grouped(dataset: Dataset, location: Location, look: Look, *, told: bool = False) -> Dataset:
    """Return the rows with their artists, and with tracks merged that are pieces of longer ones.

    By the option ``pieces`` of the location, unless the data itself has `told` the track of each
    row. `look` returns the vectors of rows; the first row represents its track. Raises `DataError`
    if a class is unknown or has one track, or pieces or artists are asked for and not known.
    """
    labels, whole, said = dataset.labels, dataset.tracks, [case_twins(dataset.ids.tolist())]
    names, first, codes = np.unique(whole, return_index=True, return_inverse=True)
    if told:
        if len(names) < len(dataset):
            said.append(f"{len(dataset)} rows are of {len(names)} tracks, by the column track")
    else:
        mode = location.pieces
        tracks, line = find_pieces(names, labels[first], lambda rows: look(first[rows]), mode)
        if line:
            whole = tracks[codes]
            said.append(line)
    mistakes = class_mistakes(dataset.source, labels, whole, location.classes)
    if mistakes:
        because = f" ({said[-1]})" if said[-1] else ""
        raise DataError(replace(mistake, got=mistake.got + because) for mistake in mistakes)
    try:
        artists = location.artists(whole)
    except DataError:
        if whole is dataset.tracks:
            raise
        artists = location.artists(dataset.tracks)  # the list may name pieces
    return replace(
        dataset, tracks=whole, artists=artists, notes=(*dataset.notes, *filter(None, said))
    )


def find_pieces(
    ids: np.ndarray, labels: np.ndarray, look: Look, mode: Mode = "auto"
) -> tuple[np.ndarray, str]:
    """Return the track of each row, and a line on what was done and why, or what is suspicious.

    Rows are pieces by their sorted, unique ids ``<genre>.<name>``: at least two stems with at least
    two members in a genre, whose numbers count through them (`piece_names`); and by closeness. The
    track of a row that is no piece is its id. Where names tell nothing, the genres of neighbours
    may give a warning. Raises `DataError` if `mode` is ``group`` and the names tell no pieces.
    """
    if mode == "tracks":
        return ids, ""
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
        others = []
        for row in left.tolist():
            found = [r for r in readings(names[row], common) if r.spelling == candidate.spelling]
            if found:
                stem = found[-1].stem.replace("/", "_")
                tracks[row] = track_id(f"{stem}.wav", labels[row])
            else:
                others.append(row)
        left = np.array(others, dtype=int)
    tracks = tracks.astype(str)
    if shown:
        grouped = tracks != ids
        counts = f"{grouped.sum()} rows are pieces of {len(np.unique(tracks[grouped]))} tracks"
        why = f"by names like {', '.join(shown[:3])}"
        if mode == "auto":
            why += f" and by closeness ({max(ratios):.2f} of the distance between tracks)"
        return tracks, f"{counts} and count as these, {why}; {_BY_HAND}"
    if mode == "group":
        allowed = "names such as one-1, one-2, two-1, two-2 in each genre, or a column track"
        raise DataError(Mistake("data.pieces", "names tell no pieces", allowed, str(ids[0])))
    warning = _doubt(measured, ids) or _suspicion(labels, look)
    return ids, f"{warning}; {_BY_HAND}" if warning else ""


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
    limit = _NEAR_BY_WORD
    if not candidate.by_word:
        sizes = candidate.members.groupby("stem").size().value_counts(normalize=True)
        is_even = sizes.max() >= _EVEN
        lift, surely = _ORDER_OF_EVEN if is_even else _ORDER_OF_UNEVEN
        if error == 0 or surplus < max(lift * (1 - chance).sum(), _ORDER * error):
            limit = _NEAR_EVEN if is_even else _NEAR
        else:
            limit = _NEAR_SURELY_IN_ORDER if surplus >= surely * error else _NEAR_IN_ORDER
    return _Measured(candidate, float(ratio), limit)


def _best(fit: list[_Measured]) -> _Measured:
    """Return the candidate with most rows; among similar ones the closest, then the plainest."""
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

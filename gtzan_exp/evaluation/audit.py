"""What test and training share: tracks, artists, identical rows, near duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gtzan_exp.data.contracts import Dataset, Split
from gtzan_exp.evaluation.near_duplicates import near_duplicates

KINDS = ("track", "artist", "duplicate", "near_duplicate")
PRETRAINING = "pretraining:"
FEWEST_TRACKS = 10
_PAIRS = (("test", "train"), ("test", "val"), ("val", "train"))
_COLUMNS = ("kind", "fold", "part", "id", "other_part", "other_id")
_COMPARED = "_compared"


@dataclass(frozen=True)
class Audit:
    """The leaks of a split, measured."""

    # By kind of leak, the share of the test part that leaks, averaged over folds (of a learning
    # curve: with the whole training part). ``track``, ``artist`` and ``near_duplicate`` count
    # tracks, ``duplicate`` counts rows. Kinds that cannot be measured are missing.
    shares: dict[str, float]
    # The kinds that occur, with the intended leaks of the protocol and the intended faults of the
    # view, joined by ``+``; ``none`` without any. A near duplicate counts as ``duplicate``.
    # ``pretraining:<name>`` is the data, possibly with test tracks, of a pretrained model.
    tag: str
    unknown: dict[str, str]  # by kind that could not be measured, the reason
    # A line for each track, or row, of one part that leaks into another: ``kind``, ``fold`` (from
    # 1), ``part``, ``id``, ``other_part``, ``other_id`` (the first match; there may be more). Pairs
    # of parts are test and train, test and val, val and train.
    found: pd.DataFrame
    # Pairs in the data, independent of the split: ``kind`` (``duplicate`` or ``near_duplicate``),
    # ``id``, ``other_id`` and ``same_genre``. Of more than two identical rows, each is paired with
    # the first.
    twins: pd.DataFrame

    @property
    def text(self) -> str:
        """The tag with shares, as one word: ``scaler,artist:82%,duplicate:3%``, or ``artist:?``."""
        twice = sum(self.shares.get(kind, 0.0) for kind in ("duplicate", "near_duplicate"))
        shares = {**self.shares, "duplicate": twice}
        kinds = [
            f"{kind}:{shares[kind]:.0%}" if shares.get(kind) else kind
            for kind in self.tag.split("+")
            if not (kind == "none" and "artist" in self.unknown)
        ]
        return ",".join([*kinds, "artist:?"] if "artist" in self.unknown else kinds)


def audit(dataset: Dataset, split: Split) -> Audit:
    """Measure the leaks between the parts of each fold.

    Tracks, artists and identical rows are compared exactly, recordings by `near_duplicates`. Kinds
    of leak after B. L. Sturm, "The GTZAN dataset: its contents, its faults", 2013, arXiv:1306.1461.
    What is identical or near is found once for all splits of a data set.
    """
    artists = dataset.artists if split.artists is None else split.artists
    contents, near, why = compared(dataset)
    unknown = {"near_duplicate": why} if why else {}
    if artists is None:
        unknown["artist"] = "no list of artists came with the data (data.splits) or the split"
    else:
        artists = pd.factorize(artists)[0]
    tracks = pd.factorize(dataset.tracks, sort=True)[0]
    return measured(dataset, split, Same(tracks, artists, contents, near, unknown))


def doubts(dataset: Dataset, split: Split) -> list[str]:
    """Return a line for each doubt: those of `lopsided`, and genres with few tested tracks."""
    lines, few = lopsided(dataset, split), []
    tested_rows = np.unique(np.concatenate([fold.judging for fold in split.reported]))
    for genre in dataset.classes:
        own = tested_rows[dataset.labels[tested_rows] == genre]
        count = len(np.unique(dataset.tracks[own]))
        if 0 < count < FEWEST_TRACKS:
            few.append(f"{genre} {count}")
    if few:
        part = {"test": "test", "val": "validation"}[split.evaluated]
        lines.append(f"fewer than {FEWEST_TRACKS} {part} tracks tell little: {', '.join(few)}")
    return lines


def lopsided(dataset: Dataset, split: Split) -> list[str]:
    """Return a line for genres that are only tested, or only trained; "" is an unknown genre."""
    found: dict[str, list[str]] = {}
    for name, fold in zip(split.fold_names, split.folds, strict=True):
        trained, tested = (set(dataset.labels[rows]) for rows in (fold.train, fold.judging))
        if not trained or "" in trained:
            continue
        for genres, what in (
            (tested - trained, "tested and never trained"),
            (trained - tested, "trained and never tested"),
        ):
            if genres:
                found.setdefault(f"{what}: {', '.join(sorted(genres))}", []).append(name)
    most = len(split.folds)
    return [
        f"{', '.join(names) if len(names) < 3 else f'{len(names)} of {most} folds'}: {what}"
        for what, names in found.items()
    ]


def measured(dataset: Dataset, split: Split, same: Same) -> Audit:
    """Measure the leaks between the parts of each fold by a given `Same`; see `audit`."""
    shares: dict[str, list[float]] = {kind: [] for kind in KINDS if kind not in same.unknown}
    tables = [pd.DataFrame(columns=_COLUMNS)]
    for number, fold in enumerate(split.reported, start=1):
        parts = dict(fold.parts())
        for part, other in _PAIRS:
            if part not in parts or other not in parts:
                continue
            for kind, rows, partners in same.shared(parts[part], parts[other]):
                is_known = partners >= 0
                if (part, other) == (fold.evaluated, "train"):
                    shares[kind].append(float(is_known.mean()))
                ids = dataset.ids if kind == "duplicate" else dataset.tracks
                lines = (kind, number, part, ids[rows[is_known]], other, ids[partners[is_known]])
                tables.append(pd.DataFrame(dict(zip(_COLUMNS, lines, strict=True))))
    means = {kind: float(np.mean(values)) for kind, values in shares.items()}
    kinds = ["duplicate" if kind == "near_duplicate" else kind for kind in means if means[kind] > 0]
    pretraining = [f"{PRETRAINING}{name}" for name in dataset.pretraining]
    return Audit(
        means,
        "+".join(dict.fromkeys([*split.leaks, *dataset.faults, *kinds, *pretraining])) or "none",
        same.unknown,
        pd.concat(tables, ignore_index=True),
        twins(dataset, same.contents, same.near),
    )


@dataclass(frozen=True)
class Same:
    """What rows have in common."""

    tracks: np.ndarray  # codes by row, as of artists and contents
    artists: np.ndarray | None
    contents: np.ndarray
    near: np.ndarray  # shape (n, 2): the first rows of tracks that are near but not identical
    unknown: dict[str, str]  # kinds that are not compared, and why

    def shared(
        self, rows: np.ndarray, known: np.ndarray
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Yield each kind, the rows compared, and for each its match in the `known` rows, or -1."""
        firsts = rows[np.unique(self.tracks[rows], return_index=True)[1]]
        yield "track", firsts, _partners(self.tracks, firsts, known)
        if self.artists is not None:
            yield "artist", firsts, _partners(self.artists, firsts, known)
        if "duplicate" not in self.unknown:
            partners = _partners(self.contents, rows, known)
            yield "duplicate", rows, np.where(partners == rows, -1, partners)
        if "near_duplicate" not in self.unknown:
            yield "near_duplicate", firsts, self._near(firsts, known)

    def _near(self, rows: np.ndarray, known: np.ndarray) -> np.ndarray:
        is_known = np.zeros(len(self.tracks), dtype=bool)
        is_known[self.tracks[known]] = True
        pairs = np.concatenate([self.near, self.near[:, ::-1]])
        pairs = pairs[is_known[self.tracks[pairs[:, 1]]]]
        partner = np.full(len(self.tracks), -1)
        partner[self.tracks[pairs[::-1, 0]]] = pairs[::-1, 1]
        return partner[self.tracks[rows]]


def compared(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, str]:
    """Return a code of each row's content, and what `near_duplicates` finds that is different."""
    kept = vars(dataset)
    if _COMPARED not in kept:
        contents = pd.factorize(np.array(dataset.row_digests()))[0]
        near, unknown = near_duplicates(dataset)
        different = contents[near[:, 0]] != contents[near[:, 1]]
        kept[_COMPARED] = contents, near[different], unknown  # once for all splits
    return kept[_COMPARED]


def _partners(groups: np.ndarray, rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return for each of `rows` the first of the `known` rows in its group, or -1."""
    first = np.full(groups.max() + 1, -1)
    first[groups[known][::-1]] = known[::-1]
    return first[groups[rows]]


def twins(dataset: Dataset, contents: np.ndarray, near: np.ndarray) -> pd.DataFrame:
    """Return the pairs of the data; see `Audit.twins` and `compared`."""
    _, first, numbers = np.unique(contents, return_index=True, return_inverse=True)
    leaders = first[numbers]
    again = np.flatnonzero(leaders != np.arange(len(leaders)))
    again = again[np.argsort(leaders[again], kind="stable")]
    a, b = np.concatenate([leaders[again], near[:, 0]]), np.concatenate([again, near[:, 1]])
    is_row = np.arange(len(a)) < len(again)
    return pd.DataFrame(
        {
            "kind": np.where(is_row, "duplicate", "near_duplicate"),
            "id": np.where(is_row, dataset.ids[a], dataset.tracks[a]),
            "other_id": np.where(is_row, dataset.ids[b], dataset.tracks[b]),
            "same_genre": dataset.labels[a] == dataset.labels[b],
        }
    )

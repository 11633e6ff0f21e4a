"""Cross-validation over tracks: stratified by genre, and grouped by track or by artist."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import ConfigError, DataError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Place, Split, fingerprint
from gtzan_exp.data.groups import ARTISTS, read_groups
from gtzan_exp.data.splits import Fraction, rank

DrawSeed = Annotated[int, Field(ge=0, lt=2**32)]
Folds = Annotated[int, Field(ge=2, le=100)]


@dataclass(frozen=True, kw_only=True)
class KFold:
    """k folds with the genres in equal shares; a track's segments stay together.

    Parameters
    ----------
    k : int
        Number of folds; each track is in the test part of one.
    repeats : int
        The whole is repeated with another draw so many times.
    val_size : float, optional
        Share of the training tracks of each genre for validation, at least one of them; None leaves
        the part empty.
    seed : int
    """

    name: str = "kfold"
    k: Folds = 10
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    val_size: Fraction | None = None
    seed: DrawSeed = 0

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part apart from the test part."""
        return self.val_size is not None

    def split(self, dataset: Dataset) -> Split:
        """Return ``k * repeats`` folds.

        Raises
        ------
        ConfigError
            A genre has fewer tracks than there are folds, or none left to train on.
        """
        tracks, labels = _tracks(dataset)
        return _grouped(self, dataset, tracks, labels, np.arange(len(tracks)), self.repeats)


@dataclass(frozen=True, kw_only=True)
class GroupKFold:
    """k folds that no group is in two of, with the genres in shares as equal as that allows.

    Parameters
    ----------
    by : {"artist", "track"}
        ``track`` keeps segments together; ``artist`` keeps all tracks of an artist together.
    groups : Path, optional
        For ``by=artist``: a CSV with the columns ``filename`` and ``group``; the list that comes
        with the data when omitted.
    k, val_size, seed : as in `KFold`
        The validation part is grouped too. It has every genre, in the share that whole groups come
        nearest to.
    """

    name: str = "group_kfold"
    by: Literal["artist", "track"] = "artist"
    groups: Annotated[Path | None, Place.OF_SPLIT] = None
    k: Folds = 5
    val_size: Fraction | None = None
    seed: DrawSeed = 0

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part apart from the test part."""
        return self.val_size is not None

    def split(self, dataset: Dataset) -> Split:
        """Return ``k`` folds.

        Raises
        ------
        ConfigError
            A genre has fewer groups than there are folds, or none left to train on.
        DataError
            The list of groups is missing or faulty, or lacks a track.
        """
        tracks, labels = _tracks(dataset)
        groups = np.arange(len(tracks))
        if self.by == "artist":
            groups = self._artists(dataset, tracks)
        split = _grouped(self, dataset, tracks, labels, groups, 1)
        if self.by == "track" or self.groups is None:
            return split
        return replace(split, artists=groups[np.searchsorted(tracks, dataset.tracks)])

    def _artists(self, dataset: Dataset, tracks: np.ndarray) -> np.ndarray:
        if self.groups is not None:
            return read_groups(self.groups.expanduser(), tracks)
        if dataset.artists is None:
            wanted = f"{ARTISTS} in data.splits, or split.groups=FILE (columns filename, group)"
            raise DataError(Mistake("split.groups", "artists are not known", wanted, "no list"))
        return dataset.artists[np.unique(dataset.tracks, return_index=True)[1]]


def _tracks(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the tracks in the order of their ids, and the genre of each."""
    tracks, first = np.unique(dataset.tracks, return_index=True)
    return tracks, dataset.labels[first]


def _grouped(
    options: KFold | GroupKFold,
    dataset: Dataset,
    tracks: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    repeats: int,
) -> Split:
    from sklearn.model_selection import StratifiedGroupKFold

    for genre in dataset.classes:
        found = len(set(groups[labels == genre]))
        if found < options.k:
            raise ConfigError(
                Mistake(
                    "split.k",
                    f"more folds than groups of {genre!r}",
                    f"2 to {found}",
                    str(options.k),
                )
            )
    codes = np.searchsorted(tracks, dataset.tracks)
    folds = []
    for repeat in range(repeats):
        seed = (options.seed + repeat * 1009) % 2**32
        draw = StratifiedGroupKFold(options.k, shuffle=True, random_state=seed)
        for rest, test in draw.split(tracks, labels, groups):
            train, val = rest, rest[:0]
            if options.val_size is not None:
                drawn = _drawn(options, len(folds), tracks[rest], labels[rest], groups[rest])
                train, val = rest[~drawn], rest[drawn]
            parts = (np.isin(codes, part) for part in (train, val, test))
            folds.append(Fold(*map(np.flatnonzero, parts)))
    return Split(options.name, tuple(folds), fingerprint(dataset, folds))


def _drawn(
    options: KFold | GroupKFold,
    fold: int,
    tracks: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
) -> np.ndarray:
    """Return which of the tracks of a fold that are not tested are for validation.

    Groups come in the order of a hash, and each is taken that brings its genres nearer to their
    share. A genre of which none was taken gets the group that does least harm to that. Above a half
    the training part is drawn so instead: a large group that comes last would not fit.
    """
    members: dict[object, Counter[str]] = defaultdict(Counter)
    first: dict[object, str] = {}
    for group, track, genre in zip(groups.tolist(), tracks.tolist(), labels.tolist(), strict=True):
        members[group][genre] += 1
        first.setdefault(group, track)
    order = sorted(members, key=lambda group: rank(options.seed, f"{fold} {first[group]}"))
    total = Counter(labels.tolist())
    share = min(options.val_size, 1 - options.val_size)
    wanted = {genre: max(1, round(share * n)) for genre, n in total.items()}
    taken: Counter[str] = Counter()
    chosen = set()

    def gain(group: object) -> int:
        lack = {genre: wanted[genre] - taken[genre] for genre in members[group]}
        return sum(abs(lack[genre]) - abs(lack[genre] - n) for genre, n in members[group].items())

    def leaves_some(group: object) -> bool:
        return all(taken[genre] + n < total[genre] for genre, n in members[group].items())

    for group in order:
        if gain(group) > 0 and leaves_some(group):
            chosen.add(group)
            taken.update(members[group])
    for genre in total:
        if taken[genre]:
            continue
        others = [group for group in order if genre in members[group] and leaves_some(group)]
        if not others:
            found = sum(genre in members[group] for group in order)
            what = f"no group of {genre!r} can validate and leave each genre one to train on"
            allowed = "two groups of each genre or more that are not tested, or split.val_size=null"
            got = f"{found} in fold {fold + 1}"
            raise ConfigError(Mistake("split.val_size", what, allowed, got))
        group = max(others, key=gain)
        chosen.add(group)
        taken.update(members[group])
    is_chosen = np.array([group in chosen for group in groups.tolist()])
    return is_chosen if share == options.val_size else ~is_chosen

"""Cross-validation over tracks: stratified by genre, and grouped by track or by artist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.view_folder import ARTISTS
from gtzan_exp.basics.errors import ConfigError, DataError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Place, Split, fingerprint
from gtzan_exp.data.name_lists import read_groups
from gtzan_exp.data.splits import Fraction, by_track, rank

DrawSeed = Annotated[int, Field(ge=0, lt=2**32)]
Folds = Annotated[int, Field(ge=2, le=100)]


@dataclass(frozen=True, kw_only=True)
class _Folds:
    """What folds have in common; the options are those of `KFold`."""

    name: str
    k: Folds
    val_size: Fraction | None = None
    seed: DrawSeed = 0

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part apart from the test part."""
        return self.val_size is not None

    def _split(self, dataset: Dataset, groups: np.ndarray, repeats: int) -> Split:
        """Return the folds of tracks, whose groups are given in the order of their ids."""
        from sklearn.model_selection import StratifiedGroupKFold

        tracks, labels, codes = by_track(dataset)
        for genre in dataset.classes:
            found = len(set(groups[labels == genre]))
            if found < self.k:
                what = f"more folds than groups of {genre!r}"
                raise ConfigError(Mistake("split.k", what, f"2 to {found}", str(self.k)))
        folds: list[Fold] = []
        for repeat in range(repeats):
            seed = (self.seed + repeat * 1009) % 2**32
            draw = StratifiedGroupKFold(self.k, shuffle=True, random_state=seed)
            for rest, test in draw.split(tracks, labels, groups):
                is_val = np.zeros(len(rest), dtype=bool)
                if self.val_size is not None:
                    drawn = (tracks[rest], labels[rest], groups[rest])
                    is_val = _drawn(self.val_size, self.seed, len(folds), *drawn)
                parts = (rest[~is_val], rest[is_val], test)
                folds.append(Fold(*(np.flatnonzero(np.isin(codes, part)) for part in parts)))
        return Split(self.name, tuple(folds), fingerprint(dataset, folds))


@dataclass(frozen=True, kw_only=True)
class KFold(_Folds):
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

    def split(self, dataset: Dataset) -> Split:
        """Return ``k * repeats`` folds.

        Raises
        ------
        ConfigError
            A genre has fewer tracks than there are folds, or none left to train on.
        """
        return self._split(dataset, np.unique(dataset.tracks), self.repeats)


@dataclass(frozen=True, kw_only=True)
class GroupKFold(_Folds):
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

    def split(self, dataset: Dataset) -> Split:
        """Return ``k`` folds.

        Raises
        ------
        ConfigError
            A genre has fewer groups than there are folds, or none left to train on.
        DataError
            The list of groups is missing or faulty, or lacks a track.
        """
        tracks, first, codes = np.unique(dataset.tracks, return_index=True, return_inverse=True)
        if self.by == "track":
            return self._split(dataset, tracks, 1)
        if self.groups is not None:
            groups = read_groups(self.groups.expanduser(), tracks)
            return replace(self._split(dataset, groups, 1), artists=groups[codes])
        if dataset.artists is None:
            wanted = f"{ARTISTS} in data.splits, or split.groups=FILE (columns filename, group)"
            raise DataError(Mistake("split.groups", "artists are not known", wanted, "no list"))
        return self._split(dataset, dataset.artists[first], 1)


def _drawn(
    val_size: float,
    seed: int,
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
    codes, names = pd.factorize(groups)
    genre_codes, genres = pd.factorize(labels)
    members = np.zeros((len(names), len(genres)), dtype=int)
    np.add.at(members, (codes, genre_codes), 1)
    first = tracks[np.unique(codes, return_index=True)[1]]
    order = sorted(range(len(names)), key=lambda group: rank(seed, f"{fold} {first[group]}"))
    share = min(val_size, 1 - val_size)
    total = members.sum(axis=0)
    wanted = np.maximum(1, np.rint(share * total))
    taken, chosen = np.zeros_like(total), np.zeros(len(names), dtype=bool)

    def gain(group: int) -> float:
        lack = wanted - taken
        return (np.abs(lack) - np.abs(lack - members[group])).sum()

    def leaves_some(group: int) -> bool:
        return bool((taken + members[group] < total)[members[group] > 0].all())

    def take(group: int) -> None:
        chosen[group] = True
        np.add(taken, members[group], out=taken)

    for group in order:
        if gain(group) > 0 and leaves_some(group):
            take(group)
    for code, genre in enumerate(genres):
        if taken[code]:
            continue
        others = [group for group in order if members[group, code] and leaves_some(group)]
        if not others:
            what = f"no group of {genre!r} can validate and leave each genre one to train on"
            allowed = "two groups of each genre or more that are not tested, or split.val_size=null"
            got = f"{np.count_nonzero(members[:, code])} in fold {fold + 1}"
            raise ConfigError(Mistake("split.val_size", what, allowed, got))
        take(max(others, key=gain))
    return chosen[codes] if share == val_size else ~chosen[codes]

"""Folds of tracks, stratified by genre, and parts that keep artists whole: folds or a holdout."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.view_folder import ARTISTS
from gtzan_exp.basics.errors import ConfigError, DataError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Place, Split, fingerprint
from gtzan_exp.data.name_lists import read_groups
from gtzan_exp.data.splits import Fraction, Holdout, by_track, draw, with_validation

DrawSeed = Annotated[int, Field(ge=0, lt=2**32)]
Folds = Annotated[int, Field(ge=2, le=100)]


@dataclass(frozen=True, kw_only=True)
class KFold:
    """k folds, stratified by genre; the segments of a track stay together."""

    name: str = "kfold"
    k: Folds = 10  # each track is tested in one of so many folds
    repeats: Annotated[int, Field(ge=1, le=100)] = 1  # with different draws
    # share of the training tracks of each genre, at least one track, as near as whole groups allow;
    # null leaves the validation part empty
    val_size: Fraction | None = None
    seed: DrawSeed = 0

    def artists(self, dataset: Dataset) -> np.ndarray | None:
        """Return None: only the rows of a track are kept together."""

    def split(self, dataset: Dataset) -> Split:
        """Return ``k * repeats`` folds; `ConfigError` where a genre has too few groups."""
        from sklearn.model_selection import StratifiedGroupKFold

        tracks, labels, codes = by_track(dataset)
        artists = self.artists(dataset)
        groups = tracks if artists is None else artists
        found, fewest = min((len(set(groups[labels == name])), name) for name in dataset.classes)
        if found < self.k:
            what = f"more folds than {'tracks' if artists is None else 'artists'} of {fewest!r}"
            allowed = f"2 to {found}" if found > 1 else "2 or more of every genre (data.genres)"
            raise ConfigError(Mistake("split.k", what, allowed, str(self.k)))
        folds: list[Fold] = []
        for repeat in range(self.repeats):
            seed = (self.seed + repeat * 1009) % 2**32
            draw = StratifiedGroupKFold(self.k, shuffle=True, random_state=seed)
            for parts in draw.split(tracks, labels, groups):
                train, test = (np.flatnonzero(np.isin(codes, part)) for part in parts)
                folds.append(Fold(train, train[:0], test))
        split = _kept(dataset, self.name, folds, artists)
        if self.val_size is None:
            return split
        return with_validation(dataset, split, self.val_size, self.seed)


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """The common part of splits that keep artists, or tracks, together."""

    # ``track`` keeps segments together, ``artist`` all tracks of an artist
    by: Literal["artist", "track"] = "artist"
    # for ``by=artist``: a CSV with the columns ``filename`` and ``group``; the list that comes with
    # the data when omitted
    groups: Annotated[Path | None, Place.OF_SPLIT] = None

    def artists(self, dataset: Dataset) -> np.ndarray | None:
        """Return the artist of each track, in the order of their ids, or None for ``by=track``."""
        tracks, first = np.unique(dataset.tracks, return_index=True)
        if self.by == "track":
            return None
        if self.groups is not None:
            return read_groups(self.groups.expanduser(), tracks)
        if dataset.artists is None:
            wanted = f"{ARTISTS} in data.splits, or split.groups=FILE (columns filename, group)"
            raise DataError(Mistake("split.groups", "artists are not known", wanted, "no list"))
        return dataset.artists[first]


@dataclass(frozen=True, kw_only=True)
class GroupKFold(Grouped, KFold):
    """k folds without a group in two of them, stratified by genre as far as that allows."""

    name: str = "group_kfold"
    k: Folds = 5


@dataclass(frozen=True, kw_only=True)
class GroupHoldout(Grouped, Holdout):
    """Parts that share no group; each has every genre, in shares as near as whole groups allow."""

    name: str = "group_holdout"

    def split(self, dataset: Dataset) -> Split:
        """Return the one fold; `ConfigError` where a genre has too few groups for three parts."""
        if self.test_size + self.val_size >= 1:
            what, allowed = "nothing left to train on", "test_size and val_size below 1 together"
            raise ConfigError(Mistake("split", what, allowed, f"{self.test_size}, {self.val_size}"))
        tracks, labels, codes = by_track(dataset)
        artists = self.artists(dataset)
        groups = tracks if artists is None else artists
        is_test = draw(self.test_size, self.seed, 0, tracks, labels, groups)[codes]
        train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
        split = _kept(dataset, self.name, [Fold(train, train[:0], test)], artists)
        return with_validation(dataset, split, self.val_size / (1 - self.test_size), self.seed)


def _kept(dataset: Dataset, name: str, folds: Sequence[Fold], artists: np.ndarray | None) -> Split:
    """Return the split of these folds, with the artists of rows if those of tracks are given."""
    prints = fingerprint(dataset, folds)
    if artists is None:
        return Split(name, tuple(folds), prints, apart="track")
    return Split(name, tuple(folds), prints, artists=artists[by_track(dataset)[2]])

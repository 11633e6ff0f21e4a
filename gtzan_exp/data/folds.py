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
from gtzan_exp.data.splits import Fraction, by_track, draw, with_validation

DrawSeed = Annotated[int, Field(ge=0, lt=2**32)]
Folds = Annotated[int, Field(ge=2, le=100)]


@dataclass(frozen=True, kw_only=True)
class _Folds:
    """The common part of k-fold splits; the options are those of `KFold`."""

    name: str
    k: Folds
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    val_size: Fraction | None = None
    seed: DrawSeed = 0

    def _split(self, dataset: Dataset, artists: np.ndarray | None = None) -> Split:
        """Return folds of whole tracks, or of whole `artists`, in the order of the track ids."""
        from sklearn.model_selection import StratifiedGroupKFold

        tracks, labels, codes = by_track(dataset)
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
class KFold(_Folds):
    """k folds, stratified by genre; the segments of a track stay together.

    Parameters
    ----------
    k : int
        Number of folds; each track is tested in one.
    repeats : int
        Number of repetitions with different draws.
    val_size : float, optional
        Share of the training tracks of each genre for validation, at least one; None leaves the
        part empty.
    seed : int
    """

    name: str = "kfold"
    k: Folds = 10

    def split(self, dataset: Dataset) -> Split:
        """Return ``k * repeats`` folds; `ConfigError` where a genre has too few tracks."""
        return self._split(dataset)


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """The common part of splits that keep artists, or tracks, together; see `GroupKFold`."""

    by: Literal["artist", "track"] = "artist"
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
class GroupKFold(Grouped, _Folds):
    """k folds without a group in two of them, stratified by genre as far as that allows.

    Parameters
    ----------
    by : {"artist", "track"}
        ``track`` keeps segments together; ``artist`` keeps all tracks of an artist together.
    groups : Path, optional
        For ``by=artist``: a CSV with the columns ``filename`` and ``group``; the list that comes
        with the data when omitted.
    k, repeats, val_size, seed : as in `KFold`
        The validation part is grouped too. It has every genre, in the nearest share that whole
        groups allow.
    """

    name: str = "group_kfold"
    k: Folds = 5

    def split(self, dataset: Dataset) -> Split:
        """Return ``k * repeats`` folds; `ConfigError` where a genre has too few groups."""
        return self._split(dataset, self.artists(dataset))


@dataclass(frozen=True, kw_only=True)
class GroupHoldout(Grouped):
    """Train, validation and test parts that share no group; each has every genre.

    Parameters
    ----------
    test_size, val_size : float
        Shares of the tracks of each genre, as near as whole groups allow.
    by, groups : as in `GroupKFold`
    seed : int
    """

    name: str = "group_holdout"
    test_size: Fraction = 0.2
    val_size: Fraction = 0.1
    seed: DrawSeed = 0

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

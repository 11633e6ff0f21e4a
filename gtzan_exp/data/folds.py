"""Cross-validation over tracks: stratified by genre, and grouped by track or by artist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.view_folder import ARTISTS
from gtzan_exp.basics.errors import ConfigError, DataError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Place, Split, fingerprint
from gtzan_exp.data.name_lists import read_groups
from gtzan_exp.data.splits import Fraction, by_track
from gtzan_exp.data.validation import with_validation

DrawSeed = Annotated[int, Field(ge=0, lt=2**32)]
Folds = Annotated[int, Field(ge=2, le=100)]


@dataclass(frozen=True, kw_only=True)
class _Folds:
    """What folds have in common; the options are those of `KFold`."""

    name: str
    k: Folds
    repeats: Annotated[int, Field(ge=1, le=100)] = 1
    val_size: Fraction | None = None
    seed: DrawSeed = 0

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part apart from the test part."""
        return self.val_size is not None

    def _split(self, dataset: Dataset, artists: np.ndarray | None = None) -> Split:
        """Return the folds of whole tracks, or of whole artists, given by track in their order."""
        from sklearn.model_selection import StratifiedGroupKFold

        tracks, labels, codes = by_track(dataset)
        groups = tracks if artists is None else artists
        for genre in dataset.classes:
            found = len(set(groups[labels == genre]))
            if found < self.k:
                what = f"more folds than groups of {genre!r}"
                raise ConfigError(Mistake("split.k", what, f"2 to {found}", str(self.k)))
        folds: list[Fold] = []
        for repeat in range(self.repeats):
            seed = (self.seed + repeat * 1009) % 2**32
            draw = StratifiedGroupKFold(self.k, shuffle=True, random_state=seed)
            for parts in draw.split(tracks, labels, groups):
                train, test = (np.flatnonzero(np.isin(codes, part)) for part in parts)
                folds.append(Fold(train, train[:0], test))
        split = Split(self.name, tuple(folds), fingerprint(dataset, folds), apart="track")
        if artists is not None:
            split = replace(split, apart="artist", artists=artists[codes])
        if self.val_size is None:
            return split
        return with_validation(dataset, split, self.val_size, self.seed)


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

    def split(self, dataset: Dataset) -> Split:
        """Return ``k * repeats`` folds.

        Raises
        ------
        ConfigError
            A genre has fewer tracks than there are folds, or none left to train on.
        """
        return self._split(dataset)


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
    k, repeats, val_size, seed : as in `KFold`
        The validation part is grouped too. It has every genre, in the share that whole groups come
        nearest to.
    """

    name: str = "group_kfold"
    by: Literal["artist", "track"] = "artist"
    groups: Annotated[Path | None, Place.OF_SPLIT] = None
    k: Folds = 5

    def split(self, dataset: Dataset) -> Split:
        """Return ``k * repeats`` folds.

        Raises
        ------
        ConfigError
            A genre has fewer groups than there are folds, or none left to train on.
        DataError
            The list of groups is missing or faulty, or lacks a track.
        """
        tracks, first = np.unique(dataset.tracks, return_index=True)
        if self.by == "track":
            return self._split(dataset)
        if self.groups is not None:
            return self._split(dataset, read_groups(self.groups.expanduser(), tracks))
        if dataset.artists is None:
            wanted = f"{ARTISTS} in data.splits, or split.groups=FILE (columns filename, group)"
            raise DataError(Mistake("split.groups", "artists are not known", wanted, "no list"))
        return self._split(dataset, dataset.artists[first])

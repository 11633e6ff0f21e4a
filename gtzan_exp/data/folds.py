"""Cross-validation over tracks: stratified by genre, and grouped by track or by artist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.data.dataset import Dataset, Fold, Split, fingerprint
from gtzan_exp.data.groups import ARTISTS, read_groups
from gtzan_exp.data.splits import Fraction
from gtzan_exp.errors import ConfigError, DataError, Mistake

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
        Share of the training tracks for validation; None leaves the part empty.
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
            A genre has fewer tracks than there are folds.
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
        The validation part is grouped too.
    """

    name: str = "group_kfold"
    by: Literal["artist", "track"] = "artist"
    groups: Path | None = None
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
            A genre has fewer groups than there are folds.
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
                n_parts = max(2, round(1 / options.val_size))
                inner = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
                kept, cut = next(inner.split(rest, labels[rest], groups[rest]))
                train, val = rest[kept], rest[cut]
            parts = (np.isin(codes, part) for part in (train, val, test))
            folds.append(Fold(*map(np.flatnonzero, parts)))
    return Split(options.name, tuple(folds), fingerprint(dataset, folds))

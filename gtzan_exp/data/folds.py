"""Cross-validation over tracks: stratified by genre, and grouped by track or by artist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.data.dataset import Dataset, Fold, Split, digest
from gtzan_exp.data.splits import Fraction
from gtzan_exp.errors import ConfigError, DataError, Mistake
from gtzan_exp.genres import track_id

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
    seed: int = 0

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
    dir : Path, optional
        The folder that `groups` is taken from.
    groups : Path
        For ``by=artist``: a CSV with the columns ``filename`` and ``group``.
    k, val_size, seed : as in `KFold`
        The validation part is grouped too.
    """

    name: str = "group_kfold"
    by: Literal["artist", "track"] = "artist"
    dir: Path | None = None
    groups: Path = Path("artist_groups_merged.csv")
    k: Folds = 5
    val_size: Fraction | None = None
    seed: int = 0

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
            path = (self.dir or Path()).expanduser() / self.groups.expanduser()
            groups = _codes(read_groups(path), tracks, path)
        return _grouped(self, dataset, tracks, labels, groups, 1)


def read_groups(path: Path) -> dict[str, str]:
    """Return the group of each track, by track id.

    Parameters
    ----------
    path : Path
        A CSV with the columns ``filename`` (``blues.00000.wav``) and ``group``.

    Raises
    ------
    DataError
        There is no such file, or it is not such a table.
    """
    wanted = (
        "split.groups=FILE, a CSV with the columns filename and group (for GTZAN: Sturm's artist "
        "index, arXiv:1306.1461)"
    )
    if not path.is_file():
        raise DataError(Mistake("split.groups", "no list of groups", wanted, str(path)))
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(Mistake(str(path), "not a CSV table", wanted, str(error))) from error
    if not {"filename", "group"} <= set(table.columns):
        got = ", ".join(table.columns)
        raise DataError(Mistake(str(path), "columns are missing", wanted, got))
    return {
        track_id(name, name.partition(".")[0]): group
        for name, group in zip(table["filename"], table["group"], strict=True)
    }


def _tracks(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the tracks in the order of their ids, and the genre of each."""
    tracks, first = np.unique(dataset.tracks, return_index=True)
    return tracks, dataset.labels[first]


def _codes(group_of: dict[str, str], tracks: np.ndarray, path: Path) -> np.ndarray:
    missing = [track for track in tracks if track not in group_of]
    if missing:
        got = f"{len(missing)} tracks without one, first {missing[0]}"
        raise DataError(Mistake(str(path), "groups are missing", "a group for each track", got))
    return np.unique([group_of[track] for track in tracks], return_inverse=True)[1]


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
    folds = []
    for repeat in range(repeats):
        seed = options.seed + repeat * 1009
        draw = StratifiedGroupKFold(options.k, shuffle=True, random_state=seed)
        for rest, test in draw.split(tracks, labels, groups):
            train, val = rest, rest[:0]
            if options.val_size is not None:
                n_parts = max(2, round(1 / options.val_size))
                inner = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
                kept, cut = next(inner.split(rest, labels[rest], groups[rest]))
                train, val = rest[kept], rest[cut]
            parts = (np.isin(dataset.tracks, tracks[part]) for part in (train, val, test))
            folds.append(Fold(*map(np.flatnonzero, parts)))
    return Split(options.name, tuple(folds), fingerprint(dataset, folds))


def fingerprint(dataset: Dataset, folds: list[Fold]) -> str:
    """Return a hash of the ids in each part of each fold."""
    return digest(
        *(
            f"{number} {part}:{','.join(sorted(dataset.ids[rows]))}"
            for number, fold in enumerate(folds)
            for part, rows in fold.parts()
        )
    )

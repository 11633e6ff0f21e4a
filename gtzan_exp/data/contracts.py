"""What the rooms agree on: the nouns of the data side, and what views and places must offer."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pandas as pd

from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import Mistake
from gtzan_exp.data.pieces import Mode

if TYPE_CHECKING:
    from gtzan_exp.audio.prepare import PrepareSettings
    from gtzan_exp.data.images import ImageStack

InputKind = Literal["vector", "sequence", "image"]
"""``vector``: one row of numbers; ``sequence``: (steps, channels); ``image``: (h, w, 3)."""

PARTS = ("train", "val", "test")
_BLOCK = 4 << 20


@dataclass(frozen=True)
class Dataset:
    """Rows of one view, with their labels.

    Parameters
    ----------
    name : str
        Name of the data, for example ``gtzan``.
    synthetic : bool
        True for the generated sample, which must never be taken for GTZAN.
    view : str
        Name of the view.
    source : str
        File or folder that the rows were read from.
    X : pandas.DataFrame of shape (n_rows, n_features) or ImageStack of shape (n_rows, h, w, 3)
        The inputs.
    labels : ndarray of str, shape (n_rows,)
        The genre of each row.
    ids : ndarray of str, shape (n_rows,)
        ``<genre>.<number>``, followed by ``.<segment>`` when the rows are segments of tracks.
    tracks : ndarray of str, shape (n_rows,)
        The id of the track that each row belongs to.
    classes : tuple of str
        The genres in alphabetical order.
    fingerprint : str
        Hash of the contents; equal for the same rows on every machine.
    skipped : tuple of str
        Files that were left out because they could not be read.
    artists : ndarray of str, shape (n_rows,), optional
        Who made the track of each row, where that is known.
    notes : tuple of str
        What was noticed in reading, a line each: rows grouped into tracks, names that are doubtful.
    """

    name: str
    synthetic: bool
    view: str
    source: str
    X: pd.DataFrame | ImageStack
    labels: np.ndarray
    ids: np.ndarray
    tracks: np.ndarray
    classes: tuple[str, ...]
    fingerprint: str
    skipped: tuple[str, ...] = ()
    artists: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def row_digests(self) -> list[bytes]:
        """Return a hash of each row of inputs; rows that are the same bit for bit share it."""
        size = max(1, _BLOCK // (8 * math.prod(self.X.shape[1:])))
        return [
            hashlib.blake2b(row, digest_size=16).digest()
            for start in range(0, len(self), size)
            for row in self._contents(np.arange(start, min(start + size, len(self))))
        ]

    def _contents(self, rows: np.ndarray) -> np.ndarray:
        """Return the inputs of `rows` as they are stored, one contiguous row after the other."""
        inputs = self.take(rows)
        stored = inputs.to_numpy() if isinstance(inputs, pd.DataFrame) else inputs.pixels
        return np.ascontiguousarray(stored)

    def take(self, rows: np.ndarray) -> pd.DataFrame | ImageStack:
        """Return the inputs of `rows`, an integer array of row numbers."""
        return self.X.iloc[rows] if isinstance(self.X, pd.DataFrame) else self.X[rows]


@dataclass(frozen=True)
class Fold:
    """Row numbers of the three parts; `val` may be empty."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    def parts(self) -> Iterable[tuple[str, np.ndarray]]:
        """Yield the name and the row numbers of each part that has rows."""
        for part in PARTS:
            rows = getattr(self, part)
            if len(rows):
                yield part, rows


@dataclass(frozen=True)
class Split:
    """Who is in train, validation and test.

    Parameters
    ----------
    name : str
        Name of the protocol.
    folds : tuple of Fold
        One fold, several for cross-validation, or the points of a learning curve.
    fingerprint : str
        Hash of the ids in each part; equal parts have equal fingerprints.
    leaks : tuple of str
        What the protocol lets through from test to training on purpose.
    scaler_rows : {"train", "all"}
        The rows that preprocessing is fitted on.
    fractions : tuple of float
        The share of the training part that each fold has, rising to 1, where the folds are the
        points of a learning curve; empty where several folds are repeats, to be averaged.
    artists : ndarray of str, shape (n_rows,), optional
        Who made the track of each row, where the split was told and not the data.
    """

    name: str
    folds: tuple[Fold, ...]
    fingerprint: str
    leaks: tuple[str, ...] = field(default=())
    scaler_rows: str = "train"
    fractions: tuple[float, ...] = ()
    artists: np.ndarray | None = None

    @property
    def reported(self) -> tuple[Fold, ...]:
        """The folds that a run's own numbers come from: all, or the end of a learning curve."""
        return self.folds[-1:] if self.fractions else self.folds

    @property
    def fold_names(self) -> tuple[str, ...]:
        """What each fold is called."""
        if self.fractions:
            return tuple(f"{100 * fraction:g} % of training" for fraction in self.fractions)
        return tuple(f"fold {n} of {len(self.folds)}" for n in range(1, len(self.folds) + 1))


def fingerprint(dataset: Dataset, folds: Sequence[Fold]) -> str:
    """Return a hash of the ids in each part of each fold."""
    return digest(
        *(
            f"{number} {part}:{','.join(np.sort(dataset.ids[rows]).tolist())}"
            for number, fold in enumerate(folds)
            for part, rows in fold.parts()
        )
    )


class Location(Protocol):
    """A place where the views of a set of tracks lie (the ``data`` group)."""

    name: str
    synthetic: bool
    classes: tuple[str, ...] | None
    pieces: Mode
    labels: Mapping[str, str]

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong with the place, without reading any data."""

    def folder(self) -> Path:
        """Return the folder with the views, made first if need be."""

    def artists(self, tracks: np.ndarray) -> np.ndarray | None:
        """Return who made each of these tracks, or None where nobody knows."""


class View(Protocol):
    """What a model sees of a track (the ``view`` group)."""

    name: str
    gives: tuple[InputKind, ...]

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the view; everything wrong with it is raised as one `DataError`."""

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], Any]:
        """Return a function from a signal to the inputs that `load` would give for its track."""

"""Shared types: `Dataset`, `Fold` and `Split`, and the protocols of the config groups."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import Mistake
from gtzan_exp.data.inputs import Gives, by_name, contents, take

Mode = Literal["auto", "tracks", "group"]
"""``auto``: recognise pieces; ``tracks``: each row is a track; ``group``: rely on the names."""

PARTS = ("train", "val", "test")
_BLOCK = 4 << 20


class Place(Enum):
    """Marks an option that is only a location: ``Annotated[Path, Place.OF_DATA]``.

    It does not identify a run. The content does, by the fingerprint of the data or the split.
    """

    OF_DATA = "data"
    OF_SPLIT = "split"


@dataclass(frozen=True)
class Dataset:
    """Rows of one view, with their labels."""

    name: str  # of the data, for example ``gtzan``
    synthetic: bool  # the generated sample, which must never be mistaken for GTZAN
    view: str  # its name
    source: str  # the file or folder that the rows were read from
    # Inputs of the model: a DataFrame of shape (n_rows, n_features), an ndarray, an ImageStack of
    # shape (n_rows, h, w, c), or several of the same rows as `Inputs`.
    X: Any
    labels: np.ndarray  # str, shape (n_rows,): the genre of each row
    ids: np.ndarray  # str: ``<genre>.<number>``, and ``.<segment>`` where rows are segments
    tracks: np.ndarray  # str: the id of the track that each row belongs to
    classes: tuple[str, ...]  # the genres in alphabetical order
    fingerprint: str  # hash of the contents; the same on every machine
    skipped: tuple[str, ...] = ()  # files that were left out because they could not be read
    artists: np.ndarray | None = None  # str: the artist of each row, where known
    # str: the labels of each row that ``data.relabel`` accepts, separated by ``|``. Training and
    # the metrics without ``relabelled_`` use `labels`.
    accepted: np.ndarray | None = None
    notes: tuple[str, ...] = ()  # a line each: rows grouped into tracks, doubtful names
    # ``model``, ``layer``, ``weights`` and ``training`` (data) of inputs that a pretrained model
    # computed; those of several models are joined by `` + ``
    origin: Mapping[str, str] = field(default_factory=dict)
    maker: View | None = None  # the view completed by its files, where they say more than options
    faults: tuple[str, ...] = ()  # the intended faults of the view

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def pretraining(self) -> tuple[str, ...]:
        """The distinct training data of the pretrained models that computed the inputs."""
        told = self.origin.get("training", "none").split(" + ")
        return tuple(dict.fromkeys(name for name in told if name != "none"))

    @property
    def arrays(self) -> dict[str, Any]:
        """The arrays of inputs by name; a single one has the name of the view."""
        return by_name(self.X, self.view)

    @property
    def track_of(self) -> dict[str, str]:
        """The track of each id of a row or a track."""
        tracks = self.tracks.tolist()
        return dict(zip([*self.ids.tolist(), *tracks], [*tracks, *tracks], strict=True))

    def take(self, rows: np.ndarray) -> Any:
        """Return the inputs of `rows`, an integer array of row numbers."""
        return take(self.X, rows)

    def row_digests(self) -> list[bytes]:
        """Return a hash of each row of inputs, equal for rows that are identical bit for bit."""
        numbers = sum(math.prod(array.shape[1:]) for array in self.arrays.values())
        size = max(1, _BLOCK // (8 * numbers))
        return [
            hashlib.blake2b(row, digest_size=16).digest()
            for start in range(0, len(self), size)
            for row in contents(self.take(np.arange(start, min(start + size, len(self)))))
        ]


@dataclass(frozen=True)
class Fold:
    """Row numbers of the three parts; `val` may be empty."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    @property
    def evaluated(self) -> str:
        """The part to evaluate on: ``val`` where the test part is hidden."""
        return "test" if len(self.test) else "val"

    @property
    def judging(self) -> np.ndarray:
        """Row numbers of that part."""
        return self.test if len(self.test) else self.val

    def parts(self) -> Iterable[tuple[str, np.ndarray]]:
        """Yield the name and the row numbers of each part that has rows."""
        for part in PARTS:
            rows = getattr(self, part)
            if len(rows):
                yield part, rows


@dataclass(frozen=True)
class Split:
    """The assignment of rows to training, validation and test parts."""

    name: str  # of the protocol
    folds: tuple[Fold, ...]  # one, several for cross-validation, or the points of a learning curve
    fingerprint: str  # hash of the ids in each part
    leaks: tuple[str, ...] = ()  # the intended leaks of the protocol from test to training
    scaler_rows: str = "train"  # the rows that preprocessing is fitted on; or ``all``
    # for a learning curve, the share of the training part in each fold, rising to 1
    fractions: tuple[float, ...] = ()
    # str, shape (n_rows,): the artist of each row, where the split knows it and not the data
    artists: np.ndarray | None = None
    # what is kept in one part: whole artists, where known, or only whole tracks; a missing
    # validation part is cut by the same rule
    apart: Literal["artist", "track"] = "artist"
    notes: tuple[str, ...] = ()  # remarks on the split, a line each

    @property
    def reported(self) -> tuple[Fold, ...]:
        """The folds that a run reports: all, or the last one of a learning curve."""
        return self.folds[-1:] if self.fractions else self.folds

    @property
    def evaluated(self) -> str:
        """The part to evaluate on, ``test`` or ``val``."""
        return self.folds[0].evaluated

    @property
    def fold_names(self) -> tuple[str, ...]:
        """The name of each fold."""
        if self.fractions:
            return tuple(f"{100 * fraction:g} % of training" for fraction in self.fractions)
        count = len(self.folds)
        return tuple(f"fold {n:0{len(str(count))}} of {count}" for n in range(1, count + 1))


def fingerprint(dataset: Dataset, folds: Sequence[Fold]) -> str:
    """Return a hash of the ids in each part of each fold."""
    parts = (
        f"{number} {part}:{','.join(np.sort(dataset.ids[rows]).tolist())}"
        for number, fold in enumerate(folds)
        for part, rows in fold.parts()
    )
    return digest(*parts)


class Location(Protocol):
    """The location of the views of a set of tracks (the ``data`` group)."""

    name: str
    synthetic: bool
    classes: tuple[str, ...] | None
    pieces: Mode
    labels: Mapping[str, str]

    def mistakes(self) -> list[Mistake]:
        """Return the mistakes in the location, without reading any data."""

    def folder(self) -> Path:
        """Return the folder with the views, made first if needed."""

    def artists(self, tracks: np.ndarray) -> np.ndarray | None:
        """Return the artist of each of these tracks, or None where unknown."""


@runtime_checkable
class View(Protocol):
    """The inputs that a model gets of a track (the ``view`` group).

    Models on a view that is also `Audible` predict audio, on one that is `Servable` they answer
    requests of rows. Others only train and evaluate, and a run says so.
    """

    @property
    def name(self) -> str:
        """Name of the view in every record."""

    @property
    def gives(self) -> Gives:
        """The kinds of input that it can give."""

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the view; all mistakes are raised as one `DataError`."""


@runtime_checkable
class Audible(Protocol):
    """A view whose inputs can be made from sound."""

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], Any]:
        """Return a function from a signal to the inputs that `load` would give for its track.

        The signal is mono, float32, of shape (samples,), at ``settings.features.sample_rate``. The
        function raises `DataError` if it is too short, and so does this one if the inputs cannot be
        made with these settings.
        """


@runtime_checkable
class Servable(Protocol):
    """A view whose inputs can be sent as a table: columns of numbers, or of bytes of files."""

    @property
    def input_columns(self) -> Sequence[str]:
        """Names of the columns of a request."""

    def from_request(self, table: pd.DataFrame) -> Any:
        """Return the inputs of a request; each line gives as many rows as a track has segments.

        Raises `DataError` if a column is missing, or a cell is not what it should be.
        """

    def example(self, dataset: Dataset) -> pd.DataFrame:
        """Return a request of one line for the first track of `dataset`."""


class Splitter(Protocol):
    """The assignment of tracks to parts (the ``split`` group)."""

    @property
    def name(self) -> str:
        """Name of the protocol in every record."""

    def split(self, dataset: Dataset) -> Split:
        """Return the parts, by the options and `dataset` alone; `DataError` if it has none."""


class Classifier(Protocol):
    """A scikit-learn classifier (the ``model`` group)."""

    def fit(self, X: Any, y: np.ndarray) -> Self:
        """Learn from inputs of shape (n, ...) and their labels, shape (n,)."""

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row, shape (n,)."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the options by name."""

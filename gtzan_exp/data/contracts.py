"""What the rooms agree on: the nouns of the data side, and what views and places must offer."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd

from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import Mistake
from gtzan_exp.data.inputs import Gives, by_name, contents, take
from gtzan_exp.data.pieces import Mode

if TYPE_CHECKING:
    from gtzan_exp.audio.prepare import PrepareSettings

PARTS = ("train", "val", "test")
_BLOCK = 4 << 20


class Place(Enum):
    """Marks an option that only says where something lies: ``Annotated[Path, Place.OF_DATA]``.

    It does not identify a run. What lies there does, by the fingerprint of the data or the split.
    """

    OF_DATA = "data"
    OF_SPLIT = "split"


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
    X : DataFrame of shape (n_rows, n_features), ImageStack of shape (n_rows, h, w, c) or Inputs
        What the model sees; `Inputs` are several arrays of the same rows.
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
    accepted : ndarray of str, shape (n_rows,), optional
        The labels of each row that are right by ``data.relabel``, divided by ``|``. Training and
        the metrics without ``relabelled_`` keep `labels`.
    notes : tuple of str
        What was noticed in reading, a line each: rows grouped into tracks, names that are doubtful.
    origin : mapping of str to str
        Of inputs that a pretrained model gave: its ``model``, ``layer``, ``weights`` and
        ``training``; where several did, of each, joined by `` + ``.
    maker : View, optional
        The view with what its files say of it, where they say more than its options.
    faults : tuple of str
        What the view spoils on purpose.
    """

    name: str
    synthetic: bool
    view: str
    source: str
    X: Any
    labels: np.ndarray
    ids: np.ndarray
    tracks: np.ndarray
    classes: tuple[str, ...]
    fingerprint: str
    skipped: tuple[str, ...] = ()
    artists: np.ndarray | None = None
    accepted: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    maker: View | None = None
    faults: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def pretraining(self) -> tuple[str, ...]:
        """What the models were trained on that gave the inputs, each once."""
        told = self.origin.get("training", "none").split(" + ")
        return tuple(dict.fromkeys(name for name in told if name != "none"))

    @property
    def arrays(self) -> dict[str, Any]:
        """The arrays of inputs by name; a single one has the name of the view."""
        return by_name(self.X, self.view)

    def take(self, rows: np.ndarray) -> Any:
        """Return the inputs of `rows`, an integer array of row numbers."""
        return take(self.X, rows)

    def row_digests(self) -> list[bytes]:
        """Return a hash of each row of inputs; rows that are the same bit for bit share it."""
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
        """The part that a model is judged by: ``val`` where the test part is hidden."""
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
    apart : {"artist", "track"}
        What is never in two parts: whole artists, where they are known, or whole tracks alone. A
        validation part that a model needs and the split has not got is cut by it.
    notes : tuple of str
        What was done to it, a line each.
    """

    name: str
    folds: tuple[Fold, ...]
    fingerprint: str
    leaks: tuple[str, ...] = ()
    scaler_rows: str = "train"
    fractions: tuple[float, ...] = ()
    artists: np.ndarray | None = None
    apart: Literal["artist", "track"] = "artist"
    notes: tuple[str, ...] = ()

    @property
    def reported(self) -> tuple[Fold, ...]:
        """The folds that a run's own numbers come from: all, or the end of a learning curve."""
        return self.folds[-1:] if self.fractions else self.folds

    @property
    def evaluated(self) -> str:
        """The part that a model is judged by, ``test`` or ``val``."""
        return self.folds[0].evaluated

    @property
    def fold_names(self) -> tuple[str, ...]:
        """What each fold is called."""
        if self.fractions:
            return tuple(f"{100 * fraction:g} % of training" for fraction in self.fractions)
        count = len(self.folds)
        return tuple(f"fold {n:0{len(str(count))}} of {count}" for n in range(1, count + 1))


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
        """Return who made each of these tracks, or None where that is not known."""


@runtime_checkable
class View(Protocol):
    """What a model sees of a track (the ``view`` group).

    A view that is `Audible` as well predicts audio, one that is `Servable` answers requests of
    rows; others train and evaluate, and a run says what their models will not do.
    """

    @property
    def name(self) -> str:
        """Name of the view in every record."""

    @property
    def gives(self) -> Gives:
        """The kinds of input that it can give."""

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the view; everything wrong with it is raised as one `DataError`."""


@runtime_checkable
class Audible(Protocol):
    """A view whose inputs can be made from sound."""

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], Any]:
        """Return a function from a signal to the inputs that `load` would give for its track.

        The signal is mono, float32, of shape (samples,), at ``settings.features.sample_rate``. The
        function raises `DataError` when it is too short.

        Raises
        ------
        DataError
            With these settings the inputs cannot be made.
        """


@runtime_checkable
class Servable(Protocol):
    """A view whose inputs can be sent as a table: columns of numbers, or of bytes of files."""

    @property
    def input_columns(self) -> Sequence[str]:
        """Names of the columns of a request."""

    def from_request(self, table: pd.DataFrame) -> Any:
        """Return the inputs of a request; each line becomes as many rows as a track has pieces.

        Raises
        ------
        DataError
            A column is missing, or a cell is not what it should be.
        """

    def example(self, dataset: Dataset) -> pd.DataFrame:
        """Return the request of one line that stands for the first track of `dataset`."""


class Splitter(Protocol):
    """Who may be in train, validation and test (the ``split`` group)."""

    @property
    def name(self) -> str:
        """Name of the protocol in every record."""

    def split(self, dataset: Dataset) -> Split:
        """Return the parts. They depend on nothing but the options and `dataset`.

        Raises
        ------
        DataError
            The data cannot be split so.
        """


class Classifier(Protocol):
    """A scikit-learn classifier (the ``model`` group)."""

    def fit(self, X: Any, y: np.ndarray) -> Self:
        """Learn from inputs of shape (n, ...) and their labels, shape (n,)."""

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row, shape (n,)."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the options by name."""

"""The inputs of a model: one array, or several of the same rows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from gtzan_exp.basics.process import release_pages

InputKind = Literal["vector", "sequence", "image"]
"""``vector``: one row of numbers; ``sequence``: (steps, channels); ``image``: (h, w, channels)."""

Forms = tuple[InputKind, ...]  # the kinds that an array can be converted to; the first is its own
FORMS: dict[InputKind, Forms] = {
    "vector": ("vector", "sequence"),
    "sequence": ("sequence",),
    "image": ("image", "vector"),
}
"""The kinds that an array of each kind can be converted to."""

Gives = Forms | tuple[Forms, ...]
"""The output of a view: the forms of its array, or of each of its arrays."""

Takes = InputKind | tuple[InputKind, ...]
"""The input of a model: the kind of its array, or of each of its arrays."""


class Inputs:
    """Several arrays of the same rows, by name: DataFrames, ndarrays or `ImageStack`."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = dict(arrays)
        sizes = {name: len(array) for name, array in self.arrays.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"arrays of the same rows are needed, got {sizes}")

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, rows: slice | np.ndarray) -> Self:
        return type(self)({name: take(array, rows) for name, array in self.arrays.items()})

    @property
    def shape(self) -> tuple[int]:
        """The number of rows, the only common dimension."""
        return (len(self),)


def take(X: Any, rows: slice | np.ndarray) -> Any:
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def by_name(X: Any, name: str) -> dict[str, Any]:
    """Return the arrays of inputs by name; a single one is called `name`."""
    return X.arrays if isinstance(X, Inputs) else {name: X}


def contents(X: Any) -> Iterator[bytes]:
    """Yield the bytes of each row as they are stored."""
    if isinstance(X, Inputs):
        parts = zip(*map(contents, X.arrays.values()), strict=True)
        yield from (b"".join(part) for part in parts)
    else:
        stored = getattr(X, "pixels", X)
        for row in np.ascontiguousarray(stored):
            yield row.tobytes()


def forms_of(gives: Gives) -> tuple[Forms, ...]:
    """Return the forms of each array of a view."""
    return (gives,) if isinstance(gives[0], str) else gives


def kinds_of(takes: Takes | Sequence[InputKind]) -> tuple[InputKind, ...]:
    """Return the kind of each array that a model takes."""
    return (takes,) if isinstance(takes, str) else tuple(takes)


def order(takes: Takes, gives: Gives) -> tuple[int, ...] | None:
    """Return the array of a view for each array of a model, or None where they do not fit.

    A model of one vector also takes several arrays, one after the other, if each can be a vector.
    """
    kinds, forms = kinds_of(takes), forms_of(gives)
    if len(kinds) == len(forms):
        for places in permutations(range(len(forms))):
            if all(kind in forms[place] for kind, place in zip(kinds, places, strict=True)):
                return places
    joined = kinds == ("vector",) and all("vector" in array for array in forms)
    return tuple(range(len(forms))) if joined else None


def numbered(kinds: Sequence[InputKind]) -> list[str]:
    """Return a name for each input of a model: its kind, numbered from the second of a kind."""
    return [
        kind if kinds[:place].count(kind) == 0 else f"{kind}_{kinds[:place].count(kind) + 1}"
        for place, kind in enumerate(kinds)
    ]


class ImageStack:
    """Read-only view of uint8 images as numbers, converted lazily.

    ``stack[rows]`` is again a stack and copies nothing; ``numpy.asarray(stack[rows])`` gives the
    numbers. `pixels`, often a memory map, is uint8 of shape (n, height, width, channels), and some
    of it are `rows`. `peak` is the value of a pixel of 255: 1.0 gives float32 in [0, 1], 255 the
    uint8 pixels. With `scrambled` they are reshaped to (n, width, height, channels).
    """

    ndim = 4

    def __init__(
        self,
        pixels: np.ndarray,
        rows: np.ndarray | None = None,
        *,
        peak: float = 1.0,
        scrambled: bool = False,
    ) -> None:
        self._pixels = pixels
        self._rows = np.arange(len(pixels)) if rows is None else np.asarray(rows)
        self.peak = peak
        self.scrambled = scrambled
        self.dtype = np.dtype(np.uint8 if peak == 255 else np.float32)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        height, width, channels = self._pixels.shape[1:]
        size = (width, height) if self.scrambled else (height, width)
        return (len(self), *size, channels)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def pixels(self) -> np.ndarray:
        """A copy of the images as they are stored, uint8 of shape (n, height, width, channels)."""
        pixels = self._pixels[self._rows]
        release_pages(self._pixels)
        return pixels

    def __getitem__(self, rows: slice | np.ndarray) -> "ImageStack":
        return ImageStack(self._pixels, self._rows[rows], peak=self.peak, scrambled=self.scrambled)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an ImageStack is converted from uint8 and always copied")
        values = self.pixels.astype(dtype or self.dtype)
        if self.peak != 255:
            values *= self.peak / 255.0
        return values.reshape(self.shape)

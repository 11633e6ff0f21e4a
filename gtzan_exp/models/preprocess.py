"""Steps that convert the inputs of a view to those of a classifier."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone

from gtzan_exp.data.inputs import Inputs


class _Stateless(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None) -> Self:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Flatten(_Stateless):
    """Images of shape (n, h, w, c) to vectors of shape (n, h * w * c), row by row."""

    def transform(self, X) -> np.ndarray:
        return np.asarray(X).reshape(len(X), -1)


class Bands(_Stateless):
    """Images of shape (n, h, w, c) to vectors of shape (n, 5 * h * c): statistics along the width.

    Of each row of pixels and channel they are the mean, the standard deviation, the 10 % and the
    90 % quantile, and the mean size of the step from one pixel to the next.
    """

    def transform(self, X) -> np.ndarray:
        blocks = (np.asarray(X[start : start + 256], np.float32) for start in range(0, len(X), 256))
        return np.concatenate([_bands(images) for images in blocks])


def _bands(images: np.ndarray) -> np.ndarray:
    low, high = np.quantile(images, [0.1, 0.9], axis=2)
    steps = np.abs(np.diff(images, axis=2)).mean(axis=2)
    found = [images.mean(axis=2), images.std(axis=2), low, high, steps]
    return np.concatenate(found, axis=1).reshape(len(images), -1)


class ToSequence(_Stateless):
    """Vectors of shape (n, d) to sequences of d steps with one channel, shape (n, d, 1)."""

    def transform(self, X) -> np.ndarray:
        return np.asarray(X)[:, :, np.newaxis]


class Pick(_Stateless):
    """Selects some of several arrays by name; a single name gives the array itself."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def transform(self, X: Inputs) -> Any:
        found = {name: X.arrays[name] for name in self.names}
        return Inputs(found) if len(found) > 1 else found[self.names[0]]


class Branches(TransformerMixin, BaseEstimator):
    """Transforms several arrays, each with its own steps.

    `steps` are a Pipeline for each array, in the order of the classifier's inputs, and `places` the
    index of the array for each. `names` are those of the results; None concatenates them to shape
    (n, columns).
    """

    def __init__(
        self, steps: Sequence[Any], places: Sequence[int], names: Sequence[str] | None = None
    ) -> None:
        self.steps = steps
        self.places = places
        self.names = names

    def fit(self, X: Inputs, y=None) -> Self:
        pairs = zip(self.steps, self._chosen(X), strict=True)
        self.steps_ = [clone(steps).fit(array, y) for steps, array in pairs]
        return self

    def transform(self, X: Inputs) -> Inputs | np.ndarray:
        pairs = zip(self.steps_, self._chosen(X), strict=True)
        arrays = [steps.transform(array) for steps, array in pairs]
        if self.names is None:
            return np.hstack([np.asarray(array) for array in arrays])
        return Inputs(dict(zip(self.names, arrays, strict=True)))

    def _chosen(self, X: Inputs) -> list[Any]:
        arrays = list(X.arrays.values())
        return [arrays[place] for place in self.places]

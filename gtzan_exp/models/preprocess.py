"""Steps that bring what a view gives into the form that a classifier takes."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Flatten(TransformerMixin, BaseEstimator):
    """Images of shape (n, h, w, c) to vectors of shape (n, h * w * c), row by row, float32."""

    def fit(self, X, y=None) -> Self:
        return self

    def transform(self, X) -> np.ndarray:
        return np.asarray(X, dtype=np.float32).reshape(len(X), -1)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class ToSequence(TransformerMixin, BaseEstimator):
    """Vectors of shape (n, d) to sequences of d steps with one channel, shape (n, d, 1)."""

    def fit(self, X, y=None) -> Self:
        return self

    def transform(self, X) -> np.ndarray:
        return np.asarray(X)[:, :, np.newaxis]

    def __sklearn_is_fitted__(self) -> bool:
        return True

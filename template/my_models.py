"""The models of this project. A file in conf/model names each of them."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from gtzan_exp.models.keras_classifier import KerasClassifier


class NearestGenre(ClassifierMixin, BaseEstimator):
    """Guess the genre whose tracks are the nearest on average.

    Parameters
    ----------
    sharpness : float, default=1.0
        How fast probability falls with the squared distance.
    """

    def __init__(self, *, sharpness: float = 1.0) -> None:
        self.sharpness = sharpness

    def fit(self, X, y):
        X = np.asarray(X)
        self.classes_ = np.unique(y)
        self.centres_ = np.array([X[y == genre].mean(axis=0) for genre in self.classes_])
        return self

    def predict_proba(self, X):
        distances = ((np.asarray(X)[:, None] - self.centres_) ** 2).mean(axis=2)
        return softmax(-self.sharpness * distances, axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class MyNetwork(KerasClassifier):
    """One hidden layer on features."""

    def __init__(self, *, units: int = 64, trainer=None, random_state: int = 0) -> None:
        super().__init__(trainer=trainer, random_state=random_state)
        self.units = units

    def network(self, input_shape, n_classes):
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input(input_shape),
                layers.Dense(self.units, activation="relu"),
                layers.Dense(n_classes, activation="softmax"),
            ]
        )

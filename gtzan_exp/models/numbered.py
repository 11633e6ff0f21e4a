"""Labels of any type for classifiers that only take 0, 1, 2, ...."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone


def takes_numbers_alone(classifier: Any) -> bool:
    """Return whether a classifier needs numbered labels, as XGBoost's own classes do."""
    packages = {base.__module__.partition(".")[0] for base in type(classifier).__mro__}
    return "xgboost" in packages and "gtzan_exp" not in packages


class NumberedLabels(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A meta-estimator that encodes the labels for a clone of its classifier."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X, y) -> Self:
        """Fit the classifier to the codes of the labels, shape (n,)."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        self.estimator_ = clone(self.estimator).fit(X, codes)
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Return probabilities of shape (n, n_classes), columns as in `classes_`."""
        return self.estimator_.predict_proba(X)

    def predict(self, X) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        return self.classes_[self.estimator_.predict(X)]

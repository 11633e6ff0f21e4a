"""An ensemble of models: the mean of their probabilities."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.ensemble._base import _BaseHeterogeneousEnsemble
from sklearn.utils._param_validation import Interval

from gtzan_exp.models.build import fit
from gtzan_exp.models.validation import as_found


class Vote(ClassifierMixin, _BaseHeterogeneousEnsemble):
    """Soft vote: the mean of the probabilities of models, each under several seeds.

    Unlike scikit-learn's `VotingClassifier` it passes the validation part to its members, which may
    be networks, and takes inputs other than tables. Its attribute ``estimators_`` has the fitted
    members, those of one name side by side.

    Parameters
    ----------
    estimators : list of (str, Pipeline)
        Members by name, with their preprocessing.
    seeds : int
        Number of fits of each member, with increasing ``random_state``.
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "estimators": [list],
        "seeds": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, estimators: Sequence[tuple[str, Any]], *, seeds: int = 1) -> None:
        self.estimators = estimators
        self.seeds = seeds

    def fit(self, X, y, validation_data: tuple[Any, Any] | None = None) -> Self:
        """Fit every member to the same rows; `validation_data` go to those that take them."""
        self._validate_params()
        X_val, y_val = validation_data or (X[:0], y[:0])
        self.classes_ = np.unique(np.asarray(y))
        members = [(member, n) for _, member in self.estimators for n in range(self.seeds)]
        seeded = [_seeded(clone(member), n) for member, n in members]
        self.estimators_ = [fit(member, X, y, X_val, y_val).estimator for member in seeded]
        return self

    def as_found(self) -> Self:
        """Return an unfitted clone whose members train as long as the first fit of each."""
        firsts = self.estimators_[:: self.seeds]
        found = []
        for (name, member), fitted in zip(self.estimators, firsts, strict=True):
            found.append((name, clone(member).set_params(classifier=as_found(fitted[-1]))))
        return clone(self).set_params(estimators=found)

    def predict_proba(self, X) -> np.ndarray:
        """Return the mean of the members' probabilities, shape (n, n_classes)."""
        return np.mean([member.predict_proba(X) for member in self.estimators_], axis=0)

    def predict(self, X) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _seeded(member: Any, more: int) -> Any:
    seeds = {
        name: value + more
        for name, value in member.get_params().items()
        if name.startswith("classifier__") and name.endswith("random_state") and value is not None
    }
    return member.set_params(**seeds)

"""XGBoost with labels of any type."""

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from xgboost import XGBClassifier
from xgboost.callback import TrainingCallback

from gtzan_exp.basics.terminal import doing
from gtzan_exp.data.inputs import take

_POSITIVE_INT = [Interval(Integral, 1, None, closed="left"), None]
_FRACTION = [Interval(Real, 0, 1, closed="right"), None]
_NON_NEGATIVE = [Interval(Real, 0, None, closed="left"), None]


class XGBoost(XGBClassifier):
    """`xgboost.XGBClassifier` that encodes labels, as scikit-learn's classifiers do.

    Parameters, attributes and defaults are those of the base class.
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_estimators": _POSITIVE_INT,
        "early_stopping_rounds": _POSITIVE_INT,
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "max_depth": [Interval(Integral, 0, None, closed="left"), None],
        "min_child_weight": _NON_NEGATIVE,
        "subsample": _FRACTION,
        "colsample_bytree": _FRACTION,
        "max_bin": [Interval(Integral, 2, None, closed="left"), None],
        "reg_alpha": _NON_NEGATIVE,
        "reg_lambda": _NON_NEGATIVE,
        "gamma": _NON_NEGATIVE,
        "base_score": [Real, None],
        "tree_method": [StrOptions({"auto", "exact", "approx", "hist"}), None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    @property
    def needs_validation(self) -> bool:
        """Whether `fit` needs ``validation_data``."""
        return self.early_stopping_rounds is not None

    @property
    def best_epoch_(self) -> int:
        """The number of boosting rounds that early stopping kept."""
        return self.best_iteration + 1

    def as_found(self) -> Self:
        """Return an unfitted clone with the number of rounds that early stopping found best."""
        if not self.needs_validation:
            return clone(self)
        return clone(self).set_params(n_estimators=self.best_epoch_, early_stopping_rounds=None)

    def fit(self, X, y, validation_data: tuple[Any, Any] | None = None, **fit_params: Any) -> Self:
        """Fit the trees to labels of any type, shape (n,); `validation_data` (X, y) is optional."""
        self._labels = None
        labels, codes = np.unique(np.asarray(y), return_inverse=True)
        if validation_data is not None and self.needs_validation:
            X_val, y_val = validation_data
            known = np.flatnonzero(np.isin(y_val, labels))
            val = take(X_val, known), np.searchsorted(labels, np.asarray(y_val)[known])
            fit_params |= {"eval_set": [val], "verbose": False}
        given = self.callbacks
        try:
            with doing("boosting rounds", self.get_num_boosting_rounds()) as advance:

                class Rounds(TrainingCallback):
                    def after_iteration(self, *_: Any) -> bool:
                        return bool(advance())

                self.callbacks = [*(given or ()), Rounds()]
                super().fit(X, codes, **fit_params)
        finally:
            self.callbacks = given
        self._labels = labels
        return self

    @property
    def classes_(self) -> np.ndarray:
        labels = getattr(self, "_labels", None)
        return super().classes_ if labels is None else labels

    def predict(self, X, **predict_params: Any) -> np.ndarray:
        """Return the most probable class of each row, shape (n,)."""
        return self.classes_[super().predict(X, **predict_params)]

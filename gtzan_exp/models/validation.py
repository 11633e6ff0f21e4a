"""Validation parts from outside: who needs one, how it is handed over, and what it found."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

from gtzan_exp.data.contracts import Classifier

_FEWEST_ROWS = 10_000
"""scikit-learn's ``early_stopping="auto"`` stops early with more training rows than this."""


def needs_validation(classifier: Classifier, n_rows: int = 0) -> bool:
    """Return whether a classifier, or one that it is made of, stops early.

    One of ours says so by ``needs_validation``, one of scikit-learn's by ``early_stopping``.

    Parameters
    ----------
    n_rows : int
        Number of rows of the data.
    """
    stops = (True, "auto") if n_rows > _FEWEST_ROWS else (True,)
    return any(
        getattr(part, "needs_validation", False) or getattr(part, "early_stopping", False) in stops
        for part in _parts(classifier)
    )


def cuts_rows(classifier: Classifier) -> str | None:
    """Return the option that lets `fit` itself cut validation rows from the training part."""
    for part in _parts(classifier):
        if getattr(part, "early_stopping", False) is True and _takes(part) is None:
            return "early_stopping"
        if getattr(part, "n_iter_no_change", None) and not hasattr(part, "early_stopping"):
            return "n_iter_no_change"
    return None


def handed_over(
    classifier: Classifier, inputs: Callable[[], Any], y_val: np.ndarray
) -> dict[str, Any]:
    """Return what `fit` is to be given of a validation part.

    Parameters
    ----------
    inputs : callable
        Returns the inputs of its rows; it is called where they are needed.
    y_val : ndarray of str, shape (n,)
        Their labels; without any, nothing is handed over.
    """
    taken = _takes(classifier) if len(y_val) else None
    if taken == "validation_data":
        return {taken: (inputs(), y_val)}
    if taken == "X_val" and getattr(classifier, "early_stopping", None) is not False:
        return {taken: inputs(), "y_val": y_val}
    return {}


def as_found(classifier: Any) -> Classifier:
    """Return a fitted classifier, not fitted, that trains as long as the validation part found."""
    if hasattr(classifier, "as_found"):
        return classifier.as_found()
    rounds = classifier.n_iter_ if getattr(classifier, "do_early_stopping_", False) else None
    found = {} if rounds is None else {"max_iter": rounds, "early_stopping": False}
    return clone(classifier).set_params(**found)


def _parts(classifier: Classifier) -> tuple[Any, ...]:
    return (classifier, *classifier.get_params().values())


def _takes(classifier: Any) -> str | None:
    parameters = inspect.signature(classifier.fit).parameters
    return next((name for name in ("validation_data", "X_val") if name in parameters), None)

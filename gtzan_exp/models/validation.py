"""External validation parts: which classifiers need one, and how `fit` gets it."""

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
    """Return whether a classifier, or one of its members, uses early stopping.

    Ours have the attribute ``needs_validation``, scikit-learn's have ``early_stopping``, which may
    depend on `n_rows` of the data.
    """
    stops = (True, "auto") if n_rows > _FEWEST_ROWS else (True,)
    return any(
        getattr(part, "needs_validation", False) or getattr(part, "early_stopping", False) in stops
        for part in _parts(classifier)
    )


def cuts_rows(classifier: Classifier) -> str | None:
    """Return the option by which `fit` itself cuts validation rows from the training part."""
    for part in _parts(classifier):
        if getattr(part, "early_stopping", False) is True and _takes(part) is None:
            return "early_stopping"
        if getattr(part, "n_iter_no_change", None) and not hasattr(part, "early_stopping"):
            return "n_iter_no_change"
    return None


def handed_over(
    classifier: Classifier, inputs: Callable[[], Any], y_val: np.ndarray
) -> dict[str, Any]:
    """Return the keyword arguments of `fit` for a validation part, none if it is empty.

    `inputs` returns those of its rows, and is only called if needed; `y_val` has shape (n,).
    """
    taken = _takes(classifier) if len(y_val) else None
    if taken == "validation_data":
        return {taken: (inputs(), y_val)}
    if taken == "X_val" and getattr(classifier, "early_stopping", None) is not False:
        return {taken: inputs(), "y_val": y_val}
    return {}


def as_found(classifier: Any) -> Classifier:
    """Return an unfitted clone of a fitted classifier that trains as long as was found best."""
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

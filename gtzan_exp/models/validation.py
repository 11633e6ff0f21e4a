"""Classifiers: which need a validation part, how `fit` gets it, and what they have learned."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

from gtzan_exp.data.contracts import Classifier

_FEWEST_ROWS = 10_000
"""scikit-learn's ``early_stopping="auto"`` stops early with more training rows than this."""

_ARRAYS = ("support_vectors_", "dual_coef_", "coef_", "coefs_", "intercept_", "intercepts_")
_CURVES = {
    "loss_curve_": "loss",
    "train_score_": "score",
    "validation_score_": "val_score",
    "validation_scores_": "val_score",
}


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
    """Return the keyword arguments of `fit` for a validation part of lazy `inputs`, or none."""
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


def n_parameters(estimator: Any) -> int | None:
    """Return the number of parameters of a fitted classifier, or of the last step of a pipeline.

    Weights and biases, dual coefficients, support vectors and intercepts, nodes of trees (each
    holds a threshold or a leaf value), and the sum over an ensemble. None where it has none.
    """
    match vars(estimator):
        case {"steps": [*_, (_, last)]}:
            return n_parameters(last)
        case {"model_": network}:
            return int(network.count_params())
        case {"tree_": tree}:
            return int(tree.node_count)
        case {"_Booster": booster}:
            return sum(dump.count("leaf=") * 2 - 1 for dump in booster.get_dump())
        case {"calibrated_classifiers_": calibrated}:
            members = [each.estimator for each in calibrated]
        case {"estimators_": found, **others}:
            final = others.get("final_estimator_")
            members = [*getattr(found, "flat", found), *([] if final is None else [final])]
        case {"estimator_": wrapped}:
            members = [wrapped]
        case offered:
            arrays = [offered[name] for name in _ARRAYS if name in offered]
            flat = [a for some in arrays for a in (some if isinstance(some, list) else [some])]
            return sum(map(np.size, flat)) if flat else None
    counts = [n_parameters(member) for member in members]
    return None if None in counts else sum(filter(None, counts))


def curves(classifier: Any) -> dict[str, list[float]]:
    """Return the learning curves of a fitted classifier: ``loss``, ``val_loss`` or its own."""
    offered = vars(classifier)
    found = {name: offered[key] for key, name in _CURVES.items() if offered.get(key) is not None}
    found |= offered.get("history_", {})
    return {name: [float(v) for v in values] for name, values in found.items() if len(values)}

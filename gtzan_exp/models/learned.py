"""The number of parameters and the learning curves of a fitted classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

_ARRAYS = ("support_vectors_", "dual_coef_", "coef_", "coefs_", "intercept_", "intercepts_")
_CURVES = {
    "loss_curve_": "loss",
    "train_score_": "score",
    "validation_score_": "val_score",
    "validation_scores_": "val_score",
}


def n_parameters(estimator: Any) -> int | None:
    """Return the number of parameters of a fitted classifier, or of the last step of a pipeline.

    Weights and biases of networks and linear models, dual coefficients, support vectors and
    intercepts of `SVC`, nodes of trees (each holds a threshold or a leaf value), and the sum over
    the members of an ensemble. None where it has none of these.
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

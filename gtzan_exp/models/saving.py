"""Saving and loading pipelines with skops, which runs no code of untrusted types."""

import importlib
import io
import sys
from pathlib import Path
from typing import Any, BinaryIO

from gtzan_exp.basics.errors import DataError, GtzanExpError, Mistake, one_line

_DISTANCES = (
    *("BrayCurtis", "Canberra", "Chebyshev", "Dice", "Euclidean", "Hamming", "Jaccard"),
    *("Manhattan", "Minkowski", "RogersTanimoto", "RussellRao", "SokalMichener", "SokalSneath"),
)
TRUSTED_TYPES = (
    "numpy.dtype",
    "scipy.optimize._optimize.OptimizeResult",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in _DISTANCES),
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRFClassifier",
)
"""Types beyond those that skops trusts by itself and the estimators of this package. Loading
refuses a model with any other that the user does not name, whatever list the file brings along."""

REMEDY = "model.trusted_types=[{}] after reviewing them, or tracking.log_model=false"

_OWN = "gtzan_exp.models."


def trusted_types(named: tuple[str, ...]) -> list[str]:
    """Return the types that are trusted when saving: `named` ones and our own."""
    modules = [(name, module) for name, module in sys.modules.items() if name.startswith(_OWN)]
    own = [f"{name}.{kind}" for name, module in modules for kind in vars(module)]
    return [*TRUSTED_TYPES, *filter(_is_own, own), *named]


def saved_and_loaded(estimator: Any, named: tuple[str, ...]) -> Any:
    """Return a pipeline after saving and loading it."""
    import skops.io

    file = io.BytesIO()
    try:
        skops.io.dump(estimator, file)
        return loaded(file, named, REMEDY)
    except GtzanExpError:
        raise
    except Exception as error:  # whatever a class of the user's own raises
        what, allowed = "cannot be saved and loaded", "tracking.log_model=false"
        raise DataError(Mistake("model", what, allowed, one_line(error))) from error


def loaded(file: Path | BinaryIO, named: tuple[str, ...], remedy: str) -> Any:
    """Load a pipeline with only trusted or `named` types; `remedy` says how to trust others."""
    import skops.io

    found = set(skops.io.get_untrusted_types(file=file))
    trusted = {*TRUSTED_TYPES, *filter(_is_own, found), *named}
    if found - trusted:
        names = ",".join(sorted(found - trusted))
        what = "holds types that are not trusted"
        raise DataError(Mistake("model", what, remedy.format(names), names))
    return skops.io.load(file, trusted=sorted(trusted))


def _is_own(name: str) -> bool:
    """Return whether a type is an estimator defined in this package."""
    from sklearn.base import BaseEstimator

    module, _, kind = name.rpartition(".")
    if not module.startswith(_OWN):
        return False
    try:
        found = getattr(importlib.import_module(module), kind, None)
    except ImportError:
        return False
    is_estimator = isinstance(found, type) and issubclass(found, BaseEstimator)
    return is_estimator and found.__module__ == module

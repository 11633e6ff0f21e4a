"""Fitted models in MLflow: saved with skops, never with pickle."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gtzan_exp.data.dataset import Dataset
from gtzan_exp.errors import DataError, Mistake

TRUSTED_TYPES = (
    "gtzan_exp.models.boosting.XGBoost",
    "gtzan_exp.models.networks.AlexNet",
    "gtzan_exp.models.networks.CNN1D",
    "gtzan_exp.models.networks.CNN2D",
    "gtzan_exp.models.networks.CNN2DLeaky",
    "gtzan_exp.models.preprocess.Flatten",
    "gtzan_exp.models.preprocess.ToSequence",
    "numpy.dtype",
    "scipy.optimize._optimize.OptimizeResult",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "xgboost.core.Booster",
)
"""Types beyond those that skops trusts by itself. Loading refuses a model with any other, whatever
list the file itself brings along."""

_BASE_PACKAGES = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
_PACKAGES_BY_MODULE = {"xgboost": ("xgboost",), "keras": ("keras", "tensorflow")}


def requirements(estimator: Any) -> list[str]:
    """Return the pinned packages that the fitted pipeline needs."""
    bases = {base.__module__.partition(".")[0] for base in type(estimator[-1]).__mro__}
    packages = list(_BASE_PACKAGES)
    if hasattr(estimator[-1], "model_"):
        bases.add("keras")
    for module, names in _PACKAGES_BY_MODULE.items():
        if module in bases:
            packages.extend(names)
    return [f"{name}=={version(name)}" for name in sorted(packages)] + [
        f"gtzan-exp=={version('gtzan-exp')}"
    ]


def log_model(run_id: str, estimator: Any, dataset: Dataset, *, trusted: tuple[str, ...]) -> str:
    """Log a fitted pipeline to the active run and return the URI of the model.

    Parameters
    ----------
    run_id : str
        The active run.
    estimator : Pipeline
    dataset : Dataset
        Its first row is the input example; its classes and view go into the metadata.
    trusted : tuple of str
        Types to trust besides `TRUSTED_TYPES`.

    Raises
    ------
    DataError
        The pipeline holds a type that is not trusted.
    """
    import mlflow.sklearn
    from mlflow.models import infer_signature

    first = dataset.take(np.arange(1))
    example = first if dataset.view == "features" else np.asarray(first)
    allowed = [*TRUSTED_TYPES, *trusted]
    _check_types(estimator, allowed)
    info = mlflow.sklearn.log_model(
        estimator,
        name="model",
        serialization_format="skops",
        skops_trusted_types=allowed,
        signature=infer_signature(example, np.asarray(dataset.labels[:1], dtype=object)),
        input_example=example,
        pip_requirements=requirements(estimator),
        metadata={
            "classes": list(dataset.classes),
            "view": dataset.view,
            "data": dataset.name,
            "synthetic": dataset.synthetic,
            "run_id": run_id,
        },
    )
    return info.model_uri


def load_model(uri: str, *, trusted: tuple[str, ...] = ()) -> Any:
    """Load a pipeline that `log_model` logged.

    Parameters
    ----------
    uri : str
        ``runs:/<run id>/model``, ``models:/...`` or a local path.
    trusted : tuple of str
        Types to trust besides `TRUSTED_TYPES`. The list in the file itself is not used.

    Raises
    ------
    DataError
        The model is not there, or holds a type that is not trusted.
    """
    import skops.io
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        folder = Path(download_artifacts(uri))
    except (MlflowException, OSError) as error:
        raise DataError(
            Mistake("model", "cannot be fetched", "the URI of a logged model", f"{uri} ({error})")
        ) from error
    path = folder / "model.skops"
    if not path.is_file():
        raise DataError(
            Mistake("model", "is not one of ours", "a folder with model.skops", str(folder))
        )
    allowed = {*TRUSTED_TYPES, *trusted}
    found = set(skops.io.get_untrusted_types(file=path)) - allowed
    if found:
        raise _untrusted(found)
    return skops.io.load(path, trusted=sorted(allowed))


def _check_types(estimator: Any, allowed: list[str]) -> None:
    import skops.io

    found = set(skops.io.get_untrusted_types(data=skops.io.dumps(estimator))) - set(allowed)
    if found:
        raise _untrusted(found)


def _untrusted(found: set[str]) -> DataError:
    return DataError(
        Mistake(
            "model",
            "holds types that are not trusted",
            "types in model.trusted_types (after a look at them), or tracking.log_model=false",
            ", ".join(sorted(found)),
        )
    )

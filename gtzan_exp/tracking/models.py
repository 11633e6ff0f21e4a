"""Fitted models in MLflow: saved with skops, never with pickle."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.data.dataset import Dataset
from gtzan_exp.data.views import View
from gtzan_exp.errors import ConfigError, DataError, Mistake
from gtzan_exp.tracking.card import ModelCard
from gtzan_exp.tracking.store import Tracking, quiet

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

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

LOADER = "gtzan_exp.tracking.serving"
"""The module that gives a logged model to `mlflow.pyfunc`."""

_BASE_PACKAGES = ("librosa", "numpy", "pandas", "scikit-learn", "scipy", "skops")
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


@dataclass(frozen=True)
class LoggedModel:
    """A model that `log_model` logged: the fitted pipeline and what it says of itself."""

    estimator: Any
    card: ModelCard


def log_model(
    run_id: str,
    estimator: Any,
    dataset: Dataset,
    view: View,
    prepare: PrepareSettings,
    *,
    trusted: tuple[str, ...],
) -> str:
    """Log a fitted pipeline to the active run and return the URI of the model.

    It has two flavours: ``mlflow.sklearn`` loads the pipeline, ``mlflow.pyfunc`` and
    ``mlflow models serve`` give a `gtzan_exp.tracking.serving.ServedModel`.

    Parameters
    ----------
    run_id : str
        The active run.
    estimator : Pipeline
    dataset : Dataset
        Its first row is the input example.
    view : View
        What the model sees.
    prepare : PrepareSettings
        How the view was made from audio.
    trusted : tuple of str
        Types to trust besides `TRUSTED_TYPES`.

    Raises
    ------
    DataError
        The pipeline holds a type that is not trusted.
    """
    from mlflow.models import Model

    allowed = [*TRUSTED_TYPES, *trusted]
    _check_types(estimator, allowed)
    card = ModelCard(
        view, prepare, dataset.classes, dataset.name, synthetic=dataset.synthetic, run_id=run_id
    )
    example = _example(dataset)
    info = Model.log(
        artifact_path=None,
        name="model",
        flavor=SimpleNamespace(__name__="mlflow.sklearn", save_model=_save),
        metadata=card.metadata(),
        sk_model=estimator,
        serialization_format="skops",
        skops_trusted_types=allowed,
        signature=_signature(example),
        input_example=example,
        pip_requirements=requirements(estimator),
        validate_serving_input=False,  # it would load the whole model once more
    )
    return info.model_uri


def load_model(uri: str, *, trusted: tuple[str, ...] = ()) -> Any:
    """Load the pipeline alone of a model that `log_model` logged; see `load_logged`."""
    return load_logged(uri, trusted=trusted).estimator


def load_logged(
    uri: str, *, trusted: tuple[str, ...] = (), tracking_uri: str | None = None
) -> LoggedModel:
    """Load a model that `log_model` logged, with what it says of itself.

    Parameters
    ----------
    uri : str
        ``runs:/<run id>/model``, ``models:/...`` or a local path.
    trusted : tuple of str
        Types to trust besides `TRUSTED_TYPES`. The list in the file itself is not used.
    tracking_uri : str, optional
        The store that a ``runs:`` or ``models:`` URI is looked up in, and MLflow's current one from
        then on.

    Raises
    ------
    DataError
        The model is not there, is not one of ours, or holds a type that is not trusted.
    """
    if Path(uri).is_dir():
        return _load(Path(uri), trusted)
    with tempfile.TemporaryDirectory() as place:
        return _load(_fetch(uri, tracking_uri, place), trusted)


def _load(folder: Path, trusted: tuple[str, ...]) -> LoggedModel:
    import skops.io
    import yaml

    path, description = folder / "model.skops", folder / "MLmodel"
    if not (path.is_file() and description.is_file()):
        allowed = "a folder with MLmodel and model.skops"
        raise DataError(Mistake("model", "is not one of ours", allowed, str(folder)))
    try:
        metadata = yaml.safe_load(description.read_bytes())["metadata"]
        untrusted = skops.io.get_untrusted_types(file=path)
    except (yaml.YAMLError, zipfile.BadZipFile, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, error) from error
    allowed = {*TRUSTED_TYPES, *trusted}
    found = set(untrusted) - allowed
    if found:
        raise _untrusted(found)
    card = ModelCard.read(metadata, str(description), trusted=trusted)
    try:
        return LoggedModel(skops.io.load(path, trusted=sorted(allowed)), card)
    except (AttributeError, ImportError, KeyError, OSError, TypeError, ValueError) as error:
        raise _damaged(folder, error) from error


def model_of_run(tracking: Tracking, run_id: str) -> str:
    """Return the URI of the model that a run recorded.

    Raises
    ------
    ConfigError
        The store does not answer.
    DataError
        There is no such run in it, or the run recorded no model.
    """
    from mlflow.exceptions import MlflowException

    try:
        outputs = tracking.client().get_run(run_id).outputs
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            got = f"{tracking.uri} ({str(error).strip().splitlines()[0]})"
            what, allowed = "the store does not answer", "a store that answers"
            raise ConfigError(Mistake("tracking.uri", what, allowed, got)) from error
        allowed = f"a run in {tracking.uri} (tracking=... names another store)"
        raise DataError(Mistake("model", "no such run", allowed, run_id)) from error
    if not (outputs and outputs.model_outputs):
        allowed = "a run of one fold with tracking.log_model=true"
        raise DataError(Mistake("model", "the run recorded no model", allowed, run_id))
    return f"runs:/{run_id}/model"


def _fetch(uri: str, tracking_uri: str | None, place: str) -> Path:
    quiet()
    import mlflow
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    if tracking_uri:
        mlflow.set_tracking_uri(tracking_uri)  # not all of `download_artifacts` heeds its argument
    try:
        return Path(download_artifacts(uri, dst_path=place))
    except (MlflowException, OSError) as error:
        raise DataError(
            Mistake("model", "cannot be fetched", "the URI of a logged model", f"{uri} ({error})")
        ) from error


def _save(path: str, mlflow_model: Model, *, sk_model: Any, **options: Any) -> None:
    """Save with the scikit-learn flavour, and our loader for the generic one."""
    import mlflow.sklearn

    del options["validate_serving_input"]
    mlflow.sklearn.save_model(sk_model, path, mlflow_model=mlflow_model, **options)
    mlflow_model.flavors["python_function"]["loader_module"] = LOADER
    mlflow_model.save(str(Path(path) / "MLmodel"))


def _example(dataset: Dataset) -> pd.DataFrame:
    """Return the first row, or the bytes of the first picture, as the served model takes them."""
    from gtzan_exp.audio.spectrograms import encode_png

    if isinstance(dataset.X, pd.DataFrame):
        return dataset.take(np.arange(1))
    pieces = dataset.take(np.flatnonzero(dataset.tracks == dataset.tracks[0]))
    pixels = np.rint(np.concatenate(np.asarray(pieces), axis=1) * (255.0 / pieces.peak))
    return pd.DataFrame({"image": [encode_png(pixels.astype(np.uint8))]})


def _signature(example: pd.DataFrame) -> ModelSignature:
    """Return what a request may hold: the columns of the example or audio, so none is required."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

    kinds = dict.fromkeys(example.columns, DataType.double)
    if "image" in kinds:
        kinds["image"] = DataType.binary
    columns = [
        ColSpec(kind, name, required=False)
        for name, kind in {**kinds, "audio": DataType.binary}.items()
    ]
    return ModelSignature(
        inputs=Schema(columns),
        outputs=Schema([ColSpec(DataType.string)]),
        params=ParamSchema([ParamSpec("probabilities", DataType.boolean, default=False)]),
    )


def _check_types(estimator: Any, allowed: list[str]) -> None:
    import skops.io

    found = set(skops.io.get_untrusted_types(data=skops.io.dumps(estimator))) - set(allowed)
    if found:
        raise _untrusted(found)


def _damaged(folder: Path, error: Exception) -> DataError:
    got = f"{folder} ({type(error).__name__}: {error})"
    return DataError(Mistake("model", "is damaged, or not one of ours", "a whole model", got))


def _untrusted(found: set[str]) -> DataError:
    return DataError(
        Mistake(
            "model",
            "holds types that are not trusted",
            "types in model.trusted_types (after a look at them), or tracking.log_model=false",
            ", ".join(sorted(found)),
        )
    )

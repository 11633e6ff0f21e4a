"""Fitted models in MLflow: saved with skops, never with pickle."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.basics import keras_loader
from gtzan_exp.basics.checks import look_for
from gtzan_exp.basics.errors import DataError, GtzanExpError, Mistake, RefusedError, one_line
from gtzan_exp.basics.files import read_bytes, write_text
from gtzan_exp.data.contracts import Dataset, Servable, View
from gtzan_exp.models.keras_classifier import KerasClassifier
from gtzan_exp.models.saving import loaded, saved_and_loaded, trusted_types
from gtzan_exp.tracking.card import ModelCard
from gtzan_exp.tracking.store import Tracking, aside, quiet

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.models import ModelSignature

ALIAS = "challenger"  # of the newest version of a registered model, in MLflow's own terms
LOADER = "gtzan_exp.tracking.serving"  # the loader module of logged models for `mlflow.pyfunc`
MODEL = "one model=MODEL: the id of a run, models:/..., or the folder of a model"

REMEDY = (
    "trusted_types=[{0}] of predict, trusted=[...] of load_model, GTZAN_EXP_TRUSTED_TYPES={0} of a "
    "server, after reviewing them"
)
_PIPELINE, _DESCRIPTION, _DIGEST = "model.skops", "MLmodel", "sha256"
_BASE_PACKAGES = ("librosa", "numpy", "pandas", "scikit-learn", "scipy", "skops")


def requirements(estimator: Any, view: View) -> list[str]:
    """Return the pinned requirements of a fitted pipeline, and of the embedder of its view."""
    parts = [part for part in estimator.get_params().values() if hasattr(part, "get_params")]
    used = {base.__module__.partition(".")[0] for part in parts for base in type(part).__mro__}
    packages = {*_BASE_PACKAGES, *_embedding(view), *(used - {"gtzan_exp", "sklearn"})}
    if any(isinstance(part, KerasClassifier) for part in parts):
        packages |= {"keras", os.environ[keras_loader.VARIABLE]}
    found = []
    for name in (*sorted(packages), "gtzan-exp"):
        with suppress(PackageNotFoundError):  # a module of the user's own
            found.append(f"{name}=={version(name)}")
    return found


def _embedding(view: object) -> Iterator[str]:
    """Yield the packages of the embedders of a view, and of the views in it."""
    yield from getattr(getattr(view, "embedder", None), "packages", ())
    for part in getattr(view, "parts", {}).values():
        yield from _embedding(part)


@dataclass(frozen=True)
class LoggedModel:
    """A model of a run: the fitted pipeline and its metadata."""

    estimator: Any
    card: ModelCard


def save_model(
    folder: Path,
    estimator: Any,
    dataset: Dataset,
    view: View,
    prepare: PrepareSettings,
    *,
    trusted: tuple[str, ...],
) -> None:
    """Save a fitted pipeline as an MLflow model that is not yet assigned to a run.

    It has two flavours: ``mlflow.sklearn`` loads the pipeline, ``mlflow.pyfunc`` and ``mlflow
    models serve`` give a `gtzan_exp.tracking.serving.ServedModel`. The first track of the training
    data is the input example, if the view is `Servable`. An earlier attempt in `folder` is
    replaced. `trusted` are types besides those of `gtzan_exp.models.saving`; `DataError` if the
    pipeline holds another, or cannot be saved.
    """
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    shutil.rmtree(folder, ignore_errors=True)
    card = ModelCard(
        view, prepare, dataset.classes, dataset.name, synthetic=dataset.synthetic, run_id=""
    )
    example = view.example(dataset) if isinstance(view, Servable) else None
    try:
        mlflow.sklearn.save_model(
            estimator,
            str(folder),
            mlflow_model=Model(metadata=card.metadata()),
            serialization_format="skops",
            skops_trusted_types=trusted_types(trusted),
            signature=_signature(example),
            input_example=example,
            pip_requirements=requirements(estimator, view),
        )
    except MlflowException:
        shutil.rmtree(folder, ignore_errors=True)
        saved_and_loaded(estimator, trusted)  # gives a better error
        raise


def create_model(
    client: MlflowClient,
    experiment_id: str,
    run_id: str,
    name: str,
    params: Mapping[str, str],
    *,
    again: bool = False,
) -> str:
    """Create the logged model of a run in the store, and return the model's id.

    MLflow refuses some characters in names; they become ``_``. `again` repeats a creation that may
    have been completed, wholly or in part.
    """
    from mlflow.entities import LoggedModelOutput

    wanted = f"source_run_id = '{run_id}'"
    known = client.search_logged_models([experiment_id], wanted, max_results=1) if again else []
    model = next(iter(known), None) or client.create_logged_model(
        experiment_id,
        name=re.sub(r"""[/:.%"']""", "_", name),
        source_run_id=run_id,
        params=dict(params),
    )
    if not known or model.model_id not in _model_ids(client.get_run(run_id)):
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model.model_id


def upload_model(client: MlflowClient, model_id: str, run_id: str, folder: Path) -> None:
    """Upload a model from `save_model`, with the ids of the store and our pyfunc loader."""
    from mlflow.models import Model

    place = client.get_logged_model(model_id).artifact_location
    description = folder / _DESCRIPTION
    model = Model.load(str(description))
    model.run_id, model.model_id, model.model_uuid = run_id, model_id, model_id
    model.artifact_path = place
    whole = sha256(read_bytes(folder / _PIPELINE)).hexdigest()
    model.metadata = {**(model.metadata or {}), "run_id": run_id, _DIGEST: whole}
    model.flavors["python_function"]["loader_module"] = LOADER
    write_text(description, model.to_yaml())
    client.log_model_artifacts(model_id, str(folder))
    client.finalize_logged_model(model_id, "READY")


def register_model(
    tracking: Tracking, client: MlflowClient, name: str, model_id: str, run_id: str, note: str
) -> str:
    """Register the logged model of a run under a name, unless it is, and return its version.

    The newest version has the alias `ALIAS`; its description is `note`.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    with _use_tracking_uri(tracking.uri):  # a database looks for the model there
        source = f"models:/{model_id}"
        found = next(iter(known), None) or client.create_model_version(
            name, source, run_id, model_id=model_id, description=note
        )
    newest = max(int(each.version) for each in client.search_model_versions(f"name = '{name}'"))
    client.set_registered_model_alias(name, ALIAS, str(newest))
    return str(found.version)


def load_model(uri: str, *, trusted: tuple[str, ...] = ()) -> Any:
    """Load only the pipeline of a logged model; see `load_logged`."""
    return load_logged(uri, trusted=trusted).estimator


def load_logged(
    uri: str, *, trusted: tuple[str, ...] = (), tracking_uri: str | None = None
) -> LoggedModel:
    """Load a logged model, ``runs:/<run id>/model``, ``models:/...`` or a path, with its metadata.

    `tracking_uri` is its store, MLflow's current one when omitted. `trusted` are types besides
    those of `gtzan_exp.models.saving`, whatever the file says. Raises `DataError` if the model is
    missing, is not one of ours, or holds an untrusted type.
    """
    if Path(uri).is_dir():
        return _load(Path(uri), trusted)
    with tempfile.TemporaryDirectory() as place:
        return _load(fetch(uri, tracking_uri, place), trusted)


def _load(folder: Path, trusted: tuple[str, ...]) -> LoggedModel:
    path, description = folder / _PIPELINE, folder / _DESCRIPTION
    if not (path.is_file() and description.is_file()):
        wanted = "a folder with MLmodel and model.skops"
        raise DataError(Mistake("model", "is not one of ours", wanted, str(folder)))
    for name in trusted:
        look_for(name)
    try:
        metadata = yaml.safe_load(read_bytes(description))["metadata"]
        card = ModelCard.read(metadata, str(description), trusted=trusted)
        estimator = loaded(path, trusted, REMEDY)
        genres = set(map(str, estimator[-1].classes_))
        if not genres or not genres <= set(card.classes):
            raise ValueError("its genres are not those of its description")
        if metadata.get(_DIGEST) not in (None, sha256(read_bytes(path)).hexdigest()):
            raise ValueError(f"{path.name} is that of another model")
        return LoggedModel(estimator, card)
    except (GtzanExpError, MemoryError):
        raise
    except Exception as error:  # a damaged file raises anything in skops, NumPy or Keras
        got = f"{folder} ({one_line(error)})"
        what, wanted = "is damaged, or is not one of ours", "a whole model"
        raise DataError(Mistake("model", what, wanted, got)) from error


def find_logged(model: str, tracking: Tracking, *, trusted: tuple[str, ...] = ()) -> LoggedModel:
    """Load a logged model by the id of its run, an MLflow URI or its folder."""
    path = Path(model).expanduser()
    if path.is_dir():
        return load_logged(str(path), trusted=trusted)
    if re.fullmatch(r"[0-9a-f]{32}", model):
        try:
            uri = model_of_run(tracking, model)
        except RefusedError as error:
            allowed = f"a run in {tracking.uri} (tracking=... names another store)"
            raise DataError(Mistake("model", "no such run", allowed, model)) from error
        if uri is None:
            allowed = "a run of one fold with tracking.log_model=true"
            raise DataError(Mistake("model", "the run recorded no model", allowed, model))
        model = uri
    elif not re.fullmatch(r"(runs|models):/.+", model):
        raise DataError(Mistake("model", "is not there", MODEL, model))
    return load_logged(model, trusted=trusted, tracking_uri=tracking.uri)


def model_of_run(tracking: Tracking, run_id: str) -> str | None:
    """Return the URI of the model of a run, or None where it recorded none."""
    with tracking.asked() as client:
        return next((f"models:/{id}" for id in _model_ids(client.get_run(run_id))), None)


def _model_ids(run: Run) -> list[str]:
    return [output.model_id for output in run.outputs.model_outputs] if run.outputs else []


def fetch(uri: str, tracking_uri: str | None, place: str) -> Path:
    """Download a model or a file of a run into the folder `place`, and return its path.

    ``runs:/<run id>/model`` is the model of a run, whatever its name.
    """
    quiet()
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    # `download_artifacts` ignores its argument in places
    current = _use_tracking_uri(tracking_uri) if tracking_uri else nullcontext()
    try:
        with aside(), current:
            named = re.fullmatch(r"runs:/([0-9a-f]{32})/model", uri)
            found = _model_ids(MlflowClient().get_run(named[1])) if named else []
            uri = f"models:/{found[0]}" if found else uri
            return Path(download_artifacts(uri, dst_path=place))
    except (MlflowException, OSError) as error:
        raise DataError(
            Mistake("model", "cannot be fetched", "the URI of a logged model", f"{uri} ({error})")
        ) from error


def _signature(example: pd.DataFrame | None) -> ModelSignature:
    """Return a signature with the columns of the example and audio, all of them optional."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array

    kinds: dict[str, Any] = {"audio": DataType.binary}
    for name, (cell, *_) in {} if example is None else example.items():
        numbers = Array(DataType.double) if isinstance(cell, list) else DataType.double
        kinds[name] = DataType.binary if isinstance(cell, bytes) else numbers
    return ModelSignature(
        inputs=Schema([ColSpec(kind, name, required=False) for name, kind in kinds.items()]),
        outputs=Schema([ColSpec(DataType.string)]),
        params=ParamSchema([ParamSpec("probabilities", DataType.boolean, default=False)]),
    )

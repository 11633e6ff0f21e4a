"""A rehearsal before a run: models that are not shipped are tried on a few rows."""

import re
import warnings
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from sklearn.base import clone

from gtzan_exp.basics.errors import ConfigError, DataError, GtzanExpError, Mistake, one_line
from gtzan_exp.config.cell import Cell
from gtzan_exp.config.files import choices, conf_folder
from gtzan_exp.data.contracts import Dataset, Split
from gtzan_exp.evaluation.evaluate import predict
from gtzan_exp.models.build import build, check_rows, fit
from gtzan_exp.models.keras_classifier import KerasClassifier
from gtzan_exp.models.saving import saved_and_loaded
from gtzan_exp.models.trainer import Trainer

_ROWS_PER_GENRE = 10
_ROUNDS = 3
_LENGTHS = ("n_estimators", "max_iter", "iterations")
_rehearsed: set[tuple[frozenset[type], bool]] = set()


def rehearse(cell: Cell, dataset: Dataset, split: Split, *, networks: bool = True) -> None:
    """Fit, predict, save and load a model briefly, once per process for its classes.

    Of shipped models only the rows are counted; networks are skipped without `networks`. Raises
    `ConfigError` or `DataError` if a training part has too few rows, or the model cannot be fitted
    or registered, or predicts differently after it is saved and loaded.
    """
    params = cell.classifier.get_params().values()
    parts = [cell.classifier, *(value for value in params if hasattr(value, "get_params"))]
    learners = {type(part) for part in parts if part is parts[0] or hasattr(part, "predict")}
    saves = cell.tracking.log_model and len(split.reported) == 1
    if cell.tracking.registry and not saves:
        allowed = "a run of one fold, with tracking.log_model=true"
        what = "there will be no model to register"
        raise ConfigError(Mistake("tracking.registry", what, allowed, cell.tracking.registry))
    known = (frozenset(learners), saves)
    names = {f"{kind.__module__.partition('.')[0]} {kind.__name__}" for kind in learners}
    if names <= _shipped():
        pipeline = build(cell.model, cell.classifier, cell.view.gives)
        for fold in split.folds:
            check_rows(pipeline, dataset.labels[fold.train])
        return
    if known in _rehearsed:
        return
    if not networks and any(isinstance(part, KerasClassifier) for part in parts):
        return
    fold = split.reported[0]
    few = [_few(dataset, part) for part in (fold.train, fold.val)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = _fitted(cell, dataset, *few)
        except Exception:  # it may need more rows, for neighbours or its own folds
            try:
                found = _fitted(cell, dataset, fold.train, fold.val)
            except GtzanExpError:
                raise
            except Exception as error:  # whatever a class of the user's own raises
                raise unfitted(cell, error) from error
        if saves:
            _check_saved(cell, dataset, few[0], found)
    _rehearsed.add(known)


def unfitted(cell: Cell, error: Exception) -> ConfigError:
    """Return the error of a model that cannot be fitted."""
    where, what = f"model={cell.model.name}", "cannot be fitted with these options"
    allowed = "a compatible combination of options (HYDRA_FULL_ERROR=1 shows where it stopped)"
    return ConfigError(Mistake(where, what, allowed, one_line(error)))


@cache
def _shipped() -> frozenset[str]:
    files = (conf_folder() / "model" / f"{name}.yaml" for name in choices("model"))
    targets = (re.search(r"^_target_: (\w+)\S*\.(\w+)$", file.read_text(), re.M) for file in files)
    return frozenset(["sklearn Pipeline", *(" ".join(it.groups()) for it in targets if it)])


def _few(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    genres = dataset.labels[rows]
    found = [rows[genres == genre][:_ROWS_PER_GENRE] for genre in np.unique(genres)]
    return np.concatenate([rows[:0], *found])


def _fitted(cell: Cell, dataset: Dataset, train: np.ndarray, val: np.ndarray) -> Any:
    """Return a pipeline fitted in few rounds, after it has predicted its own rows."""
    brief: dict[str, Any] = {}
    for name, value in cell.classifier.get_params().items():
        if name.rpartition("__")[2] in _LENGTHS and isinstance(value, int):
            brief[name] = min(value, _ROUNDS)
        elif isinstance(value, Trainer):
            brief[name] = replace(value, epochs=1)
    pipeline = build(cell.model, clone(cell.classifier).set_params(**brief), cell.view.gives)
    data = (dataset.take(train), dataset.labels[train], dataset.take(val), dataset.labels[val])
    estimator = fit(pipeline, *data).estimator
    genres = np.unique(data[1])
    if list(estimator.classes_) != list(genres):
        raise ValueError(f"classes_ are to be the genres, not {estimator.classes_}")
    predict(estimator, dataset, train)
    return estimator


def _check_saved(cell: Cell, dataset: Dataset, rows: np.ndarray, estimator: Any) -> None:
    again = saved_and_loaded(estimator, cell.model.trusted_types)
    found, wanted = (predict(each, dataset, rows) for each in (again, estimator))
    if not np.allclose(found, wanted, rtol=1e-5, atol=1e-6, equal_nan=True):
        what = "does not predict the same once it is saved and loaded"
        got = f"probabilities that are {np.abs(found - wanted).max():.2g} apart"
        allowed = "a class that keeps what it learns in its attributes, or tracking.log_model=false"
        raise DataError(Mistake(f"model={cell.model.name}", what, allowed, got))

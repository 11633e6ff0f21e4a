"""From a node of the ``model`` group to a scikit-learn pipeline, and its fit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from sklearn.base import clone

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import Classifier
from gtzan_exp.data.inputs import (
    FORMS,
    Gives,
    InputKind,
    Takes,
    forms_of,
    kinds_of,
    numbered,
    order,
)
from gtzan_exp.models.numbered import NumberedLabels, takes_numbers_alone
from gtzan_exp.models.preprocess import Bands, Branches, Flatten, Pick, ToSequence
from gtzan_exp.models.validation import as_found, curves, handed_over

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CALIBRATION_FOLDS = 3
_INTERRUPTED = "Training interrupted by user"  # scikit-learn's MLP stops on Ctrl-C without raising

Scaler = Literal["standard", "minmax"]
Components = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)] | Literal["full"]


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The options of a ``model`` node that are not arguments of the classifier."""

    name: str  # name of the model in every record
    input: InputKind | Annotated[tuple[InputKind, ...], Field(min_length=2)]  # kinds of input
    # of each input column, fitted on the training part; of several inputs, by their kind
    scaler: Scaler | dict[InputKind, Scaler | None] | None = None
    # Principal components to keep: so many, so much of the variance, or all of them. ``full`` turns
    # the inputs without losing anything, which makes many more columns than rows cheap. Not for
    # images and not for several inputs.
    pca: Components | None = None
    # what a model of vectors sees of an image: every pixel, or five statistics over time of each
    # row of pixels, which are bands of frequency
    pictures: Literal["pixels", "bands"] = "pixels"
    # types of your own that may be saved and loaded besides those that the package trusts
    trusted_types: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _steps_must_fit(self) -> ModelSpec:
        kinds = kinds_of(self.input)
        if self.pca is not None and (len(kinds) > 1 or "image" in kinds):
            raise ValueError("no pca for images and for several inputs")
        if isinstance(self.scaler, dict) and not self.scaler.keys() <= set(kinds):
            raise ValueError(f"scalers of {', '.join(kinds)}")
        return self

    def scaler_of(self, kind: InputKind) -> Any:
        """Return the unfitted scaler of an input."""
        from sklearn.preprocessing import MinMaxScaler, StandardScaler

        name = self.scaler.get(kind) if isinstance(self.scaler, dict) else self.scaler
        found = {"standard": StandardScaler, "minmax": MinMaxScaler}
        return "passthrough" if name is None else found[name]()


def build(spec: ModelSpec, classifier: Classifier, gives: Gives) -> Pipeline:
    """Return a `Pipeline` whose last step is a clone of the classifier.

    The steps before it are ``input``, ``scaler``, ``pca`` and ``form`` for one array; for several
    they are ``inputs``, which has such steps for each, and ``pca``. A classifier that takes no
    names of genres is wrapped in `NumberedLabels`, one without probabilities in `Calibrated`.
    Raises `ValueError` if the view does not give what the model takes.
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import Pipeline

    from gtzan_exp.models.calibrated import Calibrated

    classifier = clone(classifier)
    if takes_numbers_alone(classifier):
        classifier = NumberedLabels(classifier)
    if hasattr(classifier, "decision_function") and not hasattr(classifier, "predict_proba"):
        classifier = Calibrated(classifier, method="temperature", ensemble=False)
    n_components = None if spec.pca == "full" else spec.pca
    pca = ("pca", PCA(n_components, random_state=0) if spec.pca else "passthrough")
    last = ("classifier", classifier)
    kinds, forms, places = kinds_of(spec.input), forms_of(gives), order(spec.input, gives)
    if places is None:
        raise ValueError(f"the model takes {kinds}, the view gives {forms}")
    if len(forms) == 1:
        first, scaler, form = _steps(forms[0][0], kinds[0], spec)
        return Pipeline([first, scaler, pca, form, last])
    pairs = zip(kinds if len(kinds) > 1 else kinds * len(forms), places, strict=True)
    branches = [Pipeline(_steps(forms[place][0], kind, spec)) for kind, place in pairs]
    names = numbered(kinds) if len(kinds) > 1 else None
    return Pipeline([("inputs", Branches(branches, places, names)), pca, last])


def part(spec: ModelSpec, classifier: Classifier, takes: Takes) -> Pipeline:
    """Return the pipeline of a member of an ensemble that `takes` all its inputs, or some."""
    from sklearn.pipeline import Pipeline

    given, wanted = kinds_of(takes), kinds_of(spec.input)
    if len(given) == 1 or len(wanted) == len(given):
        return build(spec, classifier, tuple(FORMS[kind] for kind in given))
    names = dict(zip(given, numbered(given), strict=True))
    if not set(wanted) <= names.keys():
        raise ValueError(f"the model takes {wanted}, and there are {given}")
    whole = build(spec, classifier, tuple(FORMS[kind] for kind in wanted))
    return Pipeline([("pick", Pick([names[kind] for kind in wanted])), *whole.steps])


def _steps(given: InputKind, taken: InputKind, spec: ModelSpec) -> list[tuple[str, Any]]:
    """Return the steps that flatten, scale, and give an array the form of the classifier."""
    flatten = {"pixels": Flatten, "bands": Bands}[spec.pictures]
    is_flat = given != "image" or taken != "vector"
    as_sequence = taken == "sequence" and given != "sequence"
    return [
        ("input", "passthrough" if is_flat else flatten()),
        ("scaler", spec.scaler_of(taken)),
        ("form", ToSequence() if as_sequence else "passthrough"),
    ]


@plain_dataclass(frozen=True)
class Fitted:
    """A fitted model and the record of its fit."""

    estimator: Any
    seconds: float  # wall-clock time of the fit
    history: dict[str, list[float]]  # learning curves by epoch; empty for models without any
    best_epoch: int | None  # the epoch, counted from 1, whose weights are kept
    warnings: tuple[str, ...]  # first lines of the distinct warnings of the fit


def fit(estimator: Any, X, y, X_val, y_val, *, scaler_rows: Any = None) -> Fitted:
    """Fit a pipeline from `build` to a training part, in place.

    The validation part, maybe empty, is only passed to classifiers whose `fit` takes one. The
    scaler is fitted on `scaler_rows` instead of `X` if given; a leak if test rows are among them.
    """
    from sklearn.frozen import FrozenEstimator

    folds = min(check_rows(estimator, y), CALIBRATION_FOLDS)
    started = perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if scaler_rows is not None:
            name = "inputs" if "inputs" in estimator.named_steps else "scaler"
            if estimator.named_steps[name] != "passthrough":
                upto = estimator[: list(estimator.named_steps).index(name) + 1]
                estimator.set_params(**{name: FrozenEstimator(upto.fit(scaler_rows)[-1])})
        preprocessing, classifier = estimator[:-1], estimator[-1]
        if _is_calibrated(classifier):
            classifier.set_params(cv=folds)
        inputs = preprocessing.fit_transform(X, y)
        del X  # free memory: the caller keeps no reference
        val = handed_over(classifier, lambda: preprocessing.transform(X_val), y_val)
        classifier.fit(inputs, y, **val)
    if any(str(w.message).startswith(_INTERRUPTED) for w in caught):
        raise KeyboardInterrupt
    seconds = perf_counter() - started
    lines = (str(w.message).strip().splitlines()[0].rstrip(":") for w in caught)
    best = getattr(classifier, "best_epoch_", None)
    return Fitted(estimator, seconds, curves(classifier), best, tuple(dict.fromkeys(lines)))


def refit(found: Fitted, X, y) -> Fitted:
    """Fit a clone of a pipeline to the training and validation parts together.

    It trains for the best number of epochs, or boosting rounds, of the fit to the training part
    alone, and keeps its history; ``seconds`` is the sum of both fits.
    """
    again = clone(found.estimator).set_params(classifier=as_found(found.estimator[-1]))
    final = fit(again, X, y, X[:0], y[:0])
    seconds = found.seconds + final.seconds
    lines = tuple(dict.fromkeys((*found.warnings, *final.warnings)))
    return replace(found, estimator=final.estimator, seconds=seconds, warnings=lines)


def check_rows(estimator: Any, y: np.ndarray) -> int:
    """Return the rows of the smallest genre; raise `DataError` if the fit needs more of it."""
    genres, counts = np.unique(y, return_counts=True)
    if len(genres) < 2:
        what = "the training part has one genre"
        raise DataError(Mistake("split", what, "2 genres or more", ", ".join(map(str, genres))))
    if _is_calibrated(estimator[-1]) and counts.min() < 2:
        what = "too few training rows of a genre to calibrate probabilities"
        allowed = "2 rows or more of each genre, or a model with probabilities of its own (logreg)"
        raise DataError(Mistake("split", what, allowed, f"1 of {genres[counts.argmin()]}"))
    return int(counts.min())


def _is_calibrated(classifier: Any) -> bool:
    from gtzan_exp.models.calibrated import Calibrated

    return isinstance(classifier, Calibrated)

"""Predictions and metrics of a fitted model on each part of a fold."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from gtzan_exp.basics.genres import metric_names
from gtzan_exp.data.contracts import Dataset, Fold
from gtzan_exp.data.selection import BETWEEN

_OF_TRACKS = {"accuracy", "macro_f1", "relabelled_accuracy", "relabelled_macro_f1"}

BLOCK = 1 << 16  # rows predicted at a time; a multiple of the usual batch sizes of networks
BINS = 10  # number of equal-width bins of the probability of the predicted genre


@dataclass(frozen=True)
class Evaluation:
    """Predictions and metrics of a fitted model on the rows of a fold."""

    # ``<part>/accuracy``, ``macro_f1``, ``balanced_accuracy``, ``log_loss``, ``brier``, ``ece`` and
    # ``f1/<genre>``, see `score`, and ``predict_ms_per_track`` of the test part. Where rows are
    # segments of tracks, also ``<part>/track_accuracy`` and ``track_macro_f1``, see `by_track`.
    # With second labels, also the ``relabelled_`` ones of these.
    metrics: dict[str, float]
    # one row per row of the fold: ``id``, ``track``, ``artist`` and ``accepted`` (labels) where
    # these are known, ``part``, ``true``, ``predicted`` and ``p_<genre>`` for each genre
    predictions: pd.DataFrame
    # scikit-learn's, of the test part, with the genres that are in it or are predicted
    report: dict[str, Any]
    report_text: str  # the same as text


def evaluate(estimator: Any, dataset: Dataset, fold: Fold, *, validated: Any = None) -> Evaluation:
    """Predict and score each part of `fold`; `validated` is asked for the validation part."""
    from sklearn.metrics import classification_report

    tables, metrics = [], {}
    segments = len(np.unique(dataset.tracks)) < len(dataset)
    for part, rows in fold.parts():
        started = perf_counter()
        asked = estimator if part != "val" or validated is None else validated
        probabilities = predict(asked, dataset, rows)
        seconds = perf_counter() - started
        if part == fold.evaluated:
            metrics["predict_ms_per_track"] = 1000 * seconds / len(set(dataset.tracks[rows]))
        table = _table(dataset, rows, part, probabilities)
        metrics |= {f"{part}/{key}": value for key, value in score(table, dataset.classes).items()}
        if segments:
            tracks = score(by_track(table), dataset.classes)
            metrics |= {f"{part}/track_{key}": tracks[key] for key in tracks if key in _OF_TRACKS}
        tables.append(table)
    predictions = pd.concat(tables, ignore_index=True)
    test = _codes(predictions[predictions["part"] == fold.evaluated], dataset.classes)
    present = np.union1d(*test)
    names = [dataset.classes[code] for code in present]
    options = {"labels": present, "target_names": names, "zero_division": 0}
    return Evaluation(
        metrics,
        predictions,
        classification_report(*test, output_dict=True, **options),
        classification_report(*test, **options),
    )


def predict(estimator: Any, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Return probabilities, float64, (n_rows, n_classes), 0 if untrained, in blocks of rows."""
    blocks = np.split(rows, range(BLOCK, len(rows), BLOCK))
    return np.concatenate(
        [_aligned(estimator, dataset.take(block), dataset.classes) for block in blocks]
    )


def by_track(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of tracks from those of their segments in one part.

    The probabilities of a track are the mean over its segments; its genre is the most probable one.
    With a column ``fold`` the predictions are of that part of several folds. One row per track and
    fold, sorted: ``fold`` where there are some, ``track``, ``true``, ``predicted``, ``p_<genre>``,
    and ``artist`` and ``accepted`` where these are known.
    """
    columns = [name for name in predictions if name.startswith("p_")]
    keys = [name for name in ("fold", "track") if name in predictions]
    groups = predictions.groupby(keys)
    means = groups[columns].mean()
    genres = np.array([name.removeprefix("p_") for name in columns])
    known = [name for name in ("artist", "accepted") if name in predictions]
    found = means.assign(
        true=groups["true"].first(),
        predicted=genres[means.to_numpy().argmax(axis=1)],
        **{name: groups[name].first() for name in known},
    )
    return found.reset_index()[[*keys, "true", "predicted", *columns, *known]]


def score(predictions: pd.DataFrame, classes: tuple[str, ...]) -> dict[str, float]:
    """Return the metrics of predictions with ``true``, ``predicted`` and ``p_<genre>``.

    ``macro_f1`` is scikit-learn's: the mean over the genres that are true or predicted somewhere.
    Others have ``f1/<genre>`` 0. ``balanced_accuracy`` is the mean over the genres that are true
    somewhere. ``brier`` is the sum over genres of squared errors, of two genres too, 0 to 2;
    ``ece`` is `calibration_error`. `metric_names` says how a genre is written.
    """
    from sklearn import metrics

    true, predicted = _codes(predictions, classes)
    labels, names = range(len(classes)), metric_names(classes)
    _, recall, f1, support = metrics.precision_recall_fscore_support(
        true, predicted, labels=labels, average=None, zero_division=0
    )
    probabilities = predictions[[f"p_{name}" for name in classes]].to_numpy()
    second = {}
    if "accepted" in predictions:
        found = score(relabelled(predictions), classes)
        second = {f"relabelled_{key}": found[key] for key in ("accuracy", "macro_f1")}
    return {
        **second,
        "accuracy": float(metrics.accuracy_score(true, predicted)),
        "macro_f1": float(np.mean(f1[np.union1d(true, predicted)])),
        "balanced_accuracy": float(np.mean(recall[support > 0])),
        "log_loss": float(metrics.log_loss(true, probabilities, labels=labels)),
        "brier": float(
            metrics.brier_score_loss(true, probabilities, labels=labels, scale_by_half=False)
        ),
        "ece": calibration_error(reliability(predictions)),
        **{f"f1/{names[name]}": float(value) for name, value in zip(classes, f1, strict=True)},
    }


def relabelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions with the true genre from `accepted`: the predicted one if it is any."""
    accepted = predictions["accepted"].str.split(BETWEEN, regex=False)
    pairs = zip(predictions["predicted"], accepted, strict=True)
    true = [said if said in right else right[0] for said, right in pairs]
    return predictions.drop(columns="accepted").assign(true=true)


def _codes(predictions: pd.DataFrame, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the true and the predicted genres as integer codes; metrics of text are slow."""
    true, predicted = (predictions[name].to_numpy(dtype=str) for name in ("true", "predicted"))
    return np.searchsorted(classes, true), np.searchsorted(classes, predicted)


def _aligned(estimator: Any, X: Any, classes: tuple[str, ...]) -> np.ndarray:
    """Return probabilities with a column for each class, also for those never trained on."""
    found = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    columns = np.searchsorted(classes, estimator.classes_)
    probabilities = np.zeros((len(found), len(classes)))
    probabilities[:, columns] = found
    return probabilities / probabilities.sum(axis=1, keepdims=True)


def _table(
    dataset: Dataset, rows: np.ndarray, part: str, probabilities: np.ndarray
) -> pd.DataFrame:
    known = {"artist": dataset.artists, "accepted": dataset.accepted}
    return pd.DataFrame(
        {
            "id": dataset.ids[rows],
            "track": dataset.tracks[rows],
            **{name: column[rows] for name, column in known.items() if column is not None},
            "part": part,
            "true": dataset.labels[rows],
            "predicted": np.array(dataset.classes)[probabilities.argmax(axis=1)],
            **{f"p_{name}": probabilities[:, i] for i, name in enumerate(dataset.classes)},
        }
    )


def reliability(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy by confidence of predictions with ``true``, ``predicted``, ``p_<genre>``.

    A line for each non-empty bin, which includes its upper edge: ``low`` (its lower edge), ``n``,
    ``confidence`` and ``accuracy`` (means).
    """
    confidence = predictions.filter(regex="^p_").to_numpy().max(axis=1)
    right = predictions["true"].to_numpy(dtype=str) == predictions["predicted"].to_numpy(dtype=str)
    place = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1)
    table = pd.DataFrame({"low": place / BINS, "confidence": confidence, "accuracy": right})
    groups = table.astype(float).groupby("low")
    return groups.size().to_frame("n").join(groups.mean()).reset_index()


def calibration_error(bins: pd.DataFrame) -> float:
    """Return the expected calibration error of what `reliability` returned.

    The mean distance of accuracy and confidence by bin, weighted by its predictions: C. Guo et al.,
    "On calibration of modern neural networks", ICML 2017, arXiv:1706.04599.
    """
    apart = (bins["accuracy"] - bins["confidence"]).abs()
    return float(np.average(apart, weights=bins["n"]))

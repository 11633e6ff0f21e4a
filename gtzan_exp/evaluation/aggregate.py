"""The interval of a run's accuracy, and the mean and standard deviation over its folds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gtzan_exp.evaluation.evaluate import by_track, calibration_error, relabelled, reliability
from gtzan_exp.evaluation.intervals import Answers, accuracy_interval, corrected_interval

_ABOVE_1 = ("/log_loss", "/brier")


def with_interval(metrics: Mapping[str, float], predictions: pd.DataFrame) -> dict[str, float]:
    """Return the metrics of a run with the 95 % interval of its test accuracy, over tracks.

    `metrics` are those of one fold or of `aggregate`; `predictions` are of all parts, as in
    `Evaluation`, of several folds with a column ``fold``. `accuracy_interval` says which interval.

    Adds ``test/ece`` over the rows of all folds, ``n_tested_tracks`` (distinct, of all folds),
    ``n_tested_artists`` where known, and ``ci_low/`` and ``ci_high/`` of ``test/accuracy``, or of
    ``test/track_accuracy`` where rows are segments; with second labels also of
    ``relabelled_accuracy``. Where the test part is hidden, the same of the validation part:
    ``n_validated_tracks``, ``val/ece``.
    """
    part = evaluated(predictions)
    test = predictions[predictions["part"] == part]
    tracks, of = by_track(test), {"test": "tested", "val": "validated"}[part]
    found = {**metrics, f"n_{of}_tracks": tracks["track"].nunique()}
    found[f"{part}/ece"] = calibration_error(reliability(test))
    share = share_of_test(part_sizes(predictions))
    prefix = f"{part}/" if len(tracks) == len(test) else f"{part}/track_"
    scored = {"accuracy": tracks}
    if "accepted" in tracks:
        scored["relabelled_accuracy"] = relabelled(tracks)
    for name, table in scored.items():
        interval = accuracy_interval(Answers.of(table, share))
        found[f"ci_low/{prefix}{name}"] = interval.low
        found[f"ci_high/{prefix}{name}"] = interval.high
        if interval.artists:
            found[f"n_{of}_artists"] = interval.artists
    return found


def evaluated(predictions: pd.DataFrame) -> str:
    """Return the part to evaluate on: ``val`` where the test part is hidden."""
    return "test" if (predictions["part"] == "test").any() else "val"


def part_sizes(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the number of tracks in each part (the columns) of each fold."""
    folded = predictions if "fold" in predictions else predictions.assign(fold=1)
    return folded.pivot_table(index="fold", columns="part", values="track", aggfunc="nunique")


def share_of_test(sizes: pd.DataFrame) -> float:
    """Return the ratio of test to training tracks, mean over folds, from `part_sizes`."""
    return float((sizes["test" if "test" in sizes else "val"] / sizes["train"]).mean())


def aggregate(folds: Sequence[dict[str, float]], test_shares: Sequence[float]) -> dict[str, float]:
    """Return the mean and standard deviation of each metric over folds, with intervals.

    Metrics that some folds lack are left out, and so is ``ece``, biased upwards on few rows.
    `test_shares` are the ratios of test rows to training rows. Beside a mean there are
    ``std/<name>`` (``ddof=1``), and of the test part ``ci_low/<name>`` and ``ci_high/<name>``.
    """
    part = "test" if "test/accuracy" in folds[0] else "val"
    names = [name for name in folds[0] if all(name in fold for fold in folds)]
    names = [name for name in names if not name.endswith("/ece")]
    found = {}
    for name in names:
        values = np.array([fold[name] for fold in folds])
        found[name] = float(values.mean())
        found[f"std/{name}"] = float(values.std(ddof=1))
        if name.startswith(f"{part}/"):
            interval = corrected_interval(values, float(np.mean(test_shares)))
            most = np.inf if name.endswith(_ABOVE_1) else 1.0
            found[f"ci_low/{name}"] = max(0.0, interval.low)
            found[f"ci_high/{name}"] = min(most, interval.high)
    return found

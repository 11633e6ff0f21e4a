"""Calibration: whether predicted probabilities match the observed accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd

BINS = 10
"""Number of equal-width bins of the probability of the predicted genre."""


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

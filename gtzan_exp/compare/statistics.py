"""Intervals and tests, each named after where it was published."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest, t

from gtzan_exp.evaluation.intervals import CONFIDENCE


def over_seeds(values: Sequence[float], single: tuple[float, float]) -> tuple[float, float]:
    """Return the 95 % interval of a mean over seeds, on one test part.

    Squared distances from the mean add up (G. Zou and A. Donner, Stat. Med. 27, 2008): those of
    `single`, the interval of the mean as if it were the result of one run, and those of Student's
    interval over the seeds, whose accuracies are `values`. More seeds bring no new test tracks.
    """
    mean, k = float(np.mean(values)), len(values)
    if k < 2:
        return single
    half = t.ppf((1 + CONFIDENCE) / 2, k - 1) * np.std(values, ddof=1) / np.sqrt(k)
    low, high = mean - np.hypot(mean - single[0], half), mean + np.hypot(single[1] - mean, half)
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


def mcnemar(a: np.ndarray, b: np.ndarray) -> float:
    """Return the two-sided p of the exact test that two models are equally accurate.

    The binomial test on the tracks that one alone gets right: Q. McNemar, Psychometrika 12, 1947.
    `a` and `b`, bool of shape (n_tracks,), are whether each model is right.
    """
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p: Sequence[float]) -> np.ndarray:
    """Return p values corrected for multiple tests (S. Holm, Scand. J. Stat. 6, 1979)."""
    corrected = np.asarray(p, dtype=float).copy()
    order = np.argsort(corrected, kind="stable")[: np.count_nonzero(~np.isnan(corrected))]
    scaled = np.arange(len(order), 0, -1) * corrected[order]
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return corrected

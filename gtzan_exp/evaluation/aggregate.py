"""From the metrics of folds to mean, standard deviation and an interval that holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gtzan_exp.evaluation.intervals import CONFIDENCE

_UNBOUNDED = "test/log_loss"


def aggregate(folds: Sequence[dict[str, float]], test_shares: Sequence[float]) -> dict[str, float]:
    """Return the mean of each metric over folds, its spread, and intervals for the test part.

    Parameters
    ----------
    folds : sequence of dict of str to float
        The metrics of each fold. A metric that not all folds have is left out.
    test_shares : sequence of float
        Test rows by training rows, of each fold.

    Returns
    -------
    dict of str to float
        Each metric under its name (the mean), ``std/<name>`` (with n - 1), and for the metrics of
        the test part ``ci_low/<name>`` and ``ci_high/<name>``, within what the metric can be.
    """
    names = [name for name in folds[0] if all(name in fold for fold in folds)]
    found = {}
    for name in names:
        values = np.array([fold[name] for fold in folds])
        found[name] = float(values.mean())
        found[f"std/{name}"] = float(values.std(ddof=1))
        if name.startswith("test/"):
            low, high = corrected_interval(values, float(np.mean(test_shares)))
            most = np.inf if name == _UNBOUNDED else 1.0
            found[f"ci_low/{name}"], found[f"ci_high/{name}"] = max(0.0, low), min(most, high)
    return found


def corrected_interval(values: np.ndarray, test_share: float) -> tuple[float, float]:
    """Return the 95 % interval of a mean over folds whose training parts overlap.

    The variance of the mean is ``(1/k + test_share) * s**2`` instead of ``s**2 / k``: C. Nadeau and
    Y. Bengio, "Inference for the generalization error", Machine Learning 52, 2003, with
    Student's t of k - 1 degrees of freedom.

    Parameters
    ----------
    values : ndarray of float, shape (k,)
        One value per fold.
    test_share : float
        Test rows by training rows.
    """
    from scipy import stats

    k = len(values)
    scale = float(values.std(ddof=1)) * np.sqrt(1 / k + test_share)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, k - 1) * scale
    return float(values.mean() - half), float(values.mean() + half)

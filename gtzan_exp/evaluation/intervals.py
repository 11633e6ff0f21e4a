"""Intervals of accuracies and of their differences, where tracks are clustered by artist."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri, stdtr, stdtrit

CONFIDENCE = 0.95
FEWEST_ARTISTS = 10
"""With fewer artists the interval of an accuracy is Wilson's on the effective sample size."""

_OF_ACCURACY, _OF_DIFFERENCE = 0.5, 1.0
"""Weight of Nadeau and Bengio's correction for overlapping training parts.

Chosen by coverage (``benchmarks/interval_coverage.py``): without it, intervals of pooled folds are
too narrow. A difference needs more: the variance of the test tracks cancels, that of the training
tracks does not.
"""


@dataclass(frozen=True)
class Answers:
    """Which tracks a model got right."""

    right: np.ndarray  # bool, shape (n,): a tested track each, again for each repeat of folds
    artist: np.ndarray | None = None  # str or int, shape (n,): the artist of the track
    fold: np.ndarray | None = None  # int, shape (n,): accuracy is the mean over the folds
    share: float = 0.0  # with folds: ratio of test to training tracks, mean over the folds

    @classmethod
    def of(cls, tracks: pd.DataFrame, share: float = 0.0) -> Self:
        """Return the answers in a table that `by_track` returned."""
        folds = tracks["fold"].to_numpy() if "fold" in tracks else np.zeros(len(tracks))
        artists = tracks["artist"].to_numpy(dtype=str) if "artist" in tracks else None
        right = (tracks["true"] == tracks["predicted"]).to_numpy()
        return cls(right, artists, folds if len(set(folds)) > 1 else None, share)

    @property
    def weights(self) -> np.ndarray:
        """The weight of each entry in the accuracy; their sum is 1."""
        n = len(self.right)
        if self.fold is None:
            return np.full(n, 1 / n)
        _, codes, sizes = np.unique(self.fold, return_inverse=True, return_counts=True)
        return 1 / (len(sizes) * sizes[codes])

    @property
    def accuracy(self) -> float:
        """The share of right answers, or its mean over the folds."""
        return float(self.weights @ self.right)

    def inflation(self, share: float) -> float:
        """Return the factor by which overlapping training parts increase the variance of the mean.

        It is `corrected_interval`'s, ``1 + k * test / training``, with ``k * test`` the whole data.
        """
        return 1.0 if self.fold is None else 1 + share * (1 + self.share)


@dataclass(frozen=True)
class Interval:
    """An accuracy, or a difference of two, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int  # number of tested entries
    artists: int = 0  # how many; 0 where unknown
    p: float = math.nan  # two-sided, of a difference; NaN also if it is the same for each artist


@dataclass(frozen=True)
class _Spread:
    """The variation of an estimate over artists: its error by artist, and effective artists."""

    errors: np.ndarray
    effective: float
    inflation: float

    @property
    def none(self) -> bool:
        return bool(np.allclose(self.errors, 0, atol=1e-12))

    @property
    def standard_error(self) -> float:
        """The linearised (sandwich) standard error, clustered by artist."""
        g = len(self.errors)
        return float(np.sqrt(self.inflation * g / (g - 1) * np.sum(self.errors**2)))

    @property
    def t(self) -> float:
        return float(stdtrit(self.degrees, (1 + CONFIDENCE) / 2))

    @property
    def degrees(self) -> float:
        """Effective artists - 1, or Satterthwaite's degrees of freedom where a few dominate."""
        squares = np.sum(self.errors**2)
        return float(min(self.effective - 1, 2 * squares**2 / np.sum(self.errors**4)))


def wilson(accuracy: float, n: float, z: float | None = None) -> tuple[float, float]:
    """Return E. B. Wilson's 95 % interval of a proportion (J. Am. Stat. Assoc. 22, 1927).

    `accuracy` may be a mean over runs, `n` is the number of independent cases (tracks, not their
    segments), and `z` the quantile, by default the normal one.
    """
    z = float(ndtri((1 + CONFIDENCE) / 2)) if z is None else z
    centre = (accuracy + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(accuracy * (1 - accuracy) / n + z**2 / (4 * n**2))
    return float(np.clip(centre - half, 0, accuracy)), float(np.clip(centre + half, accuracy, 1))


def corrected_interval(values: np.ndarray, test_share: float) -> Interval:
    """Return the interval of a mean over folds whose training parts overlap, and the p of 0.

    The variance of the mean is ``(1/k + test_share) * s**2`` instead of ``s**2 / k``: C. Nadeau and
    Y. Bengio, "Inference for the generalization error", Machine Learning 52, 2003, with Student's t
    of k - 1 degrees of freedom. `values` by fold have shape (k,); `test_share` is the ratio of test
    rows to training rows. p is NaN where all values are the same and not 0.
    """
    k, mean, spread = len(values), float(values.mean()), float(values.std(ddof=1))
    error = spread * math.sqrt(1 / k + test_share)
    half = float(stdtrit(k - 1, (1 + CONFIDENCE) / 2)) * error
    if np.isclose(spread, 0):
        p = 1.0 if np.isclose(mean, 0) else math.nan
    else:
        p = float(2 * stdtr(k - 1, -abs(mean) / error))
    return Interval(mean, mean - half, mean + half, k, p=p)


def accuracy_interval(answers: Answers) -> Interval:
    """Return the interval of the accuracy on tracks of new artists.

    The cluster-robust standard error on the logit scale, with Student's t. Where all answers are
    right or all are wrong, Wilson's interval over effective artists (N**2 / sum of n_i**2); with
    fewer than `FEWEST_ARTISTS`, Wilson's over the number of independent tracks with this standard
    error. Where artists are unknown, Wilson's over tracks, or `corrected_interval` over folds.
    """
    n, p = len(answers.right), answers.accuracy
    if answers.artist is None:
        if answers.fold is None:
            return Interval(p, *wilson(p, n), n)
        by_fold = pd.Series(answers.right).groupby(answers.fold).mean().to_numpy()
        found = corrected_interval(by_fold, answers.share)
        return Interval(p, max(0.0, found.low), min(1.0, found.high), n)
    spread = _spread(answers)
    artists = len(spread.errors)
    if artists == 1:
        return Interval(p, 0.0, 1.0, n, 1)  # one tells nothing about others
    if spread.none:
        return Interval(p, *wilson(p, spread.effective), n, artists)
    if artists < FEWEST_ARTISTS:
        cases = min(n, p * (1 - p) / spread.standard_error**2)
        return Interval(p, *wilson(p, cases, spread.t), n, artists)
    half = spread.t * spread.standard_error / (p * (1 - p))
    low, high = expit(logit(p) - half), expit(logit(p) + half)
    return Interval(p, float(low), float(high), n, artists)


def difference(a: Answers, b: Answers) -> Interval:
    """Return the accuracy of `a` minus that of `b`, with an interval and a test.

    The cluster-robust t test, with an artist that both tested as one cluster. On the same tracks
    and folds it is the paired test on the sums of differences by artist; on those of different
    protocols it allows for their overlap. Where artists are unknown, use the ids of the tracks.
    """
    value = a.accuracy - b.accuracy
    spread = _spread(a, b)
    n, artists = max(len(a.right), len(b.right)), len(spread.errors)
    if artists == 1:
        return Interval(value, -1.0, 1.0, n, 1)
    if spread.none:
        half = wilson(0.0, spread.effective)[1]
        p = 1.0 if np.isclose(value, 0) else math.nan
    else:
        half = spread.t * spread.standard_error
        p = float(2 * stdtr(spread.degrees, -abs(value) / spread.standard_error))
    low, high = np.clip([value - half, value + half], -1, 1)
    return Interval(value, float(low), float(high), n, artists, p)


def _spread(a: Answers, b: Answers | None = None) -> _Spread:
    both = [a] if b is None else [a, b]
    names = np.concatenate([answers.artist for answers in both])
    artists, codes = np.unique(names, return_inverse=True)
    errors, effective = np.zeros(len(artists)), []
    for sign, answers, own in zip((1, -1), both, np.split(codes, [len(a.right)]), strict=False):
        weights = answers.weights
        residuals = weights * (answers.right - answers.accuracy)
        errors += sign * np.bincount(own, residuals, len(artists))
        effective.append(1 / np.sum(np.bincount(own, weights) ** 2))
    share = _OF_ACCURACY if b is None else _OF_DIFFERENCE
    return _Spread(errors, min(effective), max(answers.inflation(share) for answers in both))

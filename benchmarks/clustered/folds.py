"""Cross-validation of linear classifiers that are fitted again on each fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr


@dataclass(frozen=True)
class World:
    """Two genres of artists in a space of features, seen by two models.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_artists,)
        Tracks of each artist.
    features : int
        So many each model sees: one that tells the genres apart, half of the rest in common.
    separation : (float, float)
        Distance of a genre from 0 along that feature, by model; noise has a spread of 1.
    rho : float
        The share of the noise that the tracks of an artist have in common.
    """

    sizes: np.ndarray
    features: int
    separation: tuple[float, float]
    rho: float


@dataclass(frozen=True)
class Validated:
    """A cross-validation of both models.

    Parameters
    ----------
    right : ndarray of bool, shape (2, n_tested)
    artist, fold : ndarray of int, shape (n_tested,)
    share : float
        Test tracks by training tracks.
    truth : ndarray of float, shape (2,)
        The accuracy of the fitted models on tracks of new artists, mean over the folds.
    """

    right: np.ndarray
    artist: np.ndarray
    fold: np.ndarray
    share: float
    truth: np.ndarray


def validations(
    world: World, k: int, *, apart: bool, repeats: int, rng: np.random.Generator
) -> Iterator[Validated]:
    """Yield cross-validations of `k` folds, on new data each time.

    With `apart` an artist is in one fold only. A model is least squares with a constant, so its
    accuracy on new artists is known.
    """
    artist = np.repeat(np.arange(len(world.sizes)), world.sizes)
    n = len(artist)
    while True:
        labels = rng.choice([-1.0, 1.0], len(world.sizes))[artist]
        seen = _features(world, artist, labels, rng)
        folds, rights, truths = [], [], []
        for repeat in range(repeats):
            fold = _apart(world.sizes, k, rng)[artist] if apart else rng.permutation(n) % k
            found = [
                _validate(X, labels, fold, far)
                for X, far in zip(seen, world.separation, strict=True)
            ]
            folds.append(fold + repeat * k)
            rights.append(np.array([right for right, _ in found]))
            truths.append([truth for _, truth in found])
        yield Validated(
            np.concatenate(rights, axis=1),
            np.tile(artist, repeats),
            np.concatenate(folds),
            1 / (k - 1),
            np.mean(truths, axis=0),
        )


def _features(
    world: World, artist: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return what each model sees; the first column tells the genres apart."""
    d = world.features
    columns = d + d // 2
    of_artist = rng.standard_normal((len(world.sizes), columns))[artist]
    of_track = rng.standard_normal((len(artist), columns))
    noise = np.sqrt(world.rho) * of_artist + np.sqrt(1 - world.rho) * of_track
    seen = [noise[:, :d].copy(), noise[:, ::-1][:, :d].copy()]
    for X, far in zip(seen, world.separation, strict=True):
        X[:, 0] += far * labels
    return seen


def _apart(sizes: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each artist, the largest first into the emptiest fold."""
    load, fold = rng.random(k), np.empty(len(sizes), dtype=int)
    for artist in np.argsort(-sizes, kind="stable"):
        fold[artist] = load.argmin()
        load[fold[artist]] += sizes[artist]
    return fold


def _validate(
    X: np.ndarray, labels: np.ndarray, fold: np.ndarray, far: float
) -> tuple[np.ndarray, float]:
    """Return which tracks the models of the folds get right, and their true accuracy."""
    X = np.column_stack([X, np.ones(len(X))])
    right, truths = np.empty(len(X), dtype=bool), []
    for number in np.unique(fold):
        test = fold == number
        train = X[~test]
        weights = np.linalg.solve(train.T @ train, train.T @ labels[~test])
        right[test] = (X[test] @ weights) * labels[test] > 0
        *slopes, constant = weights
        reach = np.array([far * slopes[0] + constant, far * slopes[0] - constant])
        truths.append(ndtr(reach / np.linalg.norm(slopes)).mean())
    return right, float(np.mean(truths))

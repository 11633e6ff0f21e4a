"""Errors of models whose tracks of an artist are alike, with the true accuracies known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import betaincinv, ndtr

LIKENESS = 0.7
"""Correlation of what two models can do with an artist (of the normal scores)."""

SAME_LUCK = 0.5
"""The share of tracks on which the luck of two models is the same."""

_QUANTILES = np.linspace(5e-4, 1 - 5e-4, 1000)


def artist_sizes(artists: int, largest: int, falls: float) -> np.ndarray:
    """Return how many tracks each artist has: few have many, and many have one.

    Parameters
    ----------
    artists, largest : int
    falls : float
        After so many artists the size has fallen by e.
    """
    return np.maximum(1, np.round(largest * np.exp(-np.arange(artists) / falls))).astype(int)


def draws(
    sizes: np.ndarray, accuracies: tuple[float, float], rho: float, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield what two models get right, again and again.

    Each artist has an accuracy of its own, from a Beta distribution.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_artists,)
    accuracies : (float, float)
        Of either model, over new artists.
    rho : float
        Correlation of two tracks of an artist.

    Yields
    ------
    ndarray of bool, shape (2, n_tracks)
    """
    spread = (1 - rho) / rho if rho else np.inf
    tables = [
        betaincinv(p * spread, (1 - p) * spread, _QUANTILES) if rho else p for p in accuracies
    ]
    artist = np.repeat(np.arange(len(sizes)), sizes)
    while True:
        scores = _alike(rng.standard_normal((2, len(sizes))))
        luck = rng.random((2, len(artist)))
        luck[1] = np.where(rng.random(len(artist)) < SAME_LUCK, luck[0], luck[1])
        own = [
            np.interp(ndtr(z), _QUANTILES, table) if rho else np.full(len(sizes), table)
            for z, table in zip(scores, tables, strict=True)
        ]
        yield luck < np.array(own)[:, artist]


def _alike(scores: np.ndarray) -> np.ndarray:
    return np.stack([scores[0], LIKENESS * scores[0] + np.sqrt(1 - LIKENESS**2) * scores[1]])

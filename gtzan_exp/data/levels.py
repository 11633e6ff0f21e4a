"""Inversion of colour maps: from the colours of a spectrogram to its levels."""

from functools import cache

import numpy as np
from scipy.spatial import KDTree

from gtzan_exp.audio.spectrograms import palette

COLOR_MAPS = ("magma", "viridis", "inferno", "plasma", "gray")
"""The matplotlib colour maps that are recognised; reversed ones cannot be told apart."""

_FARTHEST = 3.0  # mean distance of colours to a map; 0.05 for Kaggle's images with their frame
_FARTHEST_LOSSY = 15.0  # JPEG changes colours: 9 to 12 for qualities 95 to 30


def levels(image: np.ndarray, *, lossy: bool) -> np.ndarray:
    """Return the level of each pixel, 0 for the lowest colour of its map and 255 for the highest.

    From RGB, uint8 of shape (h, w, 3), to uint8 of shape (h, w). The map is that of `COLOR_MAPS`
    with the nearest colours, which are not exact in a `lossy` image, from a JPEG. Raises
    `ValueError` if none is near. Two neighbouring colours of viridis are equal.
    """
    codes = image.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    found, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    colors = found[:, np.newaxis] >> np.array([16, 8, 0]) & 255
    nearest = [_palette(name).query(colors) for name in COLOR_MAPS]
    distances = [float(np.average(distance, weights=counts)) for distance, _ in nearest]
    best = int(np.argmin(distances))
    if distances[best] > (_FARTHEST_LOSSY if lossy else _FARTHEST):
        far = f"{COLOR_MAPS[best]} is nearest, {distances[best]:.0f} of 255 away"
        raise ValueError(f"other colours ({far})")
    return nearest[best][1].astype(np.uint8)[place].reshape(codes.shape)


@cache
def _palette(name: str) -> KDTree:
    return KDTree(palette(name)[:, :3].astype(float))

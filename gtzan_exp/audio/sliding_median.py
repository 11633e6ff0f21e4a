"""Compiled running medians; import this module lazily, since it imports numba.

Medians dominate the cost of harmonic-percussive separation. `scipy.ndimage.median_filter` sorts
every window anew; here a sorted window slides along, for many lines at once and without branches.
"""

import numba
import numpy as np

_LINES = 64


def sliding_median(a: np.ndarray, width: int) -> np.ndarray:
    """Return ``scipy.ndimage.median_filter(a, (width, 1), mode="reflect")`` of finite floats."""
    rows, columns = a.shape
    reach = width // 2
    padded = np.pad(a, ((reach, reach), (0, -columns % _LINES)), mode="symmetric")
    medians = np.empty((rows, padded.shape[1]), a.dtype)
    _slide(padded, medians, width)
    return medians[:, :columns]


@numba.njit(cache=True)
def _slide(padded: np.ndarray, medians: np.ndarray, width: int) -> None:
    window = np.empty((width + 1, _LINES), padded.dtype)  # sorted; its last row is infinite
    lower = np.empty(_LINES, padded.dtype)
    for start in range(0, padded.shape[1], _LINES):
        lines = slice(start, start + _LINES)
        for line in range(_LINES):
            window[:width, line] = np.sort(padded[:width, start + line])
        window[width] = np.inf
        medians[0, lines] = window[width // 2]
        for row in range(1, len(medians)):
            leaving = padded[row - 1, lines]
            entering = padded[row + width - 1, lines]
            lower[:] = -np.inf
            for k in range(width):
                for line in range(_LINES):
                    value, above = window[k, line], window[k + 1, line]
                    kept = value if value < leaving[line] else above
                    upper = min(kept, entering[line])
                    window[k, line] = max(lower[line], upper)
                    lower[line] = kept
            medians[row, lines] = window[width // 2]

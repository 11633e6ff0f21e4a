"""A stack of images that is read from disk in batches."""

from __future__ import annotations

import mmap

import numpy as np

from gtzan_exp.basics.process import release_pages


class ImageStack:
    """Read-only view of uint8 images as numbers, converted lazily.

    ``stack[rows]`` is again a stack and copies nothing; ``numpy.asarray(stack[rows])`` gives the
    numbers. `pixels`, usually a memory map, is uint8 of shape (n, height, width, channels); `rows`
    are those of the stack, in order, all when omitted. `peak` is the value of a pixel of 255: 1.0
    gives float32 numbers in [0, 1], 255 the uint8 pixels. With `scrambled` they are reshaped, not
    transposed, to (n, width, height, channels).
    """

    ndim = 4

    def __init__(
        self,
        pixels: np.ndarray,
        rows: np.ndarray | None = None,
        *,
        peak: float = 1.0,
        scrambled: bool = False,
    ) -> None:
        self._pixels = pixels
        self._rows = np.arange(len(pixels)) if rows is None else np.asarray(rows)
        self.peak = peak
        self.scrambled = scrambled
        self.dtype = np.dtype(np.uint8 if peak == 255 else np.float32)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        height, width, channels = self._pixels.shape[1:]
        size = (width, height) if self.scrambled else (height, width)
        return (len(self), *size, channels)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def pixels(self) -> np.ndarray:
        """A copy of the images as they are stored, uint8 of shape (n, height, width, channels)."""
        pixels = self._pixels[self._rows]
        release(self._pixels)
        return pixels

    def __getitem__(self, rows: slice | np.ndarray) -> ImageStack:
        return ImageStack(self._pixels, self._rows[rows], peak=self.peak, scrambled=self.scrambled)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an ImageStack is converted from uint8 and always copied")
        values = self.pixels.astype(dtype or self.dtype)
        if self.peak != 255:
            values *= self.peak / 255.0
        return values.reshape(self.shape)


def release(array: np.ndarray) -> None:
    """Release the pages of a read-only memory map, or of a view of one, that have been read.

    They stay in the file cache of the system, so reading them again is cheap. Otherwise the process
    would grow to the size of the file. Does nothing for other arrays.
    """
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        release_pages(base)

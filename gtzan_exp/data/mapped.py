"""Memory maps that do not pile up in the memory of the process that reads them."""

from __future__ import annotations

import mmap

import numpy as np


def release(array: np.ndarray) -> None:
    """Give back the pages of a memory map that were read; what is read again is mapped again.

    They stay in the file cache of the system, so that costs little. Without it a process that
    reads the whole map once is as large as the file, as long as there is memory. Nothing happens
    to an array that is no memory map, or where the system does not know how.

    Parameters
    ----------
    array : ndarray
        A memory map that is only read, or a view of one.
    """
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)

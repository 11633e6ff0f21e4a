"""A cache of findings on data sets, for later runs of the same process."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import ref

from gtzan_exp.data.contracts import Dataset

T = TypeVar("T")

_MAX_ROWS = 1_000_000


class Remembered(Generic[T]):
    """Findings on data sets: the latest, and earlier ones on at most `_MAX_ROWS` rows in all.

    A data set is recognised by identity, not by its contents, and is not kept alive.
    """

    def __init__(self) -> None:
        self._found: list[tuple[ref[Dataset], Hashable, T]] = []

    def get(self, dataset: Dataset, key: Hashable, find: Callable[[], T]) -> T:
        """Return the finding on a data set under a key; call `find` if there is none."""
        for known, its_key, found in self._found:
            if known() is dataset and its_key == key:
                return found
        found = find()
        kept, rows = [(ref(dataset), key, found)], len(dataset)
        for entry in reversed(self._found):
            its_dataset = entry[0]()
            if its_dataset is None:
                continue
            rows += len(its_dataset)
            if rows > _MAX_ROWS:
                break
            kept.append(entry)
        self._found = kept[::-1]
        return found

"""Published splits: lists of file names for train, validation and test, or a table of them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Place, Split, fingerprint
from gtzan_exp.data.name_lists import read_lines, track_ids
from gtzan_exp.data.split_table import read_split_table

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Lists:
    """The parts that published lists, or a table, say. Tracks that are on no list are left out.

    Names that are not in the data are warned of, and refused where most of a list are.

    Parameters
    ----------
    dir : Path, optional
        The folder with the lists, which make one fold.
    train, test : str
        Names of the lists: one file name a line, such as ``blues.00000.wav``, or with its genre's
        folder, ``rock/one song.wav``. A piece or a segment stands for its track.
    val : str, optional
        The list of the validation part.
    table : Path, optional
        Instead of lists, a CSV with the columns ``fold``, ``part`` and ``track``, for one fold or
        several: the ``split.csv`` in the record of a run.
    source : str
        Where the lists are published; told when one is missing.
    """

    name: str
    dir: Annotated[Path | None, Place.OF_SPLIT] = None
    train: Annotated[str, Place.OF_SPLIT]
    val: Annotated[str | None, Place.OF_SPLIT] = None
    test: Annotated[str, Place.OF_SPLIT]
    table: Annotated[Path | None, Place.OF_SPLIT] = None
    source: Annotated[str, Place.OF_SPLIT] = "the paper that published them"

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation part, which of a table is not known before it is read."""
        return self.table is not None or self.val is not None

    def split(self, dataset: Dataset) -> Split:
        """Return the folds.

        Raises
        ------
        DataError
            A list is missing or empty, two lists share a track, or most of a list is not in the
            data.
        """
        if self.table is not None:
            listed = read_split_table(self.table.expanduser())
        else:
            names = {"train": self.train, "val": self.val, "test": self.test}
            listed = [{part: self._read(name) for part, name in names.items() if name is not None}]
        names = sorted({name for parts in listed for part in parts.values() for name in part})
        known = set(dataset.tracks.tolist())
        track_of = dict(zip(dataset.ids.tolist(), dataset.tracks.tolist(), strict=True))
        listed_ids = track_ids(names, known | track_of.keys())
        ids = {
            name: found if found in known else track_of.get(found, found)
            for name, found in listed_ids.items()
        }
        folds = [_fold(dataset, parts, ids, known) for parts in listed]
        strange = [name for name in names if ids[name] not in known]
        if strange:
            log.warning(
                "%d of %d listed tracks are not in data=%s, first %s",
                *(len(strange), len(names), dataset.name, ", ".join(strange[:3])),
            )
        return Split(self.name, tuple(folds), fingerprint(dataset, folds))

    def _read(self, name: str) -> set[str]:
        path = None if self.dir is None else self.dir.expanduser() / name
        wanted = f"split.dir=FOLDER with {name}, one file name a line ({self.source})"
        if path is None or not path.is_file():
            got = "no folder" if path is None else str(path)
            raise DataError(Mistake("split.dir", "a list is missing", wanted, got))
        names = set(read_lines(path, wanted))
        if not names:
            raise DataError(Mistake(str(path), "the list is empty", wanted, "no line"))
        return names


def _fold(
    dataset: Dataset, names: dict[str, set[str]], ids: dict[str, str], known: set[str]
) -> Fold:
    listed = {part: {ids[name] for name in names[part]} for part in names}
    for part in names:
        strange = sorted(name for name in names[part] if ids[name] not in known)
        if 2 * len(strange) > len(names[part]):
            allowed = f"a list of tracks of data={dataset.name}, such as {dataset.tracks[0]}"
            got = f"{len(strange)} of {len(names[part])} are not, first {strange[0]}"
            what = "most listed tracks are not in the data"
            raise DataError(Mistake(f"split.{part}", what, allowed, got))
    parts = {part: np.flatnonzero(np.isin(dataset.tracks, sorted(listed[part]))) for part in listed}
    shared = [
        (one, other, sorted(listed[one] & listed[other]))
        for one, other in (("train", "test"), ("train", "val"), ("val", "test"))
        if one in listed and other in listed and listed[one] & listed[other]
    ]
    if shared:
        raise DataError(
            Mistake(
                f"split.{one} and split.{other}",
                "tracks are on both lists",
                "lists that share no track",
                f"{len(both)}, first {both[0]}",
            )
            for one, other, both in shared
        )
    return Fold(parts["train"], parts.get("val", np.array([], dtype=int)), parts["test"])

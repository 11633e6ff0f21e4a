"""Published splits: lists of file names for train, validation and test, or a table of them."""

import logging
import os
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import PARTS, Dataset, Fold, Place, Split, fingerprint
from gtzan_exp.data.name_lists import read_lines, read_rows, track_ids

log = logging.getLogger(__name__)

_COLUMNS = ("fold", "part", "track")
_TABLE = f"a CSV with the columns {', '.join(_COLUMNS)}, such as split.csv in the record of a run"


@dataclass(frozen=True, kw_only=True)
class Lists:
    """The parts by published lists, or by a table. Tracks on no list are left out.

    Names that are not in the data give a warning, or an error if they are most of a list.
    """

    name: str
    dir: Annotated[Path | None, Place.OF_SPLIT] = None  # the folder with the lists, for one fold
    # name of a list: one file name a line, such as ``blues.00000.wav``, or with its genre's folder,
    # ``rock/one song.wav``; a piece or segment counts as its track
    train: Annotated[str, Place.OF_SPLIT]
    val: Annotated[str | None, Place.OF_SPLIT] = None
    test: Annotated[str, Place.OF_SPLIT]
    # instead of lists, a CSV with the columns ``fold``, ``part`` and ``track``, for one fold or
    # several: the ``split.csv`` in the record of a run
    table: Annotated[Path | None, Place.OF_SPLIT] = None
    # where the lists are published, for the error when one is missing
    source: Annotated[str | None, Place.OF_SPLIT] = None

    def split(self, dataset: Dataset) -> Split:
        """Return the folds; `DataError` where a list is missing, shares a track, or is foreign."""
        if self.table is not None:
            listed = read_split_table(self.table.expanduser())
        else:
            files = {"train": self.train, "val": self.val, "test": self.test}
            listed = [{part: self._read(file) for part, file in files.items() if file is not None}]
        names = sorted({name for parts in listed for part in parts.values() for name in part})
        track_of = dataset.track_of
        ids, known = track_ids(names, track_of), set(track_of.values())
        folds = [_fold(dataset, parts, ids, known) for parts in listed]
        strange = [name for name in names if ids[name] not in known]
        if strange:
            counts, some = (len(strange), len(names)), ", ".join(strange[:3])
            line = "%d of %d listed tracks are not in data=%s, first %s"
            log.warning(line, *counts, dataset.name, some)
        return Split(self.name, tuple(folds), fingerprint(dataset, folds))

    def _read(self, name: str) -> set[str]:
        path = None if self.dir is None else self.dir.expanduser() / name
        wanted = f"split.dir=FOLDER with {name}, one file name a line"
        wanted += f" ({self.source})" if self.source else ""
        if path is None or not os.path.lexists(path):
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
    mistakes = []
    for one, other in (("train", "test"), ("train", "val"), ("val", "test")):
        both = listed.get(one, set()) & listed.get(other, set()) & known
        if both:
            where, got = f"split.{one} and split.{other}", f"{len(both)}, first {min(both)}"
            wanted = "lists that share no track"
            mistakes.append(Mistake(where, "tracks are on both lists", wanted, got))
    if mistakes:
        raise DataError(mistakes)
    rows = (np.isin(dataset.tracks, sorted(listed.get(part, ()))) for part in PARTS)
    return Fold(*map(np.flatnonzero, rows))


def split_table(dataset: Dataset, split: Split) -> pd.DataFrame:
    """Return ``fold`` (from 1), ``part`` and ``track``; of a learning curve all of training."""
    parts = [
        pd.DataFrame({"fold": number, "part": part, "track": np.unique(dataset.tracks[rows])})
        for number, fold in enumerate(split.reported, start=1)
        for part, rows in fold.parts()
    ]
    return pd.concat(parts, ignore_index=True)


def read_split_table(path: Path) -> list[dict[str, set[str]]]:
    """Return the names of the tracks of each part, fold by fold."""
    if not os.path.lexists(path):
        raise DataError(Mistake("split.table", "is missing", _TABLE, str(path)))
    rows = read_rows(path, _COLUMNS, _TABLE)
    table = pd.DataFrame([row for _, row in rows], columns=_COLUMNS)
    strange = sorted(set(table["part"]) - set(PARTS))
    if strange:
        raise DataError(Mistake(f"{path}, part", "unknown", ", ".join(PARTS), strange[0]))
    folds = [
        {part: set(rows["track"]) for part, rows in fold.groupby("part")}
        for _, fold in table.groupby("fold", sort=False)
    ]
    if not all({"train", "test"} <= set(fold) for fold in folds) or not folds:
        got = "no line" if not folds else "a fold without one of them"
        raise DataError(Mistake(str(path), "a part is missing", "train and test in each fold", got))
    return folds

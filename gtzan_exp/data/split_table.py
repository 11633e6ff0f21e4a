"""A split as a table that can be published, and read again by ``split=lists``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import PARTS, Dataset, Split
from gtzan_exp.data.name_lists import read_rows

_COLUMNS = ("fold", "part", "track")
_WANTED = f"a CSV with the columns {', '.join(_COLUMNS)}, such as split.csv in the record of a run"


def split_table(dataset: Dataset, split: Split) -> pd.DataFrame:
    """Return which track is in which part.

    Returns
    -------
    pandas.DataFrame
        ``fold`` (from 1), ``part`` and ``track``; of a learning curve the whole training part.
    """
    return pd.concat(
        [
            pd.DataFrame({"fold": number, "part": part, "track": np.unique(dataset.tracks[rows])})
            for number, fold in enumerate(split.reported, start=1)
            for part, rows in fold.parts()
        ],
        ignore_index=True,
    )


def read_split_table(path: Path) -> list[dict[str, set[str]]]:
    """Return the names of the tracks of each part, fold by fold.

    Raises
    ------
    DataError
        There is no such file, or it is not such a table.
    """
    if not path.is_file():
        raise DataError(Mistake("split.table", "is missing", _WANTED, str(path)))
    rows = read_rows(path, _COLUMNS, _WANTED)
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

"""A split as a table that can be published, and read again by ``split=lists``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gtzan_exp.data.dataset import PARTS, Dataset, Split
from gtzan_exp.errors import DataError, Mistake

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
    """Return the tracks of each part, fold by fold.

    Raises
    ------
    DataError
        There is no such file, or it is not such a table.
    """
    if not path.is_file():
        raise DataError(Mistake("split.table", "is missing", _WANTED, str(path)))
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(Mistake(str(path), "not a CSV table", _WANTED, str(error))) from error
    if not set(_COLUMNS) <= set(table.columns):
        got = ", ".join(table.columns)
        raise DataError(Mistake(str(path), "columns are missing", _WANTED, got))
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

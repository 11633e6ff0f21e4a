"""The view ``features``: one row of numbers per track, or per segment of a track."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.features import FEATURE_COLUMNS
from gtzan_exp.data.dataset import Dataset, digest
from gtzan_exp.data.views import InputKind, Location, class_mistakes, shorten
from gtzan_exp.errors import DataError, Mistake, nearest
from gtzan_exp.genres import track_id

_TEXT_COLUMNS = ("filename", "label")


@dataclass(frozen=True, kw_only=True)
class FeaturesView:
    """Reads ``features_30_sec.csv`` or ``features_3_sec.csv``.

    Parameters
    ----------
    segment_seconds : {30, 3}
        Which table: one row per track, or one per 3 s segment.
    columns : tuple of str, optional
        The input columns; the 57 features of the published table when omitted.
    extra_columns : tuple of str
        Further numeric columns to use as inputs, for example ``length``. They come first, as
        ``length`` does in the published table.
    """

    name: str = "features"
    gives: tuple[InputKind, ...] = ("vector", "sequence")
    segment_seconds: Literal[30, 3] = 30
    columns: tuple[str, ...] | None = None
    extra_columns: tuple[str, ...] = ()

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the table.

        Parameters
        ----------
        location : Location
            Where the table lies.
        cache : Path
            Not used: a table is read faster than a copy of it would be looked up.

        Raises
        ------
        DataError
            The table is missing or empty, lacks a column, holds a value that is not a finite
            number, or has a class that is unknown or cannot be split.
        """
        del cache
        path = location.folder() / f"features_{self.segment_seconds}_sec.csv"
        table = _read(path)
        inputs = self._input_columns(table, path)
        mistakes = [*_label_mistakes(table, path), *_value_mistakes(table, inputs, path)]
        if mistakes:
            raise DataError(shorten(mistakes, str(path)))

        labels = table["label"].to_numpy(dtype=str)
        ids = np.array([track_id(*row) for row in zip(table["filename"], labels, strict=True)])
        tracks = ids
        if self.segment_seconds != 30:
            tracks = np.array([segment.rpartition(".")[0] for segment in ids])
        mistakes = _id_mistakes(ids, path)
        mistakes += class_mistakes(str(path), labels, tracks, location.classes)
        if mistakes:
            raise DataError(shorten(mistakes, str(path)))

        X = table[inputs].astype(np.float64)
        content = hashlib.sha256(np.ascontiguousarray(X.to_numpy()).tobytes()).hexdigest()
        return Dataset(
            name=location.name,
            synthetic=location.synthetic,
            view=self.name,
            source=str(path),
            X=X,
            labels=labels,
            ids=ids,
            tracks=tracks,
            classes=tuple(sorted(set(labels.tolist()))),
            fingerprint=digest(content, *inputs, *ids, *labels),
        )

    def _input_columns(self, table: pd.DataFrame, path: Path) -> list[str]:
        chosen = FEATURE_COLUMNS if self.columns is None else self.columns
        wanted = list(dict.fromkeys([*self.extra_columns, *chosen]))
        mistakes = [
            Mistake(
                f"{path}, column {column}",
                f"missing{nearest(column, list(table.columns))}",
                "a table with this column",
                f"{len(table.columns)} other columns",
            )
            for column in [*_TEXT_COLUMNS, *wanted]
            if column not in table.columns
        ]
        mistakes += [
            Mistake("view.extra_columns", "not a number", "numeric columns", column)
            for column in wanted
            if column in _TEXT_COLUMNS
        ]
        if mistakes:
            raise DataError(shorten(mistakes, str(path)))
        return wanted


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(
            Mistake("data.root", "no feature table there", f"a folder with {path.name}", str(path))
        )
    try:
        table = pd.read_csv(path, encoding="utf-8")
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(
            Mistake(str(path), "not a CSV table", "comma-separated text with a header", str(error))
        ) from error
    if table.empty:
        raise DataError(Mistake(str(path), "the table is empty", "at least one row", "0 rows"))
    return table


def _label_mistakes(table: pd.DataFrame, path: Path) -> list[Mistake]:
    return [
        Mistake(f"{path}, line {row + 2}, column {column}", "empty", "text", "nothing")
        for column in _TEXT_COLUMNS
        for row in np.flatnonzero(table[column].isna())
    ]


def _value_mistakes(table: pd.DataFrame, columns: list[str], path: Path) -> list[Mistake]:
    mistakes = []
    for column in columns:
        values = table[column]
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
        for row in np.flatnonzero(~np.isfinite(numbers)):
            got = values.iloc[row]
            mistakes.append(
                Mistake(
                    f"{path}, line {row + 2}, column {column}",
                    "not a finite number",
                    "a finite number",
                    repr(got) if isinstance(got, str) else str(got),
                )
            )
    return mistakes


def _id_mistakes(ids: np.ndarray, path: Path) -> list[Mistake]:
    known, counts = np.unique(ids, return_counts=True)
    return [
        Mistake(f"{path}, track {name}", "in the table more than once", "one row", f"{count} rows")
        for name, count in zip(known[counts > 1], counts[counts > 1], strict=True)
    ]

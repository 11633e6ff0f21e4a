"""The view ``features``: one row of numbers per track, or per segment of a track."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.features import FEATURE_COLUMNS
from gtzan_exp.data.dataset import Dataset, digest
from gtzan_exp.data.views import Location, class_mistakes, shorten
from gtzan_exp.errors import DataError, Mistake, nearest
from gtzan_exp.genres import track_id

if TYPE_CHECKING:
    from gtzan_exp.audio.prepare import PrepareSettings

_TEXT_COLUMNS = ("filename", "label")
_LARGEST = float(np.finfo(np.float32).max)


def _numeric(column: str) -> str:
    if column in _TEXT_COLUMNS:
        raise ValueError(f"numeric columns, so not {' or '.join(_TEXT_COLUMNS)}")
    return column


Column = Annotated[str, AfterValidator(_numeric)]


@dataclass(frozen=True, kw_only=True)
class FeaturesView:
    """Reads ``features_30_sec.csv`` or ``features_3_sec.csv``.

    The order of the rows and of the columns in the file means nothing: rows are sorted by id, as
    they are in the published tables, and columns are taken by name.

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
    gives: tuple[Literal["vector"], Literal["sequence"]] = ("vector", "sequence")
    segment_seconds: Literal[30, 3] = 30
    columns: Annotated[tuple[Column, ...], Field(min_length=1)] | None = None
    extra_columns: tuple[Column, ...] = ()

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
            number (of 32 bits, as many models calculate), has a row twice, or has a class that is
            unknown or cannot be split.
        """
        del cache
        path = location.folder() / f"features_{self.segment_seconds}_sec.csv"
        table = _read(path)
        inputs = self.input_columns
        named = table.reindex(columns=_TEXT_COLUMNS).dropna()
        labels = named["label"].to_numpy(dtype=str)
        ids = np.array([track_id(*row) for row in named.itertuples(index=False)], dtype=str)
        tracks = self._tracks(ids)
        mistakes = [
            mistake
            for kind in (
                _missing_columns(table, [*_TEXT_COLUMNS, *inputs], path),
                _empty_cells(table, path),
                _value_mistakes(table, inputs, path),
                _name_mistakes(ids, tracks, path),
                class_mistakes(str(path), labels, tracks, location.classes),
            )
            for mistake in shorten(kind, str(path))
        ]
        if mistakes:
            raise DataError(mistakes)

        order = np.argsort(ids)
        table, labels, ids, tracks = table.iloc[order], labels[order], ids[order], tracks[order]
        X = table[inputs].astype(np.float64).reset_index(drop=True)
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
            artists=location.artists(tracks),
            classes=tuple(sorted(set(labels.tolist()))),
            fingerprint=digest(content, *inputs, *ids, *labels),
        )

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], pd.DataFrame]:
        """Return a function that turns a track into the inputs that its rows would give.

        Parameters
        ----------
        settings : PrepareSettings
            How the features were computed.

        Returns
        -------
        callable
            Takes a mono signal, float32, shape (samples,); returns a row, or one per segment. It
            raises `DataError` when the signal is too short.

        Raises
        ------
        DataError
            An input column is none that `prepare` computes.
        """
        from gtzan_exp.audio.features import GTZAN_SECONDS, extract, segments

        inputs = self.input_columns
        computed = ("length", *settings.features.columns)
        foreign = [column for column in inputs if column not in computed]
        if foreign:
            got = ", ".join(foreign)
            raise DataError(
                Mistake("view.columns", "not computed from audio", ", ".join(computed), got)
            )

        def measure(y: np.ndarray) -> pd.DataFrame:
            parts = [y]
            if self.segment_seconds != GTZAN_SECONDS:
                cut = segments(y, self.segment_seconds, settings.features)
                parts = [part for _, part in cut]
            if not parts:
                seconds = len(y) / settings.features.sample_rate
                allowed = f"{self.segment_seconds} s or more"
                raise DataError(Mistake("audio", "too short", allowed, f"{seconds:.2f} s"))
            rows = [extract(part, settings.features) for part in parts]
            return pd.DataFrame(rows)[inputs].astype(np.float64)

        return measure

    @property
    def input_columns(self) -> list[str]:
        """Names of the input columns, in order."""
        chosen = FEATURE_COLUMNS if self.columns is None else self.columns
        return list(dict.fromkeys([*self.extra_columns, *chosen]))

    def _tracks(self, ids: np.ndarray) -> np.ndarray:
        """Return the id of the track of each row, empty where a segment has no number."""
        if self.segment_seconds == 30:
            return ids
        matches = (re.fullmatch(r"([^.]+\..+)\.\d+", name) for name in ids)
        return np.array([match[1] if match else "" for match in matches], dtype=str)


def _read(path: Path) -> pd.DataFrame:
    """Return the table; its index are the numbers of the lines, counted from 1 at the header."""
    if not path.is_file():
        raise DataError(
            Mistake("data.root", "no feature table there", f"a folder with {path.name}", str(path))
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
            table = pd.read_csv(
                path,
                encoding="utf-8",
                dtype=dict.fromkeys(_TEXT_COLUMNS, str),
                index_col=False,
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
            )
    except (
        OSError,
        pd.errors.EmptyDataError,
        pd.errors.ParserError,
        pd.errors.ParserWarning,
        UnicodeDecodeError,
    ) as error:
        raise _not_a_table(path, str(error)) from error
    if len(table.columns) == 1:
        raise _not_a_table(path, f"one column, {str(table.columns[0])[:80]!r}")
    table.index += 2
    table = table.dropna(how="all")
    if table.empty:
        raise DataError(Mistake(str(path), "the table is empty", "at least one row", "0 rows"))
    return table


def _not_a_table(path: Path, got: str) -> DataError:
    allowed = "comma-separated text in UTF-8 with a header"
    return DataError(Mistake(str(path), "not a CSV table", allowed, got))


def _missing_columns(table: pd.DataFrame, wanted: list[str], path: Path) -> list[Mistake]:
    return [
        Mistake(
            f"{path}, column {column}",
            f"missing{nearest(column, list(table.columns))}",
            "a table with this column",
            f"{len(table.columns)} other columns",
        )
        for column in wanted
        if column not in table.columns
    ]


def _empty_cells(table: pd.DataFrame, path: Path) -> list[Mistake]:
    return [
        Mistake(f"{path}, line {line}, column {column}", "empty", "text", "nothing")
        for column in _TEXT_COLUMNS
        if column in table.columns
        for line in table.index[table[column].isna()]
    ]


def _value_mistakes(table: pd.DataFrame, columns: list[str], path: Path) -> list[Mistake]:
    mistakes = []
    for column in columns:
        if column not in table.columns:
            continue
        values = table[column]
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
        for row in np.flatnonzero(~(np.abs(numbers) <= _LARGEST)):
            got = values.iloc[row]
            mistakes.append(
                Mistake(
                    f"{path}, line {table.index[row]}, column {column}",
                    "not a finite number",
                    f"a number of size {_LARGEST:.1e} at most",
                    "nothing" if pd.isna(got) else str(got),
                )
            )
    return mistakes


def _name_mistakes(ids: np.ndarray, tracks: np.ndarray, path: Path) -> list[Mistake]:
    known, counts = np.unique(ids, return_counts=True)
    twins = [
        Mistake(f"{path}, row {name}", "in the table more than once", "one row", f"{count} rows")
        for name, count in zip(known[counts > 1], counts[counts > 1], strict=True)
    ]
    named = "<genre>.<number>.<segment>, for example blues.00000.0.wav"
    return twins + [
        Mistake(f"{path}, row {name}", "not named as a segment of a track", named, name)
        for name in ids[tracks == ""]
    ]

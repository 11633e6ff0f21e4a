"""The view ``features``: one row of numbers per track, or per segment of a track."""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.features import FEATURE_COLUMNS, GTZAN_SECONDS, extract, segments
from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import Dataset, Location
from gtzan_exp.data.feature_table import (
    TEXT_COLUMNS,
    TRACK,
    FeatureTable,
    number_columns,
    read_table,
)
from gtzan_exp.data.pieces import grouped

_SEGMENT = re.compile(r"([^.]+\..+)\.\d+")  # ``<genre>.<name>.<number>``


def _numeric(column: str) -> str:
    if column in (*TEXT_COLUMNS, TRACK):
        raise ValueError(f"numeric columns, so not {', '.join(TEXT_COLUMNS)} or {TRACK}")
    return column


Column = Annotated[str, AfterValidator(_numeric)]


@dataclass(frozen=True, kw_only=True)
class FeaturesView:
    """Reads ``features_30_sec.csv`` or ``features_3_sec.csv``.

    Rows are sorted by id, and columns are selected by name. A table is cached as memory-mapped
    arrays, so it may be larger than memory. A column ``track`` gives the track of each row; without
    it, pieces of tracks are recognised by `gtzan_exp.data.pieces`.
    """

    name: str = "features"
    gives: tuple[Literal["vector"], Literal["sequence"]] = ("vector", "sequence")
    segment_seconds: Literal[30, 3] = 30  # the table: one row per track, or per segment of 3 s
    # the input columns; null are the 57 features of the published table, "all" are the numeric
    # columns without an index
    columns: Annotated[tuple[Column, ...], Field(min_length=1)] | Literal["all"] | None = None
    # further numeric columns to use as inputs, for example ``length``; they come first, as
    # ``length`` does in the published table
    extra_columns: tuple[Column, ...] = ()

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the table or its cached copy; `DataError` where it lacks a column or is faulty."""
        named = getattr(location, "table", None) or Path(f"features_{self.segment_seconds}_sec.csv")
        path = location.folder() / named.expanduser()
        inputs = number_columns(path) if self.columns == "all" else self.input_columns

        def read(columns: Sequence[str]) -> FeatureTable:
            return read_table(path, columns, location, self._tracks, cache=cache)

        def look(rows: np.ndarray) -> np.ndarray:
            values = table.values  # noqa: PD011
            if len(inputs) < len(FEATURE_COLUMNS) // 2:
                with contextlib.suppress(DataError):
                    values = read(FEATURE_COLUMNS).values  # noqa: PD011
            return values[rows]

        table = read(inputs)
        dataset = Dataset(
            name=location.name,
            synthetic=location.synthetic,
            view=self.name,
            source=str(path),
            X=pd.DataFrame(table.values, columns=inputs, copy=False),
            labels=table.labels,
            ids=table.ids,
            tracks=table.tracks,
            classes=tuple(np.unique(table.labels).tolist()),
            fingerprint=table.fingerprint,
            notes=() if self.segment_seconds == 30 else _gaps(table),
            maker=replace(self, columns=tuple(inputs)) if self.columns == "all" else None,
        )
        return grouped(dataset, location, look, told=table.names_tracks)

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], pd.DataFrame]:
        """Return a function that turns a track into the inputs that its rows would give."""
        inputs = self.input_columns
        computed = ("length", *settings.features.columns)
        foreign = ", ".join(column for column in inputs if column not in computed)
        if foreign:
            allowed = ", ".join(computed)
            raise DataError(Mistake("view.columns", "not computed from audio", allowed, foreign))

        def measure(y: np.ndarray) -> pd.DataFrame:
            parts = [y]
            if self.segment_seconds != GTZAN_SECONDS:
                parts = [part for _, part in segments(y, self.segment_seconds, settings.features)]
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
        if self.columns == "all":
            what, allowed = "all of a table that has not been read", "a list, or null"
            raise DataError(Mistake("view.columns", what, allowed, "all"))
        chosen = FEATURE_COLUMNS if self.columns is None else self.columns
        return list(dict.fromkeys([*self.extra_columns, *chosen]))

    def from_request(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the input columns of a request, finite numbers, as float64."""
        numbers = table[self.input_columns].astype(np.float64)
        for row, column in np.argwhere(~np.isfinite(numbers.to_numpy())):
            where = f"row {row}, column {self.input_columns[column]}"
            raise DataError(Mistake(where, "not a number", "a finite number", "nothing"))
        return numbers

    def example(self, dataset: Dataset) -> pd.DataFrame:
        """Return the first row of the inputs."""
        return dataset.take(np.arange(1))

    def _tracks(self, ids: np.ndarray) -> np.ndarray:
        """Return the track id of each row, empty for a segment without a number."""
        if self.segment_seconds == 30:
            return ids
        found = (_SEGMENT.fullmatch(name) for name in ids.tolist())
        return np.array([match[1] if match else "" for match in found], dtype=str)


def _gaps(table: FeatureTable) -> tuple[str, ...]:
    """Return a line on missing segments between others of their tracks, if any."""
    numbers = pd.to_numeric(pd.Series(table.ids).str.rpartition(".")[2], errors="coerce")
    tracks = numbers.groupby(table.tracks).agg(["min", "max", "size"])
    missing = tracks["max"] - tracks["min"] + 1 - tracks["size"]
    lacking = missing[missing > 0]
    if lacking.empty:
        return ()
    count, named = f"at least {lacking.sum():.0f} segments", f"first {lacking.index[0]}"
    return (f"{count} are missing, between others of {len(lacking)} tracks, {named}",)

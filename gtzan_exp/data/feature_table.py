"""Feature tables: from CSV to memory-mapped arrays, in blocks of rows."""

import hashlib
import itertools
import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from gtzan_exp.audio.tracks import FOREIGN, READABLE
from gtzan_exp.basics.checks import MAX_MISTAKES, shorten
from gtzan_exp.basics.digests import digest, digest_all
from gtzan_exp.basics.errors import DataError, Mistake, nearest
from gtzan_exp.basics.files import opened
from gtzan_exp.basics.genres import track_id
from gtzan_exp.basics.spellings import Relabel, class_mistakes
from gtzan_exp.data.cache import cached, stamp
from gtzan_exp.data.contracts import Location

TRACK = "track"  # the optional column with the track of each row
TEXT_COLUMNS = ("filename", "label")
_TEXT = (*TEXT_COLUMNS, TRACK)
_FORMAT = 2
_ENDING = re.compile(rf"\.(?:{'|'.join((*READABLE, *FOREIGN))}|png|jpe?g)$", re.IGNORECASE)
_ROWS = 1 << 16
_LARGEST = float(np.finfo(np.float32).max)
_HABITS = {
    "in brackets": (
        r"\[.*\]",
        "plain ones: for c in [{columns}]: table[c] = table[c].str.strip('[]').astype(float)",
    ),
    "with a decimal comma": (
        r"[-+]?\d[\d.]*,\d+(?:[eE][-+]?\d+)?",
        "a decimal point: pandas.read_csv(FILE, decimal=',').to_csv(FILE, index=False)",
    ),
}
"""Non-standard formats of numbers: the pattern of the cells, and the remedy."""


@dataclass(frozen=True)
class FeatureTable:
    """The rows of a valid table, sorted by id, as memory-mapped arrays."""

    values: np.ndarray  # float64, shape (n_rows, n_columns): in column-major order, as in pandas
    labels: np.ndarray  # str, shape (n_rows,): as in `Dataset`, as `ids` and `tracks`
    ids: np.ndarray
    tracks: np.ndarray
    fingerprint: str  # hash of values, names of columns, ids and labels, and of named tracks
    names_tracks: bool  # whether the table has the column `TRACK`

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the arrays as memory maps; ValueError, KeyError or EOFError if they are damaged."""
        meta = json.loads((folder / "meta.json").read_text())
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray)
            for name in ("values", "labels", "ids", "tracks")
        }
        found = {name: list(array.shape) for name, array in arrays.items()}
        if found != meta["shapes"]:
            raise ValueError(f"arrays of {found} in the place of {meta['shapes']}")
        return cls(**arrays, fingerprint=meta["fingerprint"], names_tracks=meta["names_tracks"])


def read_table(
    path: Path,
    columns: Sequence[str],
    location: Location,
    tracks_of: Callable[[np.ndarray], np.ndarray],
    *,
    cache: Path,
) -> FeatureTable:
    """Read a CSV with ``filename``, ``label`` and numeric `columns`, from the cache if unchanged.

    `tracks_of` returns the tracks of row ids, empty for an id without one; it depends only on the
    ids and the name of the file, and is not used for a table with the column `TRACK`. Raises
    `ConfigError` if the cache cannot be written; `DataError` with one mistake for each fault.
    """
    _must_be_there(path)
    classes, labels = location.classes, sorted(location.labels.items())
    return cached(
        cache / "tables",
        digest(path, stamp(path), _FORMAT, classes, labels, *columns),
        lambda out: _convert(path, columns, location, tracks_of, out),
        FeatureTable.open,
    )


def _must_be_there(path: Path) -> None:
    if not os.path.lexists(path):
        allowed = f"a folder with {path.name}, as `gtzan-exp prepare` makes it, or data.table=FILE"
        raise DataError(Mistake("data.root", "no feature table there", allowed, str(path)))


def number_columns(path: Path) -> list[str]:
    """Return the columns of a table that are numeric at its beginning, without an index."""
    _must_be_there(path)
    first = next(_parts(path)).select_dtypes("number")
    rows = {column for column in first.columns if (first[column].diff()[1:] == 1).all()}
    found = [c for c in first.columns if c not in _TEXT and c not in rows]
    if not found:
        raise DataError(Mistake(str(path), "no column of numbers", "at least one", "none"))
    return found


def _convert(
    path: Path,
    columns: Sequence[str],
    location: Location,
    tracks_of: Callable[[np.ndarray], np.ndarray],
    out: Path,
) -> None:
    """Write the arrays of a table to a folder, or raise all its mistakes."""
    where, relabel = str(path), Relabel(location.labels)
    faults = _Faults(path, (*_TEXT, *columns))
    texts: list[list[np.ndarray]] = []
    numbers: list[Path] = []
    for number, part in enumerate(_parts(path)):
        header = list(part.columns)
        for column in set(_TEXT).intersection(header):
            faults.add(column, part.loc[part[column].isna(), column], "empty", "text")
        numbers.append(out / f"part{number}.npy")
        np.save(numbers[-1], _numbers(part, columns, faults))
        named = part.reindex(columns=_TEXT if TRACK in header else TEXT_COLUMNS).dropna()
        genres = [relabel(label) for label in named["label"].tolist()]
        names = map(track_id, named["filename"].tolist(), genres)
        whole = map(_named_track, named.get(TRACK, named["filename"]).tolist(), genres)
        texts.append([np.array(list(found), dtype=str) for found in (genres, names, whole)])
    labels, ids, tracks = map(np.concatenate, zip(*texts, strict=True))
    names_tracks = TRACK in header
    if not names_tracks:
        tracks = tracks_of(ids)
    mistakes = [
        *_missing(path, columns, header),
        *faults.shortened(),
        *shorten(_name_mistakes(ids, tracks, path), where),
        *relabel.unknown(),
        *shorten(class_mistakes(where, labels, tracks, location.classes), where),
    ]
    if mistakes:
        raise DataError(mistakes)
    order = np.argsort(ids)
    values = _sort(numbers, order, out / "values.npy")
    arrays = {"labels": labels[order], "ids": ids[order], "tracks": tracks[order]}
    for name, array in arrays.items():
        np.save(out / f"{name}.npy", array)
    content = hashlib.sha256()
    for start in range(0, len(values), _ROWS):
        content.update(np.ascontiguousarray(values[start : start + _ROWS]).data)
    kept = ("ids", "labels", "tracks") if names_tracks else ("ids", "labels")
    identity = itertools.chain([content.hexdigest()], columns, *(arrays[n].tolist() for n in kept))
    meta = {
        "shapes": {name: array.shape for name, array in {"values": values, **arrays}.items()},
        "fingerprint": digest_all(identity),
        "names_tracks": names_tracks,
    }
    (out / "meta.json").write_text(json.dumps(meta))


def _missing(path: Path, columns: Sequence[str], header: Sequence[str]) -> list[Mistake]:
    """Return a mistake for each missing column, or one for all if most inputs are missing."""
    missing = [column for column in (*TEXT_COLUMNS, *columns) if column not in header]
    others = "view.columns=[NAME,...] or all names others"
    inputs = [column for column in missing if column in columns]
    mistakes = []
    if len(inputs) > max(1, len(columns) // 2):
        what = f"{len(inputs)} of {len(columns)} input columns are missing"
        allowed, got = f"{', '.join(inputs[:3])} ... ({others})", ", ".join(header)[:200]
        mistakes.append(Mistake(str(path), what, allowed, got))
        missing = [column for column in missing if column not in columns]
    for column in missing:
        where, what = f"{path}, column {column}", f"missing{nearest(column, header)}"
        allowed = "a table with this column" + (f" ({others})" if column in columns else "")
        mistakes.append(Mistake(where, what, allowed, f"{len(header)} other columns"))
    return shorten(mistakes, str(path))


def _named_track(name: str, genre: str) -> str:
    """Return the id of a track named with or without its genre and a file ending."""
    name = _ENDING.sub("", name.strip())
    return name if name.startswith(f"{genre}.") else f"{genre}.{name}"


def _sort(parts: list[Path], order: np.ndarray, path: Path) -> np.ndarray:
    """Write the numbers of all parts column by column to one file, map it, and remove the parts."""
    mapped = [np.load(part, mmap_mode="r") for part in parts]
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": True, "shape": (len(order), len(mapped[0]))}
        np.lib.format.write_array_header_1_0(file, header)
        for columns in zip(*mapped, strict=True):
            file.write(np.concatenate(columns)[order].astype("<f8").data)
    del mapped, columns
    for part in parts:
        part.unlink()
    return np.load(path, mmap_mode="r")


def _parts(path: Path) -> Iterator[pd.DataFrame]:
    """Yield blocks of non-empty rows; the index is the line number, from 1 for the header."""
    n_rows = 0
    try:
        with opened(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
            names = [str(name).strip() for name in pd.read_csv(file, nrows=0).columns]
            if len(names) == 1:
                raise _not_a_table(path, f"one column, {names[0][:80]!r}", _separated_by(names[0]))
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise _not_a_table(path, f"two columns {twice[0]!r}")
            file.seek(0)
            with pd.read_csv(
                file,
                encoding="utf-8",
                names=names,
                header=0,
                dtype=dict.fromkeys(_TEXT, str),
                index_col=False,
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
                chunksize=_ROWS,
            ) as reader:
                for part in reader:
                    part.index += 2
                    blank = dict.fromkeys(_TEXT, r"^\s+$")
                    part = part.replace(blank, np.nan, regex=True).dropna(how="all")
                    n_rows += len(part)
                    yield part
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        raise _not_a_table(path, str(error)) from error
    if not n_rows:
        raise DataError(Mistake(str(path), "the table is empty", "at least one row", "0 rows"))


class _Faults:
    """Mistakes in cells: the first few of each column, and their total number."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._first: dict[str, list[Mistake]] = {column: [] for column in columns}
        self._total = 0

    def add(self, column: str, cells: pd.Series, what: str, allowed: str) -> None:
        """Add mistakes of one kind in cells of a column, indexed by line."""
        self._total += len(cells)
        first = self._first[column]
        for line, cell in cells.iloc[: MAX_MISTAKES - len(first)].items():
            where = f"{self._path}, line {line}, column {column}"
            first.append(Mistake(where, what, allowed, "nothing" if pd.isna(cell) else str(cell)))

    def shortened(self) -> list[Mistake]:
        """Return the first mistakes by column and the number of others, or a remedy for all."""
        first = list(itertools.chain(*self._first.values()))
        for habit, (cell, allowed) in _HABITS.items():
            if first and all(re.fullmatch(cell, mistake.got.strip()) for mistake in first):
                columns = ", ".join(repr(column) for column, some in self._first.items() if some)
                got = f"{first[0].got} in {columns[:80]}, {self._total} cells in all"
                remedy = allowed.format(columns=columns)
                return [Mistake(str(self._path), f"numbers {habit}", remedy, got)]
        return shorten(first, str(self._path), self._total)


def _numbers(part: pd.DataFrame, columns: Sequence[str], faults: _Faults) -> np.ndarray:
    """Return the numbers in `columns`, shape (n_columns, n_rows), and add faulty cells."""
    numbers = part.reindex(columns=columns).apply(pd.to_numeric, errors="coerce")
    allowed = f"a number of size {_LARGEST:.1e} at most"
    for column in part.columns.intersection(columns):
        is_number = numbers[column].abs() <= _LARGEST
        faults.add(column, part.loc[~is_number, column], "not a finite number", allowed)
    return numbers.to_numpy(dtype=np.float64).T


def _separated_by(header: str) -> str:
    for separator in (";", "\t", "|"):
        if separator in header:
            read = f"pandas.read_csv(FILE, sep={separator!r}, decimal=',')"
            return f": {read}.to_csv(FILE, index=False) makes it one"
    return ""


def _not_a_table(path: Path, got: str, advice: str = "") -> DataError:
    allowed = f"comma-separated text in UTF-8 with a header{advice}"
    return DataError(Mistake(str(path), "not a CSV table", allowed, got))


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

"""Vectors of tracks in an npz, Parquet or CSV file, from `prepare` or other sources."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gtzan_exp.basics.errors import DataError, Mistake, nearest
from gtzan_exp.basics.files import opened
from gtzan_exp.embed.prepare import META

ENDINGS = (".npz", ".parquet", ".csv")
_INDEX = ("Unnamed: 0", "__index_level_0__")
_IDS = ("id", "ids", "track", "track_id", "filename", "file", "file_name", "path", "name", *_INDEX)
_LABELS = ("label", "labels", "genre", "class")
_USUAL = "penultimate"
_WANTED = (
    "an npz of `ids` and arrays of shape (n, size); or a Parquet or CSV table with a column "
    "`filename` or `id` and columns of numbers, or of lists of them"
)


@dataclass(frozen=True)
class VectorFile:
    """The content of a file."""

    names: list[str]  # length n: the names of the tracks
    labels: list[str] | None  # their genres, if the file has them
    layer: str  # of an array or a column of lists; for numbers, the file's name
    vectors: np.ndarray  # float64, shape (n, size)
    meta: dict[str, Any] = field(default_factory=dict)  # of `prepare`; empty for others


def read_vectors(path: Path, layer: str | None = None) -> VectorFile:
    """Read an array of a file: by default the only one, that of `prepare`, or ``penultimate``."""
    try:
        if path.suffix.lower() not in ENDINGS:
            raise _wrong(path, "no file of vectors", path.suffix or "no ending")
        found = _npz(path, layer) if path.suffix.lower() == ".npz" else _table(path, layer)
    except (EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise _wrong(path, "cannot be read", " ".join(str(error).split())) from error
    bad = np.flatnonzero(~np.isfinite(found.vectors).all(axis=1))
    if len(bad):
        got = f"{len(bad)} of {len(found.names)} rows, first that of {found.names[bad[0]]}"
        raise DataError(Mistake(str(path), "not a finite number", "numbers alone", got))
    return found


def _npz(path: Path, layer: str | None) -> VectorFile:
    with opened(path) as file, np.load(file) as arrays:
        ids, label = _who(path, arrays.files)
        names, labels = _texts(arrays, ids), _texts(arrays, label)
        chosen = _layer(path, layer, _layers(arrays, len(names)))
        return VectorFile(names, labels, chosen, arrays[chosen].astype(np.float64))


def _layers(arrays: Any, n_tracks: int) -> list[str]:
    """Return the names of the arrays of an npz that have vectors of tracks, by their headers."""
    form, found = np.lib.format, []
    for entry in arrays.zip.namelist():
        with arrays.zip.open(entry) as file:
            is_first = form.read_magic(file) == (1, 0)
            read = form.read_array_header_1_0 if is_first else form.read_array_header_2_0
            shape, _, _ = read(file)
        if len(shape) == 2 and shape[0] == n_tracks:
            found.append(entry.removesuffix(".npy"))
    return found


def _table(path: Path, layer: str | None) -> VectorFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    meta, lists = {}, []
    if path.suffix.lower() == ".csv":
        table = pd.read_csv(opened(path), dtype=dict.fromkeys((*_IDS, *_LABELS), str))
        columns = [str(name) for name in table.columns]
    else:
        schema = pq.read_schema(opened(path))
        columns = schema.names
        meta = json.loads((schema.metadata or {}).get(META, b"{}"))
        kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
        lists = [entry.name for entry in schema if any(kind(entry.type) for kind in kinds)]
    ids, label = _who(path, columns)
    chosen = path.stem
    if lists or layer is not None:
        chosen = _layer(path, layer, lists, own=bool(meta))
        columns = [name for name in columns if name not in lists or name == chosen]
    if path.suffix.lower() != ".csv":
        table = pq.read_table(opened(path), columns=columns).to_pandas(ignore_metadata=True)
    if lists:
        vectors = np.stack(table[chosen].tolist()).astype(np.float64)
    else:
        rest = table.drop(columns=[name for name in (ids, label, *_INDEX) if name in table])
        numbers = rest.apply(pd.to_numeric, errors="coerce").dropna(axis=1, how="all")
        vectors = numbers.to_numpy(dtype=np.float64)
    if not vectors.shape[1]:
        raise _wrong(path, "holds no numbers", ", ".join(columns))
    names, labels = _texts(table, ids), _texts(table, label)
    return VectorFile(names, labels, chosen, vectors, meta)


def _who(path: Path, columns: Sequence[str]) -> tuple[str, str | None]:
    """Return the columns with the names and, if any, the labels of tracks."""
    ids, label = (next((n for n in of if n in columns), None) for of in (_IDS, _LABELS))
    if ids is None:
        raise _wrong(path, "does not say which track a row is of", ", ".join(columns[:8]))
    return ids, label


def _texts(table: Any, column: str | None) -> Any:
    return None if column is None else table[column].astype(str).tolist()


def _layer(path: Path, layer: str | None, layers: list[str], *, own: bool = False) -> str:
    if layer is None and (len(layers) == 1 or (own and layers)):
        return layers[0]
    wanted = layer or _USUAL
    if wanted not in layers:
        what = "not set" if layer is None else f"not in the file{nearest(layer, layers)}"
        allowed = f"{', '.join(layers) or 'null, as it has no layers'} (of {path.name})"
        raise DataError(Mistake("view.layer", what, allowed, layer or "nothing"))
    return wanted


def _wrong(path: Path, what: str, got: str) -> DataError:
    return DataError(Mistake(str(path), what, _WANTED, got))

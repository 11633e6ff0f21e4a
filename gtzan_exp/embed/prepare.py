"""From a folder of audio to a file of vectors beside its views."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gtzan_exp.audio.prepare import (
    PrepareReport,
    PrepareSettings,
    each_track,
    error_table,
    file_digest,
    prepare,
)
from gtzan_exp.audio.tracks import Track, load_audio, scan_tracks
from gtzan_exp.basics.checks import as_node
from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.files import write_text
from gtzan_exp.embed.contracts import Embedder

META = b"gtzan_exp"  # key in the metadata of a Parquet file for how its vectors were made
_VERSION = 1
_ROWS = 4096


def prepare_all(
    audio_root: Path, out_root: Path, settings: PrepareSettings, embedder: Embedder
) -> list[PrepareReport]:
    """Make the views in `settings`, with embeddings by `embedder`."""
    reports = []
    if "embeddings" in settings.views:
        embedder.weights()  # fails early
    if set(settings.views) - {"embeddings"}:
        reports.append(prepare(audio_root, out_root, settings))
    if "embeddings" in settings.views:
        reports.append(prepare_embeddings(audio_root, out_root, settings, embedder))
    return reports


def prepare_embeddings(
    audio_root: Path, out_root: Path, settings: PrepareSettings, embedder: Embedder
) -> PrepareReport:
    """Write ``embeddings_<name>.parquet``: the vectors of all tracks in a folder.

    Those of each track are cached in ``.embeddings/``, by the bytes of its file and by the weights
    and options of the embedder. Of the settings, `max_seconds`, `offset`, `labels`, `on_error` and
    the workers are used. Raises `DataError` if there is no audio, or a file cannot be used and
    ``settings.on_error`` is ``raise``; `GtzanExpError` if the weights are missing.
    """
    audio_root, out_root = audio_root.resolve(), out_root.resolve()
    made = {"embedder": as_node(embedder), "weights": embedder.weights()}
    meta = {"version": _VERSION, **settings.read, **made}
    tracks, problems = scan_tracks(audio_root, settings.labels)
    kept = out_root / ".embeddings" / digest(json.dumps(meta, sort_keys=True))
    meta |= {"model": embedder.name, "training": embedder.training}
    kept.mkdir(parents=True, exist_ok=True)
    work = partial(_embed, embedder=embedder, part=settings.read, folder=kept)
    files = dict(each_track("embedding tracks", work, tracks, problems, settings))
    if not files:
        raise DataError(problems)
    path = out_root / f"embeddings_{embedder.name}.parquet"
    finished = [track for track in tracks if track.id in files]
    _write(path, finished, [files[track.id][0] for track in finished], meta)
    done = sum(made for _, made in files.values())
    errors = f"prepare_errors_{embedder.name}.csv"
    write_text(out_root / errors, error_table(problems, audio_root).decode())
    reused = len(files) - done
    return PrepareReport(done, reused, tuple(problems), out_root, errors=errors)


def _embed(
    track: Track, *, embedder: Embedder, part: dict[str, Any], folder: Path
) -> tuple[str, tuple[Path, bool] | Mistake]:
    """Return the id of a track, the file of its vectors, and whether it was made now."""
    try:
        path = folder / f"{file_digest(track.path)}.npz"
        if path.is_file():
            return track.id, (path, False)
        y = load_audio(track.path, sample_rate=embedder.sample_rate, **part)
        vectors = {layer: np.float32(vector) for layer, vector in embedder.embed(y).items()}
    except DataError as error:
        return track.id, replace(error.mistakes[0], where=str(track.path))
    if not all(np.isfinite(vector).all() for vector in vectors.values()):
        what, allowed = "has no finite vector", "finite numbers"
        return track.id, Mistake(str(track.path), what, allowed, embedder.name)
    content = io.BytesIO()
    np.savez(content, **vectors)  # type: ignore[arg-type]
    unfinished = path.with_name(f"{track.id}.unfinished")
    unfinished.write_bytes(content.getvalue())
    unfinished.replace(path)
    return track.id, (path, True)


def _write(path: Path, tracks: Sequence[Track], files: Sequence[Path], meta: dict) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sizes = {layer: len(vector) for layer, vector in _load(files[0]).items()}
    layers = [pa.field(layer, pa.list_(pa.float32(), size)) for layer, size in sizes.items()]
    fields = [pa.field("id", pa.string()), pa.field("label", pa.string()), *layers]
    schema = pa.schema(fields, metadata={META: json.dumps(meta)})
    unfinished = path.with_name(f".{path.name}.unfinished")
    with pq.ParquetWriter(unfinished, schema) as writer:
        for start in range(0, len(tracks), _ROWS):
            some = tracks[start : start + _ROWS]
            loaded = [_load(file) for file in files[start : start + _ROWS]]
            columns: dict[str, list] = {layer: [of[layer] for of in loaded] for layer in sizes}
            columns |= {"id": [t.id for t in some], "label": [t.genre for t in some]}
            writer.write_table(pa.table(columns, schema=schema))
    unfinished.replace(path)


def _load(file: Path) -> dict[str, np.ndarray]:
    with np.load(file) as vectors:
        return dict(vectors)

"""The view ``embeddings``: a vector per track, computed by a pretrained model."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.basics.checks import object_of, only_from, shorten
from gtzan_exp.basics.digests import digest_all
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.genres import ids_of, track_id
from gtzan_exp.basics.spellings import Relabel
from gtzan_exp.data.contracts import Dataset, Location, Place
from gtzan_exp.data.name_lists import all_known
from gtzan_exp.data.pieces import grouped
from gtzan_exp.data.vector_file import ENDINGS, VectorFile, read_vectors
from gtzan_exp.embed.contracts import Embedder
from gtzan_exp.embed.musicnn import TRAINING

_FILES = "embeddings*"
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, config=ConfigDict(arbitrary_types_allowed=True))
class EmbeddingsView:
    """Reads ``embeddings*.parquet``, ``.npz`` or ``.csv``, from `prepare` or any other source.

    Names of tracks may be ``blues.00000``, ``blues00000.png``, ``blues/blues.00000.wav`` and so on.
    """

    name: str = "embeddings"
    gives: tuple[Literal["vector"]] = ("vector",)
    # the file, from the working directory or from ``data.root``; the only one of that name in
    # ``data.root`` when omitted
    file: Annotated[Path | None, Place.OF_DATA] = None
    layer: str | None = None  # the array to use: the only one, that of `prepare`, or penultimate
    # The training data of the model, in a word, where the file does not name it. It is known for
    # files ``embeddings_<model>`` of the models of musicnn.
    training: Annotated[str, Field(pattern=r"^[\w.-]+$")] | None = None
    embedder: Embedder | None = None  # needed to predict audio, where the file does not name it
    weights: str | None = None  # what `Embedder.weights` gave when the vectors were computed
    max_seconds: float = 31.0  # the length of the audio that they were computed from
    size: int | None = None  # the length of a vector

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the file; `DataError` where it, a name, a number or a class in it is not usable."""
        path = self._path(location.folder())
        found, known = read_vectors(path, self.layer), all_known(location)
        ids, labels = tracks_of(path, found, location, known)
        order = np.argsort(ids)
        ids, labels, vectors = ids[order], labels[order], found.vectors[order]
        told = self._told(path, found)
        model = str(getattr(told.embedder, "name", found.meta.get("model", path.stem)))
        weights, training = told.weights or "unknown", told.training or "unknown"
        origin = {"model": model, "layer": found.layer, "weights": weights, "training": training}
        dataset = Dataset(
            name=location.name,
            synthetic=location.synthetic,
            view=self.name,
            source=str(path),
            X=vectors,
            labels=labels,
            ids=ids,
            tracks=ids,
            classes=tuple(np.unique(labels).tolist()),
            fingerprint=digest_all([hashlib.sha256(vectors.data).hexdigest(), *ids, *labels]),
            maker=told,
            origin=origin,
            notes=_lacking(path, ids, known),
        )
        return grouped(dataset, location, lambda rows: vectors[rows])

    def sound(self, settings: PrepareSettings) -> PrepareSettings:
        """Return the settings to read audio with the sample rate and length for the embedder."""
        if self.embedder is None:
            return settings
        rate = self.embedder.sample_rate
        features = replace(settings.features, sample_rate=rate)
        pictures = replace(settings.spectrograms, sample_rate=rate)
        seconds = self.max_seconds
        return replace(settings, features=features, spectrograms=pictures, max_seconds=seconds)

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], pd.DataFrame]:
        """Return a function that embeds a track; the model is loaded when it is first called."""
        embedder = self.embedder
        if embedder is None:
            allowed = "a file that prepare wrote, or +embedder@view.embedder=NAME"
            what, got = "not known which model computed the vectors", "null"
            raise DataError(Mistake("view.embedder", what, allowed, got))
        weights = embedder.weights()
        if self.weights not in (None, weights):
            what, allowed = f"other weights of {embedder.name} than then", str(self.weights)
            raise DataError(Mistake("view.embedder", what, allowed, weights))
        rate = settings.features.sample_rate
        if rate < embedder.sample_rate:
            what, got = f"{embedder.name} needs sound of a higher rate", f"{rate} Hz"
            allowed = f"{embedder.sample_rate} Hz or more (view=embeddings alone reads it so)"
            raise DataError(Mistake("view.embedder", what, allowed, got))

        def embed(y: np.ndarray) -> pd.DataFrame:
            if rate != embedder.sample_rate:
                resample = librosa_loader.load().resample
                y = resample(y, orig_sr=rate, target_sr=embedder.sample_rate)
            vectors = embedder.embed(y)
            vector = next(iter(vectors.values())) if self.layer is None else vectors[self.layer]
            return np.asarray(vector, np.float32).astype(np.float64)[None]

        return embed

    @property
    def input_columns(self) -> tuple[str]:
        """The column of a request that holds a vector, as a list of numbers."""
        return ("embedding",)

    def from_request(self, table: pd.DataFrame) -> np.ndarray:
        """Return the vectors of a request, lists of finite numbers, as float64 of (n, size)."""
        rows = []
        for row, cell in enumerate(table["embedding"]):
            try:
                vector = np.asarray(cell, dtype=np.float64)
            except (TypeError, ValueError):
                vector = np.empty(0)
            if vector.shape != (self.size or len(vector),) or not np.isfinite(vector).all():
                where, got = f"row {row}, column embedding", repr(cell)[:80]
                allowed = f"a list of {self.size} finite numbers"
                raise DataError(Mistake(where, "no vector", allowed, got))
            rows.append(vector)
        return np.stack(rows)

    def example(self, dataset: Dataset) -> pd.DataFrame:
        """Return the vector of the first track, as a list in the column ``embedding``."""
        return pd.DataFrame({"embedding": [dataset.X[0].tolist()]})

    def _path(self, root: Path) -> Path:
        if self.file is not None:
            places = [self.file.expanduser().absolute(), root / self.file.expanduser()]
            found = [path for path in places if path.is_file()][:1]
            what, allowed = "is not there", "a file in the working directory or in data.root"
            got = str(self.file)
        else:
            found = embedding_files(root)
            what = "several files of embeddings in data.root" if found else "no embeddings there"
            new = "prepare views=[embeddings], embeddings*.parquet, .npz or .csv there, or"
            allowed = "view.file=FILE" if found else f"{new} view.file=FILE"
            got = ", ".join(path.name for path in found) or str(root)
        if len(found) != 1:
            raise DataError(Mistake("view.file", what, allowed, got))
        return found[0]

    def _told(self, path: Path, found: VectorFile) -> Self:
        """Return the view, completed by the metadata of the file."""
        meta, size = found.meta, found.vectors.shape[1]
        published = {f"embeddings_{name}".casefold(): of for name, of in TRAINING.items()}
        named = published.get(path.stem.casefold())
        embedder = self.embedder
        if embedder is None and (node := meta.get("embedder")):  # None of a foreign package
            embedder = object_of(node, "embedder", [], only_from("gtzan_exp.embed."))
        return replace(
            self,
            layer=found.layer if embedder else self.layer,
            training=self.training or meta.get("training") or getattr(embedder, "training", named),
            embedder=embedder,
            weights=self.weights or meta.get("weights"),
            max_seconds=meta.get("max_seconds", self.max_seconds),
            size=size,
        )


def embedding_files(root: Path) -> list[Path]:
    return sorted(path for path in root.glob(_FILES) if path.suffix.lower() in ENDINGS)


def tracks_of(
    path: Path, found: VectorFile, location: Location, known: Mapping[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return id and genre of the track of each row; `DataError` where a name is not clear.

    `known` are the genres of tracks by their ids.
    """
    relabel = Relabel(location.labels)
    told = [relabel(label) for label in found.labels or ()]
    genres = sorted({*told, *known.values(), *(location.classes or ())})
    tracks: dict[str, tuple[str, str]] = {}
    mistakes = []
    for row, name in enumerate(found.names):
        label = told[row] if told else None
        file = name.replace("\\", "/").rpartition("/")[2]
        spellings = [name] if found.meta or not _ENDING.search(name) else []
        if not found.meta:  # the most likely first
            spellings += [*([track_id(file, label)] if label else []), *ids_of(name)]
        ids = [(id, known[id]) for id in (name, *spellings) if id in known]
        ids = ids or [
            (id, genre)
            for id in spellings
            for genre in ([label] if label else genres or [id.partition(".")[0]])
            if id.startswith(f"{genre}.")
        ]
        if not ids:
            allowed = f"<genre>.<name> of {', '.join(genres[:10])}, or a column label"
            mistakes.append(Mistake(str(path), "names no track of a genre", allowed, name))
        elif label not in (None, ids[0][1]):
            what, got = f"{name} has another label in data.root", f"{label} and {ids[0][1]}"
            mistakes.append(Mistake(str(path), what, "one label", got))
        elif tracks.setdefault(ids[0][0], (name, ids[0][1]))[0] is not name:
            what, got = f"two vectors of {ids[0][0]}", f"{tracks[ids[0][0]][0]} and {name}"
            mistakes.append(Mistake(str(path), what, "one of each track", got))
    mistakes += relabel.unknown() if told else []
    if mistakes:
        raise DataError(shorten(mistakes, str(path)))
    return np.array(list(tracks)), np.array([genre for _, genre in tracks.values()])


def _lacking(path: Path, ids: np.ndarray, known: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line on the tracks of the data without a vector, if any."""
    without = sorted(known.keys() - set(ids.tolist()))
    if not without:
        return ()
    named = ", ".join(without[:_SHOWN]) + (", ..." if len(without) > _SHOWN else "")
    return (f"{len(without)} of {len(known)} tracks have no vector in {path.name}: {named}",)

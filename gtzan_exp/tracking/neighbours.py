"""The most similar tracks of a run's data to a song, in the input space of its model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from gtzan_exp.basics.checks import as_dict, imported, object_of
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import Dataset, Location
from gtzan_exp.data.selection import read_view
from gtzan_exp.tracking.models import LoggedModel, fetch
from gtzan_exp.tracking.store import Tracking

_OURS = "gtzan_exp.data."


class Neighbours:
    """Tracks and their cosine similarity to others.

    The vector of a track is the mean over its rows after the preprocessing of the model.

    `dataset` holds the tracks to search, in the view of the model. Raises `DataError` if the model
    takes no vectors.
    """

    def __init__(self, model: LoggedModel, dataset: Dataset) -> None:
        self._steps = model.estimator[:-1]
        rows = pd.DataFrame(self.seen(dataset.X)).groupby(dataset.tracks).mean()
        self._tracks = rows.index.to_numpy()
        self._vectors = _of_length_1(rows.to_numpy())

    def seen(self, X: Any) -> np.ndarray:
        """Return the vectors of rows of inputs, shape (n_rows, size)."""
        vectors = np.asarray(self._steps.transform(X))
        if vectors.ndim != 2:
            what, allowed = "its model sees no vectors", "models of vectors, such as svc"
            raise DataError(Mistake("neighbours", what, allowed, type(X).__name__))
        return vectors

    def of(self, vectors: np.ndarray, count: int) -> dict[str, float]:
        """Return the cosine similarity of the `count` nearest tracks to the mean of vectors."""
        similarity = self._vectors @ _of_length_1(vectors.mean(axis=0, keepdims=True))[0]
        order = np.argsort(-similarity, kind="stable")[:count]
        return {str(self._tracks[place]): float(similarity[place]) for place in order}


def neighbours_of(model: LoggedModel, tracking: Tracking) -> Neighbours:
    """Return the tracks of the data of a model's run, where both still exist."""
    with tempfile.TemporaryDirectory() as place:
        path = fetch(f"runs:/{model.card.run_id}/config.yaml", tracking.uri, place)
        config = as_dict(DictConfig(OmegaConf.load(path)))
    mistakes: list[Mistake] = []
    location: Location = object_of(config["data"], "data", mistakes, _own)
    mistakes += [] if location is None else location.mistakes()
    if mistakes:
        raise DataError(mistakes)
    cache = Path(config["paths"]["cache"])
    return Neighbours(model, read_view(model.card.view, location, cache=cache))


def _own(target: Any, where: str, mistakes: list[Mistake]) -> Any:
    """Return a class of this package only, since the config of the run is not trusted."""
    found = imported(target, where, mistakes)
    if not (isinstance(found, type) and found.__module__.startswith(_OURS)):
        mistakes.append(Mistake(where, "is not of this package", f"{_OURS}...", str(target)))
        return None
    return found


def _of_length_1(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)

"""From audio to probabilities of genres and similar tracks, by a logged model."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.tracks import windows
from gtzan_exp.basics.checks import as_dict, object_of, only_from
from gtzan_exp.basics.errors import DataError, GtzanExpError, Mistake, one_line
from gtzan_exp.data.contracts import Audible, Dataset, Location, View
from gtzan_exp.data.selection import read_view
from gtzan_exp.models.numbered import NumberedLabels
from gtzan_exp.tracking.models import LoggedModel, fetch
from gtzan_exp.tracking.store import Tracking

_OURS = "gtzan_exp.data."


class Neighbours:
    """The `count` tracks of a data set, in the view of a model, that are most like others.

    The vector of a track is the mean over its rows after the preprocessing of the model. Raises
    `DataError` if the model takes no vectors.
    """

    def __init__(self, model: LoggedModel, dataset: Dataset, count: int) -> None:
        self._steps, self._count = model.estimator[:-1], count
        self._tracks = pd.DataFrame(self.seen(dataset.X)).groupby(dataset.tracks).mean()

    def seen(self, X: Any) -> np.ndarray:
        """Return the vectors of rows of inputs, shape (n_rows, size)."""
        vectors = np.asarray(self._steps.transform(X))
        if vectors.ndim != 2:
            what, allowed = "its model sees no vectors", "models of vectors, such as svc"
            raise DataError(Mistake("neighbours", what, allowed, type(X).__name__))
        return vectors

    def of(self, vectors: np.ndarray) -> dict[str, float]:
        """Return the cosine similarity of the nearest tracks to the mean of vectors."""
        from sklearn.metrics.pairwise import cosine_similarity

        mean = vectors.mean(axis=0, keepdims=True)
        similarity = cosine_similarity(self._tracks.to_numpy(), mean)[:, 0]
        found = pd.Series(similarity, self._tracks.index.astype(str))
        return found.sort_values(ascending=False, kind="stable").head(self._count).to_dict()


def neighbours_of(model: LoggedModel, tracking: Tracking, count: int) -> Neighbours:
    """Return those among the tracks of the data of a model's run, where both still exist."""
    with tempfile.TemporaryDirectory() as place:
        path = fetch(f"runs:/{model.card.run_id}/config.yaml", tracking.uri, place)
        config = as_dict(DictConfig(OmegaConf.load(path)))
    mistakes: list[Mistake] = []
    location: Location = object_of(config["data"], "data", mistakes, only_from(_OURS))
    mistakes += [] if location is None else location.mistakes()
    if mistakes:
        raise DataError(mistakes)
    cache = Path(config["paths"]["cache"])
    return Neighbours(model, read_view(model.card.view, location, cache=cache), count)


@dataclass(frozen=True)
class Prediction:
    """The prediction for one file."""

    file: Path
    rows: int  # number of windows, or of segments, that are averaged
    probabilities: pd.Series  # probabilities by genre, in descending order
    neighbours: dict[str, float] | None = None  # similarity by track, descending, if asked for


def hearing(view: View, prepare: PrepareSettings) -> Callable[[np.ndarray], Any] | Mistake:
    """Return a function from a signal to the inputs of a view, or why there is none."""
    if not isinstance(view, Audible):
        allowed, got = "a view with the method from_sound", f"view={view.name}"
        return Mistake("model", "its view cannot be made from audio", allowed, got)
    try:
        return view.from_sound(sound_settings(view, prepare))
    except GtzanExpError as error:
        return error.mistakes[0]


def sound_settings(view: View, prepare: PrepareSettings) -> PrepareSettings:
    """Return how audio is read for a view: as by `prepare`, unless the view overrides it."""
    own = getattr(view, "sound", None)
    return prepare if own is None else own(prepare)


class Predictor:
    """A logged model that takes audio; `deaf` is why it does not, and may still take rows."""

    def __init__(self, model: LoggedModel, neighbours: Neighbours | None = None) -> None:
        self._neighbours = neighbours
        self._estimator = model.estimator
        self.card = model.card
        self._inputs = hearing(model.card.view, model.card.prepare)
        self.deaf = self._inputs if isinstance(self._inputs, Mistake) else None

    @classmethod
    def of(cls, model: LoggedModel, tracking: Tracking, neighbours: int = 0) -> Self:
        """Return a predictor for audio that finds so many neighbours in the data of the run.

        Raises `DataError` if the model takes no audio, or for that of `neighbours_of`.
        """
        near = neighbours_of(model, tracking, neighbours) if neighbours else None
        predictor = cls(model, near)
        if predictor.deaf is not None:
            raise DataError(predictor.deaf)
        return predictor

    @property
    def name(self) -> str:
        """Name of the classifier's class."""
        from sklearn.calibration import CalibratedClassifierCV

        classifier = self._estimator[-1]
        is_wrapped = isinstance(classifier, CalibratedClassifierCV | NumberedLabels)
        return type(classifier.estimator if is_wrapped else classifier).__name__

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres of the model, in the order of its probabilities."""
        return tuple(map(str, self._estimator.classes_))

    def rows(self, X: Any) -> np.ndarray:
        """Return the probabilities of rows of inputs, float64, shape (n_rows, n_genres)."""
        try:
            found = np.asarray(self._estimator.predict_proba(X), dtype=np.float64)
        except MemoryError:
            raise
        except Exception as error:  # the model may be damaged or changed
            what, allowed = "cannot predict", "a whole model, and inputs as it was fitted to"
            raise DataError(Mistake("model", what, allowed, one_line(error))) from error
        return found / found.sum(axis=1, keepdims=True)

    def file(self, path: Path) -> Prediction:
        """Return the prediction of an audio file, the mean over its windows and their segments."""
        prepare = sound_settings(self.card.view, self.card.prepare)
        if isinstance(self._inputs, Mistake):
            raise DataError(self._inputs)
        total, count = np.zeros(len(self.genres)), 0
        seen: list[np.ndarray] = []
        try:
            rate = prepare.features.sample_rate
            for y in windows(path, sample_rate=rate, max_seconds=prepare.max_seconds):
                inputs = self._inputs(y)
                probabilities = self.rows(inputs)
                if self._neighbours is not None:
                    seen.append(self._neighbours.seen(inputs))
                total += probabilities.sum(axis=0)
                count += len(probabilities)
        except DataError as error:
            raise DataError(replace(error.mistakes[0], where=str(path))) from error
        series = pd.Series(total / count, index=list(self.genres))
        series = series.sort_values(ascending=False, kind="stable")
        near = self._neighbours.of(np.concatenate(seen)) if self._neighbours else None
        return Prediction(path, count, series, near)

    def files(self, paths: Iterable[Path | Mistake]) -> Iterator[Prediction | Mistake]:
        """Yield the prediction or the mistake for each file."""
        for path in paths:
            if isinstance(path, Mistake):
                yield path
                continue
            try:
                yield self.file(path)
            except DataError as error:
                yield error.mistakes[0]

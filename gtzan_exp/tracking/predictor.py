"""Audio in, probabilities of genres out: what `prepare` and a logged model say of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gtzan_exp.audio.windows import windows
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.tracking.models import LoggedModel


@dataclass(frozen=True)
class Prediction:
    """What a model says of one file.

    Parameters
    ----------
    file : Path
    rows : int
        How many rows of inputs the probabilities are the mean of: windows, or segments of them.
    probabilities : pandas.Series
        By genre, the most probable first.
    """

    file: Path
    rows: int
    probabilities: pd.Series


class Predictor:
    """A logged model that takes audio.

    Parameters
    ----------
    model : LoggedModel

    Raises
    ------
    DataError
        The model uses inputs that audio does not give.
    """

    def __init__(self, model: LoggedModel) -> None:
        self._estimator = model.estimator
        self.card = model.card
        from_sound = getattr(model.card.view, "from_sound", None)
        self._inputs = from_sound(model.card.prepare) if from_sound else None

    @property
    def name(self) -> str:
        """Name of the classifier's class."""
        classifier = self._estimator[-1]
        return type(getattr(classifier, "estimator", classifier)).__name__  # calibrated or not

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres that the model tells apart, in the order of its probabilities."""
        return tuple(map(str, self._estimator.classes_))

    def rows(self, X: Any) -> np.ndarray:
        """Return the probabilities of rows of inputs, float64, shape (n_rows, n_genres)."""
        found = np.asarray(self._estimator.predict_proba(X), dtype=np.float64)
        return found / found.sum(axis=1, keepdims=True)

    def file(self, path: Path) -> Prediction:
        """Return the prediction of an audio file, the mean over its windows and their segments.

        Raises
        ------
        DataError
            The file is not audio that a track could be prepared from, or the model's view cannot be
            made from audio.
        """
        prepare = self.card.prepare
        if self._inputs is None:
            view = type(self.card.view).__name__
            allowed = "a view with the method from_sound"
            raise DataError(Mistake(str(path), "the view cannot be made from audio", allowed, view))
        total, count = np.zeros(len(self.genres)), 0
        try:
            for y in windows(
                path, sample_rate=prepare.features.sample_rate, max_seconds=prepare.max_seconds
            ):
                probabilities = self.rows(self._inputs(y))
                total += probabilities.sum(axis=0)
                count += len(probabilities)
        except DataError as error:
            raise DataError(replace(error.mistakes[0], where=str(path))) from error
        series = pd.Series(total / count, index=list(self.genres))
        return Prediction(path, count, series.sort_values(ascending=False, kind="stable"))

    def files(self, paths: Iterable[Path | Mistake]) -> Iterator[Prediction | Mistake]:
        """Yield the prediction of each file, or what is wrong with it."""
        for path in paths:
            if isinstance(path, Mistake):
                yield path
                continue
            try:
                yield self.file(path)
            except DataError as error:
                yield error.mistakes[0]

"""A logged model for `mlflow.pyfunc` and ``mlflow models serve``."""

import base64
import binascii
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import Servable
from gtzan_exp.tracking.models import load_logged
from gtzan_exp.tracking.predictor import Predictor

TRUSTED = "GTZAN_EXP_TRUSTED_TYPES"
"""Environment variable with further trusted types, separated by commas."""


class ServedModel:
    """Answers requests of rows with audio, or with the inputs of the model."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(
        self, data: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> np.ndarray | pd.DataFrame:
        """Return the genre of each row, or a table with ``params["probabilities"]``.

        `data` has a column ``audio`` of the bytes of audio files of any length, or the columns of
        features, or, for models of images, a column ``image`` of the bytes of PNG or JPEG files.
        Bytes may be base64 text, as they must be in a JSON request. Raises
        `mlflow.exceptions.MlflowException` if a row cannot be used; the server answers with status
        400 and the reason.
        """
        from mlflow.exceptions import MlflowException

        try:
            probabilities = self._probabilities(data)
        except DataError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        genres = list(self._predictor.genres)
        if params and params.get("probabilities"):
            return pd.DataFrame(probabilities, columns=genres)
        return np.array(genres, dtype=object)[probabilities.argmax(axis=1)]

    def _probabilities(self, data: pd.DataFrame) -> np.ndarray:
        """Return the probabilities of each line of a request, averaged over its segments."""
        if "audio" in data:
            return np.stack([self._hear(raw, row) for row, raw in enumerate(data["audio"])])
        view = self._predictor.card.view
        if not isinstance(view, Servable):
            allowed = "audio" if self._predictor.deaf is None else "a view with from_request"
            raise DataError(
                Mistake("columns", f"view={view.name} takes no rows", allowed, ", ".join(data))
            )
        found = self._predictor.rows(view.from_request(_columns(view.input_columns, data)))
        return found.reshape(len(data), -1, found.shape[1]).mean(axis=1)

    def _hear(self, value: Any, row: int) -> np.ndarray:
        where = f"row {row}, column audio"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "audio"
            path.write_bytes(_bytes(value, where))
            try:
                probabilities = self._predictor.file(path).probabilities
            except DataError as error:
                raise DataError(replace(error.mistakes[0], where=where)) from error
        return probabilities[list(self._predictor.genres)].to_numpy()


def _load_pyfunc(path: str) -> ServedModel:
    """Return the model in a folder; called by MLflow."""
    trusted = tuple(name.strip() for name in os.environ.get(TRUSTED, "").split(",") if name.strip())
    return ServedModel(Predictor(load_logged(path, trusted=trusted)))


def _columns(names: Sequence[str], data: pd.DataFrame) -> pd.DataFrame:
    """Return these columns of a request, with base64 text decoded to bytes."""
    missing = [name for name in names if name not in data]
    if missing:
        allowed = f"audio, or {', '.join(names)}"
        raise DataError(Mistake("columns", "missing", allowed, f"no {', '.join(missing)}"))
    table = data[list(names)].copy()
    for name in table.select_dtypes(exclude="number"):
        table[name] = [
            _bytes(cell, f"row {row}, column {name}") if isinstance(cell, bytes | str) else cell
            for row, cell in enumerate(table[name])
        ]
    return table


def _bytes(value: Any, where: str) -> bytes:
    """Return the bytes of a cell, decoded if they are base64, as no audio or image file is.

    MLflow's server decodes base64 in ``dataframe_records``, but not in ``inputs``.
    """
    allowed = "the bytes of a file, or base64 text"
    if not isinstance(value, bytes | str):
        raise DataError(Mistake(where, "no bytes", allowed, repr(value)))
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        if isinstance(value, bytes):
            return value
        raise DataError(Mistake(where, "no bytes", allowed, str(error))) from error

"""A logged model as `mlflow.pyfunc` and ``mlflow models serve`` use it."""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.tracking.models import load_logged
from gtzan_exp.tracking.predictor import Predictor

TRUSTED = "GTZAN_EXP_TRUSTED_TYPES"
"""Environment variable that names, separated by commas, types to trust besides the package's."""


class ServedModel:
    """Answers requests of rows that hold audio, or what the model was trained on.

    Parameters
    ----------
    predictor : Predictor
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(
        self, data: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> np.ndarray | pd.DataFrame:
        """Return the genre of each row.

        Parameters
        ----------
        data : pandas.DataFrame
            With a column ``audio``, the bytes of an audio file of any length in each row; or with
            the columns of features; or, for models of pictures, with a column ``image``, the bytes
            of a PNG or JPEG. Bytes may be base64 text; in a JSON request they must be.
        params : dict, optional
            ``probabilities=True`` asks for the probabilities instead.

        Returns
        -------
        numpy.ndarray of str, shape (n_rows,), or pandas.DataFrame of shape (n_rows, n_genres)

        Raises
        ------
        mlflow.exceptions.MlflowException
            A row cannot be used. The server answers with status 400 and the reason.
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
        view = self._predictor.card.view
        if "audio" in data:
            return np.stack([self._hear(raw, row) for row, raw in enumerate(data["audio"])])
        if view.gives[0] == "image":
            return self._see(self._decode(data))
        return self._predictor.rows(self._numbers(data))

    def _hear(self, value: Any, row: int) -> np.ndarray:
        where = f"row {row}, column audio"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "audio"
            path.write_bytes(_bytes(value, where))
            try:
                probabilities = self._predictor.file(path).probabilities
            except DataError as error:
                reason = error.mistakes[0]
                raise DataError(Mistake(where, reason.what, reason.allowed, reason.got)) from error
        return probabilities[list(self._predictor.genres)].to_numpy()

    def _see(self, pixels: np.ndarray) -> np.ndarray:
        """Return the mean over the segments of each picture, shape (n, segments, h, w, 3)."""
        view, rows = self._predictor.card.view, pixels.reshape(-1, *pixels.shape[2:])
        probabilities = self._predictor.rows(view.as_inputs(rows))
        return probabilities.reshape(*pixels.shape[:2], -1).mean(axis=1)

    def _decode(self, data: pd.DataFrame) -> np.ndarray:
        _require(["image"], data)
        view, pixels = self._predictor.card.view, []
        for row, value in enumerate(data["image"]):
            where = f"row {row}, column image"
            raw = _bytes(value, where)
            try:
                pixels.append(view.decode(raw))
            except ValueError as error:
                got = f"{len(raw)} bytes: {error}"
                raise DataError(Mistake(where, "no picture", "a PNG or JPEG", got)) from error
        return np.stack(pixels)

    def _numbers(self, data: pd.DataFrame) -> pd.DataFrame:
        columns = list(self._predictor.card.view.input_columns)
        _require(columns, data)
        numbers = data[columns].astype(np.float64)
        for row, column in np.argwhere(~np.isfinite(numbers.to_numpy())):
            where = f"row {row}, column {columns[column]}"
            raise DataError(Mistake(where, "not a number", "a finite number", "nothing"))
        return numbers


def _load_pyfunc(path: str) -> ServedModel:
    """Return the model in a folder; MLflow calls this."""
    trusted = tuple(name.strip() for name in os.environ.get(TRUSTED, "").split(",") if name.strip())
    return ServedModel(Predictor(load_logged(path, trusted=trusted)))


def _require(columns: list[str], data: pd.DataFrame) -> None:
    missing = [column for column in columns if column not in data]
    if missing:
        allowed = f"audio, or {', '.join(columns)}"
        raise DataError(Mistake("columns", "missing", allowed, f"no {', '.join(missing)}"))


def _bytes(value: Any, where: str) -> bytes:
    """Return what a cell holds; no audio file and no picture is valid base64 by chance.

    MLflow's server decodes base64 in rows (``dataframe_records``), but not in ``inputs``.
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

"""What an embedder must offer, and what is told of one beside its vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pydantic import TypeAdapter


@runtime_checkable
class Embedder(Protocol):
    """A frozen pydantic dataclass that turns sound into vectors (the ``embedder`` group)."""

    @property
    def name(self) -> str:
        """Name of the model in every record; files of its vectors are called by it."""

    @property
    def sample_rate(self) -> int:
        """Samples per second of the signals that it takes."""

    @property
    def training(self) -> str:
        """What it was trained on, in a word: ``MSD``; ``none`` for one that learned nothing."""

    def weights(self) -> str:
        """Return what tells these weights from others, without loading them.

        Raises
        ------
        GtzanExpError
            They are not there.
        """

    def embed(self, y: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the vectors of a track by layer, float32, the layer to be used first.

        They depend on the track alone.

        Parameters
        ----------
        y : ndarray of float32, shape (samples,)
            Mono signal at `sample_rate`.

        Raises
        ------
        DataError
            It is too short.
        """


def described(embedder: Embedder) -> dict[str, Any]:
    """Return the class and the options of an embedder, and its weights, as plain data."""
    kind = type(embedder)
    options = {field.name: getattr(embedder, field.name) for field in fields(kind)}  # type: ignore[arg-type]
    plain = TypeAdapter(Any).dump_python(options, mode="json")
    target = f"{kind.__module__}.{kind.__qualname__}"
    return {"embedder": {"_target_": target, **plain}, "weights": embedder.weights()}

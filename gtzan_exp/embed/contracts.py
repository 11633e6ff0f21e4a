"""The protocol of embedders, and their metadata."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pydantic import TypeAdapter


@runtime_checkable
class Embedder(Protocol):
    """A frozen pydantic dataclass that turns sound into vectors (the ``embedder`` group).

    The packages in its attribute `packages`, if it has one, are pinned in models on its vectors.
    """

    @property
    def name(self) -> str:
        """Name of the model in every record and in the names of its files."""

    @property
    def sample_rate(self) -> int:
        """Sample rate of its input, in Hz."""

    @property
    def training(self) -> str:
        """Its training data in a word: ``MSD``; ``none`` for an untrained one."""

    def weights(self) -> str:
        """Return an identifier of the weights, without loading them.

        Raises
        ------
        GtzanExpError
            They are missing.
        """

    def embed(self, y: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the vectors of a track by layer, float32, the default layer first.

        They depend on the track only.

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
    """Return the class, the options and the weights of an embedder as plain data."""
    kind = type(embedder)
    options = {field.name: getattr(embedder, field.name) for field in fields(kind)}  # type: ignore[arg-type]
    plain = TypeAdapter(Any).dump_python(options, mode="json")
    target = f"{kind.__module__}.{kind.__qualname__}"
    return {"embedder": {"_target_": target, **plain}, "weights": embedder.weights()}

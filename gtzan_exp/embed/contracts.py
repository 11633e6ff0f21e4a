"""The protocol of embedders."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np


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
        """Return an identifier of the weights, without loading them; fails if they are missing."""

    def embed(self, y: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the vectors of a track by layer, float32, the default layer first.

        They depend on the track only: `y`, mono at `sample_rate`, float32 of shape (samples,).
        Raises `DataError` if it is too short.
        """

"""An untrained embedder, as a baseline."""

from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.spectrum import Framing, Spectrum


@dataclass(frozen=True, kw_only=True)
class LogMel:
    """Mean and standard deviation over time of the level of each mel band, in bels."""

    name: str = "logmel"
    training: str = "none"
    sample_rate: Annotated[int, Field(ge=4000, le=384000)] = 22050
    n_mels: Annotated[int, Field(ge=8, le=512)] = 64  # the vector has twice this size

    def weights(self) -> str:
        """Return ``none``."""
        return "none"

    def embed(self, y: np.ndarray) -> dict[str, np.ndarray]:
        """Return the vector as the one layer ``logmel``."""
        framing = Framing(sample_rate=self.sample_rate, n_mels=self.n_mels)
        level = np.log10(Spectrum(y, framing).mel + 1e-10)
        return {"logmel": np.concatenate([level.mean(axis=1), level.std(axis=1)])}

"""The ``trainer`` group: how networks and boosted trees are fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Settings of the training loop.

    Parameters
    ----------
    epochs : int
        At most so many passes over the training part.
    batch_size : int
    learning_rate : float
        Of the Adam optimiser.
    patience : int, optional
        Stop after so many epochs without a lower validation loss; None never stops early.
    keep : {"best", "last"}
        The weights to keep: those of the lowest validation loss, or those of the last epoch.
    validation_fraction : float
        Share of the training tracks that the split cuts off for validation, by the rule of its test
        part, where it has no validation part and early stopping or ``keep="best"`` needs one.
    refit : bool
        Fit the final model to the training and the validation part, for as many epochs, or
        boosting rounds, as the validation part found best.
    rounds : int
        Boosting rounds; networks have none.
    backend : {"tensorflow", "jax", "torch"}, optional
        What Keras computes with; one for a process. What the variable ``KERAS_BACKEND`` says, or
        TensorFlow, when omitted.
    """

    epochs: Annotated[int, Field(ge=1)] = 100
    batch_size: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    patience: Annotated[int, Field(ge=1)] | None = 10
    keep: Literal["best", "last"] = "best"
    validation_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    refit: bool = False
    rounds: Annotated[int, Field(ge=1)] = 300
    backend: Literal["tensorflow", "jax", "torch"] | None = None

    @property
    def needs_validation(self) -> bool:
        return self.patience is not None or self.keep == "best"

"""The ``trainer`` group: how networks and boosted trees are fitted."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Settings of the training loop."""

    epochs: Annotated[int, Field(ge=1)] = 100  # at most so many passes over the training part
    batch_size: Annotated[int, Field(ge=1)] = 32
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3  # of the Adam optimiser, at its highest
    # stop after so many epochs without a lower validation loss; null never stops early
    patience: Annotated[int, Field(ge=1)] | None = 10
    # the weights to keep: those of the lowest validation loss, or those of the last epoch
    keep: Literal["best", "last"] = "best"
    # Share of the training tracks that the split cuts off for validation, by the rule of its test
    # part, where it has no validation part and early stopping or ``keep=best`` needs one.
    validation_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    # fit the final model to the training and the validation part, for as many epochs, or boosting
    # rounds, as the validation part found best
    refit: bool = False
    rounds: Annotated[int, Field(ge=1)] = 300  # of boosting; networks have none
    # of the weights, but for biases and batch normalisation (AdamW); 0 is plain Adam
    weight_decay: NonNegative = 0.0
    warmup: Share = 0.0  # share of all steps in which the learning rate rises from 0
    # of the learning rate afterwards; cosine falls to 0
    schedule: Literal["constant", "cosine"] = "constant"
    # keep and validate a moving average of the weights with this momentum; 0 has none
    ema: Share = 0.0
    label_smoothing: Share = 0.0  # share of each label that is spread over all classes
    # share of a picture's width: train on random stretches, test on the mean of half-overlapping
    # ones; 1 takes the whole
    crop: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    time_mask: Share = 0.0  # hide a random stretch of up to this share of the width
    frequency_mask: Share = 0.0  # the same of the height
    shift: Share = 0.0  # move pictures along frequency by up to this share of the height
    # change the level by a random smooth curve over frequency, in standard deviations of a picture
    equalise: NonNegative = 0.0
    gain: NonNegative = 0.0  # change the level as a whole, in the same unit
    # What Keras computes with; one for a process. What the variable ``KERAS_BACKEND`` says, or
    # TensorFlow, when omitted.
    backend: Literal["tensorflow", "jax", "torch"] | None = None

    @model_validator(mode="after")
    def _the_average_must_be_kept(self) -> Self:
        if self.ema and self.patience is not None and self.keep == "last":
            raise ValueError("ema with keep=best, or without patience")
        return self

    @property
    def changes_pictures(self) -> bool:
        changes = (self.time_mask, self.frequency_mask, self.shift, self.equalise, self.gain)
        return self.crop < 1 or any(changes)

    @property
    def needs_validation(self) -> bool:
        return self.patience is not None or self.keep == "best"

"""Layers that augment images in training, and average over their crops in inference.

Images have the shape (frequency, time, channels). Each image of a batch is changed at random, from
a seed. Sizes are shares of the height or width, levels are in standard deviations of the image.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from gtzan_exp.models.trainer import Trainer

_CURVES = 4


class _Layer(keras.layers.Layer):
    """A layer whose options and seed are saved with it; by default it changes nothing."""

    options: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        keras.saving.register_keras_serializable("gtzan_exp")(cls)

    def __init__(self, *, seed: int = 0, **options: Any) -> None:
        own = {key: options.pop(key) for key in self.options if key in options}
        super().__init__(**options)
        self.own = {**own, "seed": seed}
        self.random = keras.random.SeedGenerator(seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.own}

    def call(self, x, training=None):
        return self.in_training(x) if training else self.in_inference(x)

    def in_training(self, x):
        return x

    def in_inference(self, x):
        return x

    def draw(self, pictures, low: float, high: float, axes: int = 3):
        """Return a number for each image, uniform in [low, high), shape (n, 1, ...)."""
        shape = (ops.shape(pictures)[0], *[1] * axes)
        return keras.random.uniform(shape, low, high, seed=self.random)


class Crop(_Layer):
    """A random crop of `columns` in training; in inference, all half-overlapping crops as rows."""

    options = ("columns",)

    def in_training(self, pictures):
        columns = self.own["columns"]
        start = self.draw(pictures, 0, pictures.shape[2] - columns + 1, axes=1)
        places = ops.cast(ops.floor(start), "int32") + ops.arange(columns)[None]
        return ops.take_along_axis(pictures, places[:, None, :, None], axis=2)

    def in_inference(self, pictures):
        _, height, width, channels = pictures.shape
        columns = self.own["columns"]
        starts = [round(start) for start in _starts(width, columns)]
        crops = ops.stack([pictures[:, :, start : start + columns] for start in starts], axis=1)
        return ops.reshape(crops, (-1, height, columns, channels))


def _starts(width: int, columns: int) -> list[float]:
    steps = math.ceil(2 * (width - columns) / columns)
    return [step * (width - columns) / steps for step in range(steps + 1)]


class Repeat(_Layer):
    """In inference, repeats other inputs for each of the `crops` of an image."""

    options = ("crops",)

    def in_inference(self, rows):
        return ops.repeat(rows, self.own["crops"], axis=0)


class MeanOfCrops(_Layer):
    """In inference, the mean of the probabilities over the `crops` of each image."""

    options = ("crops",)

    def in_inference(self, probabilities):
        shape = (-1, self.own["crops"], probabilities.shape[1])
        return ops.mean(ops.reshape(probabilities, shape), axis=1)

    def compute_output_shape(self, shape):  # JAX cannot infer it
        return (None, shape[1])


class Shift(_Layer):
    """Shifts along frequency by up to `shift` of the height, repeating the edge rows."""

    options = ("shift",)

    def in_training(self, pictures):
        height = pictures.shape[1]
        most = self.own["shift"] * height
        moved = ops.cast(ops.round(self.draw(pictures, -most, most, axes=1)), "int32")
        places = ops.clip(ops.arange(height)[None] + moved, 0, height - 1)
        return ops.take_along_axis(pictures, places[:, :, None, None], axis=1)


class Tone(_Layer):
    """Changes the level by `gain`, and by a smooth curve over frequency of size `equalise`."""

    options = ("equalise", "gain")

    def in_training(self, pictures):
        height, n = pictures.shape[1], ops.shape(pictures)[0]
        turns = (ops.arange(height, dtype="float32") + 0.5) * (math.pi / height)
        curves = [ops.cos(k * turns) for k in range(1, _CURVES + 1)]
        sizes = keras.random.normal((n, _CURVES + 1), seed=self.random)
        level = self.own["gain"] * sizes[:, :1]
        level += self.own["equalise"] / math.sqrt(_CURVES) * (sizes[:, 1:] @ ops.stack(curves))
        spread = ops.std(pictures, axis=(1, 2, 3), keepdims=True)
        return pictures + spread * level[:, :, None, None]


class Mask(_Layer):
    """Replaces up to `share` of `axis`, in one stretch, by the mean of the image."""

    options = ("axis", "share")

    def in_training(self, pictures):
        axis = self.own["axis"]
        size = pictures.shape[axis]
        width = self.draw(pictures, 0, self.own["share"] * size)
        start = self.draw(pictures, 0, 1) * (size - width)
        shape = [size if n == axis else 1 for n in range(4)]
        places = ops.reshape(ops.arange(size, dtype="float32"), shape)
        hidden = ops.logical_and(places >= start, places < start + width)
        return ops.where(hidden, ops.mean(pictures, axis=(1, 2, 3), keepdims=True), pictures)


def around(
    network: Callable[[Any, int], keras.Model],
    shape: Any,
    n_classes: int,
    trainer: Trainer,
    seed: int,
) -> keras.Model:
    """Return a network between the augmentation of a trainer and the mean over crops.

    `shape` is that of a row, or of each named input, of which only images are changed.
    """
    shapes = shape if isinstance(shape, dict) else {"X": shape}
    pictures = [name for name, of in shapes.items() if len(of) == 3]
    seeds = iter(range(seed, seed + 10 * len(shapes)))
    inputs = {name: keras.Input(of, name=name) for name, of in shapes.items()}
    found, crops = dict(inputs), 1
    for name in pictures:
        width = shapes[name][1]
        columns = max(1, round(trainer.crop * width))
        if columns < width:
            found[name] = Crop(columns=columns, seed=next(seeds))(found[name])
            crops = len(_starts(width, columns))
        if trainer.shift:
            found[name] = Shift(shift=trainer.shift, seed=next(seeds))(found[name])
        if trainer.equalise or trainer.gain:
            tone = Tone(equalise=trainer.equalise, gain=trainer.gain, seed=next(seeds))
            found[name] = tone(found[name])
        for axis, share in ((1, trainer.frequency_mask), (2, trainer.time_mask)):
            if share:
                found[name] = Mask(axis=axis, share=share, seed=next(seeds))(found[name])
    if crops > 1:
        others = [name for name in shapes if name not in pictures]
        found |= {name: Repeat(crops=crops)(found[name]) for name in others}
    inner = {name: tuple(tensor.shape[1:]) for name, tensor in found.items()}
    several = isinstance(shape, dict)
    output = network(inner if several else inner["X"], n_classes)(found if several else found["X"])
    output = MeanOfCrops(crops=crops)(output) if crops > 1 else output
    return keras.Model(inputs if several else inputs["X"], output)

"""The notebook's networks, as its model summaries give them, and smaller ones that learn more."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from sklearn.utils._param_validation import Interval

from gtzan_exp.models.keras_classifier import KerasClassifier

if TYPE_CHECKING:
    import keras

Positive = Annotated[int, Interval(Integral, 1, None, closed="left")]
Share = Annotated[float, Interval(Real, 0, 1, closed="left")]
_BARE: dict[str, Any] = {"padding": "same", "use_bias": False}
_OF_BANDS: dict[str, Any] = {"axis": 1, "center": False, "scale": False, "momentum": 0.9}


class _Stack(KerasClassifier):
    """Layers one after the other, before a softmax."""

    @abstractmethod
    def stack(self, layers: Any) -> list[keras.Layer]:
        """Return the layers between input and softmax; `layers` is the module of Keras."""

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Sequential, layers

        inner = self.stack(layers)
        return Sequential([Input(input_shape), *inner, layers.Dense(n_classes, "softmax")])


@dataclass(kw_only=True, eq=False, repr=False)
class CNN1D(_Stack):
    """Two 1D convolutions over the features of a row, taken as a sequence."""

    filters: Positive = 32
    kernel_size: Positive = 3

    def stack(self, layers: Any) -> list[keras.Layer]:
        return [
            layers.Conv1D(self.filters, self.kernel_size, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(self.filters, self.kernel_size, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Flatten(),
        ]


@dataclass(kw_only=True, eq=False, repr=False)
class CNN2D(_Stack):
    """One 2D convolution and one dense layer; 11,518,674 parameters for (100, 70, 3) and 10."""

    filters: Positive = 32
    kernel_size: Positive = 3
    dense_units: Positive = 216
    dropout: Share = 0.2  # after the dense layer

    def stack(self, layers: Any) -> list[keras.Layer]:
        return [
            layers.Conv2D(self.filters, self.kernel_size, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(self.dense_units, activation="relu"),
            layers.Dropout(self.dropout, seed=self.random_state),
        ]


@dataclass(kw_only=True, eq=False, repr=False)
class CNN2DLeaky(_Stack):
    """One wide 2D convolution and two dense layers with leaky rectifiers; 23,061,858 parameters
    for (100, 70, 3) and 10.
    """

    filters: Positive = 64
    kernel_size: Positive = 3
    # of the leaky rectifiers
    negative_slope: Annotated[float, Interval(Real, 0, None, closed="left")] = 0.1

    def stack(self, layers: Any) -> list[keras.Layer]:
        return [
            layers.Conv2D(self.filters, self.kernel_size),
            layers.LeakyReLU(self.negative_slope),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(216),
            layers.LeakyReLU(self.negative_slope),
            layers.Dropout(0.2, seed=self.random_state),
            layers.Dense(128),
            layers.LeakyReLU(self.negative_slope),
            layers.Dropout(0.1, seed=self.random_state + 1),
        ]


@dataclass(kw_only=True, eq=False, repr=False)
class AlexNet(_Stack):
    """AlexNet (Krizhevsky, Sutskever and Hinton, NIPS 2012) with batch normalisation after each
    pooling, as in the notebook; 22,676,234 parameters for (100, 70, 3) and 10.
    """

    smallest: ClassVar[int] = 67
    dense_units: Positive = 4096  # of both dense layers
    dropout: Share = 0.5  # after each of them

    def stack(self, layers: Any) -> list[keras.Layer]:
        same: dict[str, Any] = {"padding": "same", "activation": "relu"}
        return [
            layers.Conv2D(96, 11, strides=4, activation="relu"),
            layers.MaxPooling2D(3, strides=2),
            layers.BatchNormalization(),
            layers.Conv2D(256, 5, **same),
            layers.MaxPooling2D(3, strides=2),
            layers.BatchNormalization(),
            layers.Conv2D(384, 3, **same),
            layers.BatchNormalization(),
            layers.Conv2D(384, 3, **same),
            layers.BatchNormalization(),
            layers.Conv2D(256, 3, **same),
            layers.MaxPooling2D(3, strides=2),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(self.dense_units, activation="relu"),
            layers.Dropout(self.dropout, seed=self.random_state),
            layers.Dense(self.dense_units, activation="relu"),
            layers.Dropout(self.dropout, seed=self.random_state + 1),
        ]


@dataclass(kw_only=True, eq=False, repr=False)
class CNNGap(KerasClassifier):
    """Blocks of a convolution, batch normalisation, ReLU and pooling; then the mean and the maximum
    of each channel. 0.98 M parameters for pictures of one channel.
    """

    filters: Positive = 32  # of the first block; each next one has twice as many, up to eight times
    blocks: Positive = 5  # each halves the picture along both axes
    dropout: Share = 0.5  # before the softmax

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Model, layers

        inputs = Input(input_shape)
        x = layers.BatchNormalization(**_OF_BANDS)(inputs)
        for block in range(self.blocks):
            x = _block(x, layers.Conv2D(self.filters * min(2**block, 8), 3, **_BARE))
            x = layers.MaxPooling2D(2, padding="same")(x)
        found = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
        return Model(inputs, _softmax(found, n_classes, self.dropout, self.random_state))


@dataclass(kw_only=True, eq=False, repr=False)
class CNNBand(KerasClassifier):
    """2D convolutions that keep frequency apart, then 1D convolutions over time; then the mean, the
    maximum and the deviation of each channel over time. 0.86 M parameters for 128 bands.
    """

    # Of the first of three 2D convolutions; the others have twice as many. Pooling after them
    # divides frequency by 16 and time by 4.
    filters: Positive = 32
    units: Positive = 256  # of each of the three 1D convolutions
    dropout: Share = 0.5  # before the softmax

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Model, layers, ops

        inputs = Input(input_shape)
        x = layers.BatchNormalization(**_OF_BANDS)(inputs)
        for factor, pooling in ((1, (2, 2)), (2, (2, 2)), (2, (4, 1))):
            x = _block(x, layers.Conv2D(factor * self.filters, 3, **_BARE))
            x = layers.MaxPooling2D(pooling, padding="same")(x)
        x = layers.Permute((2, 1, 3))(x)
        x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
        for _ in range(3):
            x = _block(x, layers.Conv1D(self.units, 3, **_BARE))
        deviation = ops.sqrt(ops.var(x, axis=1) + 1e-5)
        found = [layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x), deviation]
        return Model(inputs, _softmax(found, n_classes, self.dropout, self.random_state))


def _softmax(statistics: list[Any], n_classes: int, dropout: float, seed: int) -> Any:
    from keras import layers

    x = layers.Dropout(dropout, seed=seed)(layers.Concatenate()(statistics))
    return layers.Dense(n_classes, activation="softmax")(x)


def _block(x: Any, convolution: Any) -> Any:
    from keras import layers

    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(convolution(x)))


@dataclass(kw_only=True, eq=False, repr=False)
class FusedNet(KerasClassifier):
    """Convolutions over an image beside a dense layer over a vector, joined before the softmax."""

    smallest: ClassVar[int] = 8
    filters: Positive = 16  # of the first of three convolutions; each next one has twice as many
    dense_units: Positive = 64  # of the layer over the vector and of the one over both
    dropout: Share = 0.3  # before the softmax

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Model, layers

        inputs = {name: Input(shape, name=name) for name, shape in input_shape.items()}
        image, vector = inputs["image"], inputs["vector"]
        for factor in (1, 2, 4):
            conv = layers.Conv2D(factor * self.filters, 3, padding="same", activation="relu")
            image = layers.MaxPooling2D(2)(conv(image))
        image = layers.GlobalAveragePooling2D()(image)
        vector = layers.Dense(self.dense_units, activation="relu")(vector)
        both = layers.Concatenate()([image, vector])
        both = layers.Dense(self.dense_units, activation="relu")(both)
        both = layers.Dropout(self.dropout, seed=self.random_state)(both)
        return Model(inputs, layers.Dense(n_classes, activation="softmax")(both))

"""The notebook's networks, as its model summaries give them, and a small one of two branches."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from sklearn.utils._param_validation import Interval

from gtzan_exp.models.keras_classifier import KerasClassifier

if TYPE_CHECKING:
    import keras

Positive = Annotated[int, Interval(Integral, 1, None, closed="left")]
Share = Annotated[float, Interval(Real, 0, 1, closed="left")]


@dataclass(kw_only=True, eq=False, repr=False)
class CNN1D(KerasClassifier):
    """Two 1D convolutions over the features of a row, taken as a sequence.

    Parameters
    ----------
    filters, kernel_size : int
        Of both convolutions.
    """

    filters: Positive = 32
    kernel_size: Positive = 3

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input(input_shape),
                layers.Conv1D(self.filters, self.kernel_size, activation="relu"),
                layers.MaxPooling1D(2),
                layers.Conv1D(self.filters, self.kernel_size, activation="relu"),
                layers.MaxPooling1D(2),
                layers.Flatten(),
                layers.Dense(n_classes, activation="softmax"),
            ]
        )


@dataclass(kw_only=True, eq=False, repr=False)
class CNN2D(KerasClassifier):
    """One 2D convolution and one dense layer; 11,518,674 parameters for (100, 70, 3) and 10.

    Parameters
    ----------
    filters, kernel_size : int
        Of the convolution.
    dense_units : int
    dropout : float
        After the dense layer.
    """

    filters: Positive = 32
    kernel_size: Positive = 3
    dense_units: Positive = 216
    dropout: Share = 0.2

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input(input_shape),
                layers.Conv2D(self.filters, self.kernel_size, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(self.dense_units, activation="relu"),
                layers.Dropout(self.dropout, seed=self.random_state),
                layers.Dense(n_classes, activation="softmax"),
            ]
        )


@dataclass(kw_only=True, eq=False, repr=False)
class CNN2DLeaky(KerasClassifier):
    """One wide 2D convolution and two dense layers with leaky rectifiers; 23,061,858 parameters
    for (100, 70, 3) and 10.

    Parameters
    ----------
    filters, kernel_size : int
        Of the convolution.
    negative_slope : float
        Of the leaky rectifiers.
    """

    filters: Positive = 64
    kernel_size: Positive = 3
    negative_slope: Annotated[float, Interval(Real, 0, None, closed="left")] = 0.1

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Sequential, layers

        return Sequential(
            [
                Input(input_shape),
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
                layers.Dense(n_classes, activation="softmax"),
            ]
        )


@dataclass(kw_only=True, eq=False, repr=False)
class AlexNet(KerasClassifier):
    """AlexNet (Krizhevsky, Sutskever and Hinton, NIPS 2012) with batch normalisation after each
    pooling, as in the notebook; 22,676,234 parameters for (100, 70, 3) and 10.

    Parameters
    ----------
    dense_units : int
        Of both dense layers.
    dropout : float
        After each of them.
    """

    smallest: ClassVar[int] = 67
    dense_units: Positive = 4096
    dropout: Share = 0.5

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Sequential, layers

        def convolution(filters: int, kernel_size: int, strides: int = 1, padding: str = "same"):
            return layers.Conv2D(filters, kernel_size, strides, padding, activation="relu")

        def pooling():
            return layers.MaxPooling2D(pool_size=3, strides=2)

        def dense(seed: int):
            return [
                layers.Dense(self.dense_units, activation="relu"),
                layers.Dropout(self.dropout, seed=seed),
            ]

        return Sequential(
            [
                Input(input_shape),
                convolution(96, 11, strides=4, padding="valid"),
                pooling(),
                layers.BatchNormalization(),
                convolution(256, 5),
                pooling(),
                layers.BatchNormalization(),
                convolution(384, 3),
                layers.BatchNormalization(),
                convolution(384, 3),
                layers.BatchNormalization(),
                convolution(256, 3),
                pooling(),
                layers.BatchNormalization(),
                layers.Flatten(),
                *dense(self.random_state),
                *dense(self.random_state + 1),
                layers.Dense(n_classes, activation="softmax"),
            ]
        )


@dataclass(kw_only=True, eq=False, repr=False)
class FusedNet(KerasClassifier):
    """Convolutions over an image beside a dense layer over a vector, joined before the softmax.

    Parameters
    ----------
    filters : int
        Of the first of three convolutions; each next one has twice as many.
    dense_units : int
        Of the layer over the vector and of the one over both.
    dropout : float
        Before the softmax.
    """

    smallest: ClassVar[int] = 8
    filters: Positive = 16
    dense_units: Positive = 64
    dropout: Share = 0.3

    def network(self, input_shape: Any, n_classes: int) -> keras.Model:
        from keras import Input, Model, layers

        inputs = {name: Input(shape, name=name) for name, shape in input_shape.items()}
        image, vector = inputs["image"], inputs["vector"]
        for factor in (1, 2, 4):
            image = layers.Conv2D(factor * self.filters, 3, padding="same", activation="relu")(
                image
            )
            image = layers.MaxPooling2D(2)(image)
        image = layers.GlobalAveragePooling2D()(image)
        vector = layers.Dense(self.dense_units, activation="relu")(vector)
        both = layers.Concatenate()([image, vector])
        both = layers.Dense(self.dense_units, activation="relu")(both)
        both = layers.Dropout(self.dropout, seed=self.random_state)(both)
        return Model(inputs, layers.Dense(n_classes, activation="softmax")(both))

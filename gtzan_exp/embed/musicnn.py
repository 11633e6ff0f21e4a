"""The convolutional taggers of J. Pons and X. Serra, with the weights that they published."""

import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.prepare import file_digest
from gtzan_exp.audio.spectrum import Framing, Spectrum
from gtzan_exp.basics import keras_loader
from gtzan_exp.basics.errors import ConfigError, DataError, MissingExtraError, Mistake

FRAMES, MELS = 187, 96  # size of a patch: frames of 16 ms, and mel bands
_RATE = 16000
_AT_ONCE = 10
_COMMAND = "pip install --no-deps musicnn==0.1.0"
_MSD, _MTT = "MSD", "MagnaTagATune"
TRAINING = {"MSD_musicnn": _MSD, "MTT_musicnn": _MTT, "MSD_vgg": _MSD, "MTT_vgg": _MTT}
"""Training data of each model; MSD is the Million Song Dataset."""

_FILES = (".index", ".data-00000-of-00001")
_TIMBRAL = (38, 67)
_TEMPORAL = (128, 64, 32)


@dataclass(frozen=True, kw_only=True)
class Musicnn:
    """J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks for music audio
    tagging", late-breaking demo of ISMIR 2019, arXiv:1909.06654.

    A track is cut into patches of 3 s without overlap, and what is left at its end is dropped; its
    vectors are the means over the patches. Layers of the musicnn models: ``penultimate`` (200), the
    ``max`` and ``mean`` over time of front end and mid end (753 each), ``tags`` (50 probabilities);
    of the vgg models: ``pool5`` (256) and ``tags``.

    Only the files of weights in the package musicnn are read; its code is never imported.
    """

    sample_rate: ClassVar = _RATE
    packages: ClassVar = ("keras", "tensorflow")  # that of the weights asks for NumPy below 1.17
    # architecture and training data: the Million Song Dataset, whose tags include genres and which
    # may include artists of the data, or MagnaTagATune
    model: Literal["MSD_musicnn", "MTT_musicnn", "MSD_vgg", "MTT_vgg"] = "MSD_musicnn"

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.model

    @property
    def training(self) -> str:
        """``MSD``, the Million Song Dataset, or ``MagnaTagATune``."""
        return TRAINING[self.model]

    def weights(self) -> str:
        """Return a hash of the file of weights, of the package musicnn."""
        return file_digest(_folder(self.model) / _FILES[1])[:16]

    def embed(self, y: np.ndarray) -> dict[str, np.ndarray]:
        """Return the vectors of a track of at least one patch."""
        patches = self.patches(y)
        if not len(patches):
            got = f"{len(y) / _RATE:.2f} s"
            raise DataError(Mistake("audio", "too short for musicnn", "3 s or more", got))
        network, starts = _network(self.model), range(0, len(patches), _AT_ONCE)
        found = [network(patches[start : start + _AT_ONCE]) for start in starts]
        return {name: np.concatenate([part[name] for part in found]).mean(0) for name in found[0]}

    def patches(self, y: np.ndarray) -> np.ndarray:
        """Return the patches of a signal, float32, shape (n, `FRAMES`, `MELS`)."""
        framing = Framing(
            sample_rate=_RATE, n_fft=512, hop_length=256, n_mels=MELS, pad_mode="constant"
        )
        level = np.log10(1.0 + 1e4 * Spectrum(y, framing).mel.T)
        n = len(level) // FRAMES
        return level[: n * FRAMES].reshape(n, FRAMES, MELS).astype(np.float32)


def _folder(model: str) -> Path:
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingExtraError("embedder=musicnn", "tensorflow", "networks")
    spec = importlib.util.find_spec("musicnn")
    places = (spec and spec.submodule_search_locations) or ()
    for place in places:
        if all((Path(place) / model / file).is_file() for file in _FILES):
            return Path(place) / model
    got = "no package musicnn" if spec is None else f"none in {next(iter(places), spec.origin)}"
    what = "needs the weights of the package musicnn"
    raise ConfigError(Mistake("embedder=musicnn", what, f"{_COMMAND} (ISC licence, 29 MB)", got))


@cache
def _network(model: str) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return a function from patches to the layers of a model, loaded once per process."""
    keras = keras_loader.load()
    from tensorflow.train import load_checkpoint

    folder = _folder(model)
    with tempfile.TemporaryDirectory() as place:
        for file in _FILES:  # their names lack the prefix that TensorFlow needs
            shutil.copy(folder / file, Path(place) / f"weights{file}")
        held = load_checkpoint(f"{place}/weights")
        values = {name: held.get_tensor(name) for name in held.get_variable_to_shape_map()}
    inputs = keras.Input((FRAMES, MELS))
    outputs = _vgg(inputs) if model.endswith("vgg") else _musicnn(inputs, values)
    network = keras.Model(inputs, outputs)
    for layer in network.layers:
        found = [values[f"{layer.name}/{weight.name}"] for weight in layer.weights]
        shapes = [weight.shape for weight in layer.weights]
        layer.set_weights([np.reshape(v, s) for v, s in zip(found, shapes, strict=True)])
    return network.predict_on_batch


def _named(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind


def _musicnn(x: Any, values: dict[str, np.ndarray]) -> dict[str, Any]:
    from keras import layers, ops

    def norm(x: Any, number: int) -> Any:
        return layers.BatchNormalization(name=_named("batch_normalization", number))(x)

    x = norm(ops.expand_dims(x, 3), 0)
    padded = ops.pad(x, [[0, 0], [3, 3], [0, 0], [0, 0]])
    front = []
    for number, height in enumerate((*_TIMBRAL, *_TEMPORAL)):
        timbral = height in _TIMBRAL
        filters, size = (204, (7, height)) if timbral else (51, (height, 1))
        name = _named("conv2d", number)
        # Normalisation commutes with the maximum over bands, with the filter negated where the
        # factor is negative; so only maxima need to be normalised.
        sign = np.where(values[f"{_named('batch_normalization', number + 1)}/gamma"] < 0, -1.0, 1.0)
        values |= {f"{name}/{part}": values[f"{name}/{part}"] * sign for part in ("kernel", "bias")}
        conv = layers.Conv2D(filters, size, padding="valid" if timbral else "same", name=name)
        y = conv(padded if timbral else x)
        y = ops.squeeze(layers.MaxPooling2D((1, y.shape[2]))(y), 2)
        front.append(norm(ops.relu(y * sign.astype(np.float32)), number + 1))
    x = ops.concatenate(front, axis=2)
    features = [x]
    for number in (5, 6, 7):
        name = _named("conv2d", number)
        conv = layers.Conv1D(64, 7, padding="same", activation="relu", name=name)
        y = norm(conv(x), number + 1)
        x = y if number == 5 else layers.add([y, x])
        features.append(x)
    x = ops.concatenate(features, axis=2)
    high, mean = ops.max(x, axis=1), ops.mean(x, axis=1)
    x = norm(ops.reshape(ops.stack([high, mean], axis=2), (-1, 2 * high.shape[1])), 9)
    x = layers.Dense(200, activation="relu", name="dense")(x)
    tags = layers.Dense(50, activation="sigmoid", name="dense_1")(norm(x, 10))
    return {"penultimate": x, "max": high, "mean": mean, "tags": tags}


def _vgg(x: Any) -> dict[str, Any]:
    from keras import layers, ops

    x = layers.BatchNormalization(name="batch_normalization")(ops.expand_dims(x, 3))
    pools = (((4, 1), 2), (2, 2), (2, 2), (2, 2), (4, 4))
    for number, (size, stride) in enumerate(pools, start=1):
        how = {"padding": "same", "activation": "relu", "name": f"{number}CNN"}
        x = layers.Conv2D(128, 3, **how)(x)
        x = layers.BatchNormalization(name=_named("batch_normalization", number))(x)
        x = layers.MaxPooling2D(size, stride)(x)
    x = layers.Flatten()(x)
    return {"pool5": x, "tags": layers.Dense(50, activation="sigmoid", name="dense")(x)}

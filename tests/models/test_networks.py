"""The networks are the notebook's, and they train honestly."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import skops.io

from gtzan_exp.basics.errors import DivergedError
from gtzan_exp.data.inputs import Inputs
from gtzan_exp.models.keras_classifier import KerasClassifier
from gtzan_exp.models.networks import CNN1D, CNN2D, AlexNet, CNN2DLeaky, FusedNet
from gtzan_exp.models.trainer import Trainer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "parameters"),
    [(CNN2D, 11_518_674), (CNN2DLeaky, 23_061_858), (AlexNet, 22_676_234)],
)
def test_parameter_counts_are_those_of_the_notebooks_summaries(network, parameters):
    assert network().network((100, 70, 3), 10).count_params() == parameters


@pytest.mark.slow
def test_alexnet_has_the_notebooks_shapes():
    shapes = [
        layer.output.shape[1:]
        for layer in AlexNet().network((100, 70, 3), 10).layers
        if layer.__class__.__name__ in ("Conv2D", "MaxPooling2D", "Flatten")
    ]
    assert shapes == [
        (23, 15, 96),
        (11, 7, 96),
        (11, 7, 256),
        (5, 3, 256),
        (5, 3, 384),
        (5, 3, 384),
        (5, 3, 256),
        (2, 1, 256),
        (512,),
    ]


def test_cnn1d_is_two_convolutions_of_32_filters():
    layers = CNN1D().network((58, 1), 10).layers
    kinds = [layer.__class__.__name__ for layer in layers]
    assert kinds == ["Conv1D", "MaxPooling1D", "Conv1D", "MaxPooling1D", "Flatten", "Dense"]
    assert [(c.filters, c.kernel_size) for c in layers if hasattr(c, "filters")] == [(32, (3,))] * 2
    assert layers[-1].activation.__name__ == "softmax"


@pytest.fixture
def waves():
    """Two genres of noisy sequences, shape (80, 20, 1): easy to learn, easy to overfit."""
    random = np.random.default_rng(0)
    labels = np.repeat(["low", "high"], 40)
    steps = np.linspace(0, 2 * np.pi, 20)
    X = np.where(labels[:, None] == "low", np.sin(steps), np.sin(4 * steps))
    return (X + random.normal(0, 0.7, X.shape))[:, :, None], labels


@pytest.mark.slow
def test_another_seed_gives_another_network(waves):
    X, y = waves
    trainer = Trainer(epochs=1, patience=None, keep="last")
    first, other = (
        CNN1D(trainer=trainer, random_state=seed).fit(X, y).predict_proba(X) for seed in (1, 2)
    )
    assert np.abs(first - other).max() > 1e-4


def test_early_stopping_keeps_the_weights_of_the_best_epoch(waves):
    X, y = waves
    model = CNN1D(trainer=Trainer(epochs=60, patience=3, learning_rate=0.03))
    model.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    losses = model.history_["val_loss"]
    assert len(losses) < 60
    assert model.best_epoch_ == int(np.argmin(losses)) + 1 < len(losses)
    probabilities = model.predict_proba(X[1::2])
    true = probabilities[np.arange(40), np.searchsorted(model.classes_, y[1::2])]
    assert -np.log(true).mean() == pytest.approx(min(losses), rel=1e-4)


def test_a_network_cuts_no_validation_part_of_its_own(waves):
    with pytest.raises(ValueError, match="validation_data is needed"):
        CNN1D(trainer=Trainer(epochs=1)).fit(*waves)


@pytest.mark.slow
def test_as_found_is_the_same_network_trained_for_the_best_epochs(waves):
    X, y = waves
    model = CNN1D(trainer=Trainer(epochs=30, patience=2, learning_rate=0.03), filters=8)
    model.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    again = model.as_found()
    assert again.trainer.epochs == model.best_epoch_ < 30
    assert (again.filters, again.trainer.learning_rate, again.trainer.patience) == (8, 0.03, None)
    known = np.abs(again.fit(X[::2], y[::2]).predict_proba(X) - model.predict_proba(X))
    assert known.max() < 1e-5  # the same rows, the same epochs


def test_keep_last_reports_the_last_epoch_and_needs_no_validation_part(waves):
    X, y = waves
    model = CNN1D(trainer=Trainer(epochs=4, patience=None, keep="last")).fit(X, y)
    assert model.best_epoch_ == 4
    assert set(model.history_) == {"loss", "accuracy"}


def test_a_loss_that_is_not_finite_says_when_and_keeps_its_curves(waves):
    X, y = waves
    network = CNN1D(trainer=Trainer(epochs=9, learning_rate=1e30, patience=None, keep="last"))
    with pytest.raises(
        DivergedError, match=r"learning_rate: .*not finite in epoch 1.*1e\+30"
    ) as it:
        network.fit(X, y)
    assert len(it.value.history["loss"]) == 1
    assert pickle.loads(pickle.dumps(it.value)).mistakes == it.value.mistakes


def test_validation_rows_are_not_trained_on(waves):
    """Labels of the validation rows that contradict all others must not reach the weights."""
    X, y = waves
    trainer = Trainer(epochs=2, patience=None, keep="last")
    honest = CNN1D(trainer=trainer).fit(X, y, validation_data=(X, y)).predict_proba(X)
    swapped = np.where(y == "low", "high", "low")
    lied_to = CNN1D(trainer=trainer).fit(X, y, validation_data=(X, swapped)).predict_proba(X)
    np.testing.assert_array_equal(honest, lied_to)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"filters": 0}, "'filters'"), ({"kernel_size": "3"}, "'kernel_size'")],
)
def test_bad_options_are_refused_by_name(waves, options, message):
    with pytest.raises(ValueError, match=message):
        CNN1D(**options).fit(*waves)


def test_alexnet_refuses_images_that_its_poolings_would_use_up():
    assert AlexNet().network((67, 67, 3), 10)
    with pytest.raises(ValueError, match="at least 67 in each direction, got 66 x 100"):
        AlexNet().fit(np.zeros((4, 66, 100, 3)), ["a", "b", "a", "b"])


@pytest.mark.slow
def test_a_network_of_two_branches_learns_from_both():
    """Neither the images nor the vectors alone tell all four genres apart."""
    random = np.random.default_rng(0)
    bright, high = random.integers(0, 2, (2, 240))
    images = random.normal(0.4 * bright[:, None, None, None], 0.2, (240, 8, 8, 3))
    vectors = random.normal(2.0 * high[:, None], 0.4, (240, 5))
    y = np.array(["a", "b", "c", "d"])[2 * bright + high]
    X = Inputs({"image": images, "vector": vectors})
    trainer = Trainer(epochs=25, learning_rate=5e-3, patience=None, keep="last")
    network = FusedNet(filters=4, dense_units=16, dropout=0.0, trainer=trainer)
    rows = np.arange(200)
    network.fit(X[rows], y[rows], validation_data=(X[200:], y[200:]))
    assert (network.predict(X[200:]) == y[200:]).mean() > 0.9
    again = FusedNet.__new__(FusedNet)
    again.__setstate__(network.__getstate__())
    np.testing.assert_array_equal(again.predict_proba(X), network.predict_proba(X))


class Linear(KerasClassifier):
    """A dense layer over all numbers of a row, whatever their shape."""

    def network(self, input_shape, n_classes):
        from keras import Input, Model, layers

        several = input_shape if isinstance(input_shape, dict) else {"X": input_shape}
        inputs = {name: Input(shape, name=name) for name, shape in several.items()}
        flat = [layers.Flatten()(tensor) for tensor in inputs.values()]
        joined = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
        output = layers.Dense(n_classes, activation="softmax")(joined)
        return Model(inputs if len(flat) > 1 else inputs["X"], output)


@pytest.mark.slow
@pytest.mark.parametrize("shapes", [[(6,)], [(6, 1), (3, 2, 1), (4,), (2,)]])
def test_a_network_takes_vectors_sequences_images_and_several_of_them(shapes):
    y = np.array(["a", "b"])[np.arange(48) % 2]
    random = np.random.default_rng(0)
    arrays = {str(n): random.normal(0, 0.3, (48, *shape)) for n, shape in enumerate(shapes)}
    for array in arrays.values():
        array[y == "b"] += 1
    X = Inputs(arrays) if len(shapes) > 1 else arrays["0"]
    trainer = Trainer(epochs=10, learning_rate=0.1, batch_size=5, patience=None, keep="last")
    network = Linear(trainer=trainer).fit(X, y, validation_data=(X[:7], y[:7]))
    assert (network.predict(X) == y).all()
    assert all(len(values) == 10 for values in network.history_.values())


def test_an_epoch_sees_each_row_once_and_in_an_order_of_its_own():
    from gtzan_exp.basics import keras_loader
    from gtzan_exp.models.keras_classifier import _batches

    def epochs(seed: int) -> list[list[float]]:
        codes = 2 * np.arange(9)
        batches = _batches(keras_loader.load(), np.arange(9.0)[:, None], codes, codes // 2, 4, seed)
        found = [batches[step] for step in range(2 * batches.steps)]
        for inputs, targets in found:
            np.testing.assert_array_equal(2 * inputs[:, 0], targets)
        rows = np.concatenate([inputs[:, 0] for inputs, _ in found]).tolist()
        return [rows[:9], rows[9:]]

    first, second = epochs(0)
    assert sorted(first) == sorted(second) == list(range(9))
    assert first != second
    assert epochs(0) == [first, second] != epochs(1)


def branches() -> tuple[FusedNet, Inputs, np.ndarray]:
    """Two small branches, fitted to rows that the vector tells apart."""
    random = np.random.default_rng(0)
    images, vectors = random.normal(size=(60, 8, 16, 1)), random.normal(size=(60, 5))
    X = Inputs({"image": images, "vector": vectors})
    y = np.where(vectors[:, 0] > 0, "high", "low")
    changes = {"crop": 0.5, "shift": 0.2, "gain": 0.1, "time_mask": 0.2, "label_smoothing": 0.1}
    options = {"ema": 0.5, "weight_decay": 0.01, "schedule": "cosine", **changes}
    trainer = Trainer(epochs=12, learning_rate=0.02, patience=None, keep="last", **options)
    network = FusedNet(filters=4, dense_units=16, dropout=0.0, trainer=trainer)
    return network.fit(X, y, validation_data=(X[:20], y[:20])), X, y


@pytest.mark.slow
def test_jax_trains_the_same_network_and_tensorflow_loads_it(tmp_path):
    if not importlib.util.find_spec("jax"):
        pytest.skip("jax is not installed, so no network is trained with it")
    script = """
import keras, skops.io, sys
from tests.models.test_networks import branches

network, X, y = branches()
skops.io.dump([network, network.predict_proba(X)], sys.argv[1])
print(keras.backend.backend(), (network.predict(X) == y).mean())
"""
    file = tmp_path / "network.skops"
    command = [sys.executable, "-c", script, str(file)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    backend, accuracy = done.stdout.split()
    assert backend == "jax"
    assert float(accuracy) > 0.9
    network, probabilities = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    ours, X, _ = branches()
    np.testing.assert_allclose(network.predict_proba(X), probabilities, atol=1e-5)
    shapes = [[weight.shape for weight in n.model_.weights] for n in (network, ours)]
    assert shapes[0] == shapes[1]
    assert network.history_.keys() == ours.history_.keys()

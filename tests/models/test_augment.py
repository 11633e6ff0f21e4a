"""Pictures are changed in training as the trainer says, by a seed, and never otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from gtzan_exp.models.trainer import Trainer

WIDTH = 12


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Four pictures, shape (4, 10, 12, 1), whose numbers tell their place."""
    places = np.add.outer(np.arange(10) * 100, np.arange(WIDTH)).astype(np.float32)
    return np.stack([places + 10_000 * n for n in range(4)])[..., None]


def columns_of(crops: np.ndarray) -> list[list[int]]:
    return (crops[:, 0, :, 0] % 100).astype(int).tolist()


def test_a_crop_is_a_stretch_in_training_and_all_half_overlapping_ones_otherwise(pictures):
    from gtzan_exp.models.augment import Crop

    crop = Crop(columns=5, seed=1)
    found = columns_of(np.asarray(crop(np.repeat(pictures, 50, axis=0), training=True)))
    starts = [columns[0] for columns in found]
    assert all(columns == list(range(columns[0], columns[0] + 5)) for columns in found)
    assert set(starts) == set(range(WIDTH - 5 + 1))
    every = np.asarray(crop(pictures))
    assert columns_of(every)[:4] == [list(range(start, start + 5)) for start in (0, 2, 5, 7)]
    assert (every[:, 0, 0, 0] // 10_000).tolist() == np.repeat(range(4), 4).tolist()


def test_each_change_stays_within_what_it_says(pictures):
    from gtzan_exp.models.augment import Mask, Shift, Tone

    many = np.repeat(pictures, 25, axis=0)
    rows = np.asarray(Shift(shift=0.2, seed=0)(many, training=True))[:, :, 0, 0] % 10_000 // 100
    moved = {int(row[5]) - 5 for row in rows}
    assert moved == {-2, -1, 0, 1, 2}
    assert all(row.tolist() == np.clip(np.arange(10) + row[5] - 5, 0, 9).tolist() for row in rows)

    for axis, other in ((1, 2), (2, 1)):
        hidden = np.asarray(Mask(axis=axis, share=0.4, seed=0)(many, training=True)) != many
        whole = hidden.any(axis=other)[..., 0]
        np.testing.assert_array_equal(whole, hidden.all(axis=other)[..., 0])
        assert 0 < whole.sum(axis=1).max() <= 0.4 * many.shape[axis] + 1
        assert all(np.ptp(np.flatnonzero(row)) + 1 == row.sum() for row in whole if row.any())

    change = np.asarray(Tone(equalise=0.2, gain=0.0, seed=0)(many, training=True)) - many
    change /= many.std(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(change, np.broadcast_to(change[:, :, :1], change.shape), atol=1e-4)
    assert np.abs(change.mean(axis=1)).max() < 1e-3
    assert 0.05 < change.std() < 0.3


def test_a_seed_gives_the_same_changes_and_only_training_has_any(pictures):
    from gtzan_exp.models.augment import Mask, Shift, Tone

    for kind, options in (
        (Shift, {"shift": 0.3}),
        (Tone, {"equalise": 0.2, "gain": 0.1}),
        (Mask, {"axis": 2, "share": 0.5}),
    ):
        layer, same, other = (kind(seed=seed, **options) for seed in (3, 3, 4))
        np.testing.assert_array_equal(layer(pictures), pictures)
        first, second, again, different = (
            np.asarray(found(pictures, training=True)) for found in (layer, layer, same, other)
        )
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, second)
        assert not np.array_equal(first, different)
        rebuilt = kind.from_config(layer.get_config())
        np.testing.assert_array_equal(rebuilt(pictures, training=True), first)


def test_a_picture_is_told_by_the_mean_over_its_crops_beside_what_has_none(pictures):
    import keras

    from gtzan_exp.models.augment import around

    def network(shape, n_classes):
        inputs = {name: keras.Input(of, name=name) for name, of in shape.items()}
        flat = keras.layers.Flatten()(inputs["image"])
        both = keras.layers.Concatenate()([flat, inputs["vector"]])
        return keras.Model(inputs, keras.layers.Dense(n_classes, activation="softmax")(both))

    shapes = {"image": pictures.shape[1:], "vector": (2,)}
    model = around(network, shapes, 3, Trainer(crop=0.5, time_mask=0.1), 0)
    vectors = np.arange(8.0).reshape(4, 2)
    scaled = pictures / 40_000
    found = model.predict_on_batch({"image": scaled, "vector": vectors})
    (inner,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    crops = [scaled[:, :, start : start + 6] for start in (0, 3, 6)]
    alone = [inner.predict_on_batch({"image": crop, "vector": vectors}) for crop in crops]
    np.testing.assert_allclose(found, np.mean(alone, axis=0), rtol=1e-5)


@pytest.mark.slow
def test_the_strong_trainer_learns_repeats_and_is_saved():
    import skops.io

    from gtzan_exp.models.networks import CNNBand

    random = np.random.default_rng(0)
    X = random.random((80, 32, 48, 1), dtype=np.float32)
    y = np.array(["high", "low"])[np.arange(80) % 2]
    X[y == "high", 4:10] += 0.5
    X[y == "low", 20:26] += 0.5
    options = {"weight_decay": 0.05, "warmup": 0.1, "schedule": "cosine", "ema": 0.9}
    options |= {"label_smoothing": 0.1, "crop": 0.4, "time_mask": 0.1, "frequency_mask": 0.1}
    options |= {"shift": 0.02, "equalise": 0.2, "gain": 0.1, "patience": None, "keep": "last"}
    trainer = Trainer(epochs=12, learning_rate=0.01, batch_size=16, **options)
    network = CNNBand(filters=4, units=16, dropout=0.2, trainer=trainer)
    validation = (X[60:], y[60:])
    probabilities = network.fit(X[:60], y[:60], validation).predict_proba(X)
    assert network.score(*validation) > 0.9
    true = probabilities[np.arange(60, 80), np.searchsorted(network.classes_, y[60:])]
    smoothed = 0.95 * np.log(true) + 0.05 * np.log(1 - true)
    assert network.history_["val_loss"][-1] == pytest.approx(-smoothed.mean(), rel=1e-3)
    again = network.fit(X[:60], y[:60], validation).predict_proba(X)
    np.testing.assert_array_equal(again, probabilities)
    saved = skops.io.dumps(network)
    loaded = skops.io.loads(saved, trusted=skops.io.get_untrusted_types(data=saved))
    np.testing.assert_allclose(loaded.predict_proba(X), probabilities, atol=1e-6)


def test_an_average_of_the_weights_is_never_lost():
    with pytest.raises(ValueError, match="ema with keep=best, or without patience"):
        Trainer(ema=0.9, patience=5, keep="last")

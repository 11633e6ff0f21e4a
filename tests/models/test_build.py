"""Pipelines: what the scaler sees, probabilities for all, and parameter counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC

from gtzan_exp.basics.errors import DataError
from gtzan_exp.data.images import ImageStack
from gtzan_exp.data.inputs import Inputs
from gtzan_exp.models.boosting import XGBoost
from gtzan_exp.models.build import ModelSpec, build, fit, n_parameters

FEATURES = ("vector", "sequence")
IMAGES = ("image", "vector")
EMPTY = np.array([], dtype=int)


@pytest.fixture(scope="module")
def table():
    X, codes = make_classification(
        200, 12, n_informative=8, n_classes=4, class_sep=1.2, random_state=0
    )
    return pd.DataFrame(X * np.arange(1, 13)), np.array(["blues", "jazz", "pop", "rock"])[codes]


def fitted(classifier, X, y, *, gives=FEATURES, scaler_rows=None, **spec):
    spec = ModelSpec(name="model", **({"input": "vector"} | spec))
    return fit(
        build(spec, classifier, gives), X, y, X[:0], y[:0], scaler_rows=scaler_rows
    ).estimator


def test_the_scaler_is_fitted_on_the_training_part_alone(table):
    X, y = table
    pipeline = fitted(LogisticRegression(), X[:100], y[:100], scaler="standard")
    np.testing.assert_allclose(pipeline["scaler"].mean_, X[:100].mean())
    by_hand = LogisticRegression().fit(StandardScaler().fit_transform(X[:100]), y[:100])
    scaled = StandardScaler().fit(X[:100]).transform(X[100:])
    np.testing.assert_allclose(pipeline.predict_proba(X[100:]), by_hand.predict_proba(scaled))


def test_the_leak_of_the_notebook_scales_on_all_rows(table):
    X, y = table
    pipeline = fitted(LogisticRegression(), X[:100], y[:100], scaler="minmax", scaler_rows=X)
    scaled = MinMaxScaler().fit_transform(X)
    by_hand = LogisticRegression().fit(scaled[:100], y[:100])
    np.testing.assert_allclose(pipeline.predict_proba(X[100:]), by_hand.predict_proba(scaled[100:]))


@pytest.mark.parametrize("classifier", [LinearSVC(random_state=0), SVC()])
def test_probabilities_leave_the_predictions_as_they_are(table, classifier):
    X, y = table
    pipeline = fitted(classifier, X[:150], y[:150], scaler="standard")
    scaler = StandardScaler().fit(X[:150])
    expected = classifier.fit(scaler.transform(X[:150]), y[:150]).predict(scaler.transform(X[150:]))
    np.testing.assert_array_equal(pipeline.predict(X[150:]), expected)
    probabilities = pipeline.predict_proba(X[150:])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(pipeline.classes_[probabilities.argmax(axis=1)], expected)


def test_calibration_needs_two_rows_of_each_genre(table):
    X, y = table
    rows = [*np.flatnonzero(y != "rock")[:30], np.flatnonzero(y == "rock")[0]]
    with pytest.raises(DataError, match="2 rows or more of each genre"):
        fitted(LinearSVC(), X.iloc[rows], y[rows])


def test_a_model_that_takes_an_interrupt_as_its_end_does_not_end_well(table, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(MLPClassifier, "_update_no_improvement_count", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitted(MLPClassifier(), *table)


def test_full_pca_loses_nothing(table):
    X, y = table
    plain = fitted(SVC(), X[:150], y[:150], scaler="standard")
    turned = fitted(SVC(), X[:150], y[:150], scaler="standard", pca="full")
    np.testing.assert_allclose(
        turned.predict_proba(X[150:]), plain.predict_proba(X[150:]), atol=1e-6
    )


def test_images_become_vectors_row_by_row():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3), dtype=np.uint8)
    y = np.repeat(["blues", "rock"], 10)
    pipeline = fitted(LogisticRegression(), ImageStack(pixels), y, gives=IMAGES)
    vectors = pixels.reshape(20, -1).astype(np.float32) / 255
    np.testing.assert_allclose(pipeline[:-1].transform(ImageStack(pixels)), vectors)
    by_hand = LogisticRegression().fit(vectors, y)
    np.testing.assert_allclose(
        pipeline.predict_proba(ImageStack(pixels)), by_hand.predict_proba(vectors), atol=1e-6
    )


def test_parameters_are_counted_by_hand(table):
    X, y = table
    assert n_parameters(fitted(LogisticRegression(), X, y)) == 4 * 12 + 4
    assert n_parameters(fitted(LinearSVC(), X, y)) == 4 * 12 + 4
    mlp = MLPClassifier((5, 3), max_iter=5)
    assert n_parameters(fitted(mlp, X, y)) == 12 * 5 + 5 + 5 * 3 + 3 + 3 * 4 + 4
    svc = fitted(SVC(), X, y)
    vectors = len(svc[-1].calibrated_classifiers_[0].estimator.support_)
    assert n_parameters(svc) == vectors * 12 + vectors * 3 + 6
    stumps = fitted(XGBoost(n_estimators=2, max_depth=1), X, y)
    assert n_parameters(stumps) == 2 * 4 * 3


def test_xgboost_takes_names_and_forgets_them_on_refit(table):
    X, y = table
    model = XGBoost(n_estimators=5).fit(X, y)
    assert list(model.classes_) == ["blues", "jazz", "pop", "rock"]
    assert (model.predict(X) == y).mean() > 0.9
    assert list(model.fit(X, np.char.upper(y)).classes_) == ["BLUES", "JAZZ", "POP", "ROCK"]


@pytest.fixture(scope="module")
def several(table):
    """A table, and images that hold some of its numbers, as one set of inputs."""
    X, y = table
    pixels = np.clip(X.to_numpy()[:, :, None, None] * 8 + 128, 0, 255).astype(np.uint8)
    return Inputs({"table": X, "pictures": ImageStack(pixels.repeat(3, axis=3))}), y


BOTH = (("vector", "sequence"), ("image", "vector"))


def test_several_inputs_are_scaled_each_by_itself_on_the_training_part(several):
    inputs, y = several
    rows = np.arange(100)
    pipeline = fitted(
        LogisticRegression(max_iter=2000), inputs[rows], y[rows], gives=BOTH, scaler="standard"
    )
    X, images = inputs.arrays.values()
    flat = np.asarray(images).reshape(len(images), -1)
    by_hand = np.hstack(
        [
            StandardScaler().fit(X[:100]).transform(X),
            StandardScaler().fit(flat[:100]).transform(flat),
        ]
    )
    np.testing.assert_allclose(pipeline[:-1].transform(inputs), by_hand, rtol=1e-4, atol=1e-5)
    pca = fitted(LogisticRegression(), inputs[rows], y[rows], gives=BOTH, pca=3)
    assert pca[:-1].transform(inputs).shape == (200, 3)


def test_the_leak_of_the_notebook_scales_several_inputs_on_all_rows(several):
    inputs, y = several
    options = {"gives": BOTH, "input": ("image", "vector"), "scaler": {"vector": "minmax"}}
    pipeline = fitted(Sizes(), inputs[:100], y[:100], scaler_rows=inputs, **options)
    found = pipeline[:-1].transform(inputs)
    assert list(found.arrays) == ["image", "vector"]
    np.testing.assert_allclose(
        found.arrays["vector"], MinMaxScaler().fit_transform(inputs.arrays["table"])
    )
    np.testing.assert_array_equal(found.arrays["image"], inputs.arrays["pictures"])


class Sizes(ClassifierMixin, BaseEstimator):
    """It learns nothing but what it was given."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"input": ("image", "vector"), "pca": 3}, "no pca for images and for several inputs"),
        ({"input": "vector", "scaler": {"image": "standard"}}, "scalers of vector"),
        ({"input": ("vector",)}, "at least 2"),
    ],
)
def test_steps_that_do_not_fit_the_inputs_are_refused(spec, allowed):
    with pytest.raises(ValidationError, match=allowed):
        ModelSpec(name="model", **spec)

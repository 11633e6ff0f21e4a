"""Pipelines: what the scaler sees, probabilities for all, and parameter counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from xgboost import XGBClassifier, XGBRFClassifier

from gtzan_exp.basics.errors import DataError
from gtzan_exp.data.inputs import ImageStack, Inputs
from gtzan_exp.models.boosting import XGBoost
from gtzan_exp.models.build import ModelSpec, build, fit, refit
from gtzan_exp.models.networks import CNN1D
from gtzan_exp.models.trainer import Trainer
from gtzan_exp.models.validation import curves, cuts_rows, n_parameters, needs_validation

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


def test_labels_are_those_of_svc_where_its_votes_tie():
    """Of noise, many votes tie; the values then say another class than scikit-learn's labels."""
    random = np.random.default_rng(0)
    X, y = pd.DataFrame(random.normal(size=(300, 4))), random.choice(list("abcde"), 300)
    plain = SVC(C=10).fit(X[:150], y[:150])
    expected = plain.predict(X[150:])
    by_value = plain.classes_[plain.decision_function(X[150:]).argmax(axis=1)]
    assert (by_value != expected).any()
    pipeline = fitted(SVC(C=10), X[:150], y[:150])
    np.testing.assert_array_equal(pipeline.predict(X[150:]), expected)
    probabilities = pipeline.predict_proba(X[150:])
    np.testing.assert_array_equal(pipeline.classes_[probabilities.argmax(axis=1)], expected)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_calibration_needs_two_rows_of_each_genre(table):
    X, y = table
    rows = [*np.flatnonzero(y != "rock")[:30], np.flatnonzero(y == "rock")[0]]
    with pytest.raises(DataError, match=r"2 rows or more of each genre.*1 of rock"):
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


def test_bands_of_a_picture_are_told_by_their_statistics_over_time():
    """Far more pictures than are read at once; one band is still, one jumps, one rises."""
    still, jumps, rises = np.full(11, 7), np.arange(11) % 2 * 100, np.arange(11) * 10
    pixels = np.repeat(np.stack([still, jumps, rises])[None, :, :, None], 300, axis=0)
    pixels[150:] += 20
    spec = ModelSpec(name="test", input="vector", pictures="bands")
    stack = ImageStack(pixels.astype(np.uint8), peak=255.0)
    found = build(spec, LogisticRegression(), IMAGES)[:1].transform(stack)
    mean, deviation, low, high, step = found[0].reshape(5, 3)
    np.testing.assert_allclose(mean, [7, 500 / 11, 50], rtol=1e-6)
    np.testing.assert_allclose(deviation, np.std([still, jumps, rises], axis=1), rtol=1e-6)
    np.testing.assert_allclose([low, high], [[7, 0, 10], [7, 100, 90]], rtol=1e-6)
    np.testing.assert_allclose(step, [0, 100, 10], rtol=1e-6)
    shift = np.repeat([20, 0, 20, 20, 0], 3)
    np.testing.assert_allclose(found[-1], found[0] + shift, rtol=1e-5, atol=1e-4)


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
    stumps = fitted(XGBRFClassifier(n_estimators=2, max_depth=1), X, y)
    assert n_parameters(stumps) == 2 * 4 * 3
    forest = RandomForestClassifier(2, max_depth=1)
    assert n_parameters(fitted(forest, X, y)) == 2 * 3
    assert n_parameters(fitted(GradientBoostingClassifier(n_estimators=2, max_depth=1), X, y)) == 24
    both = [("a", LogisticRegression()), ("b", forest)]
    assert n_parameters(fitted(StackingClassifier(both), X, y)) == 52 + 6 + 4 * 8 + 4
    assert n_parameters(fitted(KNeighborsClassifier(), X, y)) is None
    assert (
        n_parameters(fitted(VotingClassifier([("a", forest), ("b", GaussianNB())]), X, y)) is None
    )


def test_curves_are_those_that_the_classifier_offers(table):
    X, y = table
    boosted = fitted(GradientBoostingClassifier(n_estimators=3), X, y)[-1]
    assert curves(boosted) == {"score": list(boosted.train_score_)}
    network = MLPClassifier(max_iter=3, early_stopping=True).fit(X, y)
    assert curves(network) == {
        "loss": network.loss_curve_,
        "val_score": network.validation_scores_,
    }
    assert curves(HistGradientBoostingClassifier(max_iter=2).fit(X, y)) == {}
    assert curves(fitted(SVC(), X, y)[-1]) == {}


def test_xgboost_takes_names_and_forgets_them_on_refit(table):
    X, y = table
    model = XGBoost(n_estimators=5).fit(X, y)
    assert list(model.classes_) == ["blues", "jazz", "pop", "rock"]
    assert (model.predict(X) == y).mean() > 0.9
    assert list(model.fit(X, np.char.upper(y)).classes_) == ["BLUES", "JAZZ", "POP", "ROCK"]


def with_rows(model, X, y, rows, val):
    spec = ModelSpec(name="model", input="vector")
    return fit(build(spec, model, FEATURES), X.iloc[rows], y[rows], X.iloc[val], y[val])


TRAIN, VAL = np.arange(120), np.arange(120, 200)


def test_boosting_stops_by_the_validation_part_and_is_fitted_again_to_both(table):
    X, y = table
    options = {"n_estimators": 200, "learning_rate": 0.5, "max_depth": 2}
    found = with_rows(XGBoost(early_stopping_rounds=3, **options), X, y, TRAIN, VAL)
    codes = np.unique(y, return_inverse=True)[1]
    plain = XGBClassifier(early_stopping_rounds=3, **options).fit(
        X.iloc[TRAIN], codes[TRAIN], eval_set=[(X.iloc[VAL], codes[VAL])], verbose=False
    )
    assert found.best_epoch == plain.best_iteration + 1 < 200
    np.testing.assert_array_equal(found.estimator.predict_proba(X), plain.predict_proba(X))

    final = refit(found, X, y)
    by_hand = XGBoost(**{**options, "n_estimators": found.best_epoch}).fit(X, y)
    np.testing.assert_array_equal(final.estimator.predict_proba(X), by_hand.predict_proba(X))
    assert (final.best_epoch, final.history) == (found.best_epoch, found.history)
    assert final.seconds > found.seconds
    np.testing.assert_array_equal(found.estimator.predict_proba(X), plain.predict_proba(X))


def test_scikit_learns_boosting_gets_the_validation_part_too(table):
    X, y = table
    model = HistGradientBoostingClassifier(max_iter=60, early_stopping=True, n_iter_no_change=2)
    found = with_rows(model, X, y, TRAIN, VAL)
    by_hand = clone(model).fit(X.iloc[TRAIN], y[TRAIN], X_val=X.iloc[VAL], y_val=y[VAL])
    assert found.estimator[-1].n_iter_ == by_hand.n_iter_ < 60
    np.testing.assert_array_equal(found.estimator.predict_proba(X), by_hand.predict_proba(X))
    assert refit(found, X, y).estimator[-1].n_iter_ == by_hand.n_iter_


def test_a_model_without_epochs_is_fitted_again_to_both_parts(table):
    X, y = table
    found = with_rows(LogisticRegression(max_iter=500), X, y, TRAIN, VAL)
    by_hand = LogisticRegression(max_iter=500).fit(X, y)
    final = refit(found, X, y).estimator
    np.testing.assert_allclose(final.predict_proba(X), by_hand.predict_proba(X))


@pytest.mark.parametrize(
    ("model", "few", "many", "cuts"),
    [
        (LogisticRegression(), False, False, None),
        (XGBoost(), False, False, None),
        (XGBoost(early_stopping_rounds=5), True, True, None),
        (CNN1D(), True, True, None),
        (CNN1D(trainer=Trainer(patience=None, keep="last")), False, False, None),
        (VotingClassifier([("a", CNN1D()), ("b", LogisticRegression())]), True, True, None),
        (HistGradientBoostingClassifier(), False, True, None),
        (HistGradientBoostingClassifier(early_stopping=False), False, False, None),
        (MLPClassifier(early_stopping=True), True, True, "early_stopping"),
        (MLPClassifier(), False, False, None),
        (GradientBoostingClassifier(n_iter_no_change=5), False, False, "n_iter_no_change"),
    ],
)
def test_who_needs_a_validation_part_and_who_would_cut_one(model, few, many, cuts):
    assert (needs_validation(model, 10_000), needs_validation(model, 10_001)) == (few, many)
    assert cuts_rows(model) == cuts


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

"""Calibration against scikit-learn's curve and against an error worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve

from gtzan_exp.evaluation.calibration import BINS, calibration_error, reliability


def test_bins_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.dirichlet([0.4] * 4, 500), columns=[f"p_{name}" for name in "abcd"])
    shares = table.to_numpy()
    table["predicted"] = np.array(list("abcd"))[shares.argmax(axis=1)]
    table["true"] = random.choice(list("abcd"), 500)
    bins = reliability(table)
    right = (table["true"] == table["predicted"]).to_numpy()
    accuracy, confidence = calibration_curve(right, shares.max(axis=1), n_bins=BINS)
    np.testing.assert_allclose(bins["accuracy"], accuracy)
    np.testing.assert_allclose(bins["confidence"], confidence)
    edges = np.linspace(0, 1, BINS + 1)
    counts = np.histogram(shares.max(axis=1), edges)[0]
    assert bins["n"].tolist() == counts[counts > 0].tolist()
    np.testing.assert_allclose(bins["low"], edges[:-1][counts > 0])


def test_the_error_weighs_bins_by_their_predictions():
    """Three of 0.6 to 0.7, two of them right; one of 1, wrong: (3 * |2/3 - 0.65| + 1) / 4."""
    shares = np.array([0.62, 0.64, 0.69, 1.0])
    table = pd.DataFrame({"true": list("aabb"), "p_a": shares, "p_b": 1 - shares})
    bins = reliability(table.assign(predicted="a"))
    assert bins["n"].tolist() == [3, 1]
    assert bins["low"].tolist() == [0.6, 0.9]
    assert calibration_error(bins) == pytest.approx((3 * (2 / 3 - 0.65) + 1) / 4)


def test_a_probability_on_an_edge_is_in_the_lower_bin():
    table = pd.DataFrame({"true": ["a"], "predicted": ["a"], "p_a": [0.5], "p_b": [0.5]})
    assert reliability(table)["low"].tolist() == [0.4]

"""Intervals, against cases worked out by hand or published."""

from __future__ import annotations

import numpy as np
import pytest

from gtzan_exp.evaluation.aggregate import aggregate, corrected_interval


def test_the_corrected_interval_by_hand():
    """s**2 = 0.01 / 4, (1/5 + 1/4) s**2 = 0.001125; t of 4 degrees of freedom is 2.776445."""
    values = np.array([0.65, 0.70, 0.70, 0.70, 0.75]) + np.array([-0.02071068, 0, 0, 0, 0.02071068])
    assert values.var(ddof=1) == pytest.approx(0.0025, rel=1e-6)
    low, high = corrected_interval(values, 0.25)
    half = 2.7764451 * 0.0335410
    assert (low, high) == (
        pytest.approx(0.70 - half, abs=1e-6),
        pytest.approx(0.70 + half, abs=1e-6),
    )


def test_folds_are_averaged_with_their_spread():
    folds = [{"test/accuracy": 0.5, "val/accuracy": 0.1}, {"test/accuracy": 0.7}]
    folds = [{**fold, "test/log_loss": fold["test/accuracy"]} for fold in folds]
    found = aggregate(folds, [0.1, 0.1])
    assert found["test/accuracy"] == pytest.approx(0.6)
    assert found["std/test/accuracy"] == pytest.approx(0.1414214)
    low, high = corrected_interval(np.array([0.5, 0.7]), 0.1)
    assert low < 0 < 1 < high  # of two folds, which no accuracy can be
    assert (found["ci_low/test/accuracy"], found["ci_high/test/accuracy"]) == (0, 1)
    assert (found["ci_low/test/log_loss"], found["ci_high/test/log_loss"]) == (0, high)
    assert not [name for name in found if "val" in name]

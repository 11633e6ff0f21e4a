"""Intervals and tests, against cases worked out by hand or published."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gtzan_exp.compare.statistics import holm, mcnemar, over_seeds


def test_mcnemar_by_hand():
    """Alone right 2 and 8 times: twice the chance of at most 2 heads in 10, 2 * 56 / 1024."""
    a = np.array([True] * 2 + [False] * 8 + [True] * 30 + [False] * 5)
    b = np.array([False] * 2 + [True] * 8 + [True] * 30 + [False] * 5)
    assert mcnemar(a, b) == pytest.approx(112 / 1024)
    assert mcnemar(a, a) == 1


def test_holm_by_hand():
    """0.01 * 4, 0.02 * 3, then 0.03 * 2 = 0.06 not below the one before, 0.04 * 1 raised to it."""
    found = holm([0.03, 0.01, np.nan, 0.04, 0.02])
    np.testing.assert_allclose(found, [0.06, 0.04, np.nan, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1.0, 1.0])
    assert len(holm([])) == 0


def test_seeds_add_their_spread_to_the_interval_of_the_test_part():
    """Mean 0.6, s = 0.02: half of Student's interval is 4.302653 * 0.02 / sqrt(3)."""
    half = 4.302653 * 0.02 / math.sqrt(3)
    low, high = over_seeds([0.58, 0.60, 0.62], (0.52, 0.66))
    assert low == pytest.approx(0.6 - math.hypot(0.08, half), abs=1e-6)
    assert high == pytest.approx(0.6 + math.hypot(0.06, half), abs=1e-6)
    assert over_seeds([0.6, 0.6], (0.52, 0.66)) == pytest.approx((0.52, 0.66))
    assert over_seeds([0.6], (0.52, 0.66)) == (0.52, 0.66)

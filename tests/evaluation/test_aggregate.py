"""Intervals, against cases worked out by hand or published."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.evaluation.aggregate import aggregate, corrected_interval
from gtzan_exp.evaluation.compare import interval, summary


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
    found = aggregate(folds, [0.1, 0.1])
    assert found["test/accuracy"] == pytest.approx(0.6)
    assert found["std/test/accuracy"] == pytest.approx(0.1414214)
    assert found["ci_low/test/accuracy"] < 0.5
    assert not [name for name in found if "val" in name]


def test_wilsons_interval_of_a_single_test_part():
    """R. G. Newcombe, Stat. Med. 17, 1998, table I: 81 of 263 gives 0.2553 to 0.3662."""
    low, high = interval(pd.Series({"test/accuracy": 81 / 263, "n_test": 263.0}))
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_the_summary_never_averages_unlike_runs():
    base = {
        "status": "FINISHED",
        "view": "features",
        "model": "svc",
        "split": "holdout",
        "leak": "artist",
        "leak/artist": 0.82,
        "data_fingerprint": "d1",
        "split_fingerprint": "s1",
        "test/accuracy": 0.5,
        "test/macro_f1": 0.5,
        "fit_seconds": 1.0,
        "n_test": 100.0,
    }
    runs = pd.DataFrame(
        [
            base,
            {**base, "test/accuracy": 0.7},
            {**base, "split_fingerprint": "s2", "test/accuracy": 0.9},
            {**base, "data_fingerprint": "d2"},
            {**base, "leak": "scaler+artist"},
            {**base, "status": "FAILED", "test/accuracy": np.nan},
        ]
    )
    table = summary(runs)
    assert len(table) == 4
    both = table[table["runs"] == 2].iloc[0]
    assert both["accuracy"] == pytest.approx(0.6)
    assert both["interval"] == "0.50-0.70 range"
    assert set(table["leak"]) == {"artist 82%", "scaler, artist 82%"}

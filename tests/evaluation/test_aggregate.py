"""Intervals, against cases worked out by hand or published."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.evaluation.aggregate import aggregate, with_interval
from gtzan_exp.evaluation.intervals import Answers, accuracy_interval, corrected_interval, wilson


def test_the_corrected_interval_by_hand():
    """s**2 = 0.01 / 4, (1/5 + 1/4) s**2 = 0.001125; t of 4 degrees of freedom is 2.776445."""
    values = np.array([0.65, 0.70, 0.70, 0.70, 0.75]) + np.array([-0.02071068, 0, 0, 0, 0.02071068])
    assert values.var(ddof=1) == pytest.approx(0.0025, rel=1e-6)
    found = corrected_interval(values, 0.25)
    half = 2.7764451 * 0.0335410
    assert (found.low, found.high) == (
        pytest.approx(0.70 - half, abs=1e-6),
        pytest.approx(0.70 + half, abs=1e-6),
    )


def test_folds_are_averaged_with_their_spread():
    folds = [{"test/accuracy": 0.5, "val/accuracy": 0.1}, {"test/accuracy": 0.7}]
    folds = [{**fold, "test/ece": 0.3, "test/log_loss": fold["test/accuracy"]} for fold in folds]
    found = aggregate(folds, [0.1, 0.1])
    assert found["test/accuracy"] == pytest.approx(0.6)
    assert found["std/test/accuracy"] == pytest.approx(0.1414214)
    wide = corrected_interval(np.array([0.5, 0.7]), 0.1)
    assert wide.low < 0 < 1 < wide.high  # of two folds, which no accuracy can be
    assert (found["ci_low/test/accuracy"], found["ci_high/test/accuracy"]) == (0, 1)
    assert (found["ci_low/test/log_loss"], found["ci_high/test/log_loss"]) == (0, wide.high)
    assert not [name for name in found if "val" in name or "ece" in name]


def predicted(rows, *, artist=True):
    """Predictions of a test part, given as (track, artist, fold, right), and of as many others,
    which are right."""
    table = pd.DataFrame(rows, columns=["track", "artist", "fold", "right"])
    table = table.assign(part="test", true="a", p_a=table["right"] * 0.8 + 0.1)
    table["p_b"] = 1 - table["p_a"]
    table["predicted"] = np.where(table["right"], "a", "b")
    train = table.assign(part="train", track="t" + table["track"], predicted="a")
    found = pd.concat([table, train], ignore_index=True).drop(columns="right")
    return found if artist else found.drop(columns="artist")


ONE = [(f"{n:02}", f"artist {n // 3}", 1, n % 4 > 0) for n in range(48)]


def test_a_run_gets_the_interval_that_is_robust_to_its_artists():
    right, artists = (np.array([row[place] for row in ONE]) for place in (3, 1))
    wanted = accuracy_interval(Answers(right, artists))
    found = with_interval({"test/accuracy": 0.75}, predicted(ONE).drop(columns="fold"))
    assert (found["ci_low/test/accuracy"], found["ci_high/test/accuracy"]) == (
        wanted.low,
        wanted.high,
    )
    assert (found["n_tested_tracks"], found["n_tested_artists"]) == (48, 16)
    unknown = with_interval({"test/accuracy": 0.75}, predicted(ONE, artist=False))
    low, high = wilson(0.75, 48)
    assert (unknown["ci_low/test/accuracy"], unknown["ci_high/test/accuracy"]) == (low, high)
    assert "n_tested_artists" not in unknown
    hidden = predicted(ONE).replace({"part": {"test": "val"}}).drop(columns="fold")
    renamed = {
        name.replace("test/", "val/").replace("tested", "validated"): value
        for name, value in found.items()
    }
    assert with_interval({"val/accuracy": 0.75}, hidden) == renamed


def test_the_accuracy_under_second_labels_has_its_interval_too():
    """Under them all is right, so it is Wilson's over the 16 artists."""
    table = predicted(ONE).drop(columns="fold").assign(accepted="a|b")
    found = with_interval({"test/accuracy": 0.75}, table)
    assert found["ci_low/test/relabelled_accuracy"] == pytest.approx(wilson(1.0, 16)[0])
    assert found["ci_high/test/accuracy"] < found["ci_high/test/relabelled_accuracy"] == 1.0


def test_the_interval_of_segments_is_that_of_their_tracks():
    """Each track has three segments, one of which is wrong; all tracks are right."""
    segments = [(f"{n:02}", f"artist {n}", 1, s > 0) for n in range(12) for s in range(3)]
    found = with_interval({"test/accuracy": 2 / 3}, predicted(segments))
    assert "ci_low/test/accuracy" not in found
    assert found["ci_low/test/track_accuracy"] == wilson(1.0, 12)[0]
    assert found["n_tested_tracks"] == 12


def test_the_interval_of_folds_is_over_artists_or_over_folds():
    folds = [(*row[:2], n % 5, row[3]) for n, row in enumerate(ONE)]
    before = {"ci_low/test/accuracy": 0.1, "ci_high/test/accuracy": 0.9}
    found = with_interval(before, predicted(folds, artist=False))
    by_fold = pd.DataFrame(folds).groupby(2)[3].mean().to_numpy()
    over = corrected_interval(by_fold, 1.0)
    bounds = {"ci_low/test/accuracy": over.low, "ci_high/test/accuracy": over.high}
    assert found == pytest.approx({**bounds, "n_tested_tracks": 48, "test/ece": 0.15})
    right, artists, fold = (np.array([row[place] for row in folds]) for place in (3, 1, 2))
    wanted = accuracy_interval(Answers(right, artists, fold, share=1.0))
    found = with_interval(before, predicted(folds))
    assert found["ci_low/test/accuracy"] == pytest.approx(wanted.low)
    assert found["ci_high/test/accuracy"] == pytest.approx(wanted.high)

"""Learning curves: what stays the same from point to point, and what grows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from gtzan_exp.basics.errors import ConfigError
from gtzan_exp.data.learning_curve import LearningCurve
from gtzan_exp.data.splits import Holdout

from .test_splits import EVEN, UNEVEN, rows


@pytest.mark.parametrize("sizes", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("segments", [1, 10])
def test_training_parts_are_nested_and_the_others_are_those_of_holdout(sizes, segments):
    data = rows(sizes, segments=segments)
    (whole,) = Holdout(seed=3).split(data).folds
    split = LearningCurve(seed=3).split(data)
    trained = [set(data.tracks[fold.train]) for fold in split.folds]
    for smaller, larger in itertools.pairwise(trained):
        assert smaller < larger
    for fraction, fold, tracks in zip(split.fractions, split.folds, trained, strict=True):
        np.testing.assert_array_equal(fold.test, whole.test)
        np.testing.assert_array_equal(fold.val, whole.val)
        assert len(fold.train) == segments * len(tracks)
        for genre in sizes:
            of_all = sum(track.startswith(genre) for track in set(data.tracks[whole.train]))
            drawn = sum(track.startswith(genre) for track in tracks)
            assert drawn == max(1, round(fraction * of_all))
    np.testing.assert_array_equal(split.folds[-1].train, whole.train)
    assert split.reported == split.folds[-1:]
    assert split.fold_names[0] == "10 % of training"


def test_the_parts_depend_on_the_seed_and_not_on_the_order_of_rows():
    shuffled = rows(EVEN, order=np.random.default_rng(0).permutation)
    first, same, other = (
        LearningCurve(seed=seed).split(data).fingerprint
        for seed, data in ((7, rows(EVEN)), (7, shuffled), (8, rows(EVEN)))
    )
    assert first == same != other


@pytest.mark.parametrize(
    "fractions", [(0.1, 0.5), (0.5, 0.1, 1.0), (1.0,), (0.0, 1.0), (float("nan"), 1.0), ()]
)
def test_fractions_rise_to_the_whole(fractions):
    with pytest.raises(ValidationError):
        LearningCurve(fractions=fractions)


def test_fractions_that_give_the_same_tracks_are_refused():
    with pytest.raises(ConfigError, match=r"split\.fractions: the fraction adds no track.*0\.02"):
        LearningCurve(fractions=(0.01, 0.02, 1.0)).split(rows(UNEVEN))

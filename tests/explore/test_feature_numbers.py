"""What is said of a table is what was published of GTZAN's, and true of small made-up ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.basics.errors import DataError
from gtzan_exp.data.contracts import Dataset
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.locations import Folder
from gtzan_exp.explore import feature_numbers as table

PUBLISHED_CUMULATIVE = """
24.393550 46.175354 55.869008 62.307090 67.594676 71.390181 74.093713 76.294254 78.407186 80.051094
81.390982 82.698649 83.880329 84.954229 85.927882 86.847171 87.707583 88.511371 89.239098 89.931975
90.574360 91.190001 91.759817 92.303727 92.819800 93.305670 93.770106 94.209590 94.638690 95.042563
95.431485 95.789835 96.142766 96.481475 96.805725 97.114400 97.394488 97.642221 97.882790 98.111695
98.317939 98.519024 98.706679 98.889972 99.052849 99.198941 99.334579 99.445599 99.536310 99.624271
99.709509 99.787073 99.856644 99.918138 99.958835 99.977609 99.993447 100.000000
"""
"""Percent of the variance, after min-max scaling of all 58 numeric columns."""


@pytest.fixture(scope="module")
def published(gtzan_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    view = FeaturesView(extra_columns=("length",))
    location = Folder(name="gtzan", root=gtzan_root)
    return view.load(location, cache=tmp_path_factory.mktemp("cache"))


@pytest.mark.gtzan
def test_explained_variance_is_the_published_one(published):
    components = table.principal_components(published.X)
    frame = components.table()
    assert list(frame["components"]) == list(range(1, 59))
    expected = [float(text) for text in PUBLISHED_CUMULATIVE.split()]
    np.testing.assert_allclose(frame["explained_variance"], expected, rtol=0, atol=5.1e-7)
    assert components.scores.shape == (1000, 3)


@pytest.mark.gtzan
def test_the_strongest_correlation_is_centroid_with_rolloff(published):
    means = table.mean_features(published.X)
    assert means.shape[1] == 28
    pairs = table.strongest_pairs(means.corr())
    assert pairs.loc[0, ["feature", "other"]].tolist() == ["spectral_centroid_mean", "rolloff_mean"]
    truth = np.corrcoef(means["spectral_centroid_mean"], means["rolloff_mean"])[0, 1]
    assert pairs.loc[0, "correlation"] == pytest.approx(truth)


def small(values: np.ndarray, labels: str) -> Dataset:
    ids = np.array([f"{label}.{i}" for i, label in enumerate(labels)])
    return Dataset(
        name="small",
        synthetic=False,
        view="features",
        source="nowhere",
        X=pd.DataFrame(values, columns=[f"c{i}_mean" for i in range(values.shape[1])]),
        labels=np.array(list(labels)),
        ids=ids,
        tracks=ids,
        classes=tuple(sorted(set(labels))),
        fingerprint="none",
    )


def test_negative_correlations_count_as_strong_and_constant_columns_do_not_count():
    x = np.arange(6.0)
    frame = pd.DataFrame({"a": x, "b": x % 2, "c": -x, "d": 1.0})
    pairs = table.strongest_pairs(frame.corr(), count=9)
    assert pairs.loc[0, ["feature", "other"]].tolist() == ["a", "c"]
    assert pairs.loc[0, "correlation"] == pytest.approx(-1)
    assert len(pairs) == 3


def test_missing_members_are_named():
    members = {"features": [True, True, False], "image": [True, False, False]}
    members = pd.DataFrame({**members, "audio": [True, False, True]}, ["a.1", "a.2", "a.3"])
    missing = table.missing_members(members)
    assert missing.to_numpy().tolist() == [["a.2", "image, audio"], ["a.3", "features, image"]]


def test_class_balance_counts_tracks_and_rows():
    dataset = small(np.random.default_rng(0).random((5, 3)), "aabbb")
    balance = table.class_balance(dataset)
    assert balance.to_numpy().tolist() == [["a", 2, 2], ["b", 3, 3]]
    balance = table.class_balance(replace(dataset, artists=np.array(list("xyzwz"))))
    assert balance.to_numpy().tolist() == [["a", 2, 2, 2, "x", 1], ["b", 3, 3, 2, "z", 2]]


@pytest.mark.parametrize("values", [np.zeros((9, 4)), np.eye(9)[:, :2]], ids=["alike", "columns"])
def test_too_little_for_components_is_refused(values):
    with pytest.raises(DataError, match="too little data"):
        table.principal_components(small(values, "a" * len(values)).X)

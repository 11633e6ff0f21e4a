"""Tracks from segments, against scikit-learn on probabilities averaged by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score

from gtzan_exp.basics.genres import metric_names
from gtzan_exp.data.contracts import Dataset, Fold
from gtzan_exp.evaluation import evaluate as module
from gtzan_exp.evaluation.evaluate import by_track, evaluate

GENRES = ("blues", "jazz", "rock")


class Told(DummyClassifier):
    """Predicts the probabilities that stand in its inputs."""

    def predict_proba(self, X):
        return np.asarray(X)


def dataset(segments: int) -> Dataset:
    """Return 30 tracks whose rows are random probabilities, in shuffled order."""
    random = np.random.default_rng(0)
    tracks = np.array([f"{GENRES[i % 3]}.{i:05}" for i in range(30)]).repeat(segments)
    X = pd.DataFrame(random.dirichlet([1, 1, 1], len(tracks)))
    ids = np.array([f"{track}.{i % segments}" for i, track in enumerate(tracks)])
    labels = np.array([track.partition(".")[0] for track in tracks])
    order = random.permutation(len(tracks))
    rows = (X.iloc[order], labels[order], ids[order], tracks[order])
    return Dataset("toy", False, "features", "", *rows, GENRES, "")


def test_a_track_is_the_mean_of_its_segments():
    data = dataset(segments=5)
    parts = np.array([int(track[-5:]) % 3 for track in data.tracks])
    fold = Fold(*(np.flatnonzero(parts == number) for number in range(3)))
    model = Told().fit(data.X, data.labels)
    found = evaluate(model, data, fold)
    for part, rows in fold.parts():
        tracks = sorted(set(data.tracks[rows]))
        means = [data.X.to_numpy()[data.tracks == track].mean(axis=0) for track in tracks]
        true = [track.partition(".")[0] for track in tracks]
        predicted = np.array(GENRES)[np.argmax(means, axis=1)]
        assert found.metrics[f"{part}/track_accuracy"] == accuracy_score(true, predicted)
        assert found.metrics[f"{part}/track_macro_f1"] == pytest.approx(
            f1_score(true, predicted, average="macro", labels=list(GENRES))
        )
    assert found.metrics["test/track_accuracy"] != found.metrics["test/accuracy"]


@pytest.mark.parametrize("tested", [("blues",), ("blues", "rock"), GENRES])
def test_genres_that_are_neither_true_nor_predicted_count_as_in_scikit_learn(tested):
    data = dataset(segments=1)
    if "jazz" not in tested:
        data.X[1] = 0.0
    rows = np.flatnonzero(np.isin(data.labels, tested))
    fold = Fold(np.arange(30), rows[:0], rows)
    found = evaluate(Told().fit(data.X, data.labels), data, fold)
    test = found.predictions[found.predictions["part"] == "test"]
    assert set(test["predicted"]) >= {"blues", "rock"}
    scores = f1_score(test["true"], test["predicted"], average="macro", zero_division=0)
    assert found.metrics["test/macro_f1"] == scores == found.report["macro avg"]["f1-score"]


def test_the_name_of_a_genre_in_a_metric_is_its_own_and_allowed():
    genres = ("..", "_", "a/b", "r&b", "r+b", "r_b", "r_b_2", "rock n roll", "x" * 300, "x" * 301)
    found = metric_names(genres)
    assert [*found] == [*genres]
    long = ["x" * 200, "x" * 200 + "_2"]
    assert [*found.values()] == [
        *("__", "_", "a_b", "r_b_3", "r_b_4", "r_b", "r_b_2", "rock n roll", *long)
    ]
    assert metric_names(("r&b", "r+b")) == {"r&b": "r_b", "r+b": "r_b_2"}


def test_one_segment_can_outvote_many():
    """Two segments say blues by a hair, one says jazz for certain."""
    table = pd.DataFrame(
        {
            "track": ["a.1"] * 3,
            "true": ["jazz"] * 3,
            "predicted": ["blues", "blues", "jazz"],
            "p_blues": [0.51, 0.51, 0.0],
            "p_jazz": [0.49, 0.49, 1.0],
        }
    )
    (track,) = by_track(table).to_dict("records")
    assert track == {
        "track": "a.1",
        "true": "jazz",
        "predicted": "jazz",
        "p_blues": pytest.approx(0.34),
        "p_jazz": pytest.approx(0.66),
    }


def test_tracks_are_not_reported_where_rows_are_tracks():
    data = dataset(segments=1)
    rows = np.arange(30)
    fold = Fold(rows[:10], rows[10:20], rows[20:])
    metrics = evaluate(Told().fit(data.X, data.labels), data, fold).metrics
    assert not [name for name in metrics if "/track" in name]


def test_blocks_of_rows_give_what_all_rows_at_once_give(monkeypatch):
    data = dataset(segments=5)
    rows = np.random.default_rng(1).permutation(150)
    fold = Fold(rows[:70], rows[70:71], rows[71:])
    model = Told().fit(data.X, data.labels)
    whole = evaluate(model, data, fold)
    monkeypatch.setattr(module, "BLOCK", 7)
    found = evaluate(model, data, fold)
    pd.testing.assert_frame_equal(found.predictions, whole.predictions, check_exact=True)
    del found.metrics["predict_ms_per_track"], whole.metrics["predict_ms_per_track"]
    assert found.metrics == whole.metrics
    assert found.report == whole.report

"""Every metric, table and report against scikit-learn on rows and probabilities put by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    classification_report,
    f1_score,
    log_loss,
    recall_score,
)

from gtzan_exp.basics.genres import metric_names
from gtzan_exp.data.contracts import Dataset, Fold
from gtzan_exp.evaluation import evaluate as module
from gtzan_exp.evaluation.evaluate import BINS, by_track, calibration_error, evaluate, reliability

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


class Unscaled(Told):
    """Its probabilities add up to 2."""

    def predict_proba(self, X):
        return super().predict_proba(X) * 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("segments", [1, 5])
def test_every_number_is_scikit_learns_on_the_rows_of_its_part(segments, monkeypatch):
    """No blues is in the test part, and the model was never trained on r&b."""
    classes = ("blues", "jazz", "r&b", "rock")
    data = replace(dataset(segments), classes=classes)
    third = np.array([int(track[-5:]) // 3 % 3 for track in data.tracks])
    tested = (third == 2) & (data.labels != "blues")
    fold = Fold(*map(np.flatnonzero, (third == 0, third == 1, tested)))
    clock = itertools.accumulate(itertools.count())  # 1, 3 and 5 seconds for the three parts
    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    found = evaluate(Unscaled().fit(data.X, data.labels), data, fold)

    columns = [f"p_{name}" for name in classes]
    assert list(found.predictions) == ["id", "track", "part", "true", "predicted", *columns]
    assert list(found.predictions.index) == list(range(sum(len(rows) for _, rows in fold.parts())))
    expected = {"predict_ms_per_track": 5000 / len(set(data.tracks[fold.test]))}
    for part, rows in fold.parts():
        given = data.X.to_numpy()[rows]
        table = found.predictions[found.predictions["part"] == part]
        for name in ("id", "track"):
            assert list(table[name]) == list(getattr(data, f"{name}s")[rows])
        true, predicted = data.labels[rows], np.array(GENRES)[given.argmax(axis=1)]
        assert list(table["true"]) == list(true)
        assert list(table["predicted"]) == list(predicted)
        np.testing.assert_allclose(table[columns], np.insert(given, 2, 0.0, axis=1), rtol=1e-12)
        np.testing.assert_allclose(table[columns].sum(axis=1), 1, rtol=1e-15)
        averaged = {"average": "macro", "zero_division": 0}
        expected |= {
            f"{part}/accuracy": accuracy_score(true, predicted),
            f"{part}/macro_f1": f1_score(true, predicted, **averaged),
            f"{part}/balanced_accuracy": recall_score(
                true, predicted, labels=np.unique(true), **averaged
            ),
            f"{part}/log_loss": log_loss(true, table[columns], labels=classes),
            f"{part}/brier": brier_score_loss(true, table[columns].to_numpy(), labels=classes),
            f"{part}/ece": calibration_error(reliability(table)),
        }
        for name, written in zip(classes, ("blues", "jazz", "r_b", "rock"), strict=True):
            expected[f"{part}/f1/{written}"] = f1_score(true, predicted, labels=[name], **averaged)
        if segments > 1:
            tracks = np.unique(data.tracks[rows])
            means = [given[data.tracks[rows] == track].mean(axis=0) for track in tracks]
            true = [track.partition(".")[0] for track in tracks]
            heard = np.array(GENRES)[np.argmax(means, axis=1)]
            expected[f"{part}/track_accuracy"] = accuracy_score(true, heard)
            expected[f"{part}/track_macro_f1"] = f1_score(true, heard, **averaged)
    assert found.metrics == pytest.approx(expected)
    test = found.predictions.query("part == 'test'")[["true", "predicted"]].to_numpy(str).T
    assert found.report == classification_report(*test, output_dict=True, zero_division=0)
    assert found.report_text == classification_report(*test, zero_division=0)


@pytest.mark.parametrize("segments", [1, 5])
def test_under_second_labels_what_is_predicted_is_right_if_it_is_among_them(segments):
    """Every second track may be jazz as well, and blues.00000 is rock."""
    data = dataset(segments)
    number = np.array([int(track[-5:]) for track in data.tracks])
    accepted = np.where(number % 2, data.labels, np.char.add(data.labels, "|jazz"))
    accepted = np.where(number == 0, "rock", accepted)
    data = replace(data, artists=np.char.add("by ", data.tracks))
    rows = np.arange(len(data))[::-1]
    fold = Fold(rows[:3], rows[:0], rows[1:])
    model = Told().fit(data.X, data.labels)
    found = evaluate(model, replace(data, accepted=accepted), fold)
    published = evaluate(model, data, fold)
    test = found.predictions[found.predictions["part"] == "test"]
    assert list(test["accepted"]) == list(accepted[rows[1:]])
    assert list(test["artist"]) == [f"by {track}" for track in test["track"]]
    tables = {"": test, "track_": by_track(test)} if segments > 1 else {"": test}
    for of, table in tables.items():
        said = table["predicted"].to_numpy(dtype=str)
        true = [
            name if name in right.split("|") else right.split("|")[0]
            for name, right in zip(said, table["accepted"], strict=True)
        ]
        assert accuracy_score(true, said) > accuracy_score(table["true"], said)
        assert found.metrics.pop(f"test/{of}relabelled_accuracy") == accuracy_score(true, said)
        scores = f1_score(true, said, average="macro")
        assert found.metrics.pop(f"test/{of}relabelled_macro_f1") == pytest.approx(scores)
    kept = {name: value for name, value in found.metrics.items() if "relabelled" not in name}
    assert kept.keys() == published.metrics.keys()
    assert kept["test/accuracy"] == published.metrics["test/accuracy"]


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
    """Two segments say blues by a hair, one says jazz for certain; tracks come out sorted."""
    table = pd.DataFrame(
        {
            "track": ["a.2"] * 3 + ["a.1"],
            "true": ["jazz"] * 3 + ["blues"],
            "predicted": ["blues", "blues", "jazz", "blues"],
            "p_blues": [0.51, 0.51, 0.0, 0.8],
            "p_jazz": [0.49, 0.49, 1.0, 0.2],
        }
    )
    tracks = [("a.1", "blues", "blues", 0.8, 0.2), ("a.2", "jazz", "jazz", 0.34, 0.66)]
    pd.testing.assert_frame_equal(by_track(table), pd.DataFrame(tracks, columns=table.columns))
    folds = by_track(table.assign(fold=[1, 2, 2, 1], artist=list("ppqr"), accepted="jazz"))
    assert list(folds) == ["fold", *table.columns, "artist", "accepted"]
    expected = [(1, "a.1", "blues"), (1, "a.2", "blues"), (2, "a.2", "jazz")]
    assert list(zip(folds["fold"], folds["track"], folds["predicted"], strict=True)) == expected
    assert folds["artist"].tolist() == ["r", "p", "p"]


def test_another_estimator_is_asked_for_the_validation_part_alone():
    """As after a refit, whose estimator has seen the validation part."""

    class Reversed(Told):
        def predict_proba(self, X):
            return super().predict_proba(X)[:, ::-1]

    data = dataset(segments=1)
    fold = Fold(np.arange(10), np.arange(10, 20), np.arange(20, 30))
    models = [model().fit(data.X, data.labels) for model in (Told, Reversed)]
    final, validated = (evaluate(model, data, fold).predictions for model in models)
    found = evaluate(models[0], data, fold, validated=models[1]).predictions
    expected = final.where(final["part"] != "val", validated)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert (found["predicted"] != final["predicted"]).any()


def test_blocks_of_rows_give_what_all_rows_at_once_give(monkeypatch):
    data = dataset(segments=5)
    rows = np.random.default_rng(1).permutation(150)
    fold = Fold(rows[:70], rows[70:71], rows[71:])
    model = Told().fit(data.X, data.labels)
    whole = evaluate(model, data, fold)
    assert module.BLOCK % 1024 == 0
    monkeypatch.setattr(module, "BLOCK", 7)
    found = evaluate(model, data, fold)
    pd.testing.assert_frame_equal(found.predictions, whole.predictions, check_exact=True)
    del found.metrics["predict_ms_per_track"], whole.metrics["predict_ms_per_track"]
    assert found.metrics == whole.metrics
    assert found.report == whole.report


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


@pytest.mark.parametrize(("genres", "low"), [(2, 0.4), (20, 0.0)])
def test_a_probability_on_an_edge_is_in_the_lower_bin(genres, low):
    names = [f"g{n}" for n in range(genres)]
    shares = {f"p_{name}": [1 / genres] for name in names}
    table = pd.DataFrame({"true": ["g0"], "predicted": ["g0"], **shares})
    assert reliability(table)["low"].tolist() == [low]

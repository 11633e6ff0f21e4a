"""What parts share, against cases planted by hand and, on GTZAN, against what is published."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.data.contracts import Dataset, Fold, Split
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.inputs import ImageStack
from gtzan_exp.data.spectrograms import SpectrogramsView
from gtzan_exp.data.splits import Holdout
from gtzan_exp.evaluation import audit as audits
from gtzan_exp.evaluation import near_duplicates as near
from gtzan_exp.evaluation.audit import audit, doubts
from tests.data.conftest import place

NO_ROWS = np.array([], dtype=int)


def dataset(X, *, segments: int = 1, artists: list[str] | None = None) -> Dataset:
    """Return rows of two genres, ``a`` and ``b`` in turn, and `segments` rows per track."""
    tracks = [f"{'ab'[i % 2]}.{i:05}" for i in range(len(X) // segments)]
    ids = [f"{track}.{i}" for track in tracks for i in range(segments)]
    tracks = np.array(tracks).repeat(segments)
    labels = np.array([track[0] for track in tracks])
    made_by = None if artists is None else np.array(artists).repeat(segments)
    X = X if isinstance(X, ImageStack) else pd.DataFrame(X)
    ids = tracks if segments == 1 else np.array(ids)
    return Dataset("toy", False, "toy", "", X, labels, ids, tracks, ("a", "b"), "", (), made_by)


def test_every_leak_is_counted_and_listed_with_its_partner():
    """Six tracks, train 0-2, val 3, test 4-5: artists p p q | q | p r, and row 5 is row 1."""
    X = np.arange(12.0).reshape(6, 2)
    X[5] = X[1]
    data = dataset(X, artists=list("ppqqpr"))
    fold = Fold(np.array([0, 1, 2]), np.array([3]), np.array([4, 5]))
    found = audit(data, Split("toy", (fold, fold), ""))
    assert found.shares == {"track": 0.0, "artist": 0.5, "duplicate": 0.5}
    assert found.tag == "artist+duplicate"
    assert found.text == "artist:50%,duplicate:50%"
    assert "2 columns" in found.unknown["near_duplicate"]
    lines = [
        ("artist", "test", "a.00004", "train", "a.00000"),
        ("duplicate", "test", "b.00005", "train", "b.00001"),
        ("artist", "val", "b.00003", "train", "a.00002"),
    ]
    expected = [(kind, fold, *rest) for fold in (1, 2) for kind, *rest in lines]
    assert list(found.found.itertuples(index=False, name=None)) == expected
    (twins,) = found.twins.itertuples(index=False, name=None)
    assert twins == ("duplicate", "b.00001", "b.00005", True)


def test_a_track_whose_segments_are_in_two_parts_is_one_track():
    data = dataset(np.random.default_rng(0).normal(size=(12, 3)), segments=3)
    fold = Fold(np.array([0, 1, 3, 4, 5]), NO_ROWS, np.array([2, 6, 7, 8, 9, 10, 11]))
    found = audit(data, Split("toy", (fold,), "", leaks=("track",)))
    assert found.shares["track"] == pytest.approx(1 / 3)
    assert found.tag == "track"
    assert found.text == "track:33%,artist:?"
    assert list(found.found["id"]) == ["a.00000"]
    assert "no list of artists" in found.unknown["artist"]


def test_genres_without_a_counterpart_and_small_test_parts_are_doubtful():
    """Of 24 tracks of each genre, a is trained and never tested, b the other way round."""
    data = dataset(np.arange(96.0).reshape(48, 2))
    a, b = (np.flatnonzero(data.labels == genre) for genre in "ab")
    assert doubts(data, Split("toy", (Fold(a, NO_ROWS, b),), "")) == [
        "fold 1 of 1: tested and never trained: b",
        "fold 1 of 1: trained and never tested: a",
    ]
    three = Split("toy", (Fold(a, NO_ROWS, b),) * 2 + (Fold(a, NO_ROWS, np.r_[a, b]),), "")
    assert doubts(data, three) == [
        "3 of 3 folds: tested and never trained: b",
        "fold 1 of 3, fold 2 of 3: trained and never tested: a",
    ]
    unknown = replace(data, labels=np.where(data.labels == "a", "", "b"))
    assert doubts(unknown, Split("toy", (Fold(a, NO_ROWS, b),), "")) == []
    folds = [Fold(np.r_[a[:12], b[:12]], NO_ROWS, np.r_[a[12:n], b[12:n]]) for n in (21, 22)]
    few, enough = (doubts(data, Split("toy", (fold,), "")) for fold in folds)
    assert few == ["fewer than 10 test tracks tell little: a 9, b 9"]
    assert enough == []


def test_a_learning_curve_is_audited_with_its_whole_training_part():
    data = dataset(np.arange(12.0).reshape(6, 2), artists=list("pqrstp"))
    small, whole = (Fold(np.arange(start, 5), NO_ROWS, np.array([5])) for start in (3, 0))
    found = audit(data, Split("toy", (small, whole), "", fractions=(0.4, 1.0)))
    assert found.shares["artist"] == 1


@pytest.mark.parametrize("segments", [1, 4])
def test_a_recording_that_was_changed_a_little_is_found_and_others_are_not(segments):
    """Track 3, each row twice, again as 40 with a little noise, and track 7 as 41, bit for bit."""
    random = np.random.default_rng(0)
    X = random.normal(size=(42, segments, 30)) * random.uniform(0.01, 100, 30)
    X[40] = X[3] * random.normal(1, 0.02, (segments, 30))
    X[41] = X[7]
    data, tracks = dataset(X.reshape(-1, 30), segments=segments), np.arange(42).repeat(segments)
    rows = np.arange(len(data)).repeat(1 + (tracks == 3) * (segments > 1))
    tracks, of = tracks[rows], {name: getattr(data, name)[rows] for name in ("labels", "ids")}
    data = replace(data, X=data.take(rows), tracks=data.tracks[rows], **of)
    fold = Fold(np.flatnonzero(tracks < 20), NO_ROWS, np.flatnonzero(tracks >= 20))
    found = audit(data, Split("toy", (fold,), ""))
    assert found.shares["near_duplicate"] == pytest.approx(1 / 22)
    assert found.shares["duplicate"] == pytest.approx(1 / 22)
    assert found.tag == "duplicate"
    (line,) = found.found.query("kind == 'near_duplicate'").itertuples(index=False, name=None)
    assert line == ("near_duplicate", 1, "test", "a.00040", "train", "b.00003")
    (pair,) = found.twins.query("kind == 'near_duplicate'").itertuples(index=False, name=None)
    assert pair == ("near_duplicate", "a.00040", "b.00003", False)


@pytest.mark.parametrize("segments", [1, 2])
def test_a_picture_that_was_changed_a_little_is_found_and_others_are_not(segments):
    """Picture 2 again as 10: darker, with less contrast and with noise."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (11, segments, 12, 20, 3))
    pixels = coarse.repeat(4, axis=2).repeat(4, axis=3).astype(float)
    pixels[10] = pixels[2] * 0.8 + random.normal(0, 5, pixels[2].shape)
    pixels = pixels.clip(0, 255).astype(np.uint8).reshape(-1, 48, 80, 3)
    data = dataset(ImageStack(pixels), segments=segments)
    (pair,) = near.near_duplicates(data)[0]
    assert list(data.tracks[pair]) == ["a.00002", "a.00010"]


def test_what_is_not_compared_says_why(monkeypatch):
    random = np.random.default_rng(0)
    table = dataset(random.normal(size=(8, 30)))
    assert near.near_duplicates(table)[1] == ""
    few = near.near_duplicates(dataset(random.normal(size=(4, 30))))
    assert few[1] == "4 tracks, too few to tell what is near"
    alike = dataset(np.ones((8, 30)))
    assert near.near_duplicates(alike)[1].startswith("0 columns that vary")
    tiny = dataset(ImageStack(np.zeros((4, 8, 40, 3), np.uint8)))
    assert near.near_duplicates(tiny)[1] == "pictures of less than 16 x 16 pixels"
    monkeypatch.setattr(near, "MAX_TRACKS", 7)
    many = near.near_duplicates(replace(table))
    assert many[1] == "8 tracks, and 7 can be compared"
    assert many[0].shape == (0, 2)


def test_six_of_one_picture_are_pairs_of_the_first():
    data = replace(dataset(np.ones((6, 2))), artists=None)
    twins = audit(data, Holdout(test_size=0.34, val_size=0.34).split(data)).twins
    assert list(twins["id"]) == ["a.00000"] * 5


def test_splits_of_the_same_data_share_what_is_compared(monkeypatch):
    searched = []
    monkeypatch.setattr(
        audits, "near_duplicates", lambda data: searched.append(data) or near.near_duplicates(data)
    )
    data = dataset(np.random.default_rng(0).normal(size=(40, 30)))
    split = Holdout().split(data)
    artists = np.array(["x"] * len(data))
    others = [Holdout(seed=1).split(data), replace(split, leaks=("track",))]
    found = [audit(data, one) for one in (split, *others, replace(split, artists=artists))]
    assert [each.tag for each in found] == ["none", "none", "track", "artist"]
    assert len(searched) == 1
    again = audit(replace(data, artists=artists), split)
    assert (again.tag, len(searched)) == ("artist", 2)
    pd.testing.assert_frame_equal(again.twins, found[0].twins)


def published(path: Path) -> set[tuple[str, str]]:
    """Return all pairs of a file with a group of tracks a line."""
    groups = [
        sorted(name.removesuffix(".wav") for name in line.split(","))
        for line in path.read_text().split()
    ]
    return {pair for group in groups for pair in itertools.combinations(group, 2)}


@pytest.mark.gtzan
@pytest.mark.parametrize(
    ("view", "least"),
    [(FeaturesView(), 18), pytest.param(SpectrogramsView(), 35, marks=pytest.mark.slow)],
    ids=["features", "spectrograms"],
)
def test_the_known_doubles_of_gtzan(gtzan_root, session_cache, view, least):
    """Identical pairs are those of the list; near ones are all true, by fingerprints of sound."""
    data = view.load(place(gtzan_root), cache=session_cache)
    twins = audit(data, Holdout().split(data)).twins
    pairs = {
        kind: set(zip(lines["id"], lines["other_id"], strict=True))
        for kind, lines in twins.groupby("kind")
    }
    identical = published(gtzan_root / "splits" / "identical_feature_rows_pairs.txt")
    recordings = published(gtzan_root / "splits" / "same_recording_groups_shazam.txt")
    assert len(identical) == 14
    assert pairs["duplicate"] == identical
    across = twins[~twins["same_genre"].astype(bool)]
    assert list(across["id"] + across["other_id"]) == ["metal.00058rock.00016"]
    assert pairs["near_duplicate"] <= recordings - identical
    assert len(pairs["near_duplicate"]) >= least

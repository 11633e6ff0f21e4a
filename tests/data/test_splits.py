"""Who is in which part: drawn by track, the same whatever the order of the rows or the view."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.model_selection import train_test_split

from gtzan_exp.basics.errors import ConfigError
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.spectrograms import SpectrogramsView
from gtzan_exp.data.splits import Holdout, Notebook

from .conftest import place


def rows(sizes: dict[str, int], *, segments: int = 1, view: str = "features", order=None):
    """Return what a split reads of a dataset."""
    tracks = np.array([f"{g}.{i:05}" for g, n in sizes.items() for i in range(n)]).repeat(segments)
    ids = np.array([f"{track}.{i % segments}" for i, track in enumerate(tracks)])
    order = np.arange(len(tracks)) if order is None else order(len(tracks))
    tracks, ids = tracks[order], ids[order]

    class Rows(SimpleNamespace):
        def __len__(self) -> int:
            return len(self.ids)

    labels = np.array([track.partition(".")[0] for track in tracks])
    return Rows(ids=ids, tracks=tracks, labels=labels, view=view, classes=tuple(sorted(sizes)))


def members(dataset, protocol, column: str = "tracks") -> dict[str, set[str]]:
    (fold,) = protocol.split(dataset).folds
    return {part: set(getattr(dataset, column)[numbers]) for part, numbers in fold.parts()}


EVEN = dict.fromkeys(GENRES, 100)
UNEVEN = {"blues": 3, "jazz": 17, "rock": 50}


@pytest.mark.parametrize("sizes", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("segments", [1, 10])
@pytest.mark.parametrize("shares", [(0.2, 0.1), (0.4, 0.2)])
def test_holdout_shares_each_genre_out_by_tracks(sizes, segments, shares):
    dataset = rows(sizes, segments=segments)
    (fold,) = Holdout(test_size=shares[0], val_size=shares[1]).split(dataset).folds
    assert sorted(np.concatenate([fold.train, fold.val, fold.test])) == list(range(len(dataset)))
    parts = {part: dataset.tracks[numbers] for part, numbers in fold.parts()}
    assert not set(parts["train"]) & set(parts["test"])
    assert not set(parts["val"]) & {*parts["train"], *parts["test"]}
    for genre, tracks in sizes.items():
        for part, share in zip(("test", "val"), shares, strict=True):
            drawn = [track for track in parts[part] if track.startswith(genre)]
            assert len(drawn) == segments * max(1, round(share * tracks))


def test_holdout_is_drawn_by_the_seed_and_the_ids_alone():
    dataset = rows(EVEN)
    shuffled = rows(EVEN, order=np.random.default_rng(0).permutation)
    split, same, other = (
        Holdout(seed=seed).split(data) for seed, data in ((7, dataset), (7, shuffled), (8, dataset))
    )
    assert members(dataset, Holdout(seed=7)) == members(shuffled, Holdout(seed=7))
    assert split.fingerprint == same.fingerprint != other.fingerprint
    overlap = members(dataset, Holdout(seed=7))["test"] & members(dataset, Holdout(seed=8))["test"]
    assert 15 < len(overlap) < 75  # 40 expected of two independent draws
    assert members(rows(EVEN, segments=10), Holdout(seed=7)) == members(dataset, Holdout(seed=7))


def test_a_track_that_is_lacking_moves_one_other_at_most():
    full = rows(EVEN)
    keep = np.flatnonzero(full.tracks != "jazz.00054")
    for seed in range(20):
        before = members(full, Holdout(seed=seed))
        after = members(rows(EVEN, order=lambda n: keep), Holdout(seed=seed))
        for part in before:
            assert len(before[part] ^ after[part]) <= 2
            assert all(track.startswith("jazz.") for track in before[part] ^ after[part])


def test_every_genre_too_small_for_three_parts_is_named():
    with pytest.raises(ConfigError) as caught:
        Holdout().split(rows({"blues": 2, "jazz": 3, "rock": 2}))
    assert [m.what for m in caught.value.mistakes] == [
        "no training track left for 'blues'",
        "no training track left for 'rock'",
    ]


@pytest.mark.parametrize(
    ("view", "size", "seed"),
    [("features", 0.3, 42), ("spectrograms", 0.2, 123), ("fused", 0.2, 123)],
)
@pytest.mark.parametrize("leaky", [False, True])
def test_notebook_has_the_notebooks_index_sets(view, size, seed, leaky):
    dataset = rows(EVEN, view=view)
    options = {"scaler_rows": "all", "validation": "test"} if leaky else {}
    split = Notebook(**options).split(dataset)
    rows_in_order = np.arange(1000)
    if view != "features":  # as the notebook printed its folders; they are sorted here
        places = [7, 6, 3, 0, 8, 1, 9, 4, 2, 5]  # pop, metal, disco, blues, reggae, ...
        rows_in_order = (np.array(places)[:, None] * 100 + np.arange(100)).ravel()
    train, test = train_test_split(rows_in_order, test_size=size, random_state=seed)
    np.testing.assert_array_equal(split.folds[0].train, train)
    np.testing.assert_array_equal(split.folds[0].test, test)
    np.testing.assert_array_equal(split.folds[0].val, test if leaky else [])
    assert split.leaks == (("scaler", "test_as_validation") if leaky else ())
    assert split.scaler_rows == ("all" if leaky else "train")
    assert split.fingerprint == Notebook().split(dataset).fingerprint


def test_notebook_says_that_segments_leak():
    assert Notebook().split(rows(EVEN, segments=10)).leaks == ("track",)


@pytest.mark.parametrize(
    ("options", "dataset", "where"),
    [
        ({}, rows(UNEVEN, view="embeddings"), "split=notebook"),
        ({"test_size": 0.5}, rows(UNEVEN, view="embeddings"), "split=notebook"),
        ({"test_size": 0.99}, rows(UNEVEN), "split.test_size"),
    ],
)
def test_notebook_refuses_what_it_cannot_draw(options, dataset, where):
    with pytest.raises(ConfigError) as caught:
        Notebook(**options).split(dataset)
    assert [mistake.where for mistake in caught.value.mistakes] == [where]


@pytest.mark.parametrize(
    ("protocol", "options"),
    [(Holdout, {"test_size": 1.0}), (Holdout, {"val_size": 0}), (Notebook, {"random_state": -1})],
)
def test_shares_and_seeds_are_checked(protocol, options):
    with pytest.raises(ValidationError):
        protocol(**options)


@pytest.mark.slow
@pytest.mark.gtzan
def test_both_views_of_gtzan_are_tested_on_the_same_tracks(gtzan_root, session_cache):
    views = [
        view.load(place(gtzan_root), cache=session_cache)
        for view in (FeaturesView(), SpectrogramsView())
    ]
    table, pictures = (members(dataset, Holdout()) for dataset in views)
    assert table["test"] == pictures["test"]
    assert table["val"] == pictures["val"]
    assert table["train"] - pictures["train"] == {"jazz.00054"}
    assert len(table["test"]) == 200

"""Cross-validation and published lists, against what they promise and what is published."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.basics.errors import ConfigError, DataError
from gtzan_exp.data.contracts import Dataset, Fold
from gtzan_exp.data.folds import GroupHoldout, GroupKFold, KFold
from gtzan_exp.data.learning_curve import LearningCurve
from gtzan_exp.data.lists import Lists, split_table
from gtzan_exp.data.name_lists import read_groups
from gtzan_exp.data.splits import Holdout, Notebook, with_validation
from gtzan_exp.evaluation.audit import audit

GENRES = ("blues", "jazz")


@pytest.fixture
def segments() -> Dataset:
    """Three segments of each of 40 tracks by 10 artists, two genres; two rows are the same."""
    tracks = np.array([f"{genre}.{i:05d}" for genre in GENRES for i in range(20)]).repeat(3)
    labels = np.array([track.partition(".")[0] for track in tracks])
    X = np.random.default_rng(0).normal(size=(len(tracks), 4))
    X[0] = X[-1]
    artists = np.array(
        [f"{label}{int(t[-2:]) % 5}" for label, t in zip(labels, tracks, strict=True)]
    )
    ids = np.array([f"{track}.{i % 3}" for i, track in enumerate(tracks)])
    return Dataset(
        "toy", False, "features", "", pd.DataFrame(X), labels, ids, tracks, GENRES, "", (), artists
    )


def test_kfold_tests_each_track_once_and_keeps_its_segments_together(segments):
    split = KFold(k=5, repeats=2, val_size=0.25).split(segments)
    assert len(split.folds) == 10
    for repeat in (split.folds[:5], split.folds[5:]):
        tested = np.concatenate([fold.test for fold in repeat])
        assert sorted(tested) == list(range(120))
    for fold in split.folds:
        parts = [set(segments.tracks[rows]) for _, rows in fold.parts()]
        assert [len(part) for part in parts] == [24, 8, 8]
        assert len(set.union(*parts)) == 40
        labels = segments.labels[fold.test]
        assert (labels == "blues").sum() == (labels == "jazz").sum()
    assert audit(segments, split).shares["track"] == 0


def test_folds_depend_on_the_seed_and_on_nothing_else(segments):
    first, again, other = (KFold(k=5, seed=seed).split(segments) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    order = np.random.default_rng(1).permutation(120)
    fields = {"labels": "labels", "ids": "ids", "tracks": "tracks"}
    shuffled = Dataset(
        "toy", False, "features", "", segments.X.iloc[order], **{
            key: getattr(segments, name)[order] for key, name in fields.items()
        }, classes=GENRES, fingerprint="",
    )  # fmt: skip
    assert KFold(k=5, seed=0).split(shuffled).fingerprint == first.fingerprint


def test_a_seed_may_be_the_largest_one_and_repeats_differ(segments):
    split = KFold(k=2, repeats=2, seed=2**32 - 1).split(segments)
    for one, other in zip(
        split.folds[2:], KFold(k=2, seed=1008).split(segments).folds, strict=True
    ):
        np.testing.assert_array_equal(one.test, other.test)
    assert split.folds[0].test.tolist() not in [fold.test.tolist() for fold in split.folds[2:]]


def test_group_kfold_keeps_artists_together(segments):
    split = GroupKFold(k=5, val_size=0.25).split(segments)
    for fold in split.folds:
        parts = [set(segments.artists[rows]) for _, rows in fold.parts()]
        assert len(set.union(*parts)) == sum(map(len, parts)) == 10
    assert audit(segments, split).shares["artist"] == 0
    assert audit(segments, KFold(k=5).split(segments)).shares["artist"] == 1


def test_the_audit_counts_rows_that_are_the_same(segments):
    found = audit(segments, KFold(k=2).split(segments))
    apart = [
        bool(np.isin([0, 119], fold.test).sum() == 1) for fold in KFold(k=2).split(segments).folds
    ]
    assert found.shares["duplicate"] == pytest.approx(np.mean([a / 60 for a in apart]))
    assert found.tag == "artist" + ("+duplicate" if any(apart) else "")


def test_groups_of_tracks_keep_segments_together(segments):
    split = GroupKFold(by="track", k=4, val_size=0.2).split(segments)
    tested = np.concatenate([fold.test for fold in split.folds])
    assert sorted(tested) == list(range(120))
    for fold in split.folds:
        parts = [set(segments.tracks[rows]) for _, rows in fold.parts()]
        assert len(set.union(*parts)) == sum(map(len, parts)) == 40
        assert list(np.unique(segments.labels[fold.test], return_counts=True)[1]) == [15, 15]


def test_groups_of_a_file_are_stratified_as_far_as_they_allow(segments, tmp_path):
    """Artists with 1 to 6 tracks of one genre: no fold is without a genre, none shares a group."""
    sizes = [6, 4, 3, 2, 2, 1, 1, 1]
    numbers = np.arange(len(sizes)).repeat(sizes)
    tracks = np.unique(segments.tracks)
    groups = [f"{track[:4]}-{numbers[int(track[-2:])]}" for track in tracks]
    path = tmp_path / "my groups.csv"
    names = [f"{track}.wav" for track in tracks]
    pd.DataFrame({"filename": names, "group": groups}).to_csv(path, index=False)
    group_of = dict(zip(tracks, groups, strict=True))
    split = GroupKFold(groups=path, k=3).split(segments)
    assert audit(replace(segments, artists=None), split).shares["artist"] == 0
    for fold in split.folds:
        parts = [{group_of[track] for track in segments.tracks[rows]} for _, rows in fold.parts()]
        assert not parts[0] & parts[1]
        counts = np.unique(segments.labels[fold.test], return_counts=True)[1]
        assert len(counts) == 2
        assert counts.min() >= 3 * 5  # of 20 tracks, 6 or 7 are even
        assert counts.max() <= 3 * 8


@pytest.mark.parametrize(("val_size", "number"), [(0.001, 1), (0.1, 2), (0.3, 5), (0.9, 14)])
@pytest.mark.parametrize("protocol", [KFold, partial(GroupKFold, by="track")])
def test_validation_has_its_share_of_each_genre(segments, protocol, val_size, number):
    folds = protocol(k=5, val_size=val_size).split(segments).folds
    for fold in folds:
        counts = [
            np.unique(segments.labels[rows], return_counts=True)[1] for _, rows in fold.parts()
        ]
        assert [list(part) for part in counts] == [[3 * n] * 2 for n in (16 - number, number, 4)]
    assert len({tuple(fold.val) for fold in folds}) == 5
    other = protocol(k=5, val_size=val_size, seed=1).split(segments)
    assert other.folds[0].val.tolist() != folds[0].val.tolist()


@pytest.mark.parametrize("val_size", [0.01, 0.1, 0.25, 0.5, 0.9])
def test_validation_by_artists_has_every_genre_and_leaves_every_genre(segments, val_size):
    """Artists of 7 to 1 tracks, one of them in both genres, in three draws."""
    sizes = [7, 5, 3, 2, 1, 1, 1]
    names = np.arange(len(sizes)).repeat(sizes)
    tracks, codes = np.unique(segments.tracks, return_inverse=True)
    artists = [f"{track[:4]}{names[int(track[-2:])]}" for track in tracks]
    artists = np.array(["both" if name.endswith("3") else name for name in artists])[codes]
    data = replace(segments, artists=artists)
    for seed in range(3):
        for fold in GroupKFold(k=3, val_size=val_size, seed=seed).split(data).folds:
            parts = dict(fold.parts())
            for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
                assert not set(artists[parts[one]]) & set(artists[parts[other]])
            counts = {
                part: np.unique(data.labels[rows], return_counts=True)[1] / 3
                for part, rows in parts.items()
            }
            assert len(counts["train"]) == len(counts["val"]) == 2
            share = counts["val"] / (counts["val"] + counts["train"])
            assert np.abs(share - val_size).max() <= 0.35


def test_validation_that_would_take_a_genres_last_artist_is_refused(segments):
    artists = np.array([f"{track[:4]}{int(track[-2:]) % 2}" for track in segments.tracks])
    allowed = (
        "allowed: two groups of each genre or more that are not tested, or no validation part .*"
    )
    with pytest.raises(ConfigError, match=rf"split: .*'blues'.*{allowed}; got: 1 in fold 1"):
        GroupKFold(k=2, val_size=0.1).split(replace(segments, artists=artists))


def test_repeats_of_artist_folds_are_other_draws(segments):
    folds = GroupKFold(k=3, repeats=2, seed=5).split(segments).folds
    for one, other in zip(folds[3:], GroupKFold(k=3, seed=1014).split(segments).folds, strict=True):
        np.testing.assert_array_equal(one.test, other.test)
    assert {tuple(fold.test) for fold in folds[:3]} != {tuple(fold.test) for fold in folds[3:]}
    for fold in folds:
        assert not set(segments.artists[fold.test]) & set(segments.artists[fold.train])


@pytest.mark.parametrize("shares", [(0.2, 0.2), (0.4, 0.2), (0.2, 0.6)])
def test_a_holdout_of_artists_has_its_shares_of_each_genre(segments, shares):
    """Ten artists of four tracks each: the shares of a genre are whole artists."""
    protocol = GroupHoldout(test_size=shares[0], val_size=shares[1])
    (fold,) = protocol.split(segments).folds
    parts = dict(fold.parts())
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(segments)))
    for name, share in zip(("test", "val"), shares, strict=True):
        counts = np.unique(segments.labels[parts[name]], return_counts=True)[1]
        np.testing.assert_allclose(counts, share * 60)
    artists = [set(segments.artists[rows]) for rows in parts.values()]
    assert sum(map(len, artists)) == len(set.union(*artists)) == 10


def test_a_holdout_that_leaves_nothing_to_train_on_is_refused(segments):
    with pytest.raises(ConfigError, match=r"nothing left to train on.*below 1 together"):
        GroupHoldout(test_size=0.5, val_size=0.5).split(segments)
    alone = replace(segments, artists=segments.labels)
    with pytest.raises(ConfigError, match="no group of 'blues' can be drawn"):
        GroupHoldout().split(alone)


@pytest.mark.parametrize("protocol", [KFold(k=4), GroupKFold(k=3), GroupKFold(k=3, by="track")])
def test_a_validation_part_that_is_lacking_is_the_one_that_val_size_gives(segments, protocol):
    cut = with_validation(segments, protocol.split(segments), 0.2, protocol.seed)
    asked = replace(protocol, val_size=0.2).split(segments)
    assert cut.fingerprint == asked.fingerprint
    for one, other in zip(cut.folds, asked.folds, strict=True):
        np.testing.assert_array_equal(one.val, other.val)
    assert with_validation(segments, asked, 0.3, 1).fingerprint == asked.fingerprint


def test_validation_is_cut_by_the_rule_of_the_test_part(segments, lists):
    """By whole tracks or whole artists, whoever of the split or the data knows these."""
    told = np.array([f"{track[:4]}{int(track[-2:]) % 7}" for track in segments.tracks])
    alone = replace(segments, artists=None)
    for data, split, groups in (
        (segments, lists.split(segments), segments.artists),
        (alone, replace(GroupKFold(by="track").split(alone), apart="artist", artists=told), told),
        (alone, lists.split(alone), segments.tracks),
        (segments, Holdout().split(segments), segments.tracks),
        (segments, Notebook(test_size=0.5, random_state=0).split(segments), segments.tracks),
    ):
        bare = [Fold(np.union1d(f.train, f.val), f.val[:0], f.test) for f in split.folds]
        found = with_validation(data, replace(split, folds=tuple(bare)), 0.3, 0)
        assert found.apart == ("track" if groups is segments.tracks else "artist")
        assert found.fingerprint != split.fingerprint
        for fold, before in zip(found.folds, bare, strict=True):
            assert not set(groups[fold.val]) & set(groups[fold.train])
            assert sorted([*fold.val, *fold.train]) == sorted(before.train)
            np.testing.assert_array_equal(fold.test, before.test)
            assert set(data.labels[fold.val]) == set(data.labels[fold.train]) == set(GENRES)


def test_artists_that_nobody_knows_are_asked_for(segments):
    with pytest.raises(DataError) as caught:
        GroupKFold().split(replace(segments, artists=None))
    (mistake,) = caught.value.mistakes
    assert "artist_groups_merged.csv in data.splits" in mistake.allowed
    assert "split.groups=FILE (columns filename, group)" in mistake.allowed


def test_more_folds_than_groups_are_refused(segments):
    with pytest.raises(ConfigError, match=r"split\.k: .*'blues'; allowed: 2 to 5; got: 6"):
        GroupKFold(k=6).split(segments)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, r"no list of groups; allowed: .*columns filename and group .*arXiv:1306\.1461"),
        ("a,b\n1,2\n", "columns are missing"),
        ("filename,group\nblues.00000.wav,x\n", "groups are missing"),
        ("filename,group\n\nblues.00000.wav, \n", r"groups\.csv, line 3: the group is blank"),
        ("filename,group\na.0.wav,x\na/a.0.au,y\n", "line 3: a/a.0.au is in two.*got: x and y"),
        ("filename,group\na.0.wav,x,y\n", r"line 2: .*; allowed: 2 \(filename.*; got: 3 fields"),
        ('filename,group\n"a.0.wav,x\n', "not a CSV table"),
    ],
)
def test_a_faulty_list_of_groups_is_named(segments, tmp_path, text, complaint):
    path = tmp_path / "groups.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=complaint):
        GroupKFold(groups=path).split(segments)


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    names = [f"{genre}.{i:05d}.wav" for genre in GENRES for i in range(20)]
    (tmp_path / "train.txt").write_text("\n".join(names[:30]) + "\n\n")
    (tmp_path / "test.txt").write_text("\n".join(names[32:]))
    return Lists(name="mine", dir=tmp_path, train="train.txt", test="test.txt")


def test_lists_are_taken_as_they_are(segments, lists):
    (fold,) = lists.split(segments).folds
    assert (len(fold.train), len(fold.val), len(fold.test)) == (90, 0, 24)
    names = (lists.dir / "test.txt").read_text().split()
    assert set(segments.tracks[fold.test]) == {name.removesuffix(".wav") for name in names}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("test.txt", None, "a list is missing.*test.txt, one file name a line; got"),
        ("test.txt", "\n\n", "the list is empty"),
        ("test.txt", "pop.00000.wav", r"split\.test: most .*not in the data; .*1 of 1 are not"),
        ("test.txt", "blues.00031.wav\njazz.19.wav\njazz.00018.wav", "2 of 3 are not, first blues"),
        ("test.txt", "blues.00000.wav", "tracks are on both lists.*1, first blues.00000"),
    ],
)
def test_a_faulty_list_is_named(segments, lists, tmp_path, name, text, complaint):
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=complaint):
        lists.split(segments)


SPELLINGS = ("{}.{}.wav", "{}{}.png", "x/{0}/{0}.{1}.au", "{0}\\{0}{1}.mp3", "{}.{}", "{0}/{1}.wav")


def test_a_track_is_found_by_every_name_of_it(segments, tmp_path):
    """In lists and in groups, of GTZAN's files and of others, which are named by their folder."""
    own = {"blues.00003": "blues.one song", "jazz.00009": "jazz.2nd. take"}
    data = replace(segments, tracks=np.array([own.get(t, t) for t in segments.tracks]))
    tracks = np.unique(data.tracks)
    genres, rest = zip(*(track.split(".", 1) for track in tracks), strict=True)
    names = [
        f"{genre}/{number}.flac" if " " in number else SPELLINGS[i % 6].format(genre, number)
        for i, (genre, number) in enumerate(zip(genres, rest, strict=True))
    ]
    (tmp_path / "a.txt").write_text("\r\n".join(["track", *names[::2]]), encoding="utf-8-sig")
    (tmp_path / "b.txt").write_text("\n".join(["track", *map(repr, names[1::2])]))
    lists = Lists(name="mine", dir=tmp_path, train="a.txt", test="b.txt")
    (fold,) = lists.split(data).folds
    assert set(data.tracks[fold.train]) == set(tracks[::2])
    assert set(data.tracks[fold.test]) == set(tracks[1::2])
    table = pd.DataFrame({"filename": names, "group": np.arange(len(names))})
    table.to_csv(tmp_path / "groups.csv", index=False, encoding="utf-8-sig")
    found = read_groups(tmp_path / "groups.csv", tracks)
    assert found.tolist() == [str(number) for number in range(len(names))]


def test_listed_tracks_that_are_not_in_the_data_are_warned_of(segments, lists, caplog):
    with (lists.dir / "train.txt").open("a") as file:
        file.write("\n".join(f"rock/{number}.wav" for number in range(30)))
    (fold,) = lists.split(segments).folds
    assert len(fold.train) == 90
    assert caplog.messages == [
        "30 of 68 listed tracks are not in data=toy, first rock/0.wav, rock/1.wav, rock/10.wav"
    ]


@pytest.mark.parametrize(
    "protocol",
    [Holdout(), KFold(k=5, val_size=0.2), GroupKFold(k=5), LearningCurve()],
    ids=lambda protocol: protocol.name,
)
def test_a_split_written_as_a_table_is_read_as_the_same_split(segments, tmp_path, protocol):
    split = protocol.split(segments)
    split_table(segments, split).to_csv(tmp_path / "split.csv", index=False)
    names = {"train": "train.txt", "test": "test.txt"}
    again = Lists(name="lists", table=tmp_path / "split.csv", **names).split(segments)
    for one, other in zip(split.reported, again.folds, strict=True):
        for part in ("train", "val", "test"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
    assert again.fingerprint == split.fingerprint or split.fractions


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, r"split\.table: is missing; allowed: .*fold, part, track"),
        ("", "not a CSV table"),
        ("a,b\n1,2\n", "columns are missing"),
        ("fold,part,track\n", "a part is missing"),
        ("fold,part,track\n1,tests,blues.00000\n", "part: unknown.*got: tests"),
        ("fold,part,track\n1,train,blues.00000\n", "a part is missing.*train and test"),
        ("fold,part,track\n1,train,blues.00000\n1,test,blues.00000\n", "on both lists"),
    ],
)
def test_a_faulty_table_is_named(segments, tmp_path, text, complaint):
    if text is not None:
        (tmp_path / "split.csv").write_text(text)
    lists = Lists(name="lists", table=tmp_path / "split.csv", train="a", test="b")
    with pytest.raises(DataError, match=complaint):
        lists.split(segments)

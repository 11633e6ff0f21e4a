"""Predictions of other code: their tables, names and folds, against scikit-learn and the audit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold

from gtzan_exp.basics.errors import DataError
from gtzan_exp.cli import main
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.lists import Lists
from gtzan_exp.data.locations import Folder
from gtzan_exp.evaluation.audit import audit
from gtzan_exp.evaluation.foreign import check
from gtzan_exp.evaluation.intervals import Answers, accuracy_interval


@pytest.fixture
def lists(tmp_path) -> Path:
    """Published lists on four tracks of two genres: two artists, a double and a same recording."""
    folder = tmp_path / "splits"
    folder.mkdir()
    names = [f"{genre}.{n:05}.wav" for genre in ("blues", "rock") for n in range(4)]
    artists = pd.DataFrame({"filename": names, "group": [1, 1, 2, 3, 4, 5, 6, 6]})
    artists.to_csv(folder / "artist_groups_merged.csv", index=False)
    (folder / "identical_feature_rows_pairs.txt").write_text("blues.00003.wav,rock.00001.wav\n")
    same = "blues.00003.wav,rock.00001.wav,blues.00002.wav\n"
    (folder / "same_recording_groups_shazam.txt").write_text(same)
    return folder


def write(path: Path, **columns) -> Path:
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "name",
    [
        *("blues.00000", "blues.00000.au", "Blues00000.png", "blues/blues.00000.wav"),
        *("genres_original\\blues\\blues.00000.wav", "blues.00000.3.wav", "blues-00000_chunk3"),
        *("blues/00000.wav", "x/blues/blues.00000/7.png", "blues_00000 (part 2).mp3"),
    ],
)
def test_a_track_of_gtzan_is_known_in_any_spelling(tmp_path, name):
    names = ["blues.00000.wav", name, "rock.00003.wav"]
    said = ["blues", "rock", "rock"]
    path = write(tmp_path / "a.csv", file=names, label=["blues", "blues", "rock"], y_pred=said)
    assert list(check(path).tracks["track"]) == ["blues.00000", "rock.00003"]


def test_what_parts_share_and_the_accuracy_on_the_rest(tmp_path, lists, capsys):
    """Rows of 5 s: blues.00000 is in both parts, and two of the others are known otherwise."""
    tested = ["blues.00000.1", "blues.00001.0", "blues.00002.0", "rock.00001.0", "rock.00002.0"]
    trained = ["blues.00000.0", "blues.00003.0", "rock.00000.0"]
    true = [name.partition(".")[0] for name in tested]
    path = write(tmp_path / "a.csv", id=tested, true=true, predicted=["rock", *true[1:]])
    parts = ["Training"] * 3 + ["testing"] * 5
    split = write(tmp_path / "s.csv", track=[*trained, *tested], part=parts)
    found = check(path, split, lists=lists)
    assert found.leaks is not None
    assert found.leaks.shares == {
        **{"track": 1 / 5, "artist": 2 / 5},
        **{"duplicate": 1 / 5, "near_duplicate": 1 / 5},
    }
    assert found.leaks.text == "track:20%,artist:40%,duplicate:40%"
    assert found.known.tolist() == [True, True, True, True, False]
    interval = accuracy_interval(Answers.of(found.tracks))
    assert (interval.artists, interval.n) == (4, 5)
    assert main(["check", str(path), f"split={split}", f"data.splits={lists}"]) == 0
    out = capsys.readouterr().out
    assert "  track             20.0%      1 " in out
    assert "  that share nothing     1.000 of 1, 95 %: 0.00-1.00 (1 artists)" in out
    low, high = interval.low, interval.high
    assert out.splitlines()[-2:] == [
        f"accuracy=0.8000 interval={low:.2f}-{high:.2f} n=5 macro_f1=0.8000",
        "leak=track:20%,artist:40%,duplicate:40%",
    ]
    assert max(map(len, out.splitlines()[1:])) <= 80


@pytest.mark.parametrize("told", ["column fold", "split"])
def test_folds_are_trained_on_what_the_others_test(tmp_path, told):
    random = np.random.default_rng(0)
    true = np.array(["blues", "rock"])[np.arange(60) % 2]
    names = np.array([f"{genre}.{n:05}" for n, genre in enumerate(true)])
    said = np.where(random.random(60) < 0.7, true, "rock")
    splits = list(StratifiedKFold(4, shuffle=True, random_state=0).split(names, true))
    fold = np.zeros(60, dtype=int)
    for number, (_, tested) in enumerate(splits):
        fold[tested] = number
    columns = {"track": names, "true": true, "predicted": said}
    path, split = tmp_path / "a.parquet", None
    artists = write(tmp_path / "artists.csv", track=names, artist=np.arange(60) // 2)
    if told == "split":
        parts = [
            (n, part, rows)
            for n, two in enumerate(splits)
            for part, rows in zip(("train", "test"), two, strict=True)
        ]
        tables = [
            pd.DataFrame({"fold": n, "part": p, "track": names[rows]}) for n, p, rows in parts
        ]
        split = tmp_path / "s.csv"
        pd.concat(tables).to_csv(split, index=False)
    else:
        columns["fold"] = fold
    pd.DataFrame(columns).to_parquet(path)
    found = check(path, split, artists)
    assert found.share == pytest.approx(np.mean([len(b) / len(a) for a, b in splits]))
    scores = [accuracy_score(true[rows], said[rows]) for _, rows in splits]
    answers = Answers.of(found.tracks, found.share)
    assert answers.accuracy == pytest.approx(np.mean(scores))
    assert found.leaks is not None
    known = [np.isin(rows // 2, np.delete(np.arange(60), rows) // 2) for _, rows in splits]
    assert found.leaks.shares["artist"] == pytest.approx(np.mean([k.mean() for k in known]))
    assert found.leaks.shares["track"] == 0


def test_rows_of_a_track_vote_or_average_their_probabilities(tmp_path):
    columns = {
        "track": ["a", "a", "a", "b"],
        "true": ["x", "x", "x", "y"],
        "predicted": ["x", "x", "y", "y"],
    }
    voted = check(write(tmp_path / "a.csv", **columns))
    assert list(voted.tracks["predicted"]) == ["x", "y"]
    shares = {"p_x": [0.6, 0.6, 0.0, 0.1], "p_y": [0.4, 0.4, 1.0, 0.9]}
    averaged = check(write(tmp_path / "b.csv", **columns, **shares))
    assert list(averaged.tracks["predicted"]) == ["y", "y"]
    assert "mean probability" in averaged.notes[0]
    shares["p_x"][0] = 0.1  # these are not the probabilities that decided
    again = check(write(tmp_path / "c.csv", **columns, **shares))
    assert list(again.tracks["predicted"]) == ["x", "y"]


@pytest.mark.parametrize(
    ("form", "pieces", "n_tracks", "said"),
    [
        ("{} chunk {}.mp3", "auto", 6, "12 names are pieces of 6 tracks"),
        ("{} chunk {}.mp3", "tracks", 12, ""),
        ("{}_{}.mp3", "auto", 12, "12 names count like pieces of tracks"),
        ("{}_{}.mp3", "group", 6, "12 names are pieces of 6 tracks"),
    ],
)
def test_other_names_are_pieces_where_they_say_so(tmp_path, form, pieces, n_tracks, said):
    songs = ["amber", "birch", "cedar", "delta", "ember", "fjord"]
    names = [form.format(song, n) for song in songs for n in (1, 2)]
    genres = np.repeat(["folk", "ska"], 6)
    found = check(
        write(tmp_path / "a.csv", track=names, true=genres, predicted=genres), pieces=pieces
    )
    assert len(found.tracks) == n_tracks
    lines = [*found.notes, *found.doubts]
    assert (lines[0] if n_tracks == 6 else found.doubts[0]).startswith(said or "fewer than 10")


def test_the_same_name_in_two_folders_is_two_tracks(tmp_path):
    names = ["folk/one.wav", "ska/one.wav", "ska/two.wav"]
    path = write(tmp_path / "a.csv", track=names, true=list("fss"), predicted=list("fss"))
    split = write(tmp_path / "s.csv", track=[*names, "folk/two.wav"], part=[*["test"] * 3, "train"])
    found = check(path, split)
    assert list(found.tracks["track"]) == ["folk/one", "ska/one", "ska/two"]
    assert found.leaks is not None
    assert found.leaks.shares["track"] == 0


def test_tracks_get_their_part_by_a_split_of_pieces(tmp_path):
    """Of what is predicted, blues.00000 is in both parts, so tested, and rock.00000 in training."""
    names = ["blues.00000", "blues.00001", "rock.00000"]
    true = [name.partition(".")[0] for name in names]
    path = write(tmp_path / "a.csv", track=names, true=true, predicted=true)
    pieces = ["blues.00000.0", "blues.00000.1", "blues.00001.0", "rock.00000.0"]
    split = write(tmp_path / "s.csv", track=pieces, part=["train", "test", "test", "train"])
    found = check(path, split)
    assert list(found.tracks["track"]) == names[:2]
    assert found.leaks is not None
    assert found.leaks.shares["track"] == 0.5


def test_what_is_doubtful_is_said(tmp_path):
    names = [f"blues.{n:05}" for n in range(12)] + [f"rock.{n:05}" for n in range(12)]
    true = ["blues"] * 11 + ["rock"] * 13
    path = write(tmp_path / "a.csv", track=names[1:], true=true[1:], predicted=["jazz", *true[2:]])
    split = write(
        tmp_path / "s.csv", track=[*names[:-1], "pop.00000"], part=["test"] * 23 + ["train"]
    )
    assert list(check(path, split).doubts) == [
        "not all predictions are in the split: 1 of 23 rows are not, first rock.00011",
        "fold 1 of 1: tested and never trained: blues, rock",
        "fold 1 of 1: trained and never tested: pop",
        "predicted, and no tested row has it: jazz",
        "tracks of the test part are not predicted: 1 of 23, first blues.00000",
        "1 track with another true genre than in GTZAN, first blues.00011 is rock",
    ]


ROWS = {"track": ["a", "b"], "true": ["x", "y"], "predicted": ["x", "y"]}


@pytest.mark.parametrize(
    ("columns", "split", "line"),
    [
        ({"truth": ["x", "y"], "track": ["a", "b"]}, None, "columns are missing"),
        ({**ROWS, "true": ["x", "X"]}, None, "2 spellings of one genre"),
        ({**ROWS, "predicted": ["0", "1"]}, None, "no predicted label is a true one"),
        ({**ROWS, "predicted": ["x", ""]}, None, "line 3, column predicted: not allowed"),
        ({**ROWS, "part": ["test", "foo"]}, None, "line 3, column part: not allowed"),
        ({**ROWS, "part": ["train", "val"]}, None, "no row was tested"),
        ({**ROWS, "track": ["a", "a"]}, None, "rows of a track have several true labels"),
        ({**ROWS, "artist": ["p", ""]}, None, "tracks have no artist"),
        (ROWS, {"track": ["c"], "part": ["test"]}, "most predictions are not in the split"),
        (
            ROWS,
            {"track": ["a", "a", "b"], "part": ["test"] * 3, "fold": [1, 2, 1]},
            "does not tell the fold",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_a_line(tmp_path, columns, split, line):
    path = write(tmp_path / "a.csv", **columns)
    with pytest.raises(DataError, match=line):
        check(path, write(tmp_path / "s.csv", **split) if split else None)


@pytest.mark.gtzan
def test_the_audit_of_the_data_finds_the_same_of_tracks_and_artists(gtzan_root, tmp_path):
    location = Folder(name="gtzan", root=gtzan_root, splits=gtzan_root / "splits")
    dataset = FeaturesView(name="features").load(location, cache=tmp_path / "cache")
    names = {part: f"fault_filtered_{part}.txt" for part in ("train", "test")}
    split = Lists(name="lists", dir=gtzan_root / "splits", **names).split(dataset)
    fold = split.folds[0]
    listed = [
        pd.DataFrame({"track": dataset.ids[rows], "part": part}) for part, rows in fold.parts()
    ]
    pd.concat(listed).to_csv(tmp_path / "s.csv", index=False)
    tested = dataset.labels[fold.test]
    said = np.random.default_rng(0).permutation(tested)
    files = [f"{name}.au" for name in dataset.ids[fold.test]]
    path = write(tmp_path / "a.csv", filename=files, label=tested, prediction=said)
    found = check(path, tmp_path / "s.csv", lists=gtzan_root / "splits")
    assert found.leaks is not None
    for kind in ("track", "artist"):
        assert found.leaks.shares[kind] == audit(dataset, split).shares[kind]
    assert found.leaks.text == "artist:4%"
    assert int(found.known.sum()) == 13
    scores = f1_score(tested, said, average="macro")
    tracks = found.tracks
    assert f1_score(tracks["true"], tracks["predicted"], average="macro") == pytest.approx(scores)

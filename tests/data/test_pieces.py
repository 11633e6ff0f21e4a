"""Pieces of tracks are told by names and closeness together, and names alone merge nothing."""

from __future__ import annotations

import hashlib
import json
import string
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.basics.errors import DataError
from gtzan_exp.cli import main
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.folds import GroupKFold, KFold
from gtzan_exp.data.fused import FusedView
from gtzan_exp.data.lists import Lists
from gtzan_exp.data.locations import Folder
from gtzan_exp.data.pieces import Look, find_pieces
from gtzan_exp.data.spectrograms import SpectrogramsView
from gtzan_exp.data.splits import Notebook
from gtzan_exp.evaluation.audit import audit

from .conftest import place, table

GENRES = ("blues", "jazz", "rock")
OF_A_TRACK, OF_AN_ARTIST, OF_NOTHING = 2.0, 0.8, 0.0  # spread of groups: ratios of 0.45, 0.78, 1
STEMS = ("Blink 182", "00017", "öl und feuer", "a.b", "Nº 5", "x", "So What")
WORDS = ("one", "two", "three", "four", "five", "six")
ROMANS = ("I", "II", "III", "IV", "V", "VI")


def find(
    groups: list[list[str]], spread: float, mode: str = "auto", genres: tuple[str, ...] = GENRES
) -> Found | None:
    """Look for pieces in genres of these names; rows of a list are as close as `spread` says."""
    random = np.random.default_rng(0)
    rows = {}
    for genre in genres:
        for names in groups:
            centre = random.normal(scale=spread, size=40)
            rows |= {f"{genre}.{name}": (genre, centre + random.normal(size=40)) for name in names}
    ids = np.array(sorted(rows))
    labels, vectors = np.array([rows[i][0] for i in ids]), np.array([rows[i][1] for i in ids])
    return found_in(ids, labels, lambda rows: vectors[rows], mode)


class Found(NamedTuple):
    tracks: np.ndarray
    evidence: str
    n_pieces: int
    n_tracks: int


def found_in(ids: np.ndarray, labels: np.ndarray, look: Look, mode: str = "auto") -> Found | None:
    tracks, evidence = find_pieces(ids, labels, look, mode)
    pieces = tracks[tracks != ids]
    return Found(tracks, evidence, len(pieces), len(set(pieces))) if evidence else None


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}m{int(seconds) % 60:02}s"


SPELLINGS = {
    "dot": lambda s, i: f"{s}.{i}",
    "three digits": lambda s, i: f"{s}.{i:03}",
    "underscore": lambda s, i: f"{s}_{i}",
    "from one": lambda s, i: f"{s}-{i + 1:03}",
    "brackets": lambda s, i: f"{s} ({i + 1})",
    "part": lambda s, i: f"{s} (part {i + 1})",
    "pt.": lambda s, i: f"{s} pt. {i + 1}",
    "Teil": lambda s, i: f"{s} - Teil {i + 1}",
    "part no": lambda s, i: f"{s}_part_no_{i + 1}",
    "roman": lambda s, i: f"{s} Part {ROMANS[i]}",
    "in words": lambda s, i: f"{s} - Part {WORDS[i]}",
    "of": lambda s, i: f"{s}_{i + 1}of6",
    "chunk": lambda s, i: f"{s}_chunk{i:02}",
    "camel": lambda s, i: f"{s}_songSegment{i:02}",
    "clip": lambda s, i: f"{s}-clip-{i:04}",
    "slice and rate": lambda s, i: f"{s}_slice{i}_22050Hz",
    "letters": lambda s, i: f"{s}_{string.ascii_lowercase[i]}",
    "offset": lambda s, i: f"{s}_offset_{15.0 * i}s",
    "half seconds": lambda s, i: f"{s}_{1.5 * i}",
    "milliseconds": lambda s, i: f"{s}_{3000 * i}ms",
    "t=": lambda s, i: f"{s} t={30 * i}",
    "range": lambda s, i: f"{s}_{30 * i}_{30 * i + 30}",
    "range in brackets": lambda s, i: f"{s}[{30 * i:02}-{30 * i + 30:02}]",
    "decimal range": lambda s, i: f"{s} {1.5 * i}-{1.5 * i + 1.5}",
    "range of samples": lambda s, i: f"{s}_{66150 * i}_{66150 * i + 66149}",
    "clock": lambda s, i: f"{s} {clock(20 * i)}",
    "range of times": lambda s, i: f"{s} {clock(20 * i)}-{clock(20 * i + 20)}",
    "start and end": lambda s, i: f"{s}_start{30 * i}_end{30 * i + 30}",
    "in front": lambda s, i: f"{i:03}_{s}",
    "part in front": lambda s, i: f"part{i + 1} - {s}",
    "Japanese": lambda s, i: f"{s} パート{i + 1}",
    "full width": lambda s, i: f"{s}＿{chr(0xFF10 + i)}",  # noqa: RUF001
    "dash": lambda s, i: f"{s} \N{EN DASH} {i}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_pieces_are_found_in_every_spelling(spelling):
    groups = [[SPELLINGS[spelling](stem, i) for i in range(6)] for stem in STEMS]
    found = find(groups, OF_A_TRACK)
    assert (found.n_pieces, found.n_tracks) == (126, 21)
    genre, count = np.unique(found.tracks, return_counts=True)
    assert set(count) == {6}
    assert len(genre) == 21
    assert "126 rows are pieces of 21 tracks" in found.evidence


def test_the_track_is_called_by_the_stem():
    found = find([[f"0000{n}.{i}" for i in range(5)] for n in range(4)], OF_A_TRACK)
    assert set(found.tracks) == {f"{genre}.0000{n}" for genre in GENRES for n in range(4)}


def test_clips_with_ranges_are_pieces_though_many_are_missing():
    """MagnaTagATune's names: clips of 29 s, few of each track, from anywhere in it."""
    songs = [f"band_{n}-the_album-0{n}-a_title" for n in range(8)]
    groups = [
        [f"{s}-{29 * i}-{29 * i + 29}" for i in (n, n + 1, n + 4)] for n, s in enumerate(songs)
    ]
    assert find(groups, OF_A_TRACK).n_tracks == 24


def titles(n: int) -> list[str]:
    random = np.random.default_rng(n)
    return ["".join(random.choice(list(string.ascii_letters), 9)) for _ in range(n)]


def hashed(*numbers: int) -> list[str]:
    return [hashlib.md5(str(number).encode()).hexdigest() for number in numbers]


NAMES_ALONE = {
    "GTZAN": [[f"{n:05}" for n in range(k, k + 10)] for k in range(0, 60, 10)],
    "GTZAN with folders": [[f"blues{n:05}" for n in range(k, k + 10)] for k in range(0, 60, 10)],
    "FMA": [[f"{n:06}" for n in range(k, k + 40, 7)] for k in range(2, 4000, 400)],
    "MTG-Jamendo": [[f"track_{n:07}" for n in range(k, k + 9)] for k in range(214, 9000, 900)],
    "ISMIR04": [[f"{n:02}-{title}" for n, title in enumerate(titles(k), 1)] for k in (9, 10, 11)],
    "Homburg": [[f"artist {k}-{title}" for title in titles(k)] for k in (7, 8, 9)],
    "Million Song": [
        [
            f"TR{name[:5].upper()}128F{number}{name[5:9].upper()}"
            for number, name in enumerate(titles(k))
        ]
        for k in (10, 11, 12)
    ],
    "works": [
        [f"Symphony No. {n}" for n in range(1, 10)],
        [f"Op. 27 No. {n}" for n in range(1, 4)],
        [f"Op. 10 No. {n}" for n in range(1, 4)],
        [f"Beethoven Sonata {n}" for n in range(1, 9)],
        [f"Mozart KV {n}" for n in range(1, 9)],
    ],
    "Artist - Title (2)": [[f"{k} - {t} (2)" for t in titles(9)] for k in titles(5)],
    "tracks of discs": [[f"CD{k}_Track{n:02}" for n in range(1, 13)] for k in (1, 2, 3)],
    "generic words": [[f"{k}_{n}" for n in range(9)] for k in ("rock", "audio", "Titel", "piste")],
    "hashes": [hashed(*range(k, k + 9)) for k in range(0, 90, 9)],
    "one stem": [[f"Miles Davis {n}" for n in range(30)]],
}


@pytest.mark.parametrize("scheme", NAMES_ALONE)
def test_names_of_whole_tracks_are_never_merged_however_close_they_are(scheme):
    found = find(NAMES_ALONE[scheme], OF_A_TRACK)
    assert found is None or not found.n_pieces


COUNTING = {
    "Ballroom": [[f"Albums-{k}-{n:02}" for n in range(1, 9)] for k in titles(8)],
    "artists": [[f"{k}_{n}" for n in range(1, 5 + i)] for i, k in enumerate(titles(8))],
    "balanced artists": [[f"{k}_{n}" for n in range(10)] for k in titles(8)],
    "movements": [[f"Haydn_{k}_{n}" for n in range(1, 5)] for k in range(90, 104)],
    "one per cent": [[f"{k}.{n}" for n in range(8)] for k in range(20)],
}


@pytest.mark.parametrize("scheme", COUNTING)
def test_numbers_of_an_artists_tracks_are_no_pieces_and_said_to_be_doubtful(scheme):
    found = find(COUNTING[scheme], OF_AN_ARTIST)
    assert not found.n_pieces
    assert "as close as tracks of an artist do" in found.evidence
    assert find(COUNTING[scheme], OF_NOTHING) is None


def test_pieces_that_follow_each_other_are_told_from_an_artists_tracks():
    """As close as an artist's tracks, yet the nearest ones are neighbours by number."""
    random = np.random.default_rng(0)
    ids, labels, rows = [], [], []
    for genre in GENRES:
        for stem in titles(8):
            steps = np.cumsum(random.normal(scale=0.6, size=(9, 40)), axis=0)
            ids += [f"{genre}.{stem}_{i}" for i in range(9)]
            labels += [genre] * 9
            rows.append(random.normal(size=40) + steps + 0.3 * random.normal(size=(9, 40)))
    order, vectors = np.argsort(ids), np.concatenate(rows)
    assert (
        found_in(
            np.array(ids)[order], np.array(labels)[order], lambda rows: vectors[order][rows]
        ).n_tracks
        == 24
    )


def test_what_is_said_by_hand_counts():
    groups = COUNTING["artists"]
    assert find(groups, OF_A_TRACK, "tracks") is None
    found = find(groups, OF_NOTHING, "group")
    assert found.n_tracks == 24
    assert "by names like" in found.evidence
    with pytest.raises(DataError, match="names tell no pieces"):
        find(NAMES_ALONE["GTZAN"], OF_A_TRACK, "group")


def test_a_whole_track_beside_its_pieces_is_of_that_track():
    groups = [[stem, *(f"{stem}_{i}" for i in range(4))] for stem in titles(6)]
    assert len(set(find(groups, OF_A_TRACK).tracks)) == 18


def test_rows_without_telling_names_are_called_suspicious_where_they_lie_in_clusters():
    names = [hashed(*range(k, k + 10)) for k in range(0, 300, 10)]
    found = find(names, OF_A_TRACK)
    assert "suspiciously close" in found.evidence
    assert found.n_pieces == 0
    assert find(names, OF_NOTHING) is None


@pytest.mark.slow
def test_many_rows_take_seconds():
    ids = np.array(
        [f"{g}.{s:05}.{i}" for g in "abcdefghij" for s in range(1000) for i in range(10)]
    )
    labels = np.array([name[0] for name in ids])
    centres = np.random.default_rng(0).normal(scale=2, size=(10_000, 20))

    def look(rows):
        assert len(rows) <= 20_000
        return centres[rows // 10] + np.random.default_rng(1).normal(size=(len(rows), 20))

    assert found_in(ids, labels, look).n_tracks == 10_000


def cut(pieces: int = 6, tracks: int = 5):
    """Return a table of pieces whose tracks say nothing of their genre."""
    content = table(tracks=tracks, segments=pieces)
    numbers = content.columns[2:-1]
    random = np.random.default_rng(0)
    centres = random.normal(size=(len(content) // pieces, len(numbers))).repeat(pieces, axis=0)
    content[numbers] = centres + 0.2 * random.normal(size=content[numbers].shape)
    return content


def load(location: Folder, **options):
    return FeaturesView(**options).load(location, cache=location.folder() / "cache")


def test_a_table_of_pieces_is_split_by_track(write_table):
    location = write_table(cut())
    dataset = load(location)
    assert len(set(dataset.tracks)) == 15
    assert "90 rows are pieces of 15 tracks" in dataset.notes[0]
    assert audit(dataset, KFold(k=5).split(dataset)).tag == "none"
    assert "track" in audit(dataset, Notebook().split(dataset)).tag
    np.testing.assert_array_equal(load(location, columns=("tempo",)).tracks, dataset.tracks)
    by_hand = load(replace(location, pieces="tracks"))
    assert (len(set(by_hand.tracks)), by_hand.notes) == (90, ())
    assert audit(by_hand, Notebook().split(by_hand)).tag == "none"


@pytest.mark.slow
def test_a_run_on_pieces_scores_tracks_that_it_has_not_heard(write_table, workspace, capsys):
    root = write_table(cut()).root
    score = {}
    for pieces in ("auto", "tracks"):
        options = ["data=folder", f"data.root={root}", f"data.pieces={pieces}", "model=svc"]
        assert main(options) == 0
        (path,) = [p for p in workspace.rglob("result.json") if p not in score]
        score[path] = json.loads(path.read_text())["metrics"]
        notes = json.loads((path.parent / "record/split.json").read_text())["data_notes"]
        assert bool(notes) == (pieces == "auto")
        assert ("90 rows are pieces" in capsys.readouterr().err) == (pieces == "auto")
    grouped, leaking = score.values()
    assert leaking["test/accuracy"] > 0.95
    assert grouped["test/accuracy"] < 0.7
    assert grouped["n_test_tracks"] == 3
    assert "test/track_accuracy" in grouped
    for command in ("validate", "audit"):
        assert main([command, "data=folder", f"data.root={root}"]) == 0
        assert "note" in (said := capsys.readouterr().out)
        assert "90 rows are pieces of 15 tracks" in said


@pytest.mark.parametrize("told", [lambda f: f.str[:-6], lambda f: f.str[-9:-6].astype(int)])
def test_a_column_track_counts_before_all(write_table, told):
    content = cut()
    content["track"] = told(content["filename"])
    content["filename"] = [f"{name}.wav" for name in hashed(*range(len(content)))]
    location = replace(write_table(content), pieces="tracks")
    dataset = load(location)
    assert len(set(dataset.tracks)) == 15
    assert dataset.notes == ("90 rows are of 15 tracks, by the column track",)
    assert dataset.fingerprint != load(write_table(content.drop(columns="track"))).fingerprint
    content.loc[4, "track"] = None
    with pytest.raises(
        DataError, match=r"line 6, column track: empty; allowed: text; got: nothing"
    ):
        load(write_table(content))


def test_a_column_track_serves_segments_of_any_name(write_table):
    content = cut().assign(track=lambda t: t["filename"].str[:-6])
    content["filename"] = content["filename"].str.replace(".wav", "-x.wav")
    dataset = load(write_table(content, seconds=3), segment_seconds=3)
    assert set(dataset.tracks) == {f"{g}.{n:05}" for g in GENRES for n in range(5)}


def test_a_genre_of_one_track_in_pieces_cannot_be_split(write_table):
    content = cut()
    content = content[~content["filename"].str.match("rock.0000[1-4]")]
    found = find([["a_1", "a_2"], ["b_1", "b_2"]], OF_A_TRACK)
    assert found is not None
    location = write_table(content)
    with pytest.raises(
        DataError, match=r"class 'rock' cannot be split.*1 track \(66 rows are pieces"
    ):
        load(location)
    assert len(set(load(replace(location, pieces="tracks")).tracks)) == 66


def test_lists_and_artists_may_name_tracks_or_pieces(write_table, tmp_path):
    location = write_table(cut())
    pieces = load(location).ids.tolist()
    tracks = sorted({name.rpartition(".")[0] for name in pieces})
    for names in (pieces, tracks):
        parts = {
            "test": [n for n in names if "00003" in n],
            "train": [n for n in names if "00003" not in n],
        }
        for part, lines in parts.items():
            (tmp_path / f"{part}.txt").write_text("".join(f"{line}.wav\n" for line in lines))
        rows = [f"{name}.wav,{name[:-2] if name in pieces else name}" for name in names]
        (tmp_path / "artist_groups_merged.csv").write_text("\n".join(["filename,group", *rows]))
        dataset = load(replace(location, splits=tmp_path))
        split = Lists(name="lists", dir=tmp_path, train="train.txt", test="test.txt").split(dataset)
        assert [len(rows) for _, rows in split.folds[0].parts()] == [72, 18]
        assert GroupKFold(k=2).split(dataset).folds
    (tmp_path / "test.txt").write_text(f"{pieces[0]}.wav")
    (tmp_path / "train.txt").write_text(f"{pieces[1]}.wav")
    with pytest.raises(DataError, match="tracks are on both lists"):
        Lists(name="lists", dir=tmp_path, train="train.txt", test="test.txt").split(dataset)


def test_pieces_of_pictures_are_grouped(pictures, tmp_path):
    random = np.random.default_rng(0)
    files = {}
    for genre in GENRES:
        for song in range(5):
            level = random.integers(40, 215, size=(24, 1, 1))
            for piece in range(4):
                noise = random.integers(-8, 8, size=(24, 20, 3))
                files[f"{genre}/song{song}_{piece}.png"] = (level + noise).astype(np.uint8)
    location = pictures(files)
    view = SpectrogramsView(height=24, width=20)
    dataset = view.load(location, cache=tmp_path / "cache")
    assert set(dataset.tracks) == {f"{genre}.song{n}" for genre in GENRES for n in range(5)}
    assert "60 rows are pieces of 15 tracks" in dataset.notes[0]
    cells = replace(view, segments=2).load(location, cache=tmp_path / "cache")
    assert len(cells) == 120
    assert set(cells.tracks) == set(dataset.tracks)


def test_views_are_fused_by_the_tracks_of_the_one_that_tells_them(write_table, pictures, tmp_path):
    content = cut()
    write_table(content)
    random = np.random.default_rng(0)
    location = pictures(
        {
            f"{name.partition('.')[0]}/{name[:-4]}.png": random.integers(
                0, 255, (8, 8, 3), np.uint8
            )
            for name in content["filename"]
        }
    )
    parts = {"spectrograms": SpectrogramsView(height=8, width=8), "features": FeaturesView()}
    dataset = FusedView(parts=parts).load(location, cache=tmp_path / "cache")
    assert len(set(dataset.tracks)) == 15
    assert any("90 rows are pieces of 15 tracks" in note for note in dataset.notes)


@pytest.mark.slow
def test_audio_cut_by_hand_is_prepared_and_grouped(tmp_path):
    import soundfile

    from gtzan_exp.audio.prepare import PrepareSettings, prepare
    from tests.audio.conftest import RATE, music

    for n, genre in enumerate(GENRES):
        for song in range(3):
            sound = music(12, seed=10 * n + song)
            for piece in range(4):
                path = (
                    tmp_path
                    / "cut"
                    / genre
                    / f"song {song} [{3 * piece:02}-{3 * piece + 3:02}].wav"
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, sound[3 * RATE * piece :][: 3 * RATE], RATE)
    prepare(tmp_path / "cut", tmp_path / "views", PrepareSettings(n_jobs=1))
    for view in (FeaturesView(), FeaturesView(segment_seconds=3), SpectrogramsView()):
        dataset = view.load(place(tmp_path / "views"), cache=tmp_path / "cache")
        assert set(dataset.tracks) == {f"{genre}.song {n}" for genre in GENRES for n in range(3)}
        assert audit(dataset, KFold(k=3).split(dataset)).tag in ("none", "duplicate")


@pytest.mark.gtzan
def test_gtzan_has_no_pieces_and_its_segments_taken_for_tracks_are_pieces(gtzan_root, tmp_path):
    location = place(gtzan_root)
    for seconds in (30, 3):
        view = FeaturesView(segment_seconds=seconds)
        assert "pieces" not in " ".join(view.load(location, cache=tmp_path).notes)
    (tmp_path / "features_30_sec.csv").symlink_to(gtzan_root / "features_3_sec.csv")
    pieces = FeaturesView().load(place(tmp_path), cache=tmp_path)
    np.testing.assert_array_equal(pieces.tracks, view.load(location, cache=tmp_path).tracks)


@pytest.mark.gtzan
def test_tracks_that_are_called_by_artist_and_number_are_merged_in_no_genres(gtzan_root, tmp_path):
    """GTZAN's own artists, in each genre alone and in each two: uneven, close, in no order."""
    location = replace(place(gtzan_root), splits=gtzan_root / "splits")
    found = FeaturesView().load(location, cache=tmp_path)
    for genres in (*combinations(found.classes, 1), *combinations(found.classes, 2)):
        rows = np.flatnonzero(np.isin(found.labels, genres))
        keys = pd.Series([f"{found.labels[row]}.artist{found.artists[row]}" for row in rows])
        names = keys + "_" + (keys.groupby(keys).cumcount() + 1).astype(str)
        rows, ids = rows[names.argsort()], np.sort(names.to_numpy(dtype=str))
        X = found.X.to_numpy()[rows]
        pieces = found_in(ids, found.labels[rows], lambda chosen, X=X: X[chosen])
        assert pieces is None or not pieces.n_pieces, genres

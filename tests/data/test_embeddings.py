"""Vectors of tracks from anybody's file: the same rows however the file calls them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.basics.errors import DataError
from gtzan_exp.data.embeddings import EmbeddingsView
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.fused import FusedView
from gtzan_exp.data.locations import Folder
from gtzan_exp.data.selection import read_view
from gtzan_exp.data.splits import Holdout
from gtzan_exp.data.vector_file import ENDINGS, read_vectors
from gtzan_exp.evaluation.audit import audit
from tests.data.conftest import place, table

IDS = [f"{genre}.{number:05}" for genre in ("blues", "jazz", "rock") for number in range(4)]
VECTORS = np.random.default_rng(0).normal(size=(len(IDS), 7)).astype(np.float32)
ORDER = np.random.default_rng(1).permutation(len(IDS))
SPELLINGS = [
    lambda genre, number: f"{genre}.{number}",
    lambda genre, number: f"{genre}.{number}.au",
    lambda genre, number: f"{genre}{number}.png",
    lambda genre, number: f"genres_original/{genre}/{genre}.{number}.wav",
    lambda genre, number: f"C:\\gtzan\\{genre}\\{genre}{number}.mp3",
]


def write(path: Path, names: list[str], vectors: np.ndarray = VECTORS) -> Path:
    """Write vectors in the format and the form that a file is called by."""
    rows = {"filename": names, "label": [IDS[row].partition(".")[0] for row in ORDER], "title": "x"}
    numbers = pd.DataFrame(vectors).add_prefix("f")
    match path.name.removeprefix("embeddings_"):
        case "arrays.npz":
            other = np.zeros((len(names), 2), np.float32)
            more = {"tags": other, "unread": np.array([[{}]] * len(names))}
            np.savez(path, ids=np.array(names), penultimate=vectors, **more)
        case "lists.parquet":
            lists = {"clap": list(vectors)}
            pd.DataFrame(rows | lists).to_parquet(path, index=False)
        case "index.parquet":
            numbers.set_axis(names).to_parquet(path)
        case "numbers.csv":
            pd.DataFrame(rows).join(numbers).to_csv(path)
        case "index.csv":
            numbers.set_axis(names).to_csv(path)
    return path


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "file", ["arrays.npz", "lists.parquet", "index.parquet", "numbers.csv", "index.csv"]
)
def test_the_rows_are_the_same_whatever_the_file_calls_them(tmp_path, file, spelling):
    names = [spelling(*IDS[row].split(".")) for row in ORDER]
    path = write(tmp_path / f"embeddings_{file}", names, VECTORS[ORDER])
    dataset = EmbeddingsView().load(place(tmp_path), cache=tmp_path)
    assert dataset.ids.tolist() == IDS
    assert dataset.labels.tolist() == [id.partition(".")[0] for id in IDS]
    np.testing.assert_allclose(dataset.X, VECTORS, rtol=1e-6)
    by_hand = EmbeddingsView(file=Path(path.name)).load(place(tmp_path), cache=tmp_path)
    assert by_hand.fingerprint == dataset.fingerprint


def test_own_names_are_found_in_the_data_and_those_without_a_vector_are_said(tmp_path):
    songs = {"one song.mp3": "r.n.b", "two.song.wav": "r.n.b", "three.wav": "folk", "4.wav": "folk"}
    for name, genre in songs.items():
        (tmp_path / "genres_original" / genre).mkdir(parents=True, exist_ok=True)
        (tmp_path / "genres_original" / genre / name).touch()
    (tmp_path / "genres_original" / "folk" / "5.wav").touch()
    names = ["r.n.b/one song.mp3", "r.n.b.two.song", "folk.three.wav", "folk/4.npy"]
    np.savez(tmp_path / "embeddings.npz", id=names, mert=VECTORS[:4])
    dataset = EmbeddingsView().load(place(tmp_path, None), cache=tmp_path)
    assert dataset.ids.tolist() == ["folk.4", "folk.three", "r.n.b.one song", "r.n.b.two.song"]
    assert dataset.notes == ("1 of 5 tracks have no vector in embeddings.npz: folk.5",)


BAD = VECTORS.copy()
BAD[3, 2] = np.nan


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"vectors": VECTORS}, {}, "does not say which track a row is of.*got: vectors"),
        ({"ids": IDS, "a": VECTORS, "b": VECTORS}, {}, r"view.layer: not set; allowed: a, b"),
        ({"ids": IDS, "a": VECTORS}, {"layer": "aa"}, r"not in the file \(nearest: a\)"),
        (
            {"ids": IDS, "a": BAD},
            {},
            "not a finite number.*1 of 12 rows, first that of blues.00003",
        ),
        (
            {"ids": [*IDS[:-1], "rock00002.wav"], "a": VECTORS},
            {},
            "two vectors of rock.00002.*rock00002.wav",
        ),
        ({"ids": [*IDS[:-1], "polka.00000"], "a": VECTORS}, {}, "no track of a genre.*polka.00000"),
        ({"ids": IDS, "label": ["jazz"] * 12, "a": VECTORS}, {}, "blues.00000 has another label"),
        ({"ids": IDS, "a": np.array([[{}]] * 12)}, {}, "cannot be read.*allow_pickle"),
        ({"ids": IDS, "a": VECTORS}, {"file": Path("none.npz")}, "view.file: is not there"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_line(tmp_path, arrays, options, message):
    table(4).to_csv(tmp_path / "features_30_sec.csv", index=False)
    np.savez(tmp_path / "embeddings.npz", **{name: np.array(a) for name, a in arrays.items()})
    with pytest.raises(DataError, match=message):
        EmbeddingsView(**options).load(place(tmp_path), cache=tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_is_none_is_refused_and_does_not_block(tmp_path, ending):
    os.mkfifo(tmp_path / f"vectors{ending}")
    with pytest.raises(DataError, match="is a FIFO and not a file"):
        read_vectors(tmp_path / f"vectors{ending}")


def test_none_or_several_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"no embeddings there.*prepare views=\[embeddings\]"):
        EmbeddingsView().load(place(tmp_path), cache=tmp_path)
    for name in ("embeddings_a.csv", "embeddings_b.npz"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"several files.*embeddings_a.csv, embeddings_b.npz"):
        EmbeddingsView().load(place(tmp_path), cache=tmp_path)
    with pytest.raises(DataError, match=r"embeddings_b.npz: cannot be read"):
        EmbeddingsView(file=Path("embeddings_b.npz")).load(place(tmp_path), cache=tmp_path)


def test_a_request_is_checked_and_becomes_the_row(tmp_path):
    write(tmp_path / "embeddings_arrays.npz", IDS)
    dataset = EmbeddingsView().load(place(tmp_path), cache=tmp_path)
    view = dataset.maker
    example = view.example(dataset)
    np.testing.assert_array_equal(view.from_request(example), dataset.X[:1])
    for cell in ([1.0] * 6, [1.0] * 6 + [np.inf], "abc", None):
        with pytest.raises(DataError, match=r"row 1, column embedding: no vector.*of 7 finite"):
            view.from_request(pd.DataFrame({"embedding": [[0.0] * 7, cell]}))


def test_what_a_model_learned_from_is_a_leak_of_every_view_that_it_is_in(tmp_path):
    table(4).to_csv(tmp_path / "features_30_sec.csv", index=False)
    write(tmp_path / "embeddings_arrays.npz", IDS)
    features = FeaturesView()
    tags = {}
    for training in (None, "MSD", "none"):
        embeddings = EmbeddingsView(training=training)
        parts = {"features": features, "embeddings": embeddings}
        for name, view in {**parts, "fused": FusedView(parts=parts)}.items():
            dataset = view.load(place(tmp_path), cache=tmp_path)
            tags[name, training] = audit(dataset, Holdout().split(dataset)).tag
    assert tags["features", "MSD"] == "none"
    for name in ("embeddings", "fused"):
        assert tags[name, None] == "pretraining:unknown"
        assert tags[name, "MSD"] == "pretraining:MSD"
        assert tags[name, "none"] == "none"


def test_genres_and_tracks_restrict_every_view_alike(tmp_path):
    table(4).to_csv(tmp_path / "features_30_sec.csv", index=False)
    table(4, segments=2).to_csv(tmp_path / "features_3_sec.csv", index=False)
    write(tmp_path / "embeddings_arrays.npz", IDS)
    np.savez(tmp_path / "embeddings_few.npz", ids=IDS[1:], clap=VECTORS[1:])
    (tmp_path / "some.txt").write_text(
        "blues.00000.wav\nrock/rock00001.au\nblues00002.png\nrock2.wav"
    )
    np.savez(tmp_path / "elsewhere.npz", ids=IDS[2:7], clap=VECTORS[2:7])
    views = [
        FeaturesView(),
        FeaturesView(segment_seconds=3),
        EmbeddingsView(file=Path("embeddings_arrays.npz")),
    ]
    some = ["blues.00000", "blues.00002", "rock.00001", "rock.00002"]
    (tmp_path / "some.txt").write_text(
        "blues.00000.wav\nblues00002.png\nrock/rock.00001.au\nrock.00002"
    )
    for options, left in (
        ({"genres": ("rock", "blues")}, [*IDS[:4], *IDS[8:]]),
        ({"tracks": "common"}, IDS[1:]),
        ({"tracks": "common", "genres": ("jazz", "blues")}, IDS[1:8]),
        ({"tracks": tmp_path / "some.txt"}, some),
        ({"tracks": tmp_path / "elsewhere.npz"}, IDS[2:7]),
    ):
        location = Folder(name="test", root=tmp_path, **options)
        for view in views:
            whole = view.load(location, cache=tmp_path)
            dataset = read_view(view, location, cache=tmp_path)
            assert np.unique(dataset.tracks).tolist() == left
            rows = np.isin(whole.tracks, left)
            np.testing.assert_array_equal(np.asarray(dataset.X), np.asarray(whole.X)[rows])
            assert dataset.ids.tolist() == whole.ids[rows].tolist()
            assert dataset.classes == tuple(sorted({id.partition(".")[0] for id in left}))
            assert dataset.fingerprint != whole.fingerprint
    for options, message in (
        ({"genres": ("bluse", "rock")}, r"data.genres: no such genre \(nearest: blues\)"),
        ({"genres": ("rock",)}, "nothing to tell apart.*'rock'"),
        ({"tracks": tmp_path / "none.txt"}, "cannot be read as text"),
    ):
        with pytest.raises(DataError, match=message):
            read_view(views[0], Folder(name="test", root=tmp_path, **options), cache=tmp_path)


@pytest.mark.gtzan
def test_the_published_musicnn_vectors_of_gtzan(gtzan_root, tmp_path):
    dataset = EmbeddingsView().load(Folder(name="gtzan", root=gtzan_root), cache=tmp_path)
    with np.load(gtzan_root / "embeddings_msd_musicnn.npz") as truth:
        vectors = dict(zip(truth["ids"].tolist(), truth["penultimate"], strict=True))
    assert dataset.X.shape == (647, 200)
    assert dataset.pretraining == ("MSD",)
    assert dataset.ids.tolist() == sorted(vectors)
    np.testing.assert_array_equal(dataset.X[100], vectors[dataset.ids[100]])
    assert len(np.unique(dataset.tracks)) == 647
    assert [note.partition(" have")[0] for note in dataset.notes] == ["353 of 1000 tracks"]

"""A table read in parts and kept as arrays is the table that pandas reads at once."""

from __future__ import annotations

import hashlib
import os
import random
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.audio.features import FEATURE_COLUMNS
from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import DataError
from gtzan_exp.basics.genres import _by_rule, track_id
from gtzan_exp.data import feature_table as reader
from gtzan_exp.data.contracts import Dataset
from gtzan_exp.data.features import FeaturesView

from .conftest import table


def load(location, **options) -> Dataset:
    return FeaturesView(**options).load(location, cache=location.folder() / "cache")


def assert_same(a: Dataset, b: Dataset) -> None:
    pd.testing.assert_frame_equal(a.X, b.X)
    for name in ("labels", "ids", "tracks"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype
    assert (a.classes, a.fingerprint) == (b.classes, b.fingerprint)


@pytest.mark.parametrize("rows", [1, 7, 36, 1000])
def test_parts_make_the_table_that_pandas_reads_at_once(write_table, monkeypatch, rows):
    """Also the layout in memory and the fingerprint are those of the whole table in pandas."""
    monkeypatch.setattr(reader, "_ROWS", rows)
    content = table(segments=3).sample(frac=1, random_state=0)
    content["tempo"] = np.arange(len(content))
    location = write_table(content, seconds=3)
    dataset = load(location, segment_seconds=3)

    whole = pd.read_csv(location.folder() / "features_3_sec.csv")
    whole["id"] = whole["filename"].str.removesuffix(".wav")
    whole = whole.sort_values("id", ignore_index=True)
    X = whole[list(FEATURE_COLUMNS)].astype(np.float64)
    pd.testing.assert_frame_equal(dataset.X, X)
    assert dataset.X.to_numpy().flags.f_contiguous
    assert dataset.take(np.array([5, 3])).to_numpy().flags.f_contiguous
    assert list(dataset.ids) == list(whole["id"])
    assert list(dataset.labels) == list(whole["label"])
    assert list(dataset.tracks) == list(whole["id"].str.rsplit(".", n=1).str[0])
    numbers = hashlib.sha256(np.ascontiguousarray(X.to_numpy()).tobytes()).hexdigest()
    assert dataset.fingerprint == digest(numbers, *FEATURE_COLUMNS, *whole["id"], *whole["label"])


def with_faults() -> dict[str, str]:
    content = table(tracks=6).astype({"tempo": object, "rms_mean": object})
    flood = content.assign(tempo="fast")
    flood.loc[2, "rms_mean"] = ""
    scattered = content.copy()
    scattered.loc[[1, 9, 17], "tempo"] = ["slow", "", "NA"]
    scattered.loc[[4, 12], "rms_mean"] = ["nan", "-"]
    scattered.loc[[0, 16], "label"] = [None, "jaz"]
    scattered.loc[11, "filename"] = "blues.00002.wav"
    text = {
        "flood": flood.to_csv(index=False),
        "scattered": scattered.drop(columns="mfcc1_var").to_csv(index=False),
        "text after many rows": content.to_csv(index=False) + "a,b" * 99,
        "blank lines": content.to_csv(index=False).replace("\n", "\n\n") + ",7" * 59,
        "header alone": content[:0].to_csv(index=False),
        "one column": "filename\n" + "a\n" * 9,
    }
    lines = content.to_csv(index=False).splitlines()
    text["a long row"] = "\n".join([*lines[:9], lines[9] + ",7", *lines[10:]])
    return text


@pytest.mark.parametrize("fault", with_faults())
def test_faults_in_any_part_give_the_lines_of_the_whole(write_table, monkeypatch, fault):
    location = write_table(with_faults()[fault])
    found = []
    for rows in (1000, 4):
        monkeypatch.setattr(reader, "_ROWS", rows)
        with pytest.raises(DataError) as caught:
            load(location)
        found.append(str(caught.value))
    assert found[0] == found[1]
    assert not [
        path for path in (location.folder() / "cache" / "tables").iterdir() if path.is_dir()
    ]


def test_a_table_is_converted_once_until_it_changes(write_table, monkeypatch):
    content = table()
    location = write_table(content)
    converted = []
    convert = reader._convert
    monkeypatch.setattr(reader, "_convert", lambda *a: converted.append(convert(*a)))
    with ThreadPoolExecutor(2) as pool:
        first, same = pool.map(load, [location] * 2)
    assert_same(first, same)
    assert_same(first, load(location))
    assert len(converted) == 1
    assert len(load(location, columns=("tempo",)).X.columns) == 1
    path = location.folder() / "features_30_sec.csv"
    before = path.stat()
    path.write_text(path.read_text().replace("blues.00003", "blues.00009"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert path.stat().st_size == before.st_size
    changed = load(location)
    assert "blues.00009" in changed.ids
    assert changed.fingerprint != first.fingerprint
    assert len(converted) == 3


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("values.npy", lambda path: path.write_bytes(path.read_bytes()[:-8])),
        ("values.npy", lambda path: np.save(path, np.zeros((2, 2)))),
        ("ids.npy", lambda path: path.unlink()),
        ("labels.npy", lambda path: path.write_bytes(b"")),
        ("meta.json", lambda path: path.write_text("{")),
        ("meta.json", lambda path: path.write_text("{}")),
    ],
)
def test_a_damaged_copy_is_made_again(write_table, name, damage):
    location = write_table(table())
    expected = load(location)
    expected = Dataset(**{**vars(expected), "X": expected.X.copy(), "ids": expected.ids.copy()})
    (copy,) = (location.folder() / "cache" / "tables").glob(f"*/{name}")
    (copy.parent / name).rename(copy.parent / "kept")  # the arrays at hand stay as they are
    (copy.parent / name).write_bytes((copy.parent / "kept").read_bytes())
    damage(copy)
    assert_same(load(location), expected)
    assert not (copy.parent / "kept").exists()


def test_the_short_ways_to_names_lead_to_the_same_names():
    draw = random.Random(0)
    for _ in range(3_000):
        name = "".join(draw.choices(["a", "b", ".", "0", "1", "/", " ", "\n", "٣"], k=8))
        for filename in (name, f"a.{name}", f"a.0000{name}.wav", f"{name}.wav"):
            assert track_id(filename, "a") == _by_rule(filename, "a")
        match = re.fullmatch(r"([^.]+\..+)\.\d+", name)
        (track,) = FeaturesView(segment_seconds=3)._tracks(np.array([name]))
        assert track == (match[1] if match else "")

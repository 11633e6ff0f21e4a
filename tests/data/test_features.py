"""The table: any order gives the same rows, and every fault in it is named by line and column."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.audio.features import FEATURE_COLUMNS
from gtzan_exp.basics.errors import DataError
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.fused import FusedView

from .conftest import place, table


def load(location, **options):
    return FeaturesView(**options).load(location, cache=location.folder() / "cache")


def mistakes(location, **options) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(location, **options)
    path = str(location.folder() / "features")
    return [str(mistake).replace(path, "features") for mistake in caught.value.mistakes]


def test_the_table_comes_out_as_it_is(write_table):
    content = table()
    dataset = load(write_table(content))
    np.testing.assert_array_equal(dataset.X, content[list(FEATURE_COLUMNS)])
    assert tuple(dataset.X.columns) == FEATURE_COLUMNS
    assert list(dataset.labels) == list(content["label"])
    assert list(dataset.ids) == list(dataset.tracks) == [n[:-4] for n in content["filename"]]
    assert dataset.classes == ("blues", "jazz", "rock")


def test_text_and_length_are_inputs_only_when_asked_for(write_table):
    content = table()
    location = write_table(content.sample(frac=1, axis=1, random_state=1))
    longer = load(location, extra_columns=("length",))
    assert list(longer.X.columns) == ["length", *FEATURE_COLUMNS]
    assert list(longer.X["length"]) == list(content["length"])
    assert longer.fingerprint != load(location).fingerprint
    assert list(load(location, columns=("tempo",)).X.columns) == ["tempo"]


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda t: t.sample(frac=1, random_state=1),
        lambda t: t.sample(frac=1, axis=1, random_state=1),
        lambda t: t.assign(filename=t["filename"].str.replace(".wav", ".au")),
        lambda t: t.assign(more=1),
        lambda t: t.rename(columns=" {} ".format),
        lambda t: t.to_csv(index=False, lineterminator="\r\n"),
        lambda t: "\ufeff" + t.to_csv(index=False),
        lambda t: t.to_csv(index=False).replace("\n", ",\n").replace("label,", "label", 1),
        lambda t: t.to_csv(index=False).replace("\n", "\n\n") + "\n\n",
    ],
    ids=[
        "rows",
        "columns",
        "au",
        "more columns",
        "blanks",
        "CRLF",
        "BOM",
        "commas at ends",
        "blank lines",
    ],
)
def test_another_form_of_the_same_table_is_the_same_dataset(write_table, rewrite):
    expected = load(write_table(table()))
    dataset = load(write_table(rewrite(table())))
    pd.testing.assert_frame_equal(dataset.X, expected.X)
    assert list(dataset.ids) == list(expected.ids)
    assert list(dataset.labels) == list(expected.labels)
    assert dataset.fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.assign(tempo=np.nextafter(t["tempo"], np.inf)),
        lambda t: t.assign(filename=t["filename"].str.replace("00003", "00009")),
        lambda t: t.assign(filename=[f"x{i}" for i in range(len(t))], label=t["label"][::-1]),
        lambda t: t[1:],
    ],
    ids=["a last digit", "an id", "the labels", "a row less"],
)
def test_another_table_has_another_fingerprint(write_table, change):
    before = load(write_table(table())).fingerprint
    assert load(write_table(change(table()))).fingerprint != before


def test_segments_know_their_track(write_table):
    location = write_table(table(segments=3).sample(frac=1, random_state=0), seconds=3)
    dataset = load(location, segment_seconds=3)
    assert list(dataset.ids[:4]) == [
        "blues.00000.0",
        "blues.00000.1",
        "blues.00000.2",
        "blues.00001.0",
    ]
    assert list(dataset.tracks[:4]) == ["blues.00000"] * 3 + ["blues.00001"]


def test_segments_that_are_missing_are_said(write_table):
    whole = table(segments=4)
    assert load(write_table(whole, seconds=3), segment_seconds=3).notes == ()
    gone = ["blues.00000.1.wav", "blues.00002.1.wav", "blues.00002.2.wav", "jazz.00000.3.wav"]
    gaps = load(write_table(whole[~whole["filename"].isin(gone)], seconds=3), segment_seconds=3)
    assert gaps.notes == (
        "at least 3 segments are missing, between others of 2 tracks, first blues.00000",
    )


def test_tracks_in_the_table_of_segments_are_refused(write_table):
    found = mistakes(write_table(table(tracks=2), seconds=3), segment_seconds=3)
    assert found[0] == (
        "features_3_sec.csv, row blues.00000: not named as a segment of a track; "
        "allowed: <genre>.<number>.<segment>, for example blues.00000.0.wav; got: blues.00000"
    )


def test_own_names_and_own_genres(write_table):
    own = pd.DataFrame(
        {
            "filename": ["001", "1e3", "my song.mp3", "b.00001.wav"],
            "a": 1.5,
            "label": ["NA", "NA", "b", "b"],
        }
    )
    dataset = load(write_table(own, classes=None), columns=("a",))
    assert list(dataset.ids) == ["NA.001", "NA.1e3", "b.00001", "b.my song"]
    assert dataset.classes == ("NA", "b")


@pytest.mark.parametrize(
    ("cell", "got"),
    [
        ("", "nothing"),
        ("nan", "nan"),
        ("NA", "NA"),
        ("-Infinity", "-inf"),
        ("1e400", "inf"),
        ("1e39", "1e+39"),
        ("loud", "loud"),
    ],
)
def test_a_cell_that_is_no_number_is_named(write_table, cell, got):
    content = table().astype({"tempo": object})
    content.loc[5, "tempo"] = cell
    assert mistakes(write_table(content)) == [
        "features_30_sec.csv, line 7, column tempo: not a finite number; "
        f"allowed: a number of size 3.4e+38 at most; got: {got}"
    ]


def test_lines_are_counted_as_an_editor_does(write_table):
    lines = table().to_csv(index=False).splitlines()
    lines[3] = lines[3].replace("blues.00002.wav", "")
    lines.insert(2, "")
    assert mistakes(write_table("\n".join(lines)))[0].startswith(
        "features_30_sec.csv, line 5, column filename: empty"
    )


def test_everything_wrong_with_a_table_is_said_at_once(write_table):
    content = table().drop(columns=["mfcc7_var"]).rename(columns={"tempo": "temp"})
    content.loc[0, "mfcc1_mean"] = np.inf
    content.loc[1, "rms_mean"] = np.nan
    content.loc[2, "label"] = " "
    content.loc[3, "filename"] = "blues.00000.wav"
    content.loc[4, "label"] = "jaz"
    content.loc[8, "label"] = "pop"
    content = content.iloc[:9]
    found = mistakes(write_table(content))
    assert [line.partition("; allowed")[0] for line in found] == [
        "features_30_sec.csv, column tempo: missing (nearest: temp)",
        "features_30_sec.csv, column mfcc7_var: missing (nearest: mfcc17_var)",
        "features_30_sec.csv, line 4, column label: empty",
        "features_30_sec.csv, line 3, column rms_mean: not a finite number",
        "features_30_sec.csv, line 2, column mfcc1_mean: not a finite number",
        "features_30_sec.csv, row blues.00000: in the table more than once",
        "features_30_sec.csv: unknown class (nearest: jazz)",
        "features_30_sec.csv: class 'pop' cannot be split",
    ]
    assert found[-2].endswith(f"allowed: {', '.join(GENRES)}; got: 'jaz' (1 track)")


def test_a_flood_of_mistakes_of_one_kind_hides_no_other(write_table):
    content = table().assign(tempo=np.nan)
    content.loc[0, "label"] = "blue"
    found = mistakes(write_table(content))
    assert len(found) == 12
    assert found[10] == "features_30_sec.csv: more of the same; allowed: none; got: 2 more"
    assert "unknown class (nearest: blues)" in found[11]


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        ("[{}]", r"numbers in brackets; allowed: .*\['tempo'\].*strip.*; got: \[.*12 cells in all"),
        (
            "{}",
            r"numbers with a decimal comma; allowed: .*decimal=','.*; got: -?0,\d+ in 'tempo'",
        ),
    ],
)
def test_numbers_in_the_habit_of_a_program_are_one_line_that_says_what_to_do(
    write_table, habit, said
):
    content = table().astype({"tempo": object})
    texts = [habit.format(tempo) for tempo in content["tempo"].clip(-0.9, 0.9)]
    content["tempo"] = [text if "[" in habit else text.replace(".", ",") for text in texts]
    (found,) = mistakes(write_table(content))
    assert re.match(f"features_30_sec.csv: {said}", found)


def test_another_table_with_all_its_columns(write_table, tmp_path):
    content = table()[["filename", "label"]].assign(b=np.arange(12.0) ** 2, a=1.5, word="x")
    location = write_table(table())
    content.reset_index().to_csv(tmp_path / "mine.csv")
    location = replace(location, table=Path("mine.csv"))
    view = FeaturesView(columns="all")
    dataset = view.load(location, cache=tmp_path / "cache")
    assert list(dataset.X.columns) == ["b", "a"]
    assert dataset.maker == FeaturesView(columns=("b", "a"))
    fused = FusedView(parts={"one": view, "other": FeaturesView(name="two", columns=("a",))})
    assert fused.load(location, cache=tmp_path).maker.parts["one"].columns == ("b", "a")
    (missing,) = mistakes(location)
    assert "57 of 57 input columns are missing" in missing
    assert "view.columns=" in missing


@pytest.mark.parametrize("label", ["x" * 5000, "two\nlines"])
def test_a_label_that_is_no_name_is_refused(write_table, label):
    content = table()
    content.loc[:1, "label"] = label
    found = mistakes(write_table(content, classes=None))
    assert any("not a name of a class" in line and len(line) < 300 for line in found)


def test_one_class_is_nothing_to_tell_apart(write_table):
    (found,) = mistakes(write_table(table(genres=("rock",))))
    assert "nothing to tell apart; allowed: 2 classes or more; got: 'rock'" in found


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "not a CSV table"),
        ("\n\n", "not a CSV table"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a CSV table"),
        (table().to_csv(index=False).encode("utf-16"), "not a CSV table"),
        (table().to_csv(index=False, sep=";"), "not a CSV table; allowed: comma-separated"),
        (table().to_csv(index=False) + "a,b" * 99, "not a CSV table"),
        (table().to_csv(index=False).replace("\n", ",9\n").replace(",9", "", 1), "not a CSV table"),
        (table()[:0].to_csv(index=False), "the table is empty"),
        (",".join(["filename", *FEATURE_COLUMNS, "label"]) + "\n" + "," * 58, "the table is empty"),
    ],
    ids=[
        "empty",
        "blank",
        "PNG",
        "UTF-16",
        "semicolons",
        "long line",
        "long lines",
        "header",
        "commas",
    ],
)
def test_what_is_no_table_is_refused_in_one_line(write_table, content, complaint):
    (found,) = mistakes(write_table(content))
    assert found.startswith(f"features_30_sec.csv: {complaint}")


def test_a_missing_table_names_the_option(tmp_path):
    (found,) = mistakes(place(tmp_path), segment_seconds=3)
    assert found.startswith(
        "data.root: no feature table there; allowed: a folder with features_3_sec"
    )


@pytest.mark.gtzan
@pytest.mark.parametrize(("seconds", "n_rows"), [(30, 1000), (3, 7901)])
def test_a_published_table_is_read_to_the_bit(gtzan_root, session_cache, seconds, n_rows):
    published = pd.read_csv(gtzan_root / f"features_{seconds}_sec.csv")
    names = published["filename"].str.rsplit(".", n=1).str[0]
    published = published.iloc[names.argsort()]
    view = FeaturesView(extra_columns=("length",), segment_seconds=seconds)
    dataset = view.load(place(gtzan_root), cache=session_cache)
    np.testing.assert_array_equal(dataset.X, published.drop(columns=["filename", "label"]))
    assert list(dataset.labels) == list(published["label"])
    assert list(dataset.ids) == sorted(names)
    assert (len(dataset), len(set(dataset.tracks))) == (n_rows, 1000)

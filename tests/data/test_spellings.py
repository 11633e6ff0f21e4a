"""A genre in several spellings is refused alike in tables and folders, or merged by data.labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gtzan_exp.audio.tracks import scan_tracks
from gtzan_exp.basics.errors import ConfigError, DataError
from gtzan_exp.cli import main
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.locations import Folder
from gtzan_exp.data.spectrograms import SpectrogramsView

from .conftest import table

SPELLINGS = ("Blues", "blues ", "ＢＬＵＥＳ")  # noqa: RUF001


def in_a_table(root: Path, other: str) -> None:
    content = table()
    content.loc[:1, "label"] = other
    content.to_csv(root / "features_30_sec.csv", index=False)


def in_folders(root: Path, other: str, name: str, suffix: str) -> None:
    import cv2

    picture = cv2.imencode(".png", np.random.default_rng(0).integers(0, 99, (16, 16, 3)))[1]
    for genre in ("blues", other, "jazz"):
        for number in range(2):
            path = root / name / genre / f"{genre}{number}{ord(genre[0])}{len(genre)}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture.tobytes())


def labels_of(place: str, root: Path, location: Folder) -> set[str]:
    """Return the genres that are read."""
    if place == "audio":
        return {track.genre for track in scan_tracks(root / "audio", location.labels)[0]}
    view = FeaturesView() if place == "table" else SpectrogramsView(height=8, width=8)
    return set(view.load(location, cache=root / "cache").classes)


@pytest.mark.parametrize("other", SPELLINGS)
@pytest.mark.parametrize("place", ["table", "pictures", "audio"])
def test_two_spellings_are_one_mistake_that_names_both_or_one_genre(tmp_path, place, other):
    if place == "table":
        in_a_table(tmp_path, other)
    else:
        where = ("images_original", ".png") if place == "pictures" else ("audio", ".wav")
        in_folders(tmp_path, other, *where)
    for classes in (None, ("blues", "jazz", "rock")):
        location = Folder(name="test", root=tmp_path, classes=classes)
        with pytest.raises(DataError) as caught:
            labels_of(place, tmp_path, location)
        (mistake,) = caught.value.mistakes
        assert mistake.what == "2 spellings of one genre"
        assert mistake.allowed.endswith("or data.labels={blues: blues} to merge them")
        assert sorted(mistake.got.split(" and ")) == sorted(
            f"{label!r} (2 {'files' if place == 'audio' else 'tracks'})"
            for label in ("blues", other)
        )
        for found in ("blues", other):
            merged = replace(location, labels={found: "blues"})
            assert labels_of(place, tmp_path, merged) - {"rock"} == {"blues", "jazz"}
    with pytest.raises(DataError, match=r"data.labels: no such label \(nearest: blues\)"):
        labels_of(place, tmp_path, replace(location, labels={"blue": "blues", other: "blues"}))


def test_a_genre_gets_another_name_in_ids_too(write_table):
    location = write_table(table(), classes=None)
    dataset = FeaturesView().load(replace(location, labels={"JAZZ": "swing"}), cache=location.root)
    assert set(dataset.classes) == {"blues", "rock", "swing"}
    assert "swing.jazz.00000" in dataset.ids
    assert "jazz" in FeaturesView().load(location, cache=location.root).classes


def test_labels_come_from_the_command_line(tmp_path, monkeypatch, capsys):
    in_a_table(tmp_path, "Blues")
    options = ["data=folder", f"data.root={tmp_path}"]
    cell = composed([*options, "data.labels={Blues: blues, hip hop: hiphop}"], resolve)
    assert cell.data.labels == {"Blues": "blues", "hip hop": "hiphop"}
    with pytest.raises(ConfigError, match=r"data.pieces: not a valid value.*'tracks' or 'group'"):
        composed([*options, "data.pieces=all"], resolve)
    in_folders(tmp_path, "Blues", "audio", ".wav")
    there = [f"data.audio={tmp_path / 'audio'}", f"data.root={tmp_path / 'views'}"]
    assert main(["prepare", *there]) == 2
    assert "2 spellings of one genre" in capsys.readouterr().err
    assert main(["prepare", *there, "data.labels={blues: blues}"]) == 1
    assert "6 failed" in capsys.readouterr().out


def test_names_that_differ_by_case_alone_are_named(write_table):
    content = table()
    content.loc[1, "filename"] = "blues.Intro.wav"
    content.loc[2, "filename"] = "blues.intro.wav"
    location = write_table(content)
    (note,) = FeaturesView().load(location, cache=location.root).notes
    assert note.startswith("1 names differ by case alone, such as blues.intro")

"""Second labels: which tracks a file names, and a line for what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.basics.errors import DataError
from gtzan_exp.data.contracts import Dataset
from gtzan_exp.data.selection import accepted_labels

TRACKS = np.array(["blues.00000", "blues.one song", "rock.00000", "rock.00001"]).repeat(2)
LABELS = np.array(["blues", "rock"]).repeat(4)
IDS = np.array([f"{track}.{n % 2}" for n, track in enumerate(TRACKS)])
DATA = Dataset("toy", False, "x", "", pd.DataFrame(), LABELS, IDS, TRACKS, ("blues", "rock"), "")


def found(tmp_path, *rows: str, dataset: Dataset = DATA) -> list[str]:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["label,filename", *rows]))
    return accepted_labels(path, DATA, dataset).tolist()


def test_tracks_are_named_as_files_and_pieces_and_others_keep_their_label(tmp_path):
    rows = ("blues | Rock,blues00000.png", "rock,blues/one song.mp3", "blues,rock.00001.1.wav")
    expected = ["blues|rock", "rock", "rock", "blues"]
    assert found(tmp_path, *rows) == np.repeat(expected, 2).tolist()


def test_tracks_that_are_not_used_may_be_named(tmp_path):
    used = replace(DATA, labels=LABELS[:4], tracks=TRACKS[:4], ids=IDS[:4])
    rows = ("blues,rock.00000.wav", "rock,blues.00000.au")
    assert found(tmp_path, *rows, dataset=used) == ["rock"] * 2 + ["blues"] * 2


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("rock,blues.00009.wav", r"line 3: no such track; .*; got: blues.00009.wav"),
        ("rok|blues,rock.00000.wav", r"line 3: no such label \(nearest: rock\); .*; got: 'rok'"),
        (",rock.00000.wav", r"line 3: no such label; allowed: blues, rock; got: ''"),
        ("blues,blues.00000.au", r"has other labels before; .*; got: rock and blues"),
        ("rock", "not a field for each column"),
    ],
)
def test_a_mistake_is_a_line(tmp_path, row, line):
    with pytest.raises(DataError, match=line) as caught:
        found(tmp_path, "rock,blues.00000.wav", row)
    assert len(caught.value.mistakes) == 1


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(DataError, match=r"data.relabel: is missing"):
        accepted_labels(tmp_path / "no.csv", DATA, DATA)

"""What identifies a run, seen from ``skip_finished`` and from ``compare``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pandas as pd
import pytest
from mlflow import MlflowClient
from pydantic.dataclasses import dataclass

from gtzan_exp.cli import main
from gtzan_exp.compare.summary import summary
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.data.contracts import Dataset, Location, Place
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.tracking.query import recorded_runs

RUN = ["data=folder", "view.columns=[x]", "tracking.log_model=false"]


@dataclass(frozen=True, kw_only=True)
class FileView(FeaturesView):
    """A table that lies anywhere."""

    file: Path

    def load(self, location: Location, *, cache: Path) -> Dataset:
        return super().load(replace(location, root=self.file.parent), cache=cache)


@dataclass(frozen=True, kw_only=True)
class PlacedView(FileView):
    file: Annotated[Path, Place.OF_DATA]


@pytest.fixture(autouse=True)
def two_places(workspace: Path) -> Path:
    """The same table, lists and groups in two folders, where one list has two names."""
    tracks = [f"{genre}.{i:05}.wav" for genre in ("a", "b") for i in range(10)]
    files = {
        "features_30_sec.csv": ["filename,x,label", *(f"{t},{t[-6:-4]},{t[0]}" for t in tracks)],
        "groups.csv": ["filename,group", *(f"{track},{track}" for track in tracks)],
        "splits/train.txt": tracks[::2],
    }
    for place, test in {"here": "test", "there": "other"}.items():
        (workspace / place / "splits").mkdir(parents=True)
        for name, lines in {**files, f"splits/{test}.txt": tracks[1::2]}.items():
            (workspace / place / name).write_text("\n".join(lines))
    return workspace


def is_skipped(capsys: pytest.CaptureFixture, *overrides: str) -> bool:
    """Run a cell unless a finished run stands for it; return whether one does."""
    assert main([*RUN, *overrides, "skip_finished=true"]) == 0
    return "skipped: run " in capsys.readouterr().out


def lines() -> pd.DataFrame:
    """Return the lines of a comparison, without those of its columns that say where things lie."""
    tracking = composed(["data=folder", "data.root=here"], resolve).tracking
    table = summary(recorded_runs(tracking))
    return table.drop(columns=["data_place", "split_files", "split_place", "fit_s"])


def in_file(view: type, place: str) -> list[str]:
    file = f"+view.file={place}/features_30_sec.csv"
    return ["data.root=here", f"view._target_={__name__}.{view.__name__}", file]


LISTS = ["split=lists", "split.dir=${data.splits}"]
GROUPS = ["split=group_kfold", "split.k=2"]
PLACES = {
    "table": (["data.root=here"], ["data.root=there"]),
    "lists": (["data.root=here", *LISTS], ["data.root=there", *LISTS, "split.test=other.txt"]),
    "groups": tuple(
        [f"data.root={place}", *GROUPS, f"split.groups={place}/groups.csv"]
        for place in ("here", "there")
    ),
    "a view of one's own": (in_file(PlacedView, "here"), in_file(PlacedView, "there")),
}


@pytest.mark.parametrize("kind", PLACES)
def test_the_same_in_another_place_is_done_already_and_one_line(two_places, capsys, kind):
    here, there = PLACES[kind]
    assert not is_skipped(capsys, *here)
    recorded_elsewise = ["name=x", "+tags.note=x", "tracking.log_model=true", "trainer.epochs=7"]
    assert is_skipped(capsys, *there, *recorded_elsewise)
    assert not is_skipped(capsys, *there, "seed=1", *(["split.seed=0"] if kind != "lists" else []))
    assert main([*RUN, *there]) == 0
    table = lines()
    assert table[["runs", "seeds"]].to_numpy().tolist() == [[3, 2]]

    client = MlflowClient(f"sqlite:///{two_places}/mlruns/mlflow.db")
    newest, *_, oldest = client.search_runs(["1"], "tags.task = 'train'")
    for run in (oldest, newest) if kind in ("table", "lists", "groups") else ():
        client.delete_tag(run.info.run_id, "places")  # as in records from before there was one
        pd.testing.assert_frame_equal(lines(), table)

    changed = two_places / "there" / "features_30_sec.csv"
    changed.write_text(changed.read_text().replace("00009.wav,09", "00009.wav,10"))
    assert not is_skipped(capsys, *there)
    assert len(lines()) == 2


def test_a_path_that_is_not_marked_is_an_option_like_others(capsys):
    assert not is_skipped(capsys, *in_file(FileView, "here"))
    assert not is_skipped(capsys, *in_file(FileView, "there"))
    assert lines()[["runs", "interval"]].to_numpy().tolist() == [[2, "range"]]

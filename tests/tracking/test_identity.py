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
from gtzan_exp.tracking.identity import recorded_options
from gtzan_exp.tracking.query import recorded_runs
from tests.data.conftest import table as feature_table

pytestmark = pytest.mark.usefixtures("no_pictures")

RUN = ["data=folder", "tracking.log_model=false"]
TABLE = feature_table(10, ("a", "b"))


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
    tracks = TABLE["filename"]
    for place, test in {"here": "test", "there": "other"}.items():
        (workspace / place / "splits").mkdir(parents=True)
        TABLE.to_csv(workspace / place / "features_30_sec.csv", index=False)
        TABLE.assign(group=tracks).to_csv(workspace / place / "groups.csv", index=False)
        for name, listed in {"train": tracks[::2], test: tracks[1::2]}.items():
            (workspace / place / "splits" / f"{name}.txt").write_text("\n".join(listed))
    return workspace


def is_skipped(capsys: pytest.CaptureFixture, *overrides: str) -> bool:
    """Run a cell unless a finished run stands for it; return whether one does."""
    assert main([*RUN, *overrides, "skip_finished=true"]) == 0
    return "skipped: run " in capsys.readouterr().err


def lines() -> pd.DataFrame:
    """Return the lines of a comparison, without those of its columns that say where things lie."""
    tracking = composed(["data=folder", "data.root=here"], resolve).tracking
    table = summary(recorded_runs(tracking))
    return table.drop(columns=["data_place", "split_files", "split_place", "fit_s"])


def in_file(view: type, place: str, where: str = "view") -> list[str]:
    file = f"+{where}.file={place}/features_30_sec.csv"
    return ["data.root=here", f"{where}._target_={__name__}.{view.__name__}", file]


def in_part(place: str) -> list[str]:
    two = ["view=fused", "+view@view.parts.placed=features", "view.views=[features,placed]"]
    return [*two, *in_file(PlacedView, place, "view.parts.placed")]


LISTS = ["split=lists", "split.dir=${data.splits}"]
GROUPS = ["split=group_kfold", "split.k=2"]
PLACES = {
    "table": (["data.root=here"], ["data.root=there"]),
    "lists": (["data.root=here", *LISTS], ["data.root=there", *LISTS, "split.test=other.txt"]),
    "groups": tuple(
        [f"data.root={place}", *GROUPS, f"split.groups={place}/groups.csv"]
        for place in ("here", "there")
    ),
    "a part of a view": (in_part("here"), in_part("there")),
    "a view of one's own": (in_file(PlacedView, "here"), in_file(PlacedView, "there")),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLACES)
def test_the_same_in_another_place_is_done_already_and_one_line(two_places, capsys, kind):
    here, there = PLACES[kind]
    assert not is_skipped(capsys, *here)
    recorded_elsewise = ["name=x", "+tags.note=x", "tracking.log_model=true", "trainer.epochs=7"]
    assert is_skipped(capsys, *there, *recorded_elsewise)
    assert not is_skipped(capsys, *there, "seed=1", *(["split.seed=0"] if kind != "lists" else []))
    assert main([*RUN, *there]) == 0
    table = lines()
    assert table[["runs", "seeds"]].to_numpy().tolist() == [[3, 1]]

    client = MlflowClient(f"sqlite:///{two_places}/mlruns/mlflow.db")
    newest, *_, oldest = client.search_runs(["1"], "tags.task = 'train'")
    for run in (oldest, newest) if kind in ("table", "lists", "groups") else ():
        client.delete_tag(run.info.run_id, "places")  # as in records from before there was one
        pd.testing.assert_frame_equal(lines(), table)

    TABLE.assign(tempo=0.0).to_csv(two_places / "there" / "features_30_sec.csv", index=False)
    assert not is_skipped(capsys, *there)
    assert len(lines()) == 2


@pytest.mark.slow
def test_a_path_that_is_not_marked_is_an_option_like_others(capsys):
    assert not is_skipped(capsys, *in_file(FileView, "here"))
    assert not is_skipped(capsys, *in_file(FileView, "there"))
    assert lines()[["runs", "interval"]].to_numpy().tolist() == [[2, "range"]]


@pytest.mark.slow
def test_other_second_labels_are_another_run_of_the_same_line(two_places, capsys):
    second = two_places / "second.csv"
    second.write_text("filename,label\na.00000.wav,b\n")
    plain, relabelled = ["data.root=here"], ["data.root=here", f"data.relabel='{second}'"]
    assert not is_skipped(capsys, *plain)
    assert not is_skipped(capsys, *relabelled)
    assert is_skipped(capsys, *plain)
    assert is_skipped(capsys, *relabelled)
    second.write_text("filename,label\na.00001.wav,a|b\n")
    assert not is_skipped(capsys, *relabelled)
    assert lines()[["runs", "seeds"]].to_numpy().tolist() == [[3, 1]]


def test_an_option_that_is_new_and_not_set_tells_no_runs_apart():
    before = {"model.C": "1", "seed": "0"}
    now = {**before, "data.genres": "None"}
    assert recorded_options(before, {})["options"] == recorded_options(now, {})["options"]
    now["data.genres"] = "['blues']"
    assert recorded_options(before, {})["options"] != recorded_options(now, {})["options"]

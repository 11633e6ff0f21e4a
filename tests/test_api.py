"""The Python API: the command line's results and errors, beside other MLflow code."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
from hydra import initialize_config_dir, version
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from pandas.testing import assert_frame_equal

import gtzan_exp as gx
from gtzan_exp import api
from gtzan_exp.cli import main
from gtzan_exp.config.compose import as_overrides
from tests.test_cli import VIEWS, here  # noqa: F401

MINE = {"data": "folder", "data.root": "views", "view.columns": ["x"]}


@pytest.fixture
def views(here, workspace) -> Path:  # noqa: F811
    """A working directory with a fresh store and the small table of `MINE`."""
    (here / "views").rename(workspace / "views")
    return workspace


def surroundings() -> tuple:
    root = logging.getLogger()
    return (
        dict(os.environ),
        Path.cwd(),
        list(sys.argv),
        (root.level, list(root.handlers)),
        (mlflow.get_tracking_uri(), mlflow.active_run().info.run_id),
        (GlobalHydra.instance().hydra, version.getbase()),
    )


@pytest.fixture
def other_code(views, tmp_path):
    """What a notebook may hold: an active run, autologging, and Hydra on other configs."""
    before = mlflow.get_tracking_uri()
    shutil.copy(views / "mlruns" / "mlflow.db", tmp_path / "theirs.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/theirs.db")
    mlflow.sklearn.autolog(silent=True)
    initialize_config_dir(str(views), version_base="1.2")
    with mlflow.start_run() as run:
        yield run
    mlflow.sklearn.autolog(disable=True)
    mlflow.set_tracking_uri(before)


def theirs_alone(run: mlflow.entities.Run) -> bool:
    """Whether the other code's run is the only one of its experiment, and empty."""
    found = mlflow.MlflowClient().get_run(run.info.run_id).data
    others = len(mlflow.search_runs([run.info.experiment_id])) - 1
    return not (found.metrics or found.params or others)


def test_a_run_gives_the_command_lines_numbers_and_leaves_all_else_as_it_was(other_code, capsys):
    before = surroundings()
    note = r"it's  a \'note\', 50 %\\"
    result = gx.run("split.test_size=0.4", model="svc", tags={"note": note}, **MINE)
    assert surroundings() == before
    assert theirs_alone(other_code)
    assert capsys.readouterr().out == f"{result}\n"
    assert all(f">{text}</t" in result._repr_html_() for text in ("val", "accuracy"))
    options = [*VIEWS, "split.test_size=0.4", "model=svc", "hydra.run.dir=by_command"]
    assert main([*options, "tracking.log_model=false"]) == 0
    same = json.loads(Path("by_command/result.json").read_text())["metrics"]
    measured = {key for key in same if "fit_seconds" not in key and "predict_ms" not in key}
    assert {key: result.metrics[key] for key in measured} == {key: same[key] for key in measured}
    assert set(result.metrics) == set(same)
    test = result.predictions.query("part == 'test'")
    assert (test["true"] == test["predicted"]).mean() == result.metrics["test/accuracy"]
    assert mlflow.get_run(result.run_id).data.tags["note"] == note


@pytest.mark.slow
def test_folds_sweeps_and_what_was_recorded_before(other_code):
    before = surroundings()
    result = gx.run(model="svc", **MINE)
    again = gx.run(model="svc", skip_finished=True, **MINE)
    folds = gx.run(split="kfold", name="in folds", **{**MINE, "split.k": 2})
    swept = gx.sweep(*VIEWS, model=["logreg", "svc"], seed=range(2))
    assert surroundings() == before
    assert theirs_alone(other_code)

    X = gx.load_data(**MINE).X
    assert (again.skipped, again.run_id) == (True, result.run_id)
    assert_frame_equal(again.predictions, result.predictions.reset_index(drop=True))
    for model in (again.model, gx.load_model(result)):
        np.testing.assert_allclose(model.predict_proba(X), result.model.predict_proba(X))
    assert folds.model is None
    assert sorted(folds.predictions["fold"].unique()) == [1, 2]

    assert swept.status == "FINISHED"
    assert [shlex.split(command)[-2:] for command in swept.jobs["overrides"]] == [
        [f"model={model}", f"seed={seed}"] for model in ("logreg", "svc") for seed in range(2)
    ]
    table = gx.compare("data=folder", parent=swept.run_id)
    assert table.groupby("model")["runs"].sum().to_dict() == {"logreg": 2, "svc": 2}
    assert gx.audit(**MINE, split="kfold").tag == "duplicate"


@pytest.mark.slow
def test_sound_goes_through_prepare_a_run_and_predict(workspace):
    sample = gx.load_data(experiment="smoke")
    sound = Path(sample.source).parent / "genres_original"
    kinds = {"audio": sound, "root": workspace / "my views"}
    (report,) = gx.prepare(data=kinds, views=["features"], segments=[30], n_jobs=1)
    assert (report.done, report.failed) == (len(sample), 0)
    result = gx.run(data="folder", **{"data.root": workspace / "my views"})
    song = next(sound.rglob("*.wav"))
    expected = result.predictions.set_index("id").loc[song.stem]
    found = gx.predict(result, song)
    assert list(found.index) == [str(song)]
    for genre in found:
        np.testing.assert_allclose(found.loc[str(song), genre], expected[f"p_{genre}"], atol=1e-4)
    assert len(gx.predict(result.run_id, [song, workspace / "no.wav"], on_error="skip")) == 1
    with pytest.raises(gx.GtzanExpError, match=r"no\.wav: cannot be opened"):
        gx.predict(result.run_id, [song, workspace / "no.wav"])
    page = gx.explore(data="folder", **{"data.root": report.root})
    assert page.page.is_file()


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (lambda: gx.run(modle="svc"), ["modle=svc"]),
        (lambda: gx.run("model.C=x", data="gtzan"), ["model.C=x", "data=gtzan"]),
        (lambda: gx.run(1), ["1=x"]),
        (lambda: gx.sweep(seed=[0, "x"]), ["-m", "seed=0,x"]),
        (lambda: gx.run(seed=[0, 1]), ["seed=[0,1]"]),
        (lambda: gx.compare(foo=1), ["compare", "foo=1"]),
        (lambda: gx.predict("nowhere", "a.wav"), ["predict", "model=nowhere", "a.wav"]),
        (lambda: gx.prepare(data={"audio": "a b"}), ["prepare", "data.audio=a\\ b"]),
        (lambda: gx.explore(track="x", config_dir="no"), ["explore", "--config-dir", "no"]),
    ],
)
def test_a_mistake_has_the_text_of_the_command_line(here, capsys, call, command):  # noqa: F811
    with pytest.raises(gx.GtzanExpError) as caught:
        call()
    lines = [line for line in str(caught.value).splitlines() if line]
    assert main(command) == 2
    said = capsys.readouterr().err.removeprefix("gtzan-exp: error: ").splitlines()
    said = [line.strip() for line in said if not line.endswith(" errors")]
    assert said == lines or command == ["1=x"]
    assert not (here / "mlruns").exists()


@pytest.mark.parametrize(
    "value",
    [
        *("svc", "it's", "a\\", "\\'", "null", "True", "1e3", " a b", "", "a,b", "{x}", "/my/für"),
        *(None, True, 0, -1.5, float("inf"), ["a b", 1, [2]], {"a": "b c"}),
    ],
    ids=repr,
)
def test_keywords_arrive_as_they_are(value):
    (text,) = as_overrides([], {"key": [value]})
    (override,) = OverridesParser.create().parse_overrides([text])
    assert override.value() == [value]


def test_a_sweep_tries_lists_and_what_is_new_gets_its_plus():
    keywords = {"sweep": "smoke", "tags": {"x": 1}, "seed": [0, 1], "model": {"C": (1, 2)}}
    expected = ["a=b", "+sweep=smoke", "+tags.x=1", "seed=0,1", "model.C=1,2"]
    assert as_overrides(["a=b"], keywords, sweep=True) == expected


def test_the_package_has_the_functions_of_its_api_and_imports_them_late():
    code = (
        "import sys, gtzan_exp as gx, gtzan_exp.run.runner, gtzan_exp.compare\n"
        "print(*(name for name in ('mlflow', 'gtzan_exp.api') if name in sys.modules))\n"
        "print(gx.run, gx.compare, set(gx.__all__) <= set(dir(gx)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, said = done.stdout.splitlines()
    assert imported == ""
    assert said.startswith("<function run at")
    assert said.endswith("True")
    assert all(hasattr(api, name) for name in gx.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gx.nothing  # noqa: B018

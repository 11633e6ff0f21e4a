"""The guide's examples are run as they stand, and the contract tests find them by themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from gtzan_exp.models.build import n_parameters
from gtzan_exp.tracking.models import load_model
from tests.contracts import cell, check_model, check_split, check_view
from tests.run.test_runner import run, store

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("my_package", "my_views", "my_splits")


def write_examples(modules: Path, conf: Path) -> None:
    """Write the guide's modules into one folder and its files of groups into another."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    for name, text in zip(MODULES, re.findall(r"```python\n(.*?)```", guide, re.S), strict=True):
        (modules / f"{name}.py").write_text(text)
    for path in re.findall(r"`conf/(\w+/\w+\.yaml)`", guide):
        (text,) = re.findall(rf"```yaml\n([^`]*\nname: {Path(path).stem}\n.*?)```", guide, re.S)
        (conf / path).parent.mkdir(parents=True, exist_ok=True)
        (conf / path).write_text(text)


@pytest.fixture
def examples(workspace, monkeypatch):
    """The guide's files in ``my_conf``, and its modules on the path."""
    write_examples(workspace, workspace / "my_conf")
    monkeypatch.syspath_prepend(workspace)
    yield
    for module in MODULES:
        sys.modules.pop(module, None)


def test_the_guides_examples_make_a_run(examples, workspace, capsys):
    choices = ["view=tempo", "split=last_digits", "model=knn", "model.n_neighbors=9"]
    result, _ = run(capsys, "--config-dir", "my_conf", *choices)
    assert [result["tags"][key] for key in ("view", "split", "model")] == [
        "tempo",
        "last_digits",
        "knn",
    ]
    mlflow.set_tracking_uri(store(workspace))
    uri = f"runs:/{result['run_id']}/model"
    knn = load_model(uri, trusted=("my_views.TempoView",))[-1]
    assert (knn.n_features_in_, knn.n_neighbors) == (1, 9)
    with pytest.raises(Exception, match=r"not trusted.*my_views\.TempoView"):
        load_model(uri)


def test_the_guides_examples_keep_their_contracts(examples, tmp_path):
    mine = {"config_dir": "my_conf"}
    check_view(cell("view=tempo", **mine))
    check_model(cell("model=knn", **mine), tmp_path / "knn")
    small = ["trainer=smoke", "view=spectrograms", "model=tiny_cnn", "model.filters=4"]
    check_model(cell(*small, **mine), tmp_path / "tiny_cnn")
    saved = str(tmp_path / "tiny_cnn" / "model")
    with pytest.raises(Exception, match=r"not trusted.*my_package\.TinyCNN"):
        load_model(saved)
    network = load_model(saved, trusted=("my_package.TinyCNN",))
    assert n_parameters(network) == 3 * 9 * 4 + 4 + 4 * 10 + 10
    found = cell("split=last_digits", "view.segment_seconds=3", **mine)
    check_split(found, found.view.load(found.data, cache=found.cache))


@pytest.mark.slow
def test_files_that_are_added_are_tested_without_a_list_to_edit(tmp_path, session_cache):
    """A copy of the project with the guide's files in it, and nothing else of it changed."""
    for folder in ("gtzan_exp", "hydra_plugins", "conf", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    write_examples(tmp_path, tmp_path / "conf")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["tests/test_contracts.py", "tests/test_cli.py", "-k"]
    added = ["test_a_model[knn]", "test_a_model[tiny_cnn]", "test_a_view[tempo]"]
    added += ["test_a_split[last_digits]", "test_help_names_every_command_and_choice"]
    added += ["test_help_fits_a_screen[--help-]"]
    names = " or ".join(re.findall(r"\[(\w+)\]", " ".join(added)))
    done = subprocess.run(
        [*command, f"{names} or test_help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    for name in added:
        assert f"{name} PASSED" in done.stdout

"""The guide's examples are run as they stand, and the contract tests find them by themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import mlflow
import pytest

from gtzan_exp.models.validation import n_parameters
from gtzan_exp.tracking.models import load_model
from tests.contracts import cell, check_model, check_split, check_view, write_segments
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
    """The guide's modules in the working directory, and its files of groups in ``my_conf``."""
    write_examples(workspace, workspace / "my_conf")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield
    for module in MODULES:
        sys.modules.pop(module, None)


def test_the_guides_examples_make_a_run(examples, workspace, capsys):
    choices = ["experiment=smoke", "view=tempo", "split=last_digits", "model=svc"]
    result, _ = run(capsys, "--config-dir", "my_conf", *choices)
    assert (result["tags"]["view"], result["tags"]["split"]) == ("tempo", "last_digits")
    mlflow.set_tracking_uri(store(workspace))
    uri = f"runs:/{result['run_id']}/model"
    assert load_model(uri, trusted=("my_views.TempoView",))[-1].n_features_in_ == 1
    with pytest.raises(Exception, match=r"not trusted.*my_views\.TempoView"):
        load_model(uri)


def test_the_guides_examples_keep_their_contracts(examples, tmp_path):
    mine = partial(cell, "experiment=smoke", config_dir="my_conf")
    check_view(mine("view=tempo"))
    check_model(mine("model=rf", "model.max_depth=3"), tmp_path / "rf")
    write_segments(tmp_path)
    segments = ["data=folder", f"data.root={tmp_path}", "view.segment_seconds=3"]
    found = cell("split=last_digits", *segments, config_dir="my_conf")
    check_split(found, found.view.load(found.data, cache=found.cache))


@pytest.mark.slow
def test_the_guides_network_keeps_its_contract(examples, tmp_path):
    small = ["experiment=smoke", "view=spectrograms", "model=tiny_cnn", "model.filters=4"]
    check_model(cell(*small, config_dir="my_conf"), tmp_path)
    saved = str(tmp_path / "model")
    with pytest.raises(Exception, match=r"not trusted.*my_package\.TinyCNN"):
        load_model(saved)
    network = load_model(saved, trusted=("my_package.TinyCNN",))
    assert n_parameters(network) == 3 * 9 * 4 + 4 + 4 * 10 + 10


@pytest.mark.slow
def test_files_that_are_added_are_tested_without_a_list_to_edit(tmp_path, monkeypatch):
    """A copy of the project with the guide's files in it, and nothing else of it changed."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for folder in ("gtzan_exp", "hydra_plugins", "conf", "tests"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    write_examples(tmp_path, tmp_path / "conf")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/test_contracts.py"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    for name in ("view[tempo]", "split[last_digits]", "model[rf]", "model[tiny_cnn]"):
        assert f"tests/test_contracts.py::test_a_{name}" in listed.stdout
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "help"]
    subprocess.run([*command, "tests/test_cli.py"], cwd=tmp_path, check=True)

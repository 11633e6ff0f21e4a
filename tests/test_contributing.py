"""The guide's examples of a new model are run as they stand."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from gtzan_exp.tracking.models import load_model
from tests.run.test_runner import run, store

GUIDE = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text()


@pytest.fixture
def examples(workspace, monkeypatch):
    """A config folder with the guide's models and view, and its modules on the path."""
    for group, key in (("model", "input:"), ("view", "gives:")):
        (workspace / "my_conf" / group).mkdir(parents=True)
        for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL):
            name = re.search(r"^name: (\w+)", text, re.MULTILINE)
            if key in text:
                (workspace / "my_conf" / group / f"{name[1]}.yaml").write_text(text)
    network, view = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (workspace / "my_package.py").write_text(network)
    (workspace / "my_views.py").write_text(view)
    monkeypatch.syspath_prepend(workspace)
    yield
    for module in ("my_package", "my_views"):
        sys.modules.pop(module, None)


@pytest.mark.slow
def test_a_scikit_learn_model_is_one_file(examples, workspace, capsys):
    result, _ = run(capsys, "--config-dir", "my_conf", "model=knn", "model.n_neighbors=3")
    assert result["metrics"]["test/accuracy"] > 0.2


@pytest.mark.slow
def test_a_network_is_one_class_and_one_file(examples, workspace, capsys):
    import mlflow

    options = ["experiment=smoke", "view=spectrograms", "model=tiny_cnn", "model.filters=4"]
    result, _ = run(capsys, "--config-dir", "my_conf", *options)
    assert result["metrics"]["n_parameters"] == 3 * 9 * 4 + 4 + 4 * 10 + 10
    mlflow.set_tracking_uri(store(workspace))
    uri = f"runs:/{result['run_id']}/model"
    assert load_model(uri, trusted=("my_package.TinyCNN",))
    with pytest.raises(Exception, match=r"not trusted.*my_package\.TinyCNN"):
        load_model(uri)


def test_a_view_is_one_class_and_one_file(examples, workspace, capsys):
    import mlflow

    result, _ = run(capsys, "--config-dir", "my_conf", "view=tempo", "model=svc")
    assert result["tags"]["view"] == "tempo"
    mlflow.set_tracking_uri(store(workspace))
    uri = f"runs:/{result['run_id']}/model"
    assert load_model(uri, trusted=("my_views.TempoView",))[-1].n_features_in_ == 1
    with pytest.raises(Exception, match=r"not trusted.*my_views\.TempoView"):
        load_model(uri)

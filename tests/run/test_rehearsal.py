"""Every classifier is saved and predicts the same, or is refused in a line before it is trained."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import all_estimators
from xgboost import XGBClassifier, XGBRFClassifier

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.basics.errors import GtzanExpError
from gtzan_exp.cli import main
from gtzan_exp.config.cell import Cell
from gtzan_exp.data.contracts import Dataset, Split
from gtzan_exp.models.build import build, fit
from gtzan_exp.run import rehearsal
from gtzan_exp.run.rehearsal import rehearse
from gtzan_exp.tracking.models import load_logged, save_model
from tests.contracts import cell
from tests.data.conftest import table
from tests.run.test_runner import run, store

pytestmark = pytest.mark.usefixtures("no_pictures")

PARTS = {
    "estimator": LogisticRegression(),
    "estimators": [["a", LogisticRegression()], ["b", LogisticRegression(C=2.0)]],
}
REFUSED = {
    "ClassifierChain": "tuple index out of range",
    "FixedThresholdClassifier": "Only binary classification is supported",
    "MultiOutputClassifier": "y must have at least two dimensions",
    "OutputCodeClassifier": "has no attribute 'predict_proba'",
    "SelfTrainingClassifier": "If you wish to predict on string targets",
    "TunedThresholdClassifierCV": "Only binary classification is supported",
    "VotingClassifier": "has no attribute 'predict_proba'",
}


class Mine(LogisticRegression):
    """A class of the user's own."""


OWN = """
import numpy as np
from sklearn.linear_model import LogisticRegression

class Part:
    pass

class Good(LogisticRegression):
    pass

class Forgets(LogisticRegression):
    def __getstate__(self):
        return {**super().__getstate__(), "coef_": np.zeros_like(self.coef_)}

class Grows(LogisticRegression):
    def fit(self, X, y):
        if len(X) > self.random_state:
            self.part_ = Part()
        return super().fit(X, y)

class NoEstimator:
    def fit(self, X, y):
        return self
"""


def classifiers() -> list:
    kinds = [kind for _, kind in all_estimators(type_filter="classifier")]
    found = []
    for kind in (*kinds, XGBClassifier, XGBRFClassifier, Mine):
        parameters = signature(kind).parameters
        options = {name: PARTS[name] for name in PARTS if name in parameters}
        options |= {"n_estimators": 5} if "n_estimators" in parameters else {}
        found.append(pytest.param(kind(**options), id=kind.__name__))
    for metric in ("manhattan", "chebyshev", "canberra", "hamming", "jaccard"):
        near = KNeighborsClassifier(algorithm="ball_tree", metric=metric)
        found.append(pytest.param(near, id=metric))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple[Cell, Dataset, Split]:
    root = tmp_path_factory.mktemp("data")
    table(20).to_csv(root / "features_30_sec.csv", index=False)
    columns = "view.columns=[tempo,rms_mean,rms_var,mfcc1_mean,mfcc2_mean]"
    found = cell(
        "data=folder", f"data.root='{root}'", "model=logreg", "model.scaler=minmax", columns
    )
    dataset = found.view.load(found.data, cache=root / "cache")
    return found, dataset, found.split.split(dataset)


@pytest.mark.parametrize("classifier", classifiers())
def test_what_is_not_refused_comes_back_as_it_was(data, classifier, request, tmp_path, monkeypatch):
    monkeypatch.setattr(rehearsal, "_rehearsed", set())
    found, dataset, split = data
    own = (f"{Mine.__module__}.Mine",)
    found = replace(found, classifier=classifier, model=replace(found.model, trusted_types=own))
    reason = REFUSED.get(request.node.callspec.id)
    if reason is not None:
        with pytest.raises(GtzanExpError) as caught:
            rehearse(found, dataset, split)
        (mistake,) = caught.value.mistakes
        assert reason in str(mistake)
        return
    rehearse(found, dataset, split)
    rows = split.folds[0].train
    X, y = dataset.take(rows), dataset.labels[rows]
    fitted = fit(build(found.model, classifier, found.view.gives), X, y, X[:0], y[:0]).estimator
    save_model(tmp_path / "m", fitted, dataset, found.view, PrepareSettings(), trusted=own)
    again = load_logged(str(tmp_path / "m"), trusted=own).estimator
    np.testing.assert_allclose(again.predict_proba(X), fitted.predict_proba(X), rtol=1e-6)
    assert set(again.predict(X)) <= set(dataset.classes)


def test_a_rehearsal_is_once_in_a_process_and_of_foreign_classes(data, monkeypatch):
    found, dataset, split = data
    fitted, really = [], rehearsal._fitted
    monkeypatch.setattr(rehearsal, "_fitted", lambda *how: fitted.append(how) or really(*how))
    monkeypatch.setattr(rehearsal, "_rehearsed", set())
    rehearse(found, dataset, split)
    assert not fitted
    mine = replace(found, classifier=Mine(), tracking=replace(found.tracking, log_model=False))
    for inverse in (1.0, 2.0):
        rehearse(replace(mine, classifier=Mine(C=inverse)), dataset, split)
        rehearse(replace(mine, classifier=BaggingClassifier(Mine(C=inverse))), dataset, split)
    assert len(fitted) == 2


@pytest.fixture
def own(workspace, monkeypatch):
    """A module with classes of one's own, and a small table, in the working directory."""
    table(20).to_csv("features_30_sec.csv", index=False)
    Path("few").mkdir()
    table(3).to_csv("few/features_30_sec.csv", index=False)
    Path("own_models.py").write_text(OWN)
    Path("conf/model").mkdir(parents=True)
    for name in ("Good", "Forgets", "Grows", "NoEstimator"):
        text = f"name: {name}\ninput: vector\n_target_: own_models.{name}\n"
        Path(f"conf/model/{name}.yaml").write_text(text)
    yield ["--config-dir", "conf", "data=folder", "data.root=."]
    sys.modules.pop("own_models", None)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["model=Forgets"], "does not predict the same once it is saved and loaded; allowed: "),
        (
            ["model=Grows", "model.random_state=5"],
            "allowed: model.trusted_types=[own_models.Part] ",
        ),
        (
            ["model=NoEstimator"],
            "model._target_: does not fit; allowed: a class with 'fit', ",
        ),
        (["model=svc", "data.root=few"], "too few training rows of a genre to calibrate "),
    ],
)
def test_what_cannot_be_saved_is_refused_in_a_line_before_training(own, capsys, options, line):
    assert main(["validate", *own, *options]) == 2
    with suppress(SystemExit):
        assert main([*own, *options]) == 2
    *_, last = (lines := capsys.readouterr().err.splitlines())
    assert line in last
    assert lines.count(last) == 2
    assert not list(Path.cwd().rglob("record"))


def test_a_run_whose_model_cannot_be_saved_after_all_keeps_all_else(own, workspace, capsys, caplog):
    options = [*own, "model=Grows", "model.random_state=35"]  # of 42 rows, 30 are rehearsed with
    result, _ = run(capsys, *options)
    what, remedy = "holds types that are not trusted", "model.trusted_types=[own_models.Part]"
    assert f"goes on without a model: model: {what}; allowed: {remedy}" in result["printed"]
    client = MlflowClient(store(workspace))
    record = client.get_run(result["run_id"])
    assert (record.info.status, record.outputs.model_outputs) == ("FINISHED", [])
    files = {file.path for file in client.list_artifacts(result["run_id"])}
    assert {"no_model.txt", "predictions.parquet", "confusion_matrix.png"} <= files
    with_model, _ = run(capsys, *options, remedy)
    assert with_model["metrics"]["test/accuracy"] == result["metrics"]["test/accuracy"]
    uri = f"{workspace}/mlruns"
    (folder,) = [path.parent for path in Path(uri).rglob("MLmodel")]
    with pytest.raises(GtzanExpError, match=r"trusted_types=\[own_models.Grows,own_models.Part\]"):
        load_logged(str(folder))
    again = load_logged(str(folder), trusted=("own_models.Grows", "own_models.Part"))
    assert type(again.estimator[-1]).__name__ == "Grows"

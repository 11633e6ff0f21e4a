"""Every file in ``conf/view``, ``conf/split`` and ``conf/model`` keeps its contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from sklearn.linear_model import LogisticRegression

from gtzan_exp.config.files import choices, conf_folder
from gtzan_exp.data.contracts import Dataset, Fold, Split, fingerprint
from gtzan_exp.data.splits import Holdout
from tests.contracts import SMALLER, cell, check_model, check_split, check_view, write_segments
from tests.pairs import a_view_for_each_model

VIEWS = a_view_for_each_model()
MODELS = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SMALLER else [])
    for name in choices("model")
]


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Dataset]:
    """The options that lead to the data for splits, and the data."""
    root = tmp_path_factory.mktemp("segments")
    write_segments(root)
    options = ["data=folder", f"data.root={root}", "view.segment_seconds=3"]
    found = cell(*options)
    return options, found.view.load(found.data, cache=root / "cache")


@pytest.mark.parametrize("view", choices("view"))
def test_a_view(workspace, view):
    check_view(cell("experiment=smoke", f"view={view}"))


@pytest.mark.parametrize("split", choices("split"))
def test_a_split(workspace, segments, split):
    options, dataset = segments
    if "dir" in OmegaConf.load(conf_folder() / "split" / f"{split}.yaml"):
        options = [*options, "split.dir=${data.splits}"]
    check_split(cell(f"split={split}", *options), dataset)


@pytest.mark.parametrize("model", MODELS)
def test_a_model(workspace, tmp_path: Path, model):
    options = ["experiment=smoke", "trainer.epochs=1", *SMALLER.get(model, [])]
    view = VIEWS.get(model, "features")  # a model that no view fits is refused
    check_model(cell(f"view={view}", f"model={model}", *options), tmp_path)


class Guesses(LogisticRegression):
    """It gives other probabilities each time."""

    def predict_proba(self, X):
        return np.random.default_rng().dirichlet(np.ones(len(self.classes_)), len(X))


class Straddles(Holdout):
    """It puts the segments of a track into both parts and says nothing of it."""

    def split(self, dataset):
        rows = np.arange(len(dataset))
        fold = Fold(rows[::2], rows[:0], rows[1::2])
        return Split(self.name, (fold,), fingerprint(dataset, (fold,)))


def test_a_broken_contract_is_noticed(workspace, segments, tmp_path):
    options, dataset = segments
    found = cell("view=features", "model=logreg", *options)
    with pytest.raises(AssertionError):
        check_model(replace(found, classifier=Guesses()), tmp_path)
    with pytest.raises(AssertionError):
        check_split(replace(found, split=Straddles()), dataset)

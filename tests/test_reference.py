"""The reference of options says of each field its type, its comment and its default."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("griffe")
_spec = importlib.util.spec_from_file_location("hooks", Path(__file__).parents[1] / "docs/hooks.py")
hooks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hooks)


@pytest.mark.parametrize(
    ("target", "option", "expected"),
    [
        ("models.trainer.Trainer", "epochs", "int|At most so many passes over the training part"),
        ("data.folds.GroupKFold", "repeats", "int|With different draws"),
        ("data.splits.Notebook", "test_size", "float or null|Of the rows; the notebook's for"),
        ("data.features.FeaturesView", "columns", "list of str or all or null|The input columns;"),
        ("models.networks.AlexNet", "random_state", "int|Seeds Python, NumPy, the backend and"),
        ("models.vote.Vote", "seeds", "int|Number of fits of each member"),
    ],
)
def test_an_option_is_described_where_it_is_declared(target, option, expected):
    kind, meaning, default = hooks._described(f"gtzan_exp.{target}")[option]
    assert f"{kind}|{meaning}".startswith(expected)
    assert default is not None or "null" in kind

"""What is found out about data once is found again, and never for other data or another split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.data.contracts import Dataset
from gtzan_exp.data.splits import Holdout
from gtzan_exp.evaluation import audit as audit_module
from gtzan_exp.evaluation import remembered
from gtzan_exp.evaluation.audit import audit
from gtzan_exp.evaluation.remembered import Remembered


@pytest.fixture
def data() -> Dataset:
    ids = np.array([f"{genre}.{i:05}" for genre in "ab" for i in range(20)])
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 30)))
    labels = np.array([name[0] for name in ids])
    return Dataset("toy", False, "features", "", X, labels, ids, ids, ("a", "b"), "")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The splits that were audited anew."""
    made = []

    def counted(dataset, split):
        made.append(split.fingerprint)
        return measure(dataset, split)

    measure = audit_module._audit
    monkeypatch.setattr(audit_module, "_audit", counted)
    return made


def test_runs_that_share_data_and_split_share_the_audit(data, calls):
    splits = [Holdout(seed=seed).split(data) for seed in (0, 1, 0, 1)]
    found = [audit(data, split) for split in splits]
    assert calls == [split.fingerprint for split in splits[:2]]
    assert found[0] is found[2]
    assert found[1] is found[3]
    pd.testing.assert_frame_equal(found[0].found, audit(replace(data), splits[0]).found)


def test_what_the_audit_depends_on_is_part_of_what_it_is_known_by(data, calls):
    split = Holdout().split(data)
    artists = np.array(["x"] * len(data))
    others = [replace(split, leaks=("track",)), replace(split, artists=artists)]
    tags = [audit(data, one).tag for one in (split, *others)]
    assert tags == ["none", "track", "artist"]
    assert audit(replace(data, artists=artists), split).tag == "artist"
    assert len(calls) == 4


def test_old_findings_and_those_on_data_that_is_gone_are_let_go(data, monkeypatch):
    monkeypatch.setattr(remembered, "_MAX_ROWS", 2 * len(data))
    kept: Remembered[int] = Remembered()
    assert [kept.get(data, key, lambda key=key: key) for key in (1, 2, 3)] == [1, 2, 3]
    assert [kept.get(data, key, lambda: 0) for key in (3, 2, 1)] == [3, 2, 0]
    gone = replace(data)
    kept.get(gone, 1, lambda: 5)
    del gone
    assert kept.get(replace(data), 1, lambda: 6) == 6

"""The protocols on the real data: who is shared, and what that does to the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from gtzan_exp.cli import main
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.evaluation.audit import audit
from tests.run.test_runner import run

pytestmark = pytest.mark.gtzan


def cell(*overrides: str):
    found = composed(["data=gtzan", *overrides], resolve)
    dataset = found.view.load(found.data, cache=found.cache)
    return dataset, found.split.split(dataset)


def test_fault_filtered_is_the_published_split(workspace, gtzan_root):
    dataset, split = cell("split=fault_filtered")
    (fold,) = split.folds
    assert [len(rows) for _, rows in fold.parts()] == [443, 197, 290]
    found = audit(dataset, split)
    assert 0 < found.shares["artist"] < 0.05
    assert found.shares["duplicate"] == found.shares["near_duplicate"] == 0


def test_a_stratified_split_shares_its_artists(workspace, gtzan_root):
    found = audit(*cell("split=holdout"))
    assert found.shares["artist"] == pytest.approx(0.82, abs=0.03)
    assert found.tag == "artist+duplicate"


def test_artist_folds_share_none(workspace, gtzan_root):
    assert audit(*cell("split=group_kfold")).shares["artist"] == 0


@pytest.mark.parametrize(
    ("options", "most"),
    [
        (["split=group_kfold"], 0.0),
        (["split=fault_filtered", "split.val=null"], 0.0),
        (["split=fault_filtered"], 0.05),
        (["split=kfold"], 1.0),
    ],
)
def test_validation_tracks_know_no_more_artists_than_test_tracks(
    workspace, gtzan_root, options, most
):
    """Of the part that a network is stopped by, under each protocol."""
    found = composed(["data=gtzan", "model=cnn1d", *options], resolve)
    dataset = found.view.load(found.data, cache=found.cache)
    for fold in found.parts(dataset).folds:
        artists = [dataset.artists[rows] for _, rows in fold.parts()]
        known = np.isin(artists[1], artists[0]).mean()
        assert known <= most
        assert (known > 0.5) == (most == 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "shared"), [("notebook", 1), ("kfold", 0), ("group_kfold", 0), ("fault_filtered", 0)]
)
def test_segments_of_real_tracks_straddle_in_the_notebooks_protocol_alone(
    workspace, gtzan_root, split, shared
):
    dataset, found = cell("view.segment_seconds=3", f"split={split}")
    assert len(dataset) == 7901
    assert dataset.notes[0].startswith("at least 1486 segments are missing")
    assert audit(dataset, found).shares["track"] == pytest.approx(shared, abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "accuracy"), [("kfold", 0.72), ("fault_filtered", 0.56), ("group_kfold", 0.54)]
)
def test_logreg_scores_near_the_known_numbers(workspace, gtzan_root, capsys, split, accuracy):
    result, _ = run(capsys, "data=gtzan", f"split={split}", "tracking.log_model=false")
    assert result["metrics"]["test/accuracy"] == pytest.approx(accuracy, abs=0.025)


@pytest.mark.parametrize(
    ("split", "low", "high"), [("holdout", 78, 85), ("fault_filtered", 4, 5), ("group_kfold", 0, 0)]
)
def test_audit_prints_the_known_shares(workspace, gtzan_root, capsys, split, low, high):
    assert main(["audit", "data=gtzan", f"split={split}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (artist,) = [line.split() for line in lines if line.startswith("  artist") and "%" in line]
    assert low <= float(artist[1].rstrip("%")) <= high
    assert "  duplicate       14 pairs, 1 across genres" in lines
    assert not list(workspace.rglob("outputs"))

"""The model card of a run, read back from MLflow, against its metrics and files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.metrics import confusion_matrix

import gtzan_exp as gx
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.config.hydra_session import arguments


def tables(card: str) -> list[dict[str, list[str]]]:
    """Return the tables of a card: for each, the cells of its lines by their first cell."""
    blocks = [block for block in card.split("\n\n") if block.startswith("|")]
    lines = [[line.split("|")[1:-1] for line in block.splitlines()] for block in blocks]
    return [{first.strip(): [*map(str.strip, rest)] for first, *rest in some} for some in lines]


def recorded(run_id: str) -> tuple[str, dict[str, float], dict[str, str], MlflowClient]:
    client = MlflowClient(f"sqlite:///{Path.cwd()}/mlruns/mlflow.db")
    run = client.get_run(run_id)
    mlflow.set_tracking_uri(client.tracking_uri)
    card = mlflow.artifacts.load_text(f"runs:/{run_id}/model_card.md")
    assert run.data.tags["mlflow.note.content"] == card
    return card, run.data.metrics, run.data.tags, client


def test_a_card_says_what_the_run_recorded_and_is_the_note_of_its_model(workspace):
    registry = {"registry": "genres"}
    options = {"experiment": "smoke", "model": "logreg", "tracking": registry}
    result = gx.run(tags={"note": "it's a | b"}, name="first", **options)
    card, metrics, tags, client = recorded(result.run_id)
    (output,) = client.get_run(result.run_id).outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert model.tags["mlflow.note.content"] == card
    assert client.get_model_version("genres", "1").description == card

    scores, genres = tables(card)
    facts = dict(re.findall(r"- \*\*(.+):\*\* (.+)", card))
    low, high = (metrics[f"{end}/test/accuracy"] for end in ("ci_low", "ci_high"))
    assert card.startswith(
        f"# Model card: first\n\n**Test accuracy {metrics['test/accuracy']:.3f} "
        f"(95 % interval {low:.2f} to {high:.2f})**\n20 tracks of 19 artists, holdout\n\n"
        "**The data is SYNTHETIC"
    )
    command = card.partition("```sh\n")[2].partition("\n```")[0]
    program, *overrides = shlex.split(command)
    assert program == "gtzan-exp"
    assert composed(overrides, resolve).tags == {"note": "it's a | b"}

    assert facts["data"] == f"sample, SYNTHETIC, `{tags['data_fingerprint']}`"
    assert facts["split"] == f"holdout, seed 0, `{tags['split_fingerprint']}`"
    assert facts["tracks"] == "50 train, 10 val, 20 test"
    assert facts["sound"] == "mono, 22,050 Hz"
    assert facts["leak"] == result.leak
    assert f"artist {metrics['leak/artist']:.0%}" in facts["known to train"]
    assert facts["model"].startswith(f"logreg, {metrics['n_parameters']:.0f} parameters, ")
    assert facts["identity"] == f"code `{tags['code']}`, run `{tags['config_hash']}`"
    assert f"artists of {metrics['leak/artist']:.0%} of the test tracks" in card

    names = ["accuracy", "macro_f1", "balanced_accuracy", "log_loss", "brier", "ece"]
    assert scores["part"] == names
    for part in ("train", "val", "test"):
        assert scores[part] == [f"{metrics[f'{part}/{name}']:.3f}" for name in names]
    assert scores["95 % low"] == [f"{low:.3f}", *[""] * 5]
    assert scores["95 % high"] == [f"{high:.3f}", *[""] * 5]
    test = result.predictions.query("part == 'test'")
    mean = test.filter(regex="^p_").max(axis=1).mean()
    assert f"{mean:.3f} probable on average" in card
    labels = sorted(set(test["true"]))
    wrong = pd.DataFrame(confusion_matrix(test["true"], test["predicted"]), labels, labels)
    for genre in labels:
        f1, tracks, other = genres[genre]
        assert (tracks, f1) == ("2", f"{metrics[f'test/f1/{genre}']:.3f}")
        others = wrong.loc[genre].drop(genre)
        most = f"{others.idxmax()} ({others.max() / 2:.0%})" if others.any() else ""
        assert other == most


def test_the_command_of_a_job_has_what_its_overrides_need():
    job = {"config_name": "mine"}
    runtime = {"config_sources": [SimpleNamespace(provider="command-line", path="/my conf")]}
    task = ["+sweep=best", "hydra.run.dir=x", "skip_finished=True", "+tags.x='a b'"]
    parts = {"job": job, "runtime": runtime, "overrides": {"task": task}}
    hydra = SimpleNamespace(**{name: SimpleNamespace(**part) for name, part in parts.items()})
    wanted = ["-m", "--config-dir=/my conf", "--config-name=mine", "+sweep=best", "+tags.x='a b'"]
    assert shlex.split(arguments(hydra)) == wanted


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        pytest.param(
            ["split=kfold", "split.k=2", "view.segment_seconds=3"],
            [
                "Test accuracy of whole tracks",
                "100 train, 100 test in each of 2 folds",
                "none is saved",
            ],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            [
                "split=notebook",
                "split.test_size=0.5",
                "split.random_state=0",
                "split.scaler_rows=all",
            ],
            ["This protocol LEAKS from test to training: scaler", "scaler,artist"],
            marks=pytest.mark.slow,
        ),
        (
            [
                "experiment=smoke",
                "split.evaluate=val",
                "tracking.log_model=false",
                "skip_finished=true",
            ],
            ["Validation accuracy", "The test part is hidden", "Fewer than 10 validation tracks"],
        ),
    ],
)
def test_a_card_says_what_its_numbers_do_not_tell(workspace, overrides, said):
    result = gx.run(*overrides, "trainer=smoke")
    card, metrics, *_ = recorded(result.run_id)
    for text in said:
        assert text in card
    part = "val" if "split.evaluate=val" in overrides else "test"
    scores, genres = tables(card)
    assert scores[part][1] == f"{metrics[f'{part}/macro_f1']:.3f}"
    assert genres["jazz"][0] == f"{metrics[f'{part}/f1/jazz']:.3f}"
    assert "nan" not in card
    assert "skip_finished" not in card  # the command repeats the run

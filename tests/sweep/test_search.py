"""Searches: better options by the validation part, and a config that gives the best trial again."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import mlflow
import numpy as np
import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from gtzan_exp.basics.errors import GtzanExpError
from gtzan_exp.cli import main
from gtzan_exp.config.search import Search
from gtzan_exp.config.sweep_plan import check_sweep

pytestmark = pytest.mark.usefixtures("no_pictures")

N_TRIALS = 6
DATA = ["data=folder", "data.root=good", "view.columns=[x,y]"]
SEARCH = ["-m", "+sweep=hpo/svc", *DATA, "hydra.sweeper.batch_size=2"]


def write_rings(root: Path, test: tuple[str, ...] = ()) -> None:
    """Write two genres as rings, one around the other; the rows in `test` have other numbers."""
    draw = np.random.default_rng(0)
    rows = []
    for genre, radius in (("inner", 1.0), ("outer", 2.0)):
        for number in range(40):
            angle, r = draw.uniform(0, 2 * np.pi), radius + draw.normal(0, 0.3)
            x, y = (7, 7) if f"{genre}.{number:05}" in test else (np.cos(angle), np.sin(angle))
            rows.append((f"{genre}.{number:05}.wav", r * x, r * y, genre))
    root.mkdir(exist_ok=True)
    table = pd.DataFrame(rows, columns=["filename", "x", "y", "label"])
    table.to_csv(root / "features_30_sec.csv", index=False)


@pytest.fixture
def rings(workspace: Path) -> Path:
    write_rings(workspace / "good")
    return workspace


@pytest.fixture
def studies(monkeypatch: pytest.MonkeyPatch) -> list[optuna.Study]:
    """What Optuna was told, a study for each search."""
    kept: list[optuna.Study] = []
    study = Search.study
    monkeypatch.setattr(Search, "study", lambda search: kept.append(study(search)) or kept[-1])
    return kept


def runs(workspace: Path, wanted: str) -> list[Run]:
    client = MlflowClient(f"sqlite:///{workspace}/mlruns/mlflow.db")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(ids, wanted, order_by=["attributes.start_time ASC"])


def trials(workspace: Path, parent: Run) -> list[Run]:
    found = runs(workspace, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(found, key=lambda run: int(run.data.tags["job"]))


def tried(study: optuna.Study) -> list[tuple]:
    return [(trial.params, trial.value) for trial in study.trials]


@pytest.mark.slow
def test_a_search_finds_better_options_and_its_best_config_repeats_them(rings, studies, capsys):
    assert main([*DATA, "model=svc", "model.gamma=1000", "tracking.log_model=false"]) == 0
    (poor,) = runs(rings, "tags.task = 'train'")
    capsys.readouterr()

    assert main([*SEARCH, f"hydra.sweeper.n_trials={N_TRIALS}", "split.evaluate=val"]) == 0
    out = capsys.readouterr().out
    (parent,) = runs(rings, "tags.task = 'sweep'")
    children = trials(rings, parent)
    scores = [run.data.metrics["val/macro_f1"] for run in children]
    assert [trial.value for trial in studies[0].trials] == scores
    assert len(scores) == N_TRIALS
    assert not [name for run in children for name in run.data.metrics if "test" in name]
    best = children[int(np.argmax(scores))]
    assert parent.data.metrics["best/val/macro_f1"] == max(scores)
    assert max(scores) > poor.data.metrics["val/macro_f1"] + 0.2
    assert parent.data.tags["best_run_id"] == best.info.run_id
    assert parent.data.tags["best_overrides"] == best.data.tags["overrides"]
    assert "test/" not in out

    folder = Path(parent.data.tags["sweep_dir"]) / "record"
    assert list(pd.read_csv(folder / "jobs.csv")["val/macro_f1"]) == pytest.approx(scores)
    assert not (folder / "compare.csv").exists()
    store = f"sqlite:///{rings}/mlruns/mlflow.db"
    uri = f"runs:/{parent.info.run_id}/experiment/best.yaml"
    recorded = mlflow.artifacts.download_artifacts(uri, tracking_uri=store)
    assert Path(recorded).read_text() == (folder / "experiment" / "best.yaml").read_text()

    (command,) = (line for line in out.splitlines() if line.lstrip().startswith("gtzan-exp "))
    assert main([*shlex.split(command)[1:], "tracking.log_model=false"]) == 0
    _, again = runs(rings, "tags.task = 'train'")  # trials are of another task, and not compared
    assert again.data.metrics["val/macro_f1"] == max(scores)
    assert "test/macro_f1" in again.data.metrics
    assert again.data.params["split.evaluate"] == "test"
    assert again.data.tags["config_hash"] != best.data.tags["config_hash"]
    assert again.data.tags["search"] == parent.info.run_id


@pytest.mark.slow
def test_the_same_seed_gives_the_same_trials_whatever_the_test_part(rings, studies):
    assert main([*SEARCH, "hydra.sweeper.n_trials=2"]) == 0
    assert main([*SEARCH, "hydra.sweeper.n_trials=4", "skip_finished=true"]) == 0
    first, longer = map(tried, studies)
    assert longer[:2] == first
    _, parent = runs(rings, "tags.task = 'sweep'")
    assert parent.data.metrics["n_skipped"] == 2
    assert parent.data.metrics["n_finished"] == 2

    seen = set(pd.read_csv(next(Path("multirun").rglob("split.csv")))["track"])
    test = {f"{genre}.{i:05}" for genre in ("inner", "outer") for i in range(40)} - seen
    assert len(test) == 16
    write_rings(rings / "good", tuple(test))
    assert main([*SEARCH, "hydra.sweeper.n_trials=2"]) == 0
    assert tried(studies[2]) == first
    prints = {run.data.tags["data_fingerprint"] for run in runs(rings, "tags.task = 'trial'")}
    assert len(prints) == 2


def test_trials_follow_the_scores_and_the_seed(rings):
    def search(seed: int, best: float) -> list[float]:
        study = check_sweep([*SEARCH[1:], f"seed={seed}"]).search.study()
        space = {"C": optuna.distributions.FloatDistribution(0.01, 100, log=True)}
        for _ in range(10):
            batch = [study.ask(space) for _ in range(4)]
            for trial in batch:
                study.tell(trial, -abs(np.log(trial.params["C"] / best)))
        return [trial.params["C"] for trial in study.trials]

    low, high = search(0, 0.1), search(0, 10)
    assert low == search(0, 0.1)
    assert low[:10] == high[:10]
    assert search(7, 0.1)[0] != low[0]
    assert np.median(low[20:]) < 1 < np.median(high[20:])


@pytest.mark.slow
def test_workers_run_the_same_trials(rings, studies):
    command = [*SEARCH, "hydra.sweeper.n_trials=4"]
    assert main(command) == 0
    assert main([*command, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]) == 0
    one, two = map(tried, studies)
    assert one == two
    assert len(runs(rings, "tags.task = 'trial' and attributes.status = 'FINISHED'")) == 8


@pytest.mark.slow
def test_a_failed_trial_is_told_to_the_sampler_and_the_others_go_on(rings, studies, capsys):
    options = ["hydra.sweeper.n_trials=4", "model.kernel=rbf,precomputed", "model.C=1"]
    assert main([*SEARCH, *options]) == 1
    (parent,) = runs(rings, "tags.task = 'sweep'")
    children = trials(rings, parent)
    told = [trial.state.name for trial in studies[0].trials]
    expected = {"FINISHED": "COMPLETE", "FAILED": "FAIL"}
    assert told == [expected[run.info.status] for run in children]
    assert set(told) == {"COMPLETE", "FAIL"}
    kernels = {run.data.params["model.kernel"] for run in children if run.info.status == "FAILED"}
    assert kernels == {"precomputed"}
    assert "model.kernel=rbf" in parent.data.tags["best_overrides"]
    err = capsys.readouterr().err
    assert re.search(r"^sweep FAILED: .*\nbest val/macro_f1=", err, re.MULTILINE)
    assert "model.kernel=precomputed" in err.splitlines()[-1]


@pytest.mark.slow
def test_a_table_of_parts_without_validation_gets_one_for_the_search(rings, capsys):
    tracks = [(genre, i) for genre in ("inner", "outer") for i in range(40)]
    lines = [f"1,{'test' if i < 10 else 'train'},{genre}.{i:05}" for genre, i in tracks]
    (rings / "parts.csv").write_text("\n".join(["fold,part,track", *lines]))
    table = ["split=lists", "split.table=parts.csv"]
    assert main([*SEARCH, *table, "hydra.sweeper.n_trials=1"]) == 0
    log = next(Path("multirun").rglob("gtzan-exp.log")).read_text()
    assert "validation part: cut from training, 10% of its tracks" in log
    split = pd.read_csv(next(Path("multirun").rglob("split.csv")))
    assert split["part"].value_counts().to_dict() == {"train": 54, "val": 6}


REFUSED = {
    "split=notebook split.validation=test": "split.evaluate: cannot hide a test part that training",
    "split=notebook split.scaler_rows=all": "split.evaluate: cannot hide a test part that training",
    "split=holdout,kfold": "split: is no part of a search",
    "seed=0,1": "seed: is no part of a search",
    "hydra.sweeper.metric=test/accuracy": "hydra.sweeper.metric: not a valid value",
    "hydra.sweeper.n_trials=0": "hydra.sweeper.n_trials: not a valid value",
    "hydra.sweeper=null": "hydra.sweeper: is no sweeper",
    "hydra.sweeper.params=3": "hydra.sweeper.params: wrong type",
    "hydra.sweeper.params=null": "command line: nothing to search over",
    "model.C=interval(3,1)": "model.C: is an empty interval",
    "model.C=tag(log,interval(0,1))": "model.C: has no logarithm",
    "model.C=interval(-1,1)": "model.C: not valid for SVC",
    "model=logreg": "model.gamma: unknown option",
}


@pytest.mark.parametrize("options", REFUSED)
def test_what_cannot_be_searched_is_refused_in_a_line(rings, options):
    with pytest.raises(GtzanExpError) as caught:
        check_sweep([*SEARCH[1:], *options.split(" ")])
    (mistake,) = caught.value.mistakes
    assert str(mistake).startswith(f"{REFUSED[options]}")


def test_a_missing_optuna_is_named(rings, monkeypatch, capsys):
    find_spec = importlib.util.find_spec
    without = {"optuna": lambda name, *rest: None}
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *r: without.get(n, find_spec)(n, *r))
    assert main(["validate", *SEARCH]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "needs optuna, which is not installed; allowed: pip install 'gtzan-exp[hpo]'" in line


def test_folds_and_losses_are_allowed(rings):
    assert check_sweep([*SEARCH[1:], "split=kfold"]).n_jobs == 40
    for metric, best in (("val/log_loss", 0.5), ("val/macro_f1", 0.7)):
        study = Search(metric=metric).study()
        for score in (0.6, 0.5, 0.7):
            study.tell(study.ask(), score)
        assert study.best_value == best

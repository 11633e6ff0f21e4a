"""A run from the command line to MLflow and back, for every view and every model."""

from __future__ import annotations

import json
import math
import re
from importlib import import_module
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import sklearn
from mlflow import MlflowClient
from omegaconf import OmegaConf
from sklearn.metrics import accuracy_score, classification_report, f1_score, log_loss
from threadpoolctl import threadpool_info

from gtzan_exp.audio.spectrograms import encode_png
from gtzan_exp.basics.errors import ConfigError, DataError, DivergedError, Mistake
from gtzan_exp.cli import main
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.data.inputs import by_name
from gtzan_exp.models.build import fit
from gtzan_exp.tracking.models import load_model
from tests.contracts import SMALLER, write_segments
from tests.data.conftest import table as feature_table
from tests.pairs import a_view_for_each_model, pairs


def run(capsys: pytest.CaptureFixture, *overrides: str) -> tuple[dict, Path]:
    """Run a command line; return ``result.json`` with what was printed, and the output folder."""
    assert main(list(overrides)) == 0, capsys.readouterr().err
    printed, said = capsys.readouterr()
    assert not re.search(": *$", said, re.MULTILINE), said  # a list of nothing
    last = printed.splitlines()[-1]
    (path,) = [
        path
        for path in Path.cwd().rglob("result.json")
        if json.loads(path.read_text())["run_id"] in last
    ]
    result = json.loads(path.read_text()) | {"printed": printed + said}
    metrics = result["metrics"]
    said = dict(part.partition("=")[::2] for part in last.split())
    assert list(said)[:2] == ["run_id", "test/accuracy"]
    assert list(said)[-4:] == ["interval", "n", "test/macro_f1", "leak"]
    for name in ("test/accuracy", "test/macro_f1"):
        assert said[name] == f"{metrics[name]:.4f}"
    name = "test/track_accuracy" if "test/track_accuracy" in metrics else "test/accuracy"
    low, high = (metrics[f"{end}/{name}"] for end in ("ci_low", "ci_high"))
    assert said["interval"] == f"{low:.2f}-{high:.2f}"
    assert 0 <= low <= metrics[name] <= high <= 1
    assert said["n"] == str(metrics["n_tested_tracks"])
    return result, path.parent


def free(tags: dict[str, str]) -> set[str]:
    """Return those of the tags of a run that a user may set; MLflow itself sets the last one."""
    own = set(tags) - {"mlflow.user"}
    with pytest.raises(ConfigError) as caught:
        composed([f"+tags={{{','.join(f'{tag}: x' for tag in own)}}}"], resolve)
    taken = {mistake.where.removeprefix("tags.") for mistake in caught.value.mistakes}
    assert [tag for tag in taken if f"`{tag}`" not in RECORD and "mlflow." not in tag] == []
    return own - taken


RECORD = (Path(__file__).parents[2] / "docs/reference/record.md").read_text()


def store(workspace: Path) -> str:
    return f"sqlite:///{workspace}/mlruns/mlflow.db"


VIEWS = a_view_for_each_model()
SMOKE = "experiment=smoke"  # its sample is made once for the tests
FAST = [("features", "logreg")]


@pytest.mark.parametrize(
    ("view", "model"),
    [
        pytest.param(view, model, marks=() if (view, model) in FAST else pytest.mark.slow)
        for view, model in pairs()
        if model == "logreg" or VIEWS[model] == view
    ],
)
def test_a_cell_reloads_from_mlflow_and_predicts_the_same(workspace, capsys, view, model):
    """Every model and every view once; ``make demo`` runs all pairs."""
    overrides = ["experiment=smoke", f"view={view}", f"model={model}", *SMALLER.get(model, [])]
    result, output = run(capsys, *overrides)

    mlflow.set_tracking_uri(store(workspace))
    predictions = pd.read_parquet(output / "record" / "predictions.parquet")
    cell = composed(overrides, resolve)
    dataset = cell.view.load(cell.data, cache=cell.cache)
    rows = np.array([list(dataset.ids).index(name) for name in predictions["id"]])
    inputs = dataset.take(rows)
    uri = f"runs:/{result['run_id']}/{model}-{view.replace('/', '_')}-holdout"

    reloaded = load_model(f"runs:/{result['run_id']}/model")
    probabilities = predictions[[f"p_{name}" for name in dataset.classes]]
    np.testing.assert_allclose(reloaded.predict_proba(inputs), probabilities, atol=1e-5)
    np.testing.assert_array_equal(reloaded.predict(inputs), predictions["predicted"])

    native = mlflow.sklearn.load_model(uri)
    np.testing.assert_array_equal(native.predict(inputs), predictions["predicted"])

    served = mlflow.pyfunc.load_model(uri)
    frame = pd.DataFrame(index=range(len(rows)))
    for array in by_name(inputs, view).values():
        if isinstance(array, pd.DataFrame):
            frame[array.columns] = array.to_numpy()
        elif isinstance(array, np.ndarray):
            frame["embedding"] = array.tolist()
        else:
            frame["image"] = [encode_png(image) for image in array.pixels]
    np.testing.assert_array_equal(served.predict(frame), predictions["predicted"])
    requirements = Path(mlflow.artifacts.download_artifacts(f"{uri}/requirements.txt")).read_text()
    assert all("==" in line for line in requirements.split())
    assert ("tensorflow==" in requirements) == model.startswith(("cnn", "alex", "fused"))


def test_a_fit_that_fails_keeps_its_curves(workspace, capsys, monkeypatch):
    """Of one that diverged, and a part for training of one genre is refused before the fit."""

    def diverge(*_, **__):
        raise DivergedError(Mistake("trainer.learning_rate", "", "", ""), {"loss": [2.0, math.nan]})

    monkeypatch.setattr(import_module("gtzan_exp.run.runner"), "fit", diverge)
    assert main(["experiment=smoke"]) == 2
    client = MlflowClient(store(workspace))
    (found,) = client.search_runs([client.get_experiment_by_name("gtzan_exp-sample").experiment_id])
    assert found.info.status == "FAILED"
    losses = client.get_metric_history(found.info.run_id, "epoch/loss")
    assert [(loss.step, str(loss.value)) for loss in losses] == [(1, "2.0"), (2, "nan")]
    with pytest.raises(DataError, match=r"the training part has one genre.*got: rock"):
        fit([], np.zeros((4, 2)), np.array(["rock"] * 4), [], [])


def test_the_run_record_is_complete_and_true(workspace, capsys):
    result, output = run(capsys, SMOKE, "model=logreg", "+tags.note=mine", "name=first")
    client = MlflowClient(store(workspace))
    record = client.get_run(result["run_id"])
    assert record.info.status == "FINISHED"
    assert record.info.run_name == "first"

    metrics = record.data.metrics
    table = pd.read_parquet(output / "record" / "predictions.parquet")
    assert table.groupby("part").size().to_dict() == {"train": 50, "val": 10, "test": 20}
    assert set(table["id"]) == set(table["track"])
    for part, rows in table.groupby("part"):
        classes = sorted(set(table["true"]))
        probabilities = rows[[f"p_{name}" for name in classes]]
        assert metrics[f"{part}/accuracy"] == accuracy_score(rows["true"], rows["predicted"])
        f1 = f1_score(rows["true"], rows["predicted"], average=None, labels=classes)
        assert metrics[f"{part}/macro_f1"] == pytest.approx(f1.mean())
        assert metrics[f"{part}/f1/jazz"] == pytest.approx(f1[classes.index("jazz")])
        assert metrics[f"{part}/log_loss"] == pytest.approx(
            log_loss(rows["true"], probabilities, labels=classes)
        )
        assert f"{part}/balanced_accuracy" in metrics
    assert metrics["n_parameters"] == 57 * 10 + 10
    assert metrics["fit_seconds"] > 0
    assert metrics["predict_ms_per_track"] > 0
    assert {**result["metrics"]} == pytest.approx(
        {key: value for key, value in metrics.items() if not key.startswith("leak/")}
    )

    params, tags = record.data.params, record.data.tags
    assert free(tags) == {"note"}
    assert params["model.C"] == "1.0"
    assert params["split.test_size"] == "0.2"
    assert tags["note"] == "mine"
    assert tags["synthetic"] == "true"
    assert tags["leak"] == "artist"
    assert metrics["leak/artist"] > 0.5
    assert tags["seed"] == "0"
    for name in ("data_fingerprint", "split_fingerprint", "config_hash"):
        assert tags[name]
    assert f", scikit-learn {sklearn.__version__}," in tags["versions"]
    place = client.download_artifacts(result["run_id"], "environment.json")
    environment = json.loads(Path(place).read_text())
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    in_order = [
        sorted(found, key=lambda of: of["filepath"]) for found in (environment["blas"], blas)
    ]
    assert in_order[0] == in_order[1]
    assert environment["packages"]["scikit-learn"] == sklearn.__version__
    assert environment["process"] == tags["process"]
    (dataset,) = record.inputs.dataset_inputs
    assert dataset.dataset.digest == tags["data_fingerprint"]
    assert "SYNTHETIC, not GTZAN" in dataset.dataset.name

    artifacts = {item.path for item in client.list_artifacts(result["run_id"])}
    assert artifacts == {
        "classification_report.json",
        "classification_report.txt",
        "config.yaml",
        "confusion_matrix.png",
        "environment.json",
        "reliability.png",
        "leaks.csv",
        "model_card.md",
        "predictions.parquet",
        "record_id",
        "split.csv",
        "split.json",
    }
    assert [name for name in artifacts if f"`{name}`" not in RECORD and ".txt" not in name] == []
    report = json.loads((output / "record" / "classification_report.json").read_text())
    test = table[table["part"] == "test"]
    truth = {"y_true": test["true"], "y_pred": test["predicted"], "zero_division": 0}
    assert report == classification_report(**truth, output_dict=True)
    saved = OmegaConf.load(output / "record" / "config.yaml")
    assert saved.model.C == 1.0

    summary = json.loads((output / "record" / "split.json").read_text())
    assert summary["split_fingerprint"] == tags["split_fingerprint"]
    (fold,) = summary["folds"]
    for part, number in {"train": 5, "val": 1, "test": 2}.items():
        assert fold["parts"][part]["tracks"] == dict.fromkeys(classes, number)
    members = pd.read_csv(output / "record" / "split.csv").set_index("track")["part"]
    assert members.to_dict() == table.set_index("track")["part"].to_dict()
    leaks = pd.read_csv(output / "record" / "leaks.csv").query("part == 'test' and fold == 1")
    leaks = leaks[(leaks["kind"] == "artist") & (leaks["other_part"] == "train")]
    assert len(leaks) == metrics["leak/artist"] * 20


@pytest.mark.slow
def test_a_recorded_split_is_run_again_from_its_table(workspace, capsys):
    first, output = run(capsys, SMOKE, "split=kfold", "split.k=3", "tracking.log_model=false")
    table = f"split.table='{output / 'record' / 'split.csv'}'"
    again, _ = run(capsys, SMOKE, "split=lists", table, "tracking.log_model=false")
    assert again["tags"]["split_fingerprint"] == first["tags"]["split_fingerprint"]
    for name in ("test/accuracy", "std/test/accuracy"):
        assert again["metrics"][name] == first["metrics"][name]


@pytest.mark.slow
def test_a_learning_curve_is_a_parent_of_points_and_ends_as_the_holdout(workspace, capsys):
    feature_table(20).to_csv("features_30_sec.csv", index=False)
    data = ("data=folder", "data.root=.", "view.columns=[tempo,rms_mean,rms_var]")
    fractions = "split.fractions=[0.15,0.5,1.0]"
    result, output = run(capsys, *data, "split=learning_curve", fractions)
    holdout, _ = run(capsys, *data, "split=holdout", "tracking.log_model=false")
    for name in ("test/accuracy", "val/macro_f1", "n_train"):
        assert result["metrics"][name] == holdout["metrics"][name]
    client = MlflowClient(store(workspace))
    parent = client.get_run(result["run_id"])
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{result['run_id']}'"
    )
    by_fraction = {child.data.tags["fraction"]: child.data for child in children}
    assert sorted(by_fraction) == ["0.15", "0.5", "1"]
    assert {child.tags["task"] for child in by_fraction.values()} == {"fraction"}
    assert free(by_fraction["1"].tags) == set()
    history = client.get_metric_history(result["run_id"], "learning_curve/test/accuracy")
    points = {point.step: point.value for point in history}
    assert points == {
        6: by_fraction["0.15"].metrics["test/accuracy"],
        21: by_fraction["0.5"].metrics["test/accuracy"],
        42: parent.data.metrics["test/accuracy"],
    }
    assert (output / "record" / "learning_curve.png").stat().st_size > 5000
    mlflow.set_tracking_uri(store(workspace))
    assert load_model(f"runs:/{result['run_id']}/model")[-1].coef_.shape == (3, 3)


@pytest.mark.parametrize("split", [["split=holdout"], ["split=kfold", "split.k=2"]])
def test_segment_models_report_track_accuracy(workspace, capsys, split):
    write_segments(Path.cwd())
    data = ("data=folder", "data.root=.", "view.segment_seconds=3")
    result, output = run(capsys, *data, *split, "tracking.log_model=false")
    table = pd.read_parquet(output / "record" / "predictions.parquet")
    test = table[table["part"] == "test"]
    probabilities = test.filter(like="p_").groupby(test["track"]).mean()
    predicted = probabilities.idxmax(axis=1).str.removeprefix("p_")
    true = test.groupby("track")["true"].first()
    measured = result["metrics"]["test/track_accuracy"]
    assert measured == pytest.approx(accuracy_score(true, predicted))
    assert measured != result["metrics"]["test/accuracy"]
    assert ("std/test/track_accuracy" in result["metrics"]) == ("split=kfold" in split)


@pytest.mark.slow
def test_networks_record_their_learning_curves(workspace, capsys):
    result, output = run(capsys, "experiment=smoke", "model=cnn1d")
    client = MlflowClient(store(workspace))
    history = client.get_metric_history(result["run_id"], "epoch/val_loss")
    assert [point.step for point in history] == [1, 2]
    assert (output / "record" / "learning_curves.png").stat().st_size > 5000
    assert result["metrics"]["best_epoch"] in (1, 2)


@pytest.mark.slow
def test_a_cut_validation_part_is_recorded_and_refit_leaves_its_numbers_alone(workspace, capsys):
    """Boosting under folds of artists, which have none by themselves."""
    command = ["experiment=smoke", "split=group_kfold", "split.k=2", "model=xgboost"]
    command += ["model.early_stopping_rounds=3", "model.n_estimators=9", "model.max_depth=2"]
    (plain, output), (both, _) = (
        run(capsys, *command, f"trainer.refit={refit}") for refit in ("false", "true")
    )
    assert "cut from training, 10% of its tracks as whole artists" in plain["printed"]
    summary = json.loads((output / "record" / "split.json").read_text())
    assert summary["split_notes"][0].startswith("validation part: cut from training")
    table = pd.read_csv(output / "record" / "split.csv").query("fold == 1")
    assert set(table["part"]) == {"train", "val", "test"}
    predicted = pd.read_parquet(output / "record" / "predictions.parquet").query("fold == 1")
    artists = predicted.groupby("part")["artist"].agg(set)
    assert not artists["val"] & artists["train"]
    assert set(predicted.query("part == 'val'")["track"]) == set(
        table.query("part == 'val'")["track"]
    )
    for name in ("val/accuracy", "best_epoch"):
        assert both["metrics"][name] == plain["metrics"][name]
    assert both["metrics"]["test/log_loss"] != plain["metrics"]["test/log_loss"]
    assert both["tags"]["config_hash"] != plain["tags"]["config_hash"]
    assert both["tags"]["split_fingerprint"] == plain["tags"]["split_fingerprint"]


@pytest.mark.parametrize("model", ["mlp", pytest.param("cnn1d", marks=pytest.mark.slow)])
def test_the_same_config_and_seed_give_the_same_metrics(workspace, capsys, model):
    command = ["experiment=smoke", f"model={model}", "tracking.log_model=false"]
    command += ["model.max_iter=20"] if model == "mlp" else []
    (first, _), (again, _), (other, _) = (
        run(capsys, *command, f"seed={seed}") for seed in (0, 0, 1)
    )

    def scores(result: dict) -> dict:
        return {k: v for k, v in result["metrics"].items() if "/" in k}

    assert scores(first) == scores(again)
    assert scores(first) != scores(other)
    assert first["tags"] == again["tags"]
    assert first["tags"]["config_hash"] != other["tags"]["config_hash"]


@pytest.mark.slow
def test_genres_of_any_name_are_recorded(workspace, capsys):
    genres = ("..", "a/b", "r&b", "r+b", "r_b", "50 %")
    feature_table(10, genres).to_csv(workspace / "features_30_sec.csv", index=False)
    result, output = run(capsys, "data=folder", "data.root=.", "model=logreg")
    record = MlflowClient(store(workspace)).get_run(result["run_id"])
    assert record.info.status == "FINISHED"
    assert not list(output.rglob("*.undelivered.json"))
    predictions = pd.read_parquet(output / "record" / "predictions.parquet").query("part == 'test'")
    f1 = f1_score(*predictions[["true", "predicted"]].to_numpy().T, average=None, labels=genres)
    names = ("__", "a_b", "r_b_2", "r_b_3", "r_b", "50 _")
    found = [record.data.metrics[f"test/f1/{name}"] for name in names]
    assert found == pytest.approx(f1)


def test_a_failed_run_is_recorded_as_failed_with_its_traceback(workspace, capsys):
    assert main([SMOKE, "model=logreg", "+model.dual=true"]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("gtzan-exp: error: model=logreg: cannot be fitted")
    (found,) = MlflowClient(store(workspace)).search_runs(["1"])
    assert found.info.status == "FAILED"
    path = mlflow.artifacts.download_artifacts(
        f"runs:/{found.info.run_id}/traceback.txt", tracking_uri=store(workspace)
    )
    assert "dual=True" in Path(path).read_text()


@pytest.mark.slow
def test_a_sweep_records_every_job_and_compare_shows_them(workspace, capsys):
    assert main(["-m", "experiment=smoke", "model=logreg,svc", "seed=0,1"]) == 0
    capsys.readouterr()
    assert main(["compare", "record=false"]) == 0
    shown = capsys.readouterr().out
    assert "4 finished runs in gtzan_exp-sample (SYNTHETIC, not GTZAN)" in shown
    table, draws = shown.split("Over draws of the split:")
    by_seed = re.split(r"^holdout, seed=(\d);.*$", table, flags=re.MULTILINE)
    assert by_seed[1::2] == ["0", "1"]
    for lines in (*by_seed[2::2], draws):
        rows = [line.split()[:2] for line in lines.splitlines() if line.startswith("  features")]
        assert sorted(rows) == [["features", "logreg"], ["features", "svc"]]


@pytest.mark.parametrize(
    "split",
    [
        ["split=holdout"],
        pytest.param(["split=group_kfold", "split.k=2"], marks=pytest.mark.slow),
    ],
)
def test_a_hidden_test_part_is_nowhere(workspace, capsys, split):
    """Neither predicted nor counted nor recorded; what is validated is judged like a test part."""
    command = [SMOKE, *split, "tracking.log_model=false"]
    assert main([*command, "split.evaluate=val", "trainer.refit=true"]) == 0
    printed = capsys.readouterr().out
    (path,) = Path.cwd().rglob("result.json")
    result, output = json.loads(path.read_text()), path.parent
    said = dict(part.partition("=")[::2] for part in printed.splitlines()[-1].split())
    names = ["run_id", "val/accuracy", "interval", "n", "val/macro_f1", "leak", "test"]
    assert list(said) == names
    assert said["test"] == "hidden"

    record = MlflowClient(store(workspace)).get_run(result["run_id"])
    assert not [name for name in record.data.metrics if "test" in name]
    assert not [name for name in result["metrics"] if "test" in name]
    table = pd.read_parquet(output / "record" / "predictions.parquet")
    assert set(table["part"]) == set(pd.read_csv(output / "record" / "split.csv")["part"])
    assert set(table["part"]) == {"train", "val"}
    val = table[table["part"] == "val"].assign(right=table["true"] == table["predicted"])
    folds = val.groupby("fold" if "fold" in val else "part")["right"].mean()
    assert result["metrics"]["val/accuracy"] == pytest.approx(folds.mean())
    assert said["n"] == str(val["track"].nunique())
    assert result["metrics"]["train/accuracy"] > result["metrics"]["val/accuracy"]

    shown, _ = run(capsys, *command)
    assert shown["tags"]["config_hash"] != result["tags"]["config_hash"]
    assert main(["compare", "record=false"]) == 0
    text = capsys.readouterr().out
    assert f"1 on {shown['tags']['test_fingerprint'][:6]}." in text
    assert "FINISHED on validation alone" in text


def test_leaks_of_the_notebook_warn_and_tag_the_run(workspace, capsys):
    command = (SMOKE, "split=notebook", "tracking.log_model=false")
    result, _ = run(capsys, *command, "split.scaler_rows=all")
    assert result["tags"]["leak"] == "scaler+artist"
    assert "LEAKS from test to training: scaler" in result["printed"]
    honest, _ = run(capsys, *command)
    assert honest["tags"]["leak"] == "artist"
    assert honest["tags"]["split_fingerprint"] == result["tags"]["split_fingerprint"]


def test_cross_validation_is_a_parent_with_a_child_per_fold(workspace, capsys):
    result, output = run(capsys, SMOKE, "split=group_kfold", "split.k=4")
    client = MlflowClient(store(workspace))
    parent = client.get_run(result["run_id"])
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{result['run_id']}'"
    )
    accuracies = [child.data.metrics["test/accuracy"] for child in children]
    assert len(accuracies) == 4
    assert {child.info.status for child in children} == {"FINISHED"}
    assert free(children[0].data.tags) == set()
    assert sorted(child.info.run_name for child in children) == [f"fold {n} of 4" for n in "1234"]
    assert [child.data.params for child in children] == [parent.data.params] * 4
    metrics = parent.data.metrics
    assert metrics["test/accuracy"] == pytest.approx(np.mean(accuracies))
    assert metrics["std/test/accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    low, high = metrics["ci_low/test/accuracy"], metrics["ci_high/test/accuracy"]
    assert low < metrics["test/accuracy"] < high
    assert parent.data.tags["interval"] == f"{low:.2f}-{high:.2f}"
    assert metrics["leak/artist"] == 0

    table = pd.read_parquet(output / "record" / "predictions.parquet")
    test = table[table["part"] == "test"]
    assert test["id"].is_unique
    assert len(test) == 80
    by_fold = (test["true"] == test["predicted"]).groupby(test["fold"]).mean()
    assert sorted(by_fold) == pytest.approx(sorted(accuracies))
    assert main(["compare", "record=false"]) == 0
    assert "1 finished run in" in capsys.readouterr().out

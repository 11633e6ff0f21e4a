"""Runs recorded by a real MLflow server on loopback, also when it goes away for a while."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from omegaconf import OmegaConf

from gtzan_exp.cli import main
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.run import runner
from gtzan_exp.tracking.models import load_model
from tests.run.test_runner import run
from tests.servers import MlflowServer, PostgresServer, postgres_program
from tests.sweep.test_sweep import QUICK, tables  # noqa: F401

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path):
    """An MLflow server with its own database and artifact store."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "server.db")
    found = MlflowServer(folder)
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def server(shared_server, request):
    """The server, up again if a test before left it down, with an experiment for this test."""
    shared_server.experiment = request.node.name
    shared_server.start()
    return shared_server


@pytest.fixture
def postgres_backed(workspace: Path):
    """An MLflow server of two processes on a PostgreSQL of its own."""
    postgres_program("initdb")
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        (Path(place) / "pg").mkdir()
        database = PostgresServer(Path(place) / "pg")
        found = MlflowServer(workspace, database.uri, workers=2)
        found.experiment = "on PostgreSQL"
        try:
            found.start()
            yield found
        finally:
            found.stop()
            database.stop()


def on(server: MlflowServer) -> list[str]:
    where = f"tracking.uri={server.address}"
    return ["tracking=server", where, f"tracking.experiment='{server.experiment}'"]


def runs(server: MlflowServer, wanted: str, suffix: str = "") -> list[Run]:
    client = MlflowClient(server.address)
    experiment = client.get_experiment_by_name(f"{server.experiment}{suffix}")
    return client.search_runs(
        [experiment.experiment_id], wanted, order_by=["attributes.start_time ASC"]
    )


def goes_away_at_fit(server: MlflowServer, monkeypatch, number: int, back_after: float | None):
    """Stop the server in the fit of this number, counted from 1."""
    fold, fits = runner._fold, []

    def fold_without_server(*args):
        fits.append(None)
        if len(fits) == number:
            server.stop()
            if back_after is not None:
                threading.Timer(back_after, server.start).start()
        return fold(*args)

    monkeypatch.setattr(runner, "_fold", fold_without_server)


def test_a_run_is_whole_on_a_server_that_is_away_for_seconds(
    server, workspace, capsys, monkeypatch
):
    goes_away_at_fit(server, monkeypatch, 1, back_after=1)
    result, _ = run(capsys, *on(server), "experiment=smoke", "tracking.registry=genres")
    record = (client := MlflowClient(server.address)).get_run(result["run_id"])
    assert record.info.status == "FINISHED"
    registered = client.get_model_version_by_alias("genres", "challenger")
    assert registered.run_id == result["run_id"]
    assert record.data.metrics["test/accuracy"] == result["metrics"]["test/accuracy"]
    assert not (workspace / "mlruns" / "artifacts").exists()
    mlflow.set_tracking_uri(server.address)
    for uri in (f"runs:/{result['run_id']}/model", "models:/genres@challenger"):
        assert load_model(uri).classes_[0] == "blues"
    assert main(["ui", *on(server)]) == 0
    runs_page = f"{server.address}/#/experiments/{record.info.experiment_id}/runs?"
    assert runs_page in capsys.readouterr().out
    assert main(["compare", *on(server), "output=look"]) == 0
    assert "1 finished run in" in capsys.readouterr().out
    assert "Confusion matrices" in (workspace / "look" / "compare.html").read_text()
    (comparison,) = runs(server, "tags.task = 'compare'", "-reports")
    files = MlflowClient(server.address).list_artifacts(comparison.info.run_id)
    names = {"compare.html", "compare.csv", "compare.md", "compare.json"}
    assert names <= {file.path for file in files}


def test_a_parallel_sweep_on_postgresql_is_whole(postgres_backed, tables, capfd):  # noqa: F811
    workers = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    models = "tracking.log_model=true"
    command = ["-m", *QUICK, *on(postgres_backed), models, "data.root=bad,good", "seed=range(2)"]
    assert main([*command, *workers]) == 1
    assert "4 jobs: 2 finished, 2 failed" in capfd.readouterr().err
    (parent,) = runs(postgres_backed, "tags.task = 'sweep'")
    assert parent.data.metrics["n_finished"] == parent.data.metrics["n_failed"] == 2
    done = runs(postgres_backed, "tags.task = 'train' and attributes.status = 'FINISHED'")
    assert {found.data.tags["mlflow.parentRunId"] for found in done} == {parent.info.run_id}
    mlflow.set_tracking_uri(postgres_backed.address)
    for found in done:
        place = mlflow.artifacts.download_artifacts(
            f"runs:/{found.info.run_id}/predictions.parquet"
        )
        test = pd.read_parquet(place).query("part == 'test'")
        accuracy = (test["true"] == test["predicted"]).mean()
        assert found.data.metrics["test/accuracy"] == accuracy
    assert list(load_model(f"runs:/{done[0].info.run_id}/model").classes_) == ["a", "b"]
    assert not list(tables.rglob("*.undelivered.json"))


def test_a_sweep_goes_on_without_its_server_which_gets_the_rest_later(
    server,
    tables,  # noqa: F811
    capsys,
    monkeypatch,
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    goes_away_at_fit(server, monkeypatch, 2, back_after=None)
    command = ["-m", *QUICK, *on(server), "tracking.log_model=true", "data.root=good,bad"]
    assert main([*command, "seed=0,1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(re.findall(r"^\[\d/4, .* logreg data.root=", err, re.MULTILINE)) == 4
    assert "sweep not closed: tracking.uri: the store does not answer" in err
    assert len(list(tables.glob("multirun/*/*/*/record.undelivered.json"))) == 3
    (lost,) = tables.glob("multirun/*/*/1")
    log = (lost / "gtzan-exp.log").read_text()
    assert "the store does not answer" in log
    assert "gtzan-exp sync" in log

    assert main(["sync"]) == 2
    assert "the store does not answer" in capsys.readouterr().err
    server.start()
    assert main(["sync"]) == 0
    out, err = capsys.readouterr()
    assert "sweep FAILED: 4 jobs: 2 finished, 2 failed" in err
    (parent,) = runs(server, "tags.task = 'sweep'")
    assert parent.info.status == "FAILED"
    assert parent.data.metrics["n_finished"] == parent.data.metrics["n_failed"] == 2
    wanted = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    recorded = {found.info.run_id: found for found in runs(server, wanted)}
    statuses = [found.info.status for found in recorded.values()]
    assert statuses == ["FINISHED", "FINISHED", "FAILED", "FAILED"]
    assert main(["sync"]) == 0
    assert "nothing to deliver" in capsys.readouterr().out

    result = json.loads((lost / "result.json").read_text())
    assert f"run_id={result['run_id']} FINISHED " in out
    metrics = recorded[result["run_id"]].data.metrics
    assert result["metrics"].items() <= metrics.items()
    assert all(name.startswith("leak/") for name in metrics.keys() - result["metrics"].keys())
    mlflow.set_tracking_uri(server.address)
    model = load_model(f"runs:/{result['run_id']}/model")
    predictions = pd.read_parquet(lost / "record" / "predictions.parquet")
    cell = composed([*QUICK, "data.root=good"], resolve)
    dataset = cell.view.load(cell.data, cache=cell.cache)
    rows = np.array([list(dataset.ids).index(name) for name in predictions["id"]])
    probabilities = predictions[[f"p_{name}" for name in dataset.classes]]
    np.testing.assert_allclose(model.predict_proba(dataset.take(rows)), probabilities, rtol=1e-6)


def test_no_server_is_one_line(workspace, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["tracking=server", "tracking.uri=http://127.0.0.1:9", "experiment=smoke"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("gtzan-exp: error: tracking.uri: the store does not answer")
    assert error.count("\n") == 1


def test_the_compose_file_runs_the_tested_versions_on_loopback():
    file = Path(__file__).parents[2] / "docs/how-to/server/compose.yaml"
    services = OmegaConf.to_container(OmegaConf.load(file), resolve=False)["services"]
    constraints = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()

    pins = re.findall(r"[\w\[\]-]+==[\w.]+", services["mlflow"]["build"]["dockerfile_inline"])
    assert [re.sub(r"\[\w+\]", "", pin) for pin in pins] == [
        pin for pin in constraints if pin.startswith(("mlflow==", "psycopg=="))
    ]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert [port.partition(":")[0] for port in ports] == ["127.0.0.1"]

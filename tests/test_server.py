"""Runs recorded by a real MLflow server on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from gtzan_exp.cli import main
from gtzan_exp.tracking.models import load_model
from tests.test_runner import run

pytestmark = pytest.mark.slow


@pytest.fixture
def server(workspace: Path):
    """The address of an MLflow server with its own database and artifact store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = workspace / "server"
    folder.mkdir()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/server.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{address}/health", timeout=1)
                    break
                except OSError:
                    assert process.poll() is None, (folder / "log.txt").read_text()
                    time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_a_run_on_a_server_is_whole(server, workspace, capsys):
    result, _ = run(capsys, "tracking=server", f"tracking.uri={server}", "experiment=smoke")
    record = MlflowClient(server).get_run(result["run_id"])
    assert record.info.status == "FINISHED"
    assert record.data.metrics["test/accuracy"] == result["metrics"]["test/accuracy"]
    assert not (workspace / "mlruns" / "artifacts").exists()
    mlflow.set_tracking_uri(server)
    assert load_model(f"runs:/{result['run_id']}/model").classes_[0] == "blues"
    assert main(["compare", "tracking=server", f"tracking.uri={server}", "output=look"]) == 0
    assert "1 finished runs" in capsys.readouterr().out
    assert "Confusion matrices" in (workspace / "look" / "compare.html").read_text()
    logged = {file.path for file in MlflowClient(server).list_artifacts(_comparison(server))}
    assert {"compare.html", "compare.csv", "compare.md", "compare.json"} <= logged


def _comparison(server: str) -> str:
    client = MlflowClient(server)
    experiments = [found.experiment_id for found in client.search_experiments()]
    (run,) = client.search_runs(experiments, "tags.task = 'compare'")
    return run.info.run_id


def test_no_server_is_one_line(workspace, capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(SystemExit) as stopped:
        main(["tracking=server", "tracking.uri=http://127.0.0.1:9", "experiment=smoke"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("gtzan-exp: error: tracking.uri: the store does not answer")
    assert error.count("\n") == 1

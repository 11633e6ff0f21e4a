"""The logged model as other programs use it: `mlflow.pyfunc`, and MLflow's server on loopback."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.data.embeddings import EmbeddingsView
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.fused import FusedView
from gtzan_exp.embed.musicnn import Musicnn
from gtzan_exp.tracking.models import requirements
from gtzan_exp.tracking.predictor import hearing
from tests.contracts import SMALL_PICTURES
from tests.run.test_runner import run, store

PICTURES = ["view=spectrograms", *SMALL_PICTURES]


@pytest.fixture
def logged(workspace, capsys):
    """Return a function that trains; it returns the model's folder, the data and predictions."""

    def train(*overrides: str):
        result, output = run(capsys, "experiment=smoke", *overrides)
        mlflow.set_tracking_uri(store(workspace))
        (model,) = mlflow.get_run(result["run_id"]).outputs.model_outputs
        folder = mlflow.artifacts.download_artifacts(f"models:/{model.model_id}")
        cell = composed(["experiment=smoke", *overrides], resolve)
        table = pd.read_parquet(output / "record" / "predictions.parquet").set_index("id")
        return Path(folder), cell, table

    return train


def audio(cell, name: str) -> Path:
    return cell.data.folder() / "genres_original" / name.split(".")[0] / f"{name}.wav"


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(["view=features"], id="features"),
        pytest.param(PICTURES, id="pictures", marks=pytest.mark.slow),
        pytest.param(
            [*PICTURES, "view.segments=3"],
            id="pieces of pictures",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["view=fused", "view.parts.spectrograms.width=40"], id="both", marks=pytest.mark.slow
        ),
    ],
)
def test_pyfunc_takes_audio_and_what_the_model_was_trained_on(logged, view):
    folder, cell, table = logged(*view, "model=logreg")
    names = ["jazz.00001", "metal.00002"]
    recorded = table.groupby("track")[[f"p_{genre}" for genre in cell.data.classes]].mean()
    recorded.columns = list(cell.data.classes)
    wanted = recorded.loc[names]
    model = mlflow.pyfunc.load_model(str(folder))
    songs = pd.DataFrame({"audio": [audio(cell, name).read_bytes() for name in names]})
    assert model.predict(songs).tolist() == wanted.idxmax(axis=1).tolist()
    probabilities = model.predict(songs, params={"probabilities": True})
    np.testing.assert_allclose(probabilities, wanted[probabilities.columns], atol=1e-5)

    dataset = cell.view.load(cell.data, cache=cell.cache)
    inputs = pd.DataFrame(index=range(len(names)))
    if "tempo" in cell.view.input_columns:
        rows = np.array([list(dataset.ids).index(name) for name in names])
        inputs = dataset.take(rows)
        inputs = getattr(inputs, "arrays", {"features": inputs})["features"].reset_index(drop=True)
    if "image" in cell.view.input_columns:
        images = cell.data.folder() / "images_original"
        files = [images / name.split(".")[0] / f"{name}.png" for name in names]
        inputs["image"] = [file.read_bytes() for file in files]
    found = model.predict(inputs, params={"probabilities": True})
    np.testing.assert_allclose(found, wanted[found.columns], atol=1e-5)

    example = mlflow.models.Model.load(str(folder)).load_input_example(str(folder))
    assert model.predict(example).tolist() == [recorded.loc[dataset.tracks[0]].idxmax()]
    with pytest.raises(MlflowException, match="row 0, column audio: corrupt or not audio"):
        model.predict(pd.DataFrame({"audio": [b"no sound"]}))
    with pytest.raises(MlflowException, match="columns: missing"):
        model.predict(pd.DataFrame({"tempo": [120.0]}))


def test_a_model_on_vectors_pins_what_they_need_and_says_what_is_missing(monkeypatch):
    """The weights, whose package asks for a NumPy of long ago, are named where they are missing."""
    fitted, vectors = make_pipeline(LogisticRegression()), EmbeddingsView(embedder=Musicnn())
    plain = requirements(fitted, FeaturesView())
    fused = FusedView(parts={"vectors": vectors, "features": FeaturesView()})
    needed = [f"{name}=={version(name)}" for name in ("keras", "tensorflow")]
    assert sorted([*plain, *needed]) == sorted(requirements(fitted, fused))
    assert not any("tensorflow" in line for line in plain)
    monkeypatch.setattr("gtzan_exp.embed.musicnn._FILES", ("nowhere",))
    why = hearing(vectors, PrepareSettings())
    assert str(why).startswith(
        "embedder=musicnn: needs the weights of the package musicnn; allowed"
    )


def test_pyfunc_trusts_no_list_in_the_file(logged, monkeypatch):
    folder, _, _ = logged("model=linear_svc")
    description = folder / "MLmodel"
    assert "sklearn.calibration._CalibratedClassifier" in description.read_text()
    monkeypatch.setattr("gtzan_exp.models.saving.TRUSTED_TYPES", ("numpy.dtype",))
    with pytest.raises(Exception, match=r"not trusted.*_CalibratedClassifier"):
        mlflow.pyfunc.load_model(str(folder))
    names = "sklearn.calibration._CalibratedClassifier, sklearn.calibration._TemperatureScaling"
    more = f"{names}, scipy.optimize._optimize.OptimizeResult"
    monkeypatch.setenv("GTZAN_EXP_TRUSTED_TYPES", more)
    assert mlflow.pyfunc.load_model(str(folder))


@contextmanager
def served(folder: Path, log: Path) -> Iterator[str]:
    """Serve a model on loopback, and stop the server and its workers whatever happens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder)]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # MLflow calls uvicorn
    options = {"env": {**os.environ, "PATH": path}, "start_new_session": True}
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        try:
            for _ in range(240):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2)
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ask(address: str, question: dict) -> list:
    body, kind = json.dumps(question).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(address, body, kind)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["predictions"]


@pytest.mark.slow
def test_a_served_model_answers_audio_and_rows_of_features(logged, tmp_path):
    folder, cell, table = logged("model=logreg")
    name = "jazz.00001"
    song = {"audio": base64.b64encode(audio(cell, name).read_bytes()).decode()}
    X = cell.view.load(cell.data, cache=cell.cache)
    row = X.take(np.flatnonzero(X.ids == name)).iloc[0].to_dict()
    row["tempo"] = int(row["tempo"])  # JSON makes no difference between 120 and 120.0
    genre = table.loc[name, "predicted"]
    with served(folder, tmp_path / "log.txt") as address:
        assert ask(address, {"dataframe_records": [song]}) == [genre]
        assert ask(address, {"dataframe_records": [row, row]}) == [genre, genre]
        assert ask(address, {"inputs": {"audio": [song["audio"]]}}) == [genre]
        split = {"columns": ["audio"], "data": [[song["audio"]]]}
        options = {"params": {"probabilities": True}}
        (shares,) = ask(address, {"dataframe_split": split, **options})
        assert shares == pytest.approx({g: table.loc[name, f"p_{g}"] for g in shares}, abs=1e-5)
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(address, {"dataframe_records": [{"audio": "bm8gYXVkaW8="}]})
        assert refused.value.code == 400
        assert "row 0, column audio: corrupt" in refused.value.read().decode()

"""Songs in, genres out: the same numbers as in training, for any file, or one line why not."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import soundfile
from sklearn.metrics.pairwise import cosine_similarity

import gtzan_exp as gx
from gtzan_exp.audio.features import FeatureSettings
from gtzan_exp.audio.prepare import PrepareSettings, prepare
from gtzan_exp.audio.spectrograms import SpectrogramSettings, encode_png, render
from gtzan_exp.basics.checks import only_from
from gtzan_exp.basics.errors import DataError
from gtzan_exp.cli import main
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.fused import FusedView
from gtzan_exp.data.provenance import prepare_settings
from gtzan_exp.data.spectrograms import SpectrogramsView
from gtzan_exp.embed.logmel import LogMel
from gtzan_exp.embed.prepare import prepare_embeddings
from gtzan_exp.sample.synthetic import synthesize
from gtzan_exp.tracking.models import load_logged
from gtzan_exp.tracking.predictor import Predictor
from tests.contracts import SMALLER
from tests.run.test_runner import run, store

pytestmark = pytest.mark.usefixtures("no_pictures")

GENRES = ("classical", "jazz", "metal")
RATE = 22050
SETTINGS = PrepareSettings(
    features=FeatureSettings(n_fft=1024, hop_length=256),
    spectrograms=SpectrogramSettings(n_mels=64, style="kaggle", width=200, height=150),
    n_jobs=1,
)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``audio/<genre>/`` and, made of it with unusual settings, ``views``."""
    root = tmp_path_factory.mktemp("music")
    for genre in GENRES:
        (root / "audio" / genre).mkdir(parents=True)
        for index in range(5):
            y = synthesize(genre, index, seconds=6.5)
            soundfile.write(root / "audio" / genre / f"song {index}.flac", y, RATE)
    prepare(root / "audio", root / "views", SETTINGS)
    return root


def predict(capsys: pytest.CaptureFixture, *arguments: object) -> dict:
    assert main(["predict", *map(str, arguments), "--format", "json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def recorded() -> dict[tuple[str, ...], tuple[str, Path]]:
    """The runs of `trained`, by their options."""
    return {}


@pytest.fixture
def trained(module_workspace, recorded, music, session_cache, monkeypatch, capsys):
    """Return a function that trains on the views of `music`, once with the same options."""
    monkeypatch.chdir(module_workspace)
    monkeypatch.setenv("GTZAN_EXP_CACHE", str(session_cache))

    def train(*overrides: str) -> tuple[str, Path]:
        if overrides not in recorded:
            options = ["data=folder", f"data.root='{music}/views'", "trainer=smoke", *overrides]
            result, output = run(capsys, *options)
            recorded[overrides] = result["run_id"], output
        return recorded[overrides]

    return train


SOME_COLUMNS = ("view.columns=[tempo,mfcc1_mean,rms_var]", "view.extra_columns=[length]")
SEGMENTS = "view.segment_seconds=3"


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=logreg", *SOME_COLUMNS],
        pytest.param(["model=logreg", SEGMENTS], marks=pytest.mark.slow),
        ["model=linear_svc", "view=spectrograms", "view.width=40", "view.pixel_range=byte"],
        pytest.param(
            ["model=cnn2d", "view=spectrograms", *SMALLER["cnn2d"]], marks=pytest.mark.slow
        ),
    ],
    ids=lambda overrides: " ".join(overrides[:2]),
)
def test_a_training_track_gets_what_training_recorded(trained, music, capsys, overrides):
    run_id, output = trained(*overrides)
    table = pd.read_parquet(output / "record" / "predictions.parquet")
    trained_on = table.groupby("track")[[f"p_{genre}" for genre in GENRES]].mean()
    found = predict(capsys, f"model={run_id}", music / "audio", "top=9")
    assert len(found["files"]) == len(trained_on) == 15
    assert found["synthetic"] is False
    assert found["data"] == "folder"
    for file in found["files"]:
        path = Path(file["file"])
        ours = {f"p_{entry['genre']}": entry["probability"] for entry in file["genres"]}
        assert list(ours.values()) == sorted(ours.values(), reverse=True)
        theirs = trained_on.loc[f"{path.parent.name}.{path.stem}"]
        assert ours == pytest.approx(theirs.to_dict(), abs=1e-5)
        assert file["rows"] == (2 if SEGMENTS in overrides else 1)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", ["30", "3"])
def test_a_long_file_is_the_mean_of_its_windows(trained, module_workspace, tmp_path, seconds):
    run_id, _ = trained("model=logreg", *([SEGMENTS] if seconds == "3" else SOME_COLUMNS))
    model = load_logged(f"runs:/{run_id}/model", tracking_uri=store(module_workspace))
    predictor = Predictor(model)
    windows = [synthesize(genre, 9, seconds=30) for genre in ("jazz", "metal")]
    silence = np.zeros(30 * RATE, np.float32)
    rest = synthesize("classical", 9, seconds=20)
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, np.concatenate([windows[0], silence, windows[1], rest]), RATE, "FLOAT")
    parts = []
    for number, y in enumerate(windows):
        soundfile.write(tmp_path / f"{number}.wav", y, RATE, "FLOAT")
        parts.append(predictor.file(tmp_path / f"{number}.wav").probabilities[list(GENRES)])
    found = predictor.file(whole)
    assert found.rows == (20 if seconds == "3" else 2)
    np.testing.assert_allclose(found.probabilities[list(GENRES)], sum(parts) / 2, atol=1e-9)
    assert not np.allclose(parts[0], parts[1], atol=0.01)

    exactly = tmp_path / "31 s.wav"  # as long as prepare reads: one window
    soundfile.write(exactly, np.concatenate([windows[0], rest[:RATE]]), RATE)
    assert predictor.file(exactly).rows == (10 if seconds == "3" else 1)
    soundfile.write(whole, np.concatenate([silence, silence]), RATE)
    with pytest.raises(DataError, match="silent"):
        predictor.file(whole)


def test_bad_files_get_a_line_each_and_the_others_are_predicted(trained, music, tmp_path, capsys):
    run_id, _ = trained("model=logreg", SEGMENTS)
    bad = tmp_path / "bad music"
    bad.mkdir()
    (bad / "empty.wav").touch()
    (bad / "text.wav").write_text("no audio\n" * 99)
    soundfile.write(bad / "short.wav", synthesize("jazz", 0, seconds=2), RATE)
    soundfile.write(bad / "silent=yes.ogg", np.zeros(4 * RATE), RATE)
    whole = (music / "audio" / "jazz" / "song 0.flac").read_bytes()
    (bad / "cut.flac").write_bytes(whole[:3000])
    (bad / "notes.txt").write_text("passed over")
    (tmp_path / "nothing").mkdir()
    odd = tmp_path / "a=b\n.flac"
    odd.write_bytes(whole)
    capsys.readouterr()
    paths = [bad, tmp_path / "nothing", tmp_path / "absent.mp3", odd]
    assert main(["predict", f"model={run_id}", *map(str, paths), "top=1", "format=csv"]) == 1
    out, err = capsys.readouterr()
    header, row = csv.reader(io.StringIO(out))
    assert header == ["file", "rank", "genre", "probability", "data", "synthetic"]
    assert row[0].endswith(r"a=b\n.flac")
    assert row[1] == "1"
    assert row[5] == "false"
    *lines, last = err.splitlines()
    assert last == "7 of 8 files could not be used"
    named = ["cut", "empty", "short", "silent=yes", "text", "nothing", "absent"]
    assert len(lines) == len(named)
    for name, line in zip(named, lines, strict=True):
        assert line.startswith("gtzan-exp: error: ")
        assert name in line


def test_a_mistake_is_one_line(trained, music, capsys, module_workspace, tmp_path):
    song = str(music / "audio" / "jazz" / "song 0.flac")
    run_id, _ = trained("model=logreg", "tracking.log_model=false", "name=bare")
    kept, _ = trained("model=logreg", *SOME_COLUMNS)
    model = load_folder(module_workspace, kept)
    cases = {
        "model=0123": "model: is not there",
        f"model={'0' * 32}": "model: no such run",
        f"model={run_id}": "model: the run recorded no model",
        "model=models:/nobody/1": "model: cannot be fetched",
        f"model={tmp_path}": "model: is not one of ours",
        "top=3": "model: not set",
    }
    metadata = (model / "MLmodel").read_text()
    other = load_logged(str(model)).estimator
    other[-1].coef_ *= -1
    ours = "gtzan_exp.data.features.FeaturesView"
    for number, (what, text, raw) in enumerate(
        [
            ("names a class that is not trusted", metadata.replace(ours, "subprocess.Popen"), None),
            (
                "names a class that is not trusted",
                metadata.replace(ours, "gtzan_exp.data.locations.Path"),
                None,
            ),
            ("is not one of ours", metadata.replace("view_settings", "other_settings"), None),
            ("not computed from audio", metadata.replace("- length", "- my_own"), None),
            ("is damaged", metadata, b"PK, but no archive"),
            ("is damaged", metadata, skops.io.dumps(["no", "pipeline"])),
            ("that of another model", metadata, skops.io.dumps(other)),
            ("genres are not those", metadata.replace("- jazz", "- zydeco"), None),
        ]
    ):
        copy = tmp_path / f"model {number}"
        shutil.copytree(model, copy)
        (copy / "MLmodel").write_text(text)
        if raw:
            (copy / "model.skops").write_bytes(raw)
        cases[f"model={copy}"] = what
    for argument, what in cases.items():
        capsys.readouterr()
        assert main(["predict", argument, song]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1, printed.err
        assert what in printed.err
    assert main(["predict", f"model={model}", song]) == 0
    assert "LogisticRegression on features of folder, 3 genres" in capsys.readouterr().out
    assert main(["predict", f"model={model}", "top=0", "formt=csv", song]) == 2
    assert "nearest: format" in capsys.readouterr().err


def load_folder(workspace: Path, run_id: str) -> Path:
    """Return the folder of the model of a run."""
    import mlflow

    mlflow.set_tracking_uri(store(workspace))
    (model,) = mlflow.get_run(run_id).outputs.model_outputs
    return Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}"))


def test_views_that_prepare_did_not_write_are_taken_for_published_ones(music, tmp_path):
    assert prepare_settings(music / "views").as_json() == SETTINGS.as_json()
    pictures = tmp_path / "images_original" / "jazz"
    pictures.mkdir(parents=True)
    assert prepare_settings(tmp_path) == PrepareSettings()
    y = synthesize("jazz", 0, seconds=3)
    for style in ("kaggle", "mel_db"):
        picture = encode_png(render(y, SpectrogramSettings(style=style)))
        (pictures / "jazz.00000.png").write_bytes(picture)
        assert prepare_settings(tmp_path).spectrograms == SpectrogramSettings(style=style)
    gray = SpectrogramSettings(cmap="gray")
    (tmp_path / "mine" / "jazz").mkdir(parents=True)
    (tmp_path / "mine" / "jazz" / "jazz.00000.png").write_bytes(encode_png(render(y, gray)))
    fused = FusedView(parts={"a": FeaturesView(), "b": SpectrogramsView(folder="mine")})
    for view in (fused, fused.parts["b"]):
        assert prepare_settings(tmp_path, view).spectrograms == gray
    assert prepare_settings(tmp_path, fused.parts["a"]).spectrograms.style == "mel_db"
    (tmp_path / "prepare_settings.json").write_text('{"recipe": 0}')
    with pytest.raises(DataError, match="another version"):
        prepare_settings(tmp_path)


@pytest.mark.slow
@pytest.mark.gtzan
def test_a_model_of_the_published_table_knows_its_tracks_from_audio(workspace, gtzan_root, capsys):
    result, output = run(capsys, "data=gtzan", "model=logreg")
    table = pd.read_parquet(output / "record" / "predictions.parquet").set_index("id")
    found = predict(capsys, f"model={result['run_id']}", gtzan_root / "genres_original/rock")
    for file in found["files"]:
        ours = {entry["genre"]: entry["probability"] for entry in file["genres"]}
        recorded = table.loc[Path(file["file"]).stem]
        assert ours == pytest.approx({g: recorded[f"p_{g}"] for g in ours}, abs=0.02)


def test_neighbours_are_the_tracks_whose_scaled_vectors_point_the_same_way(trained, music, capsys):
    run_id, _ = trained("model=logreg", *SOME_COLUMNS)
    song = music / "audio" / "jazz" / "song 2.flac"
    found = predict(capsys, f"model={run_id}", song, "neighbours=4")["files"][0]["neighbours"]
    table = pd.read_csv(music / "views" / "features_30_sec.csv").sort_values("filename")
    X = table[["length", "tempo", "mfcc1_mean", "rms_var"]]
    model = load_logged(f"runs:/{run_id}/model", tracking_uri=store(Path.cwd()))
    scaled = model.estimator["scaler"].transform(X)
    row = table["filename"].tolist().index("jazz.song 2.flac")
    cosine = cosine_similarity(scaled)[row]
    nearest = np.argsort(-cosine, kind="stable")[:4]
    assert [n["track"] for n in found] == [table["filename"].iloc[n][:-5] for n in nearest]
    np.testing.assert_allclose([n["similarity"] for n in found], cosine[nearest], atol=1e-5)
    assert found[0]["track"] == "jazz.song 2"
    table = gx.predict(run_id, song, neighbours=4)
    assert table.attrs["neighbours"][str(song)] == {n["track"]: n["similarity"] for n in found}
    arguments = ["predict", f"model={run_id}", str(song), "neighbours=1"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  like jazz.song 2  1.00"
    assert main([*arguments, "format=csv"]) == 2
    assert "neighbours: not in this format; allowed: format=table|json" in capsys.readouterr().err


def test_what_is_not_trusted_imports_nothing_but_this_package():
    mistakes = []
    assert only_from("gtzan_exp.data.")("this.s", "data", mistakes) is None
    assert "is not trusted; allowed: a class of gtzan_exp.data; got: this.s" in str(mistakes[0])
    assert "this" not in sys.modules


def test_a_model_on_vectors_of_an_embedder_hears_as_the_embedder_does(
    trained, music, tmp_path, capsys
):
    prepare_embeddings(music / "audio", music / "views", SETTINGS, LogMel(sample_rate=8000))
    run_id, output = trained("model=logreg", "view=embeddings", "view.training=MSD")
    recorded = pd.read_parquet(output / "record" / "predictions.parquet").set_index("id")
    found = predict(capsys, f"model={run_id}", music / "audio" / "metal" / "song 1.flac", "top=3")
    for genre in found["files"][0]["genres"]:
        expected = recorded.loc["metal.song 1", f"p_{genre['genre']}"]
        assert genre["probability"] == pytest.approx(expected, abs=1e-5)

"""Vectors from audio: each of its own track alone, made once, found again by the view."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.tracks import load_audio
from gtzan_exp.basics.errors import DataError
from gtzan_exp.commands.prepare import main
from gtzan_exp.data.embeddings import EmbeddingsView
from gtzan_exp.embed.logmel import LogMel
from gtzan_exp.embed.prepare import prepare_embeddings
from tests.data.conftest import place

RATE = 22050
ALONE = PrepareSettings(views=("embeddings",), n_jobs=1)


@dataclass(frozen=True, kw_only=True)
class Counts(LogMel):
    """It remembers what it was asked for."""

    name: str = "counts"
    version: str = "1"

    def weights(self) -> str:
        return self.version

    def embed(self, y: np.ndarray) -> dict[str, np.ndarray]:
        calls.append(len(y))
        return {**super().embed(y), "length": np.array([len(y), 1.0])}


calls: list[int] = []


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """Two tracks of noise of two genres, at another rate than the embedder's, and a broken one."""
    random = np.random.default_rng(0)
    for genre in ("blues", "rock"):
        (tmp_path / "audio" / genre).mkdir(parents=True)
        for number in range(2):
            y = random.uniform(-0.5, 0.5, RATE * (2 + number))
            soundfile.write(tmp_path / "audio" / genre / f"{genre}.{number:05}.wav", y, RATE)
    (tmp_path / "audio" / "rock" / "broken.wav").write_bytes(b"RIFF")
    calls.clear()
    return tmp_path / "audio"


def test_a_vector_is_that_of_its_track_and_is_made_once(audio, tmp_path):
    out = tmp_path / "out"
    embedder = Counts(sample_rate=16000, n_mels=16)
    report = prepare_embeddings(audio, out, ALONE, embedder)
    assert (report.done, report.reused, report.failed) == (4, 0, 1)
    assert "rock/broken.wav" in (out / report.errors).read_text()
    dataset = EmbeddingsView().load(place(out), cache=tmp_path)
    assert dataset.ids.tolist() == ["blues.00000", "blues.00001", "rock.00000", "rock.00001"]
    for id, vector in zip(dataset.ids, dataset.X, strict=True):
        y = load_audio(audio / id[:-6] / f"{id}.wav", sample_rate=16000)
        np.testing.assert_allclose(vector, embedder.embed(y)["logmel"], rtol=1e-5)
    lengths = EmbeddingsView(layer="length").load(place(out), cache=tmp_path).X[:, 0]
    assert lengths.tolist() == [32000, 48000, 32000, 48000]

    calls.clear()
    (audio / "rock" / "rock.00000.wav").rename(audio / "rock" / "rock.00007.wav")
    y = np.random.default_rng(1).uniform(-0.5, 0.5, RATE)
    soundfile.write(audio / "rock" / "rock.00001.wav", y, RATE)
    report = prepare_embeddings(audio, out, ALONE, embedder)
    assert (report.done, report.reused, calls) == (1, 3, [16000])
    again = EmbeddingsView().load(place(out), cache=tmp_path)
    assert again.ids.tolist() == ["blues.00000", "blues.00001", "rock.00001", "rock.00007"]
    np.testing.assert_array_equal(again.X[3], dataset.X[2])
    other = Counts(sample_rate=16000, n_mels=16, version="2")
    assert prepare_embeddings(audio, out, ALONE, other).done == 4
    with pytest.raises(DataError, match=r"broken\.wav"):
        prepare_embeddings(audio, out, PrepareSettings(on_error="raise", n_jobs=1), embedder)


def test_the_view_knows_who_made_its_vectors_and_hears_as_they_were_made(audio, tmp_path):
    out = tmp_path / "out"
    prepare_embeddings(audio, out, ALONE, LogMel(n_mels=8, sample_rate=16000))
    dataset = EmbeddingsView().load(place(out), cache=tmp_path)
    view = dataset.maker
    assert view.embedder == LogMel(n_mels=8, sample_rate=16000)
    assert dataset.origin == {
        "model": "logmel",
        "layer": "logmel",
        "weights": "none",
        "training": "none",
    }
    settings = view.sound(PrepareSettings())
    assert settings.features.sample_rate == 16000
    path = audio / "blues" / "blues.00001.wav"
    heard = view.from_sound(settings)(load_audio(path, sample_rate=16000))
    np.testing.assert_allclose(heard, dataset.X[1:2], rtol=1e-5)
    beside = view.from_sound(PrepareSettings())(load_audio(path, sample_rate=RATE))
    np.testing.assert_allclose(beside, dataset.X[1:2], atol=1e-4)

    prepare_embeddings(audio, out, ALONE, Counts(sample_rate=16000))
    foreign = EmbeddingsView(file=Path("embeddings_counts.parquet"))
    view = foreign.load(place(out), cache=tmp_path).maker
    with pytest.raises(DataError, match=r"not known which model.*\+embedder@view.embedder=NAME"):
        view.from_sound(PrepareSettings())
    named = EmbeddingsView(file=foreign.file, embedder=Counts(sample_rate=16000, version="2"))
    with pytest.raises(DataError, match=r"other weights of counts than then; allowed: 1; got: 2"):
        named.load(place(out), cache=tmp_path).maker.from_sound(PrepareSettings())


@pytest.mark.slow
def test_the_command_leaves_the_other_views_as_they_are(audio, tmp_path, capsys):
    out = tmp_path / "out"
    (audio / "rock" / "broken.wav").unlink()
    places = [f"data.audio={audio}", f"data.root={out}", "n_jobs=1"]
    assert main([*places, "segments=[30]"]) == 0
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    assert main([*places, "views=[embeddings]", "embedder=logmel", "embedder.n_mels=8"]) == 0
    assert "4 tracks done, 0 reused, 0 failed" in capsys.readouterr().out.splitlines()[-1]
    assert {path: path.read_bytes() for path in before} == before
    assert EmbeddingsView().load(place(out), cache=tmp_path).X.shape == (4, 16)

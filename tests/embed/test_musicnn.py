"""musicnn's published weights in our network, against vectors that an independent script made."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.tracks import load_audio, scan_tracks
from gtzan_exp.basics.errors import ConfigError, DataError, MissingExtraError
from gtzan_exp.data.embeddings import EmbeddingsView
from gtzan_exp.embed.musicnn import Musicnn, _network
from gtzan_exp.embed.prepare import prepare_embeddings
from tests.data.conftest import place

METAL = 11  # its number among the tags of MSD
ALONE = PrepareSettings(views=("embeddings",), n_jobs=1)
needs_weights = pytest.mark.skipif(
    importlib.util.find_spec("musicnn") is None,
    reason="the package musicnn is not installed (make embeddings)",
)


@pytest.mark.gtzan
@pytest.mark.slow
@needs_weights
def test_the_vectors_are_those_of_an_independent_script(gtzan_root, tmp_path):
    report = prepare_embeddings(gtzan_root / "genres_original", tmp_path, ALONE, Musicnn())
    assert (report.done, report.failed) == (33, 1)  # jazz.00054 is corrupt
    with np.load(gtzan_root / "embeddings_msd_musicnn.npz") as truth:
        rows = {id: row for row, id in enumerate(truth["ids"].tolist())}
        for layer in ("penultimate", "max", "mean", "tags"):
            found = EmbeddingsView(layer=layer).load(place(tmp_path), cache=tmp_path)
            expected = truth[layer][[rows[id] for id in found.ids]]
            np.testing.assert_allclose(found.X, expected, rtol=1e-3, atol=1e-5)
    metal = found.X[:, METAL]
    assert metal[found.labels == "metal"].min() > np.median(metal[found.labels != "metal"])
    assert dict(found.origin, weights="") == {
        "model": "MSD_musicnn",
        "layer": "tags",
        "weights": "",
        "training": "MSD",
    }
    assert "musicnn" not in sys.modules


@pytest.mark.gtzan
@pytest.mark.slow
@needs_weights
@pytest.mark.parametrize("model", ["MSD_musicnn", "MTT_musicnn", "MSD_vgg", "MTT_vgg"])
def test_a_track_is_embedded_alike_in_whatever_batches(gtzan_root, model):
    """Also: the mean of patches that go through the network one by one, in any order."""
    embedder = Musicnn(model=model)
    first, second = scan_tracks(gtzan_root / "genres_original")[0][:2]
    sounds = [load_audio(track.path, sample_rate=16000) for track in (first, second)]
    whole = embedder.embed(np.concatenate([sounds[0][: 187 * 256 * 9], sounds[1]]))
    alone = [embedder.embed(y) for y in sounds]
    again = [embedder.embed(y) for y in reversed(sounds)][::-1]
    patches = embedder.patches(sounds[0])
    order = np.random.default_rng(0).permutation(len(patches))
    one_by_one = [_network(model)(patches[[row]]) for row in order]
    for layer, vector in alone[0].items():
        np.testing.assert_array_equal(again[0][layer], vector)
        np.testing.assert_array_equal(again[1][layer], alone[1][layer])
        mean = np.mean([np.asarray(found[layer])[0] for found in one_by_one], axis=0)
        np.testing.assert_allclose(mean, vector, rtol=1e-4, atol=1e-5)
        assert np.abs(whole[layer] - vector).max() > 1e-3
    with pytest.raises(DataError, match=r"too short for musicnn; allowed: 3 s or more; got: 2\.00"):
        embedder.embed(sounds[0][:32000])


def test_without_the_weights_a_line_says_the_command(monkeypatch, tmp_path):
    found = {"tensorflow": True}
    monkeypatch.setattr(importlib.util, "find_spec", found.get)
    with pytest.raises(ConfigError, match=r"pip install --no-deps musicnn==0\.1\.0"):
        Musicnn().weights()
    spec = importlib.machinery.ModuleSpec("musicnn", None, origin="x", is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    found["musicnn"] = spec
    with pytest.raises(ConfigError, match=f"got: none in {tmp_path}"):
        Musicnn().weights()
    del found["tensorflow"]
    with pytest.raises(MissingExtraError, match="needs tensorflow"):
        Musicnn().weights()

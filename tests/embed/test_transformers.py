"""Small models of the transformers library, saved here and loaded offline by the real code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from gtzan_exp.basics.errors import ConfigError
from gtzan_exp.embed.transformers import Transformers

missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing), reason=f"{' and '.join(missing)} not installed (extra hub)"),
]
SIZE = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def save(kind: str, folder: Path) -> tuple[object, object]:
    """Save a small model with random weights, and return it and what prepares its sound."""
    import torch
    import transformers as t

    torch.manual_seed(0)
    if kind == "ast":
        config = t.ASTConfig(hidden_size=8, max_length=64, num_mel_bins=32, **SIZE)
        model, extractor = t.ASTModel(config), t.ASTFeatureExtractor(max_length=64, num_mel_bins=32)
    elif kind == "wav2vec2":
        convs = {"conv_dim": (8, 8), "conv_stride": (40, 8), "conv_kernel": (80, 16)}
        config = t.Wav2Vec2Config(
            hidden_size=8,
            num_conv_pos_embeddings=8,
            num_conv_pos_embedding_groups=2,
            **convs,
            **SIZE,
        )
        model, extractor = t.Wav2Vec2Model(config), t.Wav2Vec2FeatureExtractor()
    else:
        audio = t.ClapAudioConfig(
            patch_embeds_hidden_size=4,
            hidden_size=16,
            depths=[1, 1, 1],
            num_attention_heads=[1, 1, 1],
            spec_size=64,
            num_mel_bins=16,
            window_size=4,
        )
        text = t.ClapTextConfig(hidden_size=8, vocab_size=50, **SIZE)
        config = t.ClapConfig(audio_config=audio.to_dict(), text_config=text.to_dict())
        model = t.ClapModel(config)
        extractor = t.ClapFeatureExtractor(
            feature_size=16, max_length_s=1, truncation="rand_trunc", padding="repeatpad"
        )
    model.eval().save_pretrained(folder)
    extractor.save_pretrained(folder)
    return model, extractor


@pytest.mark.parametrize("kind", ["ast", "wav2vec2", "clap"])
def test_the_vectors_are_those_of_the_hidden_layer_of_the_model_itself(tmp_path, kind):
    import torch

    model, extractor = save(kind, tmp_path / "model")
    embedder = Transformers(model=str(tmp_path / "model"), seconds=1.0, layer=1)
    rate = embedder.sample_rate
    assert (rate, embedder.name) == (48000 if kind == "clap" else 16000, "model_1")
    y = np.random.default_rng(0).uniform(-0.5, 0.5, int(2.5 * rate)).astype(np.float32)
    found = embedder.embed(y)
    per_window = []
    for window in (y[:rate], y[rate : 2 * rate]):
        inputs = extractor(window, sampling_rate=rate, return_tensors="pt")
        network = model.audio_model if kind == "clap" else model
        with torch.no_grad():
            (state,) = network(**inputs, output_hidden_states=True).hidden_states[1]
        units = state.flatten(1) if kind == "clap" else state.T
        per_window.append([units.mean(1), units.amax(1), units.std(1, correction=0)])
    for number, pooling in enumerate(("mean", "max", "std")):
        expected = np.mean([window[number].numpy() for window in per_window], axis=0)
        np.testing.assert_allclose(found[pooling], expected, rtol=1e-4, atol=1e-6)
    again = embedder.embed(y[: 2 * rate])
    np.testing.assert_array_equal(again["mean"], found["mean"])
    with pytest.raises(ConfigError, match=r"embedder\.layer: no such layer.*got: 9"):
        Transformers(model=embedder.model, seconds=1.0, layer=9).embed(y)


def test_weights_are_told_apart_and_only_safetensors_are_read(tmp_path):
    model, extractor = save("ast", tmp_path / "one")
    one = Transformers(model=str(tmp_path / "one")).weights()
    with pytest.raises(ConfigError, match=r"embedder\.model: cannot be fetched"):
        Transformers(model="nobody/nothing").weights()
    extractor.save_pretrained(tmp_path / "pickled")
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"lacks a file.*without \*\.safetensors"):
        Transformers(model=str(tmp_path / "pickled")).weights()
    model.layernorm.weight.data += 1
    model.save_pretrained(tmp_path / "two")
    extractor.save_pretrained(tmp_path / "two")
    assert Transformers(model=str(tmp_path / "two")).weights() != one


def test_code_that_a_model_brings_is_never_run(tmp_path):
    save("ast", tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text()) | {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.MyConfig", "AutoModel": "mine.MyModel"},
    }
    path.write_text(json.dumps(config))
    (tmp_path / "model" / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ConfigError, match=r"embedder\.model: cannot be loaded"):
        Transformers(model=str(tmp_path / "model")).embed(np.zeros(16000, np.float32))
    assert not (tmp_path / "ran").exists()

"""Audio models of the transformers library, from the Hugging Face hub or from a folder."""

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.prepare import file_digest
from gtzan_exp.basics.errors import ConfigError, MissingExtraError, Mistake, one_line

_FILES = ["*.json", "*.safetensors"]
_SOUND = "preprocessor_config.json"


@dataclass(frozen=True, kw_only=True)
class Transformers:
    """An audio model with hidden states: AST, CLAP, wav2vec 2.0, HuBERT and others.

    Only weights in safetensors are read, and no code from the hub: a model that needs its own is
    refused. A track is cut into windows without overlap, and the rest is dropped. The vectors
    ``mean``, ``max`` and ``std`` are taken over time (and frequency) of a hidden layer, and
    averaged over the windows.
    """

    packages: ClassVar = ("torch", "transformers")
    # a folder that `save_pretrained` wrote, or the name of a model on the hub
    model: Annotated[str, Field(min_length=1)]
    revision: str | None = None  # branch, tag or commit on the hub
    layer: int = -1  # the hidden layer, 0 for the input of the first; negative from the end
    # length of a window; a shorter track is one window
    seconds: Annotated[float, Field(ge=1.0, le=60.0)] = 10.0
    # the training data of the model, in a word
    training: Annotated[str, Field(pattern=r"^[\w.-]+$")] = "unknown"

    @property
    def name(self) -> str:
        """The last part of the model's name, and the layer where it is not the last."""
        last = Path(self.model).name
        return last if self.layer == -1 else f"{last}_{self.layer}"

    @property
    def sample_rate(self) -> int:
        """The sample rate in the model's configuration, in Hz."""
        return int(json.loads((self._folder() / _SOUND).read_bytes())["sampling_rate"])

    def weights(self) -> str:
        """Return a hash of the files of weights, fetched first if needed."""
        return _hash(self._folder())

    def embed(self, y: np.ndarray) -> dict[str, np.ndarray]:
        """Return the vectors of a track."""
        import torch

        length, rate = round(self.seconds * self.sample_rate), self.sample_rate
        starts = range(0, max(1, len(y) // length) * length, length)
        extractor, network = _loaded(self._folder())
        pooled = []
        for start in starts:
            inputs = extractor(y[start : start + length], sampling_rate=rate, return_tensors="pt")
            with torch.inference_mode():
                states = network(**inputs, output_hidden_states=True).hidden_states
            if not -len(states) <= self.layer < len(states):
                allowed, got = f"{-len(states)} to {len(states) - 1}", str(self.layer)
                raise ConfigError(Mistake("embedder.layer", "no such layer", allowed, got))
            state = states[self.layer][0].numpy()
            # Hidden units are the first axis of feature maps (CLAP), and the last of sequences.
            state = state.reshape(len(state), -1).T if state.ndim == 3 else state
            pooled.append((state.mean(axis=0), state.max(axis=0), state.std(axis=0)))
        means = np.mean(pooled, axis=0)
        return dict(zip(("mean", "max", "std"), means, strict=True))

    def _folder(self) -> Path:
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError("embedder=transformers", package, "hub")
        return _fetched(self.model, self.revision)


@cache
def _fetched(model: str, revision: str | None) -> Path:
    """Return the folder of a model, fetched from the hub unless it is local."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        try:
            folder = Path(snapshot_download(model, revision=revision, allow_patterns=_FILES))
        except Exception as error:  # errors of the network, the hub or the name
            allowed, got = "a folder of save_pretrained, or a model on the hub", one_line(error)
            mistake = Mistake("embedder.model", "cannot be fetched", allowed, got)
            raise ConfigError(mistake) from error
    missing = [name for name in (_SOUND, "*.safetensors") if not any(folder.glob(name))]
    if missing:
        what, allowed = "lacks a file", "a model of audio in safetensors"
        got = f"{folder} without {', '.join(missing)}"
        raise ConfigError(Mistake("embedder.model", what, allowed, got))
    return folder


@cache
def _hash(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        found.update(bytes.fromhex(file_digest(path)))
    return found.hexdigest()[:16]


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    """Return the feature extractor and the audio part of a model."""
    from transformers import AutoFeatureExtractor, AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    safe = {"trust_remote_code": False, "local_files_only": True}
    try:
        extractor = AutoFeatureExtractor.from_pretrained(folder, **safe)
        network = AutoModel.from_pretrained(folder, use_safetensors=True, **safe)
    except (ImportError, KeyError, OSError, RuntimeError, ValueError) as error:
        allowed, got = "a known model of audio, in safetensors", f"{folder}: {one_line(error)}"
        raise ConfigError(Mistake("embedder.model", "cannot be loaded", allowed, got)) from error
    return extractor, getattr(network, "audio_model", network).eval()

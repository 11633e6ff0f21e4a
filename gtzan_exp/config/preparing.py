"""Reads the config of ``gtzan-exp prepare``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig

from gtzan_exp.audio.features import FeatureSettings
from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.spectrograms import SpectrogramSettings
from gtzan_exp.basics.checks import checked, unknown
from gtzan_exp.config.reading import option_names, reading
from gtzan_exp.embed.contracts import Embedder


def read_preparation(config: DictConfig) -> tuple[Path, Path, PrepareSettings, Embedder]:
    """Return the two folders, the settings and the embedder, or raise every mistake in them."""
    options = [*option_names(PrepareSettings), "data", "view", "paths"]
    with reading(config, ["embedder"], options) as found:
        data, view = (found.node.get(name) or {} for name in ("data", "view"))
        known: list[str] = []
        for name, kind in {
            "features": FeatureSettings,
            "spectrograms": SpectrogramSettings,
        }.items():
            known += option_names(kind)
            own = {key: view[key] for key in option_names(kind) if key in view}
            if made := checked(kind, own, "view", found.mistakes):
                found.node[name] = made
        found.mistakes.extend(unknown(view, list(dict.fromkeys(known)), "view"))
        found.mistakes.extend(unknown(data, ["audio", "root", "labels", "offset"], "data"))
        found.node["labels"] = data.get("labels") or {}
        found.node["offset"] = data.get("offset", 0.0)
        settings, embedder = found.settings(PrepareSettings), found.object("embedder")
        for place, mistake in enumerate(found.mistakes):
            if mistake.where in data:
                found.mistakes[place] = replace(mistake, where=f"data.{mistake.where}")
    return Path(data["audio"]).expanduser(), Path(data["root"]).expanduser(), settings, embedder

"""The best trial of a search, written as a short config for ``experiment=``."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gtzan_exp.basics.checks import as_dict

_GROUPS = ("data", "view", "split", "trainer", "model")
_VALUES = ("seed", "tags")


def as_experiment(
    loader: ConfigLoader, config: DictConfig, *, comments: Sequence[str], tags: Mapping[str, str]
) -> str:
    """Return the YAML of an experiment that reproduces the cell of a config with a ``hydra`` node.

    It has the same group choices, the values that differ from them, and further tags, but not the
    tracking store. The comments come first.
    """
    choices = {name: config.hydra.runtime.choices[name] for name in _GROUPS}
    chosen = [f"{name}={choice}" for name, choice in choices.items()]
    base = loader.load_configuration(config.hydra.job.config_name, chosen, RunMode.RUN)
    text: dict[str, Any] = {"defaults": [{f"override /{n}": choices[n]} for n in _GROUPS]}
    found, before = (as_dict(each, resolve=False) for each in (config, base))
    for each in (found, before):
        each["split"].pop("evaluate", None)  # the best trial is to show its test part, once
    for name in (*_VALUES, *_GROUPS):
        if found[name] != before[name]:
            text[name] = _changes(found[name], before[name])
    text["tags"] = {**text.get("tags", {}), **tags}
    lines = ["# @package _global_", *(f"# {comment}" for comment in comments)]
    return "\n".join([*lines, OmegaConf.to_yaml(OmegaConf.create(text))])


def _changes(found: Any, before: Any) -> Any:
    """Return the changes that, merged into `before`, give `found`."""
    if not isinstance(found, Mapping):
        return found
    known = before if isinstance(before, Mapping) else {}
    return {
        key: _changes(value, known.get(key))
        for key, value in found.items()
        if key not in known or value != known[key]
    }


def best_file(folder: Path) -> Path:
    return folder / "record" / "experiment" / "best.yaml"


def best_command(folder: Path) -> str:
    return (
        f"gtzan-exp --config-dir {shlex.quote(str(best_file(folder).parents[1]))} experiment=best"
    )


def best_job(folder: Path) -> int | None:
    """Return the number of the best trial of a search, or None before the first has a score."""
    path = best_file(folder)
    return int(OmegaConf.load(path).tags.trial) if path.is_file() else None

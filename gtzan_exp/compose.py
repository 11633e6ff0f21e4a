"""From a command line to composed configs, or to everything wrong with it at once."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import compose as hydra_compose
from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from gtzan_exp.config import GROUPS, conf_folder, misfit, nodes, register, resolve
from gtzan_exp.errors import ConfigError, Mistake, nearest

MAX_JOBS_CHECKED = 256


def composed(
    overrides: Sequence[str], *, config_dir: str | None = None, config_name: str = "config"
) -> DictConfig:
    """Return the config that Hydra overrides describe.

    Parameters
    ----------
    overrides : sequence of str
        As on the command line, without sweeps.
    config_dir : str, optional
        A folder with further configs, as given to ``--config-dir``.
    config_name : str, default="config"

    Raises
    ------
    ConfigError
        With every mistake in the overrides that can be found without resolving the config.
    """
    with _hydra(config_dir) as loader:
        return _compose(loader, _parse(overrides), config_name)


def check(
    overrides: Sequence[str],
    *,
    multirun: bool = False,
    config_dir: str | None = None,
    config_name: str = "config",
) -> None:
    """Check a command line: every option, and every object that the composed config describes.

    Parameters
    ----------
    overrides : sequence of str
        As on the command line.
    multirun : bool, default=False
        Sweeps are allowed; the first `MAX_JOBS_CHECKED` jobs are checked.
    config_dir, config_name : as in `composed`

    Raises
    ------
    ConfigError
        With every mistake, each once.
    """
    mistakes: list[Mistake] = []
    with _hydra(config_dir) as loader:
        parsed = _parse(overrides)
        if multirun:
            jobs = _jobs(loader, parsed, config_name)
        else:
            jobs = [parsed]
            mistakes += [
                Mistake(
                    o.get_key_element(), "is a sweep", "one value, or --multirun (-m)", o.input_line
                )
                for o in parsed
                if o.is_sweep_override()
            ]
        for job in itertools.islice([] if mistakes else jobs, MAX_JOBS_CHECKED):
            try:
                resolve(_compose(loader, job, config_name))
            except ConfigError as error:
                mistakes += error.mistakes
    if mistakes:
        raise ConfigError(dict.fromkeys(mistakes))


@contextmanager
def _hydra(config_dir: str | None) -> Iterator[ConfigLoader]:
    register()
    version.setbase("1.3")
    search_path = create_config_search_path(str(conf_folder()))
    if config_dir is not None:
        search_path.append("command-line", f"file://{os.path.abspath(config_dir)}")
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("gtzan-exp", search_path)
    try:
        yield hydra.config_loader
    finally:
        GlobalHydra.instance().clear()


def _parse(overrides: Sequence[str]) -> list[Override]:
    parsed, mistakes = [], []
    for text in overrides:
        try:
            parsed += OverridesParser.create().parse_overrides([text])
        except HydraException:
            mistakes.append(
                Mistake("command line", "not an override", "key=value, +key=value, ~key", text)
            )
    if mistakes:
        raise ConfigError(mistakes)
    return parsed


def _compose(loader: ConfigLoader, overrides: Sequence[Override], config_name: str) -> DictConfig:
    """Compose group choices first, then set the values one by one, collecting mistakes."""
    mistakes: list[Mistake] = []
    groups, values = [], []
    for override in overrides:
        name = override.key_or_group
        options = _options(loader, name)
        if not options:
            target = groups if name.startswith("hydra.") else values
            target.append(override)
            continue
        chosen = override.value()
        if isinstance(chosen, str) and chosen not in options:
            mistakes.append(
                Mistake(
                    name, f"unknown option{nearest(chosen, options)}", ", ".join(options), chosen
                )
            )
        else:
            groups.append(override)
    texts = [override.input_line for override in groups]
    try:
        config = hydra_compose(config_name, texts)
    except (HydraException, OmegaConfBaseException) as error:
        reason = str(error).strip().splitlines()[0]
        got = " ".join(texts) or config_name
        raise ConfigError(
            [*mistakes, Mistake("config", reason, "configs that Hydra can compose", got)]
        ) from error
    for override in values:
        mistakes += _set(config, override)
    if mistakes:
        try:
            resolve(config)
        except ConfigError as error:
            mistakes += error.mistakes
        raise ConfigError(mistakes)
    return config


def _set(config: DictConfig, override: Override) -> list[Mistake]:
    key = override.key_or_group
    known = [name for name, _ in nodes(config)]
    if not override.is_add() and key not in known:
        group, dot, _ = key.rpartition(".")
        siblings = [name for name in known if name.rpartition(".")[0] == group]
        allowed = siblings or [name for name in known if "." not in name]
        return [
            Mistake(
                key,
                f"unknown option{nearest(key, allowed if dot else [*allowed, *GROUPS])}",
                ", ".join(allowed),
                override.input_line,
            )
        ]
    if override.is_delete():
        parent = OmegaConf.select(config, key.rpartition(".")[0]) if "." in key else config
        with open_dict(parent):
            del parent[key.rpartition(".")[2]]
        return []
    OmegaConf.update(config, key, override.value(), force_add=True)
    return []


def _options(loader: ConfigLoader, group: str) -> list[str]:
    """Return the names that a group offers, those in its subfolders included."""
    names = loader.get_group_options(group, ObjectType.CONFIG)
    for folder in loader.get_group_options(group, ObjectType.GROUP):
        names += [f"{folder}/{name}" for name in _options(loader, f"{group}/{folder}")]
    return names


def _jobs(
    loader: ConfigLoader, overrides: list[Override], config_name: str
) -> Iterator[list[Override]]:
    """Yield the jobs of a sweep, as Hydra's basic sweeper makes them."""
    fixed = [override for override in overrides if not override.is_sweep_override()]
    try:
        texts = [override.input_line for override in fixed]
        base = hydra_compose(config_name, texts, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException):
        yield fixed  # composing it once more names what is wrong
        return
    params = base.hydra.sweeper.get("params") or {}
    lines = [f"{key}={value}" for key, value in params.items()]
    lines += [override.input_line for override in overrides]
    parser = OverridesParser.create(config_loader=loader)
    choices: dict[str, list[str]] = {}
    for override in parser.parse_overrides(lines):
        key = override.get_key_element()
        if override.is_discrete_sweep():
            choices[key] = [f"{key}={text}" for text in override.sweep_string_iterator()]
        else:
            choices[key] = [override.input_line]
    pairs_only = "PairsSweeper" in str(base.hydra.sweeper.get("_target_"))
    for job in itertools.product(*choices.values()):
        parsed = parser.parse_overrides(list(job))
        if pairs_only and misfit(**_pair(loader, parsed, config_name)):
            continue
        yield parsed


def _pair(loader: ConfigLoader, job: list[Override], config_name: str) -> dict[str, Any]:
    config = _compose(loader, job, config_name)
    return {"view": config.view, "model": config.model}

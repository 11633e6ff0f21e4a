"""From overrides or keywords to a composed config, or to all mistakes in them at once."""

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache, lru_cache
from numbers import Number
from typing import Any, TypeVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf

from gtzan_exp.basics.checks import nodes
from gtzan_exp.basics.errors import ConfigError, MissingExtraError, Mistake, nearest
from gtzan_exp.config.cell import GROUPS, resolve
from gtzan_exp.config.hydra_session import NOT_COMPOSED, Session, not_composed, session, set_value

T = TypeVar("T")

_FOR_SWEEPS = "one value, or --multirun (-m) for a sweep"
_MAX_CHOICES = 32

_LAUNCHER = "hydra/launcher"
_LAUNCHER_EXTRAS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "hydra-joblib-launcher", "sweep"),
    "submitit_local": ("submitit", "submitit", "slurm"),
    "submitit_slurm": ("submitit", "submitit", "slurm"),
    "ray": ("ray", "ray", "ray"),
}
_PLAIN = r"(?!(?:true|false|null|nan|inf)$)[A-Za-z_][\w./-]*"
_NOT_THERE_YET = ("sweep", "tags.")


def composed(
    overrides: Sequence[str],
    read_config: Callable[[DictConfig], T],
    *,
    config_dir: str | None = None,
    config_name: str = "config",
) -> T:
    """Compose the config of overrides without sweeps, and read it; raise all mistakes in it."""
    with session(config_dir) as hydra:
        return read(Choices(hydra, config_name), _of_one_run(overrides), read_config)


def run_once(
    overrides: Sequence[str],
    task: TaskFunction,
    *,
    config_dir: str | None = None,
    config_name: str = "config",
) -> Any:
    """Compose the config of one run once, or raise all mistakes, and call a task on it."""
    with session(config_dir) as hydra:
        given = _of_one_run(overrides)
        config = whole(hydra, given, config_name, logs=True)
        if config.hydra.mode == RunMode.MULTIRUN:
            raise ConfigError(Mistake("hydra.mode", "is a sweep", _FOR_SWEEPS, "MULTIRUN"))
        try:
            resolve(_without_hydra(config))
        except ConfigError:
            read(Choices(hydra, config_name), given, resolve)
            raise
        return hydra.run(config, config_name, task)


def whole(
    hydra: Session, overrides: Sequence[Override], config_name: str, *, logs: bool = False
) -> DictConfig:
    """Compose a config with its ``hydra`` node, or raise all mistakes, or else Hydra's error."""
    texts = [text_of(override) for override in overrides]
    try:
        return hydra.compose(config_name, texts, logs=logs)
    except NOT_COMPOSED as error:
        read(Choices(hydra, config_name), overrides, resolve)
        raise ConfigError(not_composed(error, " ".join(texts) or config_name)) from error


def _of_one_run(overrides: Sequence[str]) -> list[Override]:
    """Return the parsed overrides; refuse sweeps."""
    found = parsed(overrides)
    mistakes = [
        wrong(override, "is a sweep", _FOR_SWEEPS)
        for override in found
        if override.is_sweep_override() or override.key_or_group == "sweep"
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return found


def text_of(override: Override) -> str:
    return override.input_line or ""


def wrong(override: Override, what: str, allowed: str) -> Mistake:
    return Mistake(override.key_or_group, what, allowed, text_of(override))


def parsed(overrides: Sequence[str]) -> list[Override]:
    """Return the parsed overrides; raise a mistake for each that cannot be parsed."""
    found, mistakes = [], []
    for text in overrides:
        try:
            (override,) = OverridesParser.create().parse_overrides([text])
        except HydraException:
            override = None
        if override is None or not override.key_or_group:
            allowed = """key=value, +key=value, ~key; other characters quoted: 'key="value"'"""
            mistakes.append(Mistake("command line", "not an override", allowed, text))
        else:
            found.append(override)
    if mistakes:
        raise ConfigError(mistakes)
    return found


class Choices:
    """Configs composed from group choices, cached since the jobs of a sweep share most of them."""

    def __init__(self, hydra: Session, config_name: str) -> None:
        self.hydra = hydra
        self.config_name = config_name
        self.options = cache(hydra.options)
        self.groups = GROUPS if config_name == "config" else ()
        self._composed = lru_cache(_MAX_CHOICES)(
            lambda groups: _without_hydra(hydra.compose(config_name, groups))
        )

    def config(self, groups: Sequence[str]) -> DictConfig:
        """Return a new copy of the config for these choices."""
        return deepcopy(self._composed(tuple(groups)))


def read(
    choices: Choices, overrides: Sequence[Override], read_config: Callable[[DictConfig], T]
) -> T:
    """Compose group choices first, then set the values one by one, collecting mistakes."""
    mistakes: list[Mistake] = []
    groups, values = [], []
    for override in overrides:
        name, chosen = override.key_or_group, override.value()
        options = choices.options(name)
        if not options and not name.startswith("hydra."):
            values.append(override)
            continue
        wanted = [str(name) for name in (chosen if isinstance(chosen, list) else [chosen])]
        unknown = [] if override.is_delete() else [n for n in wanted if n not in options]
        missing = _missing_launchers(wanted) if name == _LAUNCHER else []
        if missing:
            mistakes += missing
        elif options and unknown:
            what = f"unknown option{nearest(unknown[0], options)}"
            mistakes.append(Mistake(name, what, ", ".join(options), ", ".join(unknown)))
        else:
            groups.append(override)
    try:
        config = choices.config([text_of(override) for override in groups])
    except NOT_COMPOSED as error:
        foreign = [o for o in groups if f"override '{o.key_or_group}'. No match" in str(error)]
        if foreign:
            mistakes += [_unknown(choices.config([]), o, choices.groups) for o in foreign]
            raise ConfigError(mistakes) from error
        got = " ".join(map(text_of, groups)) or choices.config_name
        raise ConfigError([*mistakes, not_composed(error, got)]) from error
    for override in values:
        mistakes += _set(config, override, choices.groups)
    try:
        result = read_config(config)
    except ConfigError as error:
        raise ConfigError([*mistakes, *error.mistakes]) from error
    if mistakes:
        raise ConfigError(mistakes)
    return result


def _missing_launchers(names: Sequence[str]) -> list[Mistake]:
    mistakes: list[Mistake] = []
    for name in names:
        module, package, extra = _LAUNCHER_EXTRAS.get(name, (None, "", ""))
        if module is not None and importlib.util.find_spec(module) is None:
            mistakes += MissingExtraError(f"{_LAUNCHER}={name}", package, extra).mistakes
    return mistakes


def _unknown(config: DictConfig, override: Override, groups: Sequence[str]) -> Mistake:
    key = override.key_or_group
    known = [name for name, _ in nodes(config)]
    group, dot, _ = key.rpartition(".")
    if dot and OmegaConf.select(config, group) == {}:
        return wrong(override, "is not there yet", f"+{key}=VALUE")
    siblings = [name for name in known if name.rpartition(".")[0] == group]
    allowed = siblings or [name for name in known if "." not in name]
    close = nearest(key, allowed if dot else [*allowed, *groups])
    name = OmegaConf.select(config, f"{group}.name") if group in groups else None
    of = f" of {group}={name}" if name else ""
    return wrong(override, f"unknown option{of}{close}", ", ".join(allowed))


def _set(config: DictConfig, override: Override, groups: Sequence[str]) -> list[Mistake]:
    try:
        set_value(config, override)
    except HydraException as error:
        key = override.key_or_group
        if key not in (name for name, _ in nodes(config)):
            return [_unknown(config, override, groups)]
        if override.is_add():
            return [wrong(override, "is there already", f"{key}=VALUE")]
        what, *instead = str(error).strip().splitlines()
        return [wrong(override, what.rstrip("."), " ".join(instead) or f"{key} as it is")]
    return []


def _without_hydra(config: DictConfig) -> DictConfig:
    config = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    OmegaConf.set_struct(config, True)
    return config


def as_overrides(
    given: Iterable[str], keywords: Mapping[str, Any], *, sweep: bool = False
) -> list[str]:
    """Return the given overrides and those of the keywords.

    ``model="svc"`` is ``model=svc``; a mapping sets options of a group: ``model={"C": 3}`` is
    ``model.C=3``. In a sweep, a list or a range holds the values to try.
    """
    overrides = [*map(str, given)]
    for key, value in _options(keywords):
        is_choice = sweep and isinstance(value, list | tuple | range)
        text = ",".join(map(_text, value)) if is_choice else _text(value)
        overrides.append(f"{'+' if key.startswith(_NOT_THERE_YET) else ''}{key}={text}")
    return overrides


def _options(keywords: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in keywords.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _text(value: Any) -> str:
    """Return a value in Hydra's grammar, with ambiguous text quoted."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_text(key)}:{_text(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple | range):
        return f"[{','.join(map(_text, value))}]"
    text = str(value)
    if re.fullmatch(_PLAIN, text, re.I):
        return text
    quoted = re.sub(r"(\\*)'", r"\1\1\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", quoted) + "'"

"""From a command line to composed configs, or to everything wrong with it at once."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import TypeVar

from hydra import compose as hydra_compose
from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from gtzan_exp.basics.checks import checked, nodes, once
from gtzan_exp.basics.errors import ConfigError, MissingExtraError, Mistake, nearest
from gtzan_exp.config.cell import GROUPS, Cell, conf_folder, misfit, register, resolve
from gtzan_exp.config.search import Search, space_mistakes, validates, validation_mistake
from gtzan_exp.tracking.store import masked

T = TypeVar("T")

MAX_JOBS_CHECKED = 256

_MAX_CHOICES = 32
_BASIC = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"

_LAUNCHER = "hydra/launcher"
_LAUNCHER_EXTRAS = {
    "joblib": ("hydra_plugins.hydra_joblib_launcher", "hydra-joblib-launcher", "sweep"),
    "submitit_local": ("submitit", "submitit", "slurm"),
    "submitit_slurm": ("submitit", "submitit", "slurm"),
    "ray": ("ray", "ray", "ray"),
}


def composed(
    overrides: Sequence[str],
    read: Callable[[DictConfig], T],
    *,
    config_dir: str | None = None,
    config_name: str = "config",
) -> T:
    """Compose the config that Hydra overrides describe, and read it.

    Parameters
    ----------
    overrides : sequence of str
        As on the command line, without sweeps.
    read : callable
        Turns the config into objects, for example `gtzan_exp.config.cell.resolve`.
    config_dir : str, optional
        A folder with further configs, as given to ``--config-dir``.
    config_name : str, default="config"

    Raises
    ------
    ConfigError
        With every mistake in the overrides, and every one that `read` found.
    """
    with _hydra(config_dir) as loader:
        parsed = _parse(overrides)
        sweeps = [o for o in parsed if o.is_sweep_override() or o.key_or_group == "sweep"]
        if sweeps:
            allowed = "one value, or --multirun (-m) for a sweep"
            raise ConfigError(
                Mistake(sweep.get_key_element(), "is a sweep", allowed, sweep.input_line)
                for sweep in sweeps
            )
        return _read(_Choices(loader, config_name), parsed, read)


@dataclass(frozen=True)
class SweepPlan:
    """What is known of a sweep before its first job.

    Parameters
    ----------
    first : Cell
        The cell of the first job.
    n_jobs : int or None
        None where the sweeper chooses jobs as it goes.
    folder : str
        Hydra's folder of the sweep.
    search : Search, optional
        What the sweep makes best, where it is a search.
    basic : bool
        Its jobs are those of Hydra's basic sweeper.
    """

    first: Cell
    n_jobs: int | None
    folder: str
    search: Search | None = None
    basic: bool = False


def check_sweep(
    overrides: Sequence[str], *, config_dir: str | None = None, config_name: str = "config"
) -> SweepPlan:
    """Check the first `MAX_JOBS_CHECKED` jobs of a sweep, and of a search the ends of its space.

    Parameters
    ----------
    overrides : sequence of str
        As on the command line after ``--multirun``.
    config_dir, config_name : as in `composed`

    Raises
    ------
    ConfigError
        With every mistake in any of them, each once.
    """
    mistakes: list[Mistake] = []
    cells: list[Cell] = []
    with _hydra(config_dir) as loader:
        parsed = _parse(overrides)
        mistakes += _never_swept(parsed)
        if mistakes:
            raise ConfigError(mistakes)
        base = _base(loader, parsed, config_name)
        sweeper = _sweeper(base)
        mistakes += _hydra_mistakes(base)
        search = _search(loader, parsed, sweeper) if _is_search(sweeper) else None
        choices = _Choices(loader, config_name)
        jobs = _jobs(choices, parsed, sweeper)
        first = list(itertools.islice(jobs, MAX_JOBS_CHECKED))
        parser = OverridesParser.create(config_loader=loader)
        for job in first:
            try:
                cells.append(_read(choices, parser.parse_overrides(job), resolve))
            except ConfigError as error:
                mistakes += error.mistakes
        is_product = sweeper._target_.endswith((".BasicSweeper", ".PairsSweeper"))
        n_jobs = len(first) + sum(1 for _ in jobs) if is_product else None
        if search is not None:
            n_jobs = search.n_trials
            mistakes += [validation_mistake(c.split.name) for c in cells if not validates(c.split)]
        folder = str(base.hydra.sweep.dir)
    stores = {cell.tracking.uri: None for cell in cells}
    if len(stores) > 1:
        got = ", ".join(map(masked, stores))
        mistakes.append(Mistake("tracking.uri", "is swept", "one store for all jobs", got))
    if not first:
        wanted = "values that exist, in pairs that work"
        mistakes.append(Mistake("command line", "describes no job", wanted, " ".join(overrides)))
    if mistakes:
        raise ConfigError(once(mistakes) if search else dict.fromkeys(mistakes))
    return SweepPlan(cells[0], n_jobs, folder, search, sweeper._target_ == _BASIC)


def _never_swept(overrides: Sequence[Override]) -> list[Mistake]:
    """Return the mistakes of sweeps over what all jobs of a sweep have in common."""
    return [
        Mistake(override.key_or_group, "is swept", "one for all jobs", override.input_line)
        for override in overrides
        if override.is_sweep_override()
        and (override.key_or_group == "sweep" or re.match("hydra[./]", override.key_or_group))
    ]


def _hydra_mistakes(base: DictConfig) -> list[Mistake]:
    """Return the mistakes in options of sweepers and launchers that stop a sweep midway."""
    mistakes = []
    batch = OmegaConf.select(base.hydra, "sweeper.max_batch_size")
    if isinstance(batch, int) and batch < 1:
        where, allowed = "hydra.sweeper.max_batch_size", "1 or more, or null"
        mistakes.append(Mistake(where, "out of range", allowed, str(batch)))
    n_jobs = OmegaConf.select(base.hydra, "launcher.n_jobs")
    if n_jobs == 0:
        mistakes.append(Mistake("hydra.launcher.n_jobs", "out of range", "1 or more, or -1", "0"))
    return mistakes


def _sweeper(base: DictConfig) -> DictConfig:
    sweeper = base.hydra.sweeper
    if not isinstance(sweeper, DictConfig) or not isinstance(sweeper.get("_target_"), str):
        allowed = "hydra/sweeper=basic, pairs or search"
        raise ConfigError(Mistake("hydra.sweeper", "is no sweeper", allowed, str(sweeper)))
    params = sweeper.get("params")
    if not isinstance(params, DictConfig | None):
        allowed = "options with sweeps, such as {model.C: 'interval(0.1, 10)'}"
        raise ConfigError(Mistake("hydra.sweeper.params", "wrong type", allowed, str(params)))
    return sweeper


def _is_search(sweeper: DictConfig) -> bool:
    return sweeper._target_.endswith(".SearchSweeper")


def _search(loader: ConfigLoader, overrides: list[Override], sweeper: DictConfig) -> Search:
    """Return the settings of a search; raise what is wrong with them and with its space."""
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("hydra/sweeper=search", "optuna", "hpo")
    options = OmegaConf.to_container(sweeper, resolve=True)
    mistakes: list[Mistake] = []
    known = {k: v for k, v in options.items() if k not in ("_target_", "params")}
    search = checked(Search, known, "hydra.sweeper", mistakes)
    space = [o for o in _by_key(loader, overrides, sweeper).values() if o.is_sweep_override()]
    mistakes += space_mistakes(space)
    if not space:
        allowed = "one sweep or more, such as 'model.C=tag(log,interval(0.1,10))'"
        mistakes.append(Mistake("command line", "nothing to search over", allowed, "none"))
    if mistakes:
        raise ConfigError(mistakes)
    return search


def _base(loader: ConfigLoader, overrides: list[Override], config_name: str) -> DictConfig:
    """Compose what all jobs of a sweep have in common, with Hydra's own part."""
    fixed = [override for override in overrides if not override.is_sweep_override()]
    texts = [override.input_line for override in fixed]
    try:
        return hydra_compose(config_name, texts, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        choices = _Choices(loader, config_name)
        _read(choices, fixed, resolve)  # names what is wrong, if that is in our part
        reason, got = str(error).strip().splitlines()[0], " ".join(texts) or config_name
        allowed = "configs that Hydra can compose"
        raise ConfigError(Mistake("config", reason, allowed, got)) from error


@contextmanager
def _hydra(config_dir: str | None) -> Iterator[ConfigLoader]:
    register()
    version.setbase("1.3")
    search_path = create_config_search_path(str(conf_folder()))
    if config_dir is not None:
        if not os.path.isdir(config_dir):
            raise ConfigError(
                Mistake("--config-dir", "is not there", "a folder of configs", config_dir)
            )
        own = f"file://{os.path.abspath(config_dir)}"
        search_path.prepend("command-line", own, SearchPathQuery("schema"))
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
            (override,) = OverridesParser.create().parse_overrides([text])
        except HydraException:
            override = None
        if override is None or not override.key_or_group:
            allowed = """key=value, +key=value, ~key; other characters quoted: 'key="value"'"""
            mistakes.append(Mistake("command line", "not an override", allowed, text))
        else:
            parsed.append(override)
    if mistakes:
        raise ConfigError(mistakes)
    return parsed


class _Choices:
    """The choices of groups on a command line. The jobs of a sweep have most of them in common.

    Parameters
    ----------
    loader : ConfigLoader
    config_name : str
    """

    def __init__(self, loader: ConfigLoader, config_name: str) -> None:
        self.loader = loader
        self.config_name = config_name
        self.options = cache(partial(_options, loader))
        self.groups = GROUPS if config_name == "config" else ()
        self._composed = lru_cache(_MAX_CHOICES)(self._compose)

    def config(self, groups: Sequence[str]) -> DictConfig:
        """Return the config that these choices give, the caller's own."""
        return deepcopy(self._composed(tuple(groups)))

    def _compose(self, groups: tuple[str, ...]) -> DictConfig:
        return hydra_compose(self.config_name, list(groups))


def _read(choices: _Choices, overrides: Sequence[Override], read: Callable[[DictConfig], T]) -> T:
    """Compose group choices first, then set the values one by one, collecting mistakes."""
    mistakes: list[Mistake] = []
    groups, values = [], []
    for override in overrides:
        name, chosen = override.key_or_group, override.value()
        options = choices.options(name)
        if not options and not name.startswith("hydra."):
            values.append(override)
            continue
        wanted = chosen if isinstance(chosen, list) else [chosen]
        unknown = [] if override.is_delete() else [str(n) for n in wanted if n not in options]
        missing = _missing_launchers(wanted) if name == _LAUNCHER else []
        if missing:
            mistakes += missing
        elif options and unknown:
            what = f"unknown option{nearest(unknown[0], options)}"
            mistakes.append(Mistake(name, what, ", ".join(options), ", ".join(unknown)))
        else:
            groups.append(override)
    try:
        config = choices.config([override.input_line for override in groups])
    except (HydraException, OmegaConfBaseException) as error:
        foreign = [o for o in groups if f"override '{o.key_or_group}'. No match" in str(error)]
        if foreign:
            mistakes += [_unknown(choices.config([]), o, choices.groups) for o in foreign]
            raise ConfigError(mistakes) from error
        got = " ".join(o.input_line for o in groups) or choices.config_name
        reason = str(error).strip().splitlines()[0]
        mistakes.append(Mistake("config", reason, "configs that Hydra can compose", got))
        raise ConfigError(mistakes) from error
    for override in values:
        mistakes += _set(config, override, choices.groups)
    try:
        result = read(config)
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
        return Mistake(key, "is not there yet", f"+{key}=VALUE", override.input_line)
    siblings = [name for name in known if name.rpartition(".")[0] == group]
    allowed = siblings or [name for name in known if "." not in name]
    close = nearest(key, allowed if dot else [*allowed, *groups])
    return Mistake(key, f"unknown option{close}", ", ".join(allowed), override.input_line)


def _set(config: DictConfig, override: Override, groups: Sequence[str]) -> list[Mistake]:
    key = override.key_or_group
    if not override.is_add() and key not in (name for name, _ in nodes(config)):
        return [_unknown(config, override, groups)]
    now = OmegaConf.select(config, key, throw_on_missing=False, throw_on_resolution_failure=False)
    value = override.value()
    if override.is_add() and now is not None and not isinstance(value, dict | list):
        return [Mistake(key, "is there already", f"{key}=VALUE", override.input_line)]
    if override.is_delete() and value not in (None, now):
        return [Mistake(key, "has another value", f"~{key}", override.input_line)]
    if override.is_delete():
        parent = OmegaConf.select(config, key.rpartition(".")[0]) if "." in key else config
        with open_dict(parent):
            del parent[key.rpartition(".")[2]]
        return []
    OmegaConf.update(config, key, value, force_add=True)
    return []


def _options(loader: ConfigLoader, group: str) -> list[str]:
    """Return the names that a group offers, those in its subfolders included."""
    names = loader.get_group_options(group, ObjectType.CONFIG)
    for folder in loader.get_group_options(group, ObjectType.GROUP):
        names += [f"{folder}/{name}" for name in _options(loader, f"{group}/{folder}")]
    return names


def _by_key(
    loader: ConfigLoader, overrides: list[Override], sweeper: DictConfig
) -> dict[str, Override]:
    """Return the overrides of a sweep's config and, over them, those of the command line."""
    lines = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    lines += [override.input_line for override in overrides]
    _parse(lines)  # says which of them is wrong
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(lines)
    return {override.get_key_element(): override for override in parsed}


def _jobs(choices: _Choices, overrides: list[Override], sweeper: DictConfig) -> Iterator[list[str]]:
    """Yield the jobs of a sweep, as Hydra's basic sweeper makes them.

    Of a search they are as few as hold each value of a choice and both ends of each interval.
    """
    parser = OverridesParser.create(config_loader=choices.loader)
    texts: dict[str, list[str]] = {}
    for key, override in _by_key(choices.loader, overrides, sweeper).items():
        if override.is_discrete_sweep():
            texts[key] = [f"{key}={text}" for text in override.sweep_string_iterator()]
        elif override.is_interval_sweep():
            interval = override.value()
            texts[key] = [f"{key}={interval.start}", f"{key}={interval.end}"]
        else:
            texts[key] = [override.input_line]
    if _is_search(sweeper):
        for number in range(max(map(len, texts.values()))):
            yield [of_key[min(number, len(of_key) - 1)] for of_key in texts.values()]
        return
    pairs_only = sweeper._target_.endswith(".PairsSweeper")
    for job in itertools.product(*texts.values()):
        if not pairs_only or _read(choices, parser.parse_overrides(job), _fits):
            yield list(job)


def _fits(config: DictConfig) -> bool:
    return not misfit(config.view, config.model)

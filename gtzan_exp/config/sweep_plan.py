"""The plan of a sweep before its first job, or all mistakes in it."""

import importlib.util
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import IntervalSweep, Override
from omegaconf import DictConfig, OmegaConf

from gtzan_exp.basics.checks import as_dict, checked, once
from gtzan_exp.basics.errors import ConfigError, MissingExtraError, Mistake
from gtzan_exp.config.cell import GROUPS, Cell, hidden, job_text, resolve
from gtzan_exp.config.compose import Choices, parsed, read, text_of, whole, wrong
from gtzan_exp.config.hydra_session import Session, session
from gtzan_exp.config.search import Search, ends, space_mistakes


@dataclass(frozen=True)
class SweepPlan:
    """The plan of a sweep before its first job."""

    first: Cell  # the cell of the first job
    n_jobs: int | None  # None where the sweeper chooses jobs while it runs
    folder: str  # Hydra's sweep folder
    search: Search | None  # the settings of a search
    options: dict[str, Override]  # of the sweeper's config and of the command line, by key
    jobs: tuple[list[str], ...]  # the overrides of each job of a product of values
    late: tuple[str, ...]  # the overrides that only the choices of a job make valid


def check_sweep(
    overrides: Sequence[str], *, config_dir: str | None = None, config_name: str = "config"
) -> SweepPlan:
    """Check every job, or the bounds of what a sweeper may choose from; raise all mistakes."""
    cells: list[Cell] = []
    with session(config_dir) as hydra:
        given = parsed(overrides)
        mistakes = [
            wrong(override, "is swept", "one for all jobs")
            for override in given
            if override.is_sweep_override() and re.match("sweep$|hydra[./]", override.key_or_group)
        ]
        if mistakes:
            raise ConfigError(mistakes)
        late = _late(given)
        early = [o for o in given if not o.is_sweep_override() and o not in late]
        base = whole(hydra, early, config_name)
        sweeper = _sweeper(base)
        mistakes += _hydra_mistakes(base)
        options = _options(hydra, given, sweeper)
        swept = [override for override in options.values() if override.is_sweep_override()]
        choices = Choices(hydra, config_name)
        is_search = sweeper._target_.endswith(".SearchSweeper")
        search = _search(sweeper, swept) if is_search else None
        check = resolve if search is None else lambda config: resolve(hidden(config))
        is_product = sweeper._target_.endswith((".BasicSweeper", ".CheckedSweeper"))
        jobs = tuple(_product(choices, options, sweeper.get("pairs")) if is_product else ())
        intervals = [o for o in swept if is_product and not o.is_discrete_sweep()]
        allowed = "values, or hydra/sweeper=search"
        mistakes += [wrong(override, "is an interval", allowed) for override in intervals]
        for job in jobs if is_product else _bounds(options):
            try:
                cells.append(read(choices, hydra.parse(job), check))
            except ConfigError as error:
                mistakes += error.mistakes
        folder = str(base.hydra.sweep.dir)
    stores = {cell.tracking.uri: None for cell in cells}
    if len(stores) > 1:
        got = ", ".join(stores)
        mistakes.append(Mistake("tracking.uri", "is swept", "one store for all jobs", got))
    if is_product and not jobs:
        wanted = "values that exist, in pairs that work"
        mistakes.append(Mistake("command line", "describes no job", wanted, " ".join(overrides)))
    if mistakes:
        raise ConfigError(once(mistakes) if search else dict.fromkeys(mistakes))
    n_jobs = len(jobs) or (search.n_trials if search else None)
    texts = tuple(map(text_of, late))
    return SweepPlan(cells[0], n_jobs, folder, search, options, jobs, texts)


def _late(overrides: Sequence[Override]) -> list[Override]:
    """Return the fixed options of groups that are swept: each job's choice says which exist."""
    keys = {o.key_or_group for o in overrides if o.is_sweep_override()}
    is_any = "experiment" in keys or any(o.key_or_group == "sweep" for o in overrides)
    swept = tuple(f"{group}." for group in (GROUPS if is_any else keys))
    return [o for o in overrides if o.key_or_group.startswith(swept) and not o.is_sweep_override()]


def _hydra_mistakes(base: DictConfig) -> list[Mistake]:
    """Return the mistakes in options of sweepers and launchers that would stop a sweep midway."""
    mistakes = []
    for key, every in (("sweeper.max_batch_size", "null"), ("launcher.n_jobs", "-1")):
        got = OmegaConf.select(base.hydra, key)
        if isinstance(got, int) and got < 1 and str(got) != every:
            where, allowed = f"hydra.{key}", f"1 or more, or {every}"
            mistakes.append(Mistake(where, "out of range", allowed, str(got)))
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


def _search(sweeper: DictConfig, space: list[Override]) -> Search:
    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("hydra/sweeper=search", "optuna", "hpo")
    mistakes = space_mistakes(space)
    known = {k: v for k, v in as_dict(sweeper).items() if k not in ("_target_", "params")}
    search = checked(Search, known, "hydra.sweeper", mistakes)
    if not space:
        allowed = "one sweep or more, such as 'model.C=tag(log,interval(0.1,10))'"
        mistakes.append(Mistake("command line", "nothing to search over", allowed, "none"))
    if mistakes:
        raise ConfigError(mistakes)
    return search


def _options(hydra: Session, given: list[Override], sweeper: DictConfig) -> dict[str, Override]:
    """Return the overrides of a sweep's config, updated by those of the command line."""
    lines = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    lines += [text_of(o) for o in given if not o.key_or_group.startswith("hydra.")]
    parsed(lines)  # says which of them is wrong
    return {override.get_key_element(): override for override in hydra.parse(lines)}


def _texts(override: Override) -> list[str]:
    """Return the overrides for each value of a sweep, or each end of an interval."""
    key, value = override.get_key_element(), override.value()
    if isinstance(value, IntervalSweep):
        return [f"{key}={end}" for end in ends(value)]
    if override.is_discrete_sweep():
        return [f"{key}={text}" for text in override.sweep_string_iterator()]
    return [text_of(override)]


def _bounds(options: Mapping[str, Override]) -> Iterator[list[str]]:
    """Yield jobs that have, together, each choice and each end of an interval."""
    texts = [_texts(override) for override in options.values()]
    for number in range(max(map(len, texts), default=1)):
        yield [of_key[min(number, len(of_key) - 1)] for of_key in texts]


def _product(
    choices: Choices, options: Mapping[str, Override], pairs: bool | None
) -> Iterator[list[str]]:
    """Yield the jobs of Hydra's basic sweeper; with `pairs` those that fit, each result once."""
    seen: set[str | None] = {None}
    for job in itertools.product(*map(_texts, options.values())):
        if pairs:
            text = read(choices, choices.hydra.parse(job), job_text)
            if text in seen:
                continue
            seen.add(text)
        yield list(job)

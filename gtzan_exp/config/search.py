"""A search of options: the next trials are chosen by the validation scores of earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from hydra.core.override_parser.types import IntervalSweep, Override
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import Mistake
from gtzan_exp.config.compose import wrong

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

Metric = Literal[
    "val/macro_f1",
    "val/accuracy",
    "val/balanced_accuracy",
    "val/log_loss",
    "val/track_macro_f1",
    "val/track_accuracy",
]
METRICS = get_args(Metric)

_SEARCHED = ("model", "trainer", "view")
_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Search:
    """Settings of a search, the options of ``hydra/sweeper=search``."""

    n_trials: Annotated[int, Field(ge=1)] = 30
    # maximised, or minimised (``val/log_loss``); the mean over several folds
    metric: Metric = "val/macro_f1"
    # ``tpe`` learns from earlier trials: the tree-structured Parzen estimator of J. Bergstra and
    # others, "Algorithms for hyper-parameter optimization", NIPS 2011, as Optuna has it.
    sampler: Literal["tpe", "random"] = "tpe"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0  # the same seed and batch size, the same trials
    # trials that are chosen together, before any has a score, and may run in parallel
    batch_size: Annotated[int, Field(ge=1)] = 4

    def study(self) -> optuna.Study:
        """Return an Optuna study without trials, in memory."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler: optuna.samplers.BaseSampler = optuna.samplers.RandomSampler(seed=self.seed)
        if self.sampler == "tpe":
            sampler = optuna.samplers.TPESampler(seed=self.seed, constant_liar=True)
        is_loss = self.metric == "val/log_loss"
        return optuna.create_study(direction="minimize" if is_loss else "maximize", sampler=sampler)


def space_mistakes(overrides: Iterable[Override]) -> list[Mistake]:
    """Return the mistakes of a search space: what would only make it easier, bad intervals."""
    mistakes = []
    for override in overrides:
        value = override.value()
        if override.key_or_group.partition(".")[0] not in _SEARCHED:
            options = ", ".join(f"{group}.*" for group in _SEARCHED)
            allowed = f"one value; {options} are searched over"
            mistakes.append(wrong(override, "is no part of a search", allowed))
        elif isinstance(value, IntervalSweep):
            low, high = ends(value)
            if not low < high:
                allowed = "interval(LOW, HIGH), LOW below HIGH"
                mistakes.append(wrong(override, "is an empty interval", allowed))
            elif "log" in value.tags and low <= 0:
                allowed = "tag(log, interval(LOW, HIGH)), LOW above 0"
                mistakes.append(wrong(override, "has no logarithm", allowed))
    return mistakes


def ends(interval: IntervalSweep) -> tuple[float, float]:
    assert interval.start is not None
    assert interval.end is not None
    return interval.start, interval.end


def distribution(override: Override) -> BaseDistribution:
    """Return the Optuna distribution of a sweep: of floats, integers or choices.

    ``tag(log, ...)`` is sampled on a log scale, an interval between integers gives integers.
    """
    from optuna import distributions

    value = override.value()
    if not isinstance(value, IntervalSweep):
        return distributions.CategoricalDistribution(list(override.sweep_string_iterator()))
    low, high = ends(value)
    if isinstance(low, int) and isinstance(high, int):
        return distributions.IntDistribution(low, high, log="log" in value.tags)
    return distributions.FloatDistribution(low, high, log="log" in value.tags)


def as_overrides(params: Mapping[str, Any], space: Mapping[str, BaseDistribution]) -> list[str]:
    """Return the overrides of a trial, with floats rounded to four significant digits."""
    from optuna.distributions import FloatDistribution

    overrides = []
    for key, value in params.items():
        drawn_from = space[key]
        if isinstance(drawn_from, FloatDistribution):
            rounded = float(f"{value:.{_DIGITS}g}")
            value = min(max(rounded, drawn_from.low), drawn_from.high)
        overrides.append(f"{key}={value}")
    return overrides

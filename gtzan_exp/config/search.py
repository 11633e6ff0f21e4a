"""A search: which options the next trials try, chosen by the validation scores of those before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from hydra.core.override_parser.types import IntervalSweep, Override
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import Mistake

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
    """Settings of a search, which are those of ``hydra/sweeper=search``.

    Parameters
    ----------
    n_trials : int
    metric : str
        What is made best, always of the validation part: as high as it gets, ``val/log_loss`` as
        low. With several folds it is their mean.
    sampler : {"tpe", "random"}
        ``tpe`` learns from earlier trials: the tree-structured Parzen estimator of J. Bergstra and
        others, "Algorithms for hyper-parameter optimization", NIPS 2011, as Optuna has it.
    seed : int
        The same seed and batch size give the same trials with every launcher.
    batch_size : int
        Trials that are chosen at once, before any of them has a score; a launcher runs so many at
        the same time at most.
    """

    n_trials: Annotated[int, Field(ge=1)] = 30
    metric: Metric = "val/macro_f1"
    sampler: Literal["tpe", "random"] = "tpe"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    batch_size: Annotated[int, Field(ge=1)] = 4

    @property
    def direction(self) -> str:
        """``maximize``, or ``minimize`` for a loss."""
        return "minimize" if self.metric == "val/log_loss" else "maximize"

    def is_better(self, score: float, other: float) -> bool:
        """Say whether `score` is strictly better than `other`."""
        return score < other if self.direction == "minimize" else score > other

    def study(self) -> optuna.Study:
        """Return an Optuna study without trials, in memory."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if self.sampler == "random":
            sampler = optuna.samplers.RandomSampler(seed=self.seed)
        else:
            sampler = optuna.samplers.TPESampler(seed=self.seed, constant_liar=True)
        return optuna.create_study(direction=self.direction, sampler=sampler)


def space_mistakes(overrides: Iterable[Override]) -> list[Mistake]:
    """Return what cannot be searched over: other groups than those of a model, and odd intervals.

    The best split, data or seed by its score would be the easiest one.
    """
    mistakes = []
    for override in overrides:
        key, text = override.get_key_element().lstrip("+~"), override.input_line
        value = override.value()
        if key.partition(".")[0] not in _SEARCHED:
            options = ", ".join(f"{group}.*" for group in _SEARCHED)
            allowed = f"one value; {options} are searched over"
            mistakes.append(Mistake(key, "is no part of a search", allowed, text))
        elif isinstance(value, IntervalSweep):
            if not value.start < value.end:
                allowed = "interval(LOW, HIGH), LOW below HIGH"
                mistakes.append(Mistake(key, "is an empty interval", allowed, text))
            elif "log" in value.tags and value.start <= 0:
                allowed = "tag(log, interval(LOW, HIGH)), LOW above 0"
                mistakes.append(Mistake(key, "has no logarithm", allowed, text))
    return mistakes


def distribution(override: Override) -> BaseDistribution:
    """Return what Optuna draws the values of a sweep from.

    ``interval(a, b)`` is a range of numbers, of whole ones as ``int(interval(a, b))``, and by its
    logarithm as ``tag(log, ...)``. All else is a choice, whose values have no order.
    """
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    value = override.value()
    if not isinstance(value, IntervalSweep):
        return CategoricalDistribution(list(override.sweep_string_iterator()))
    whole = isinstance(value.start, int) and isinstance(value.end, int)
    kind = IntDistribution if whole else FloatDistribution
    return kind(value.start, value.end, log="log" in value.tags)


def as_overrides(params: Mapping[str, Any], space: Mapping[str, BaseDistribution]) -> list[str]:
    """Return the overrides of a trial; numbers have four digits, which can be read and repeated."""
    overrides = []
    for key, value in params.items():
        if isinstance(value, float):
            rounded = float(f"{value:.{_DIGITS}g}")
            value = min(max(rounded, space[key].low), space[key].high)
        overrides.append(f"{key}={value}")
    return overrides


def validates(split: Any) -> bool:
    """Say whether a split, by its options alone, has a validation part apart from the test part."""
    return getattr(split, "has_validation", True)


def validation_mistake(split: str) -> Mistake:
    """Return the mistake of a search on a split without a validation part."""
    return Mistake(
        "split",
        "has no validation part, and a search never looks at the test part",
        "holdout, fault_filtered, learning_curve; kfold, group_kfold with split.val_size=0.1; "
        "lists with split.val=FILE",
        f"split={split}",
    )


def score_mistake(metric: str, measured: Iterable[str]) -> Mistake:
    """Return the mistake of a search by a metric that its trials do not have."""
    scores = [name for name in METRICS if name in measured]
    allowed = ", ".join(scores) or "a split with a validation part"
    return Mistake("hydra.sweeper.metric", "is not measured by these trials", allowed, metric)

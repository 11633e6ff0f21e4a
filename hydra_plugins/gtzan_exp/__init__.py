"""The Hydra sweepers of gtzan_exp. Hydra finds plugins by the location of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

if TYPE_CHECKING:
    from gtzan_exp.config.sweep_plan import SweepPlan


class CheckedSweeper(BasicSweeper):
    """Hydra's basic sweeper for the jobs of a `SweepPlan`, which has checked them.

    With `pairs` the plan has left out cells whose model does not take what the view gives, and
    those that differ only in a ``seed`` that nothing uses.
    """

    plan: SweepPlan  # set by `Session.sweep`

    def __init__(self, *, pairs: bool = False, **options: Any) -> None:
        super().__init__(**options)

    def split_arguments(  # type: ignore[override]  # Hydra calls it on a sweeper, not on the class
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """Return batches of jobs, each a list of overrides."""
        return list(self.split_overrides_to_chunks([*self.plan.jobs], max_batch_size))

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Do nothing, as `check_sweep` has done it."""

"""The Hydra sweepers of gtzan_exp. Hydra finds plugins by the location of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

if TYPE_CHECKING:
    from gtzan_exp.config.sweep_plan import SweepPlan


class CheckedSweeper(BasicSweeper):
    """Hydra's basic sweeper for the jobs of a `SweepPlan`, which has checked the first of them.

    With `pairs` the plan has left out cells whose model does not take what the view gives, and
    those that differ only in a ``seed`` that nothing uses.
    """

    plan: SweepPlan  # set by `Session.sweep`

    def __init__(self, *, pairs: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._n_seen = 0

    def split_arguments(  # type: ignore[override]  # Hydra calls it on a sweeper, not on the class
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """Return batches of jobs, each a list of overrides."""
        jobs = list(self.plan.jobs)
        return [list(batch) for batch in self.split_overrides_to_chunks(jobs, max_batch_size)]

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Compose the jobs of a batch that have not been checked."""
        from gtzan_exp.config.sweep_plan import MAX_JOBS_CHECKED

        n_checked = max(MAX_JOBS_CHECKED - self._n_seen, 0)
        self._n_seen += len(batch)
        super().validate_batch_is_legal(batch[n_checked:])

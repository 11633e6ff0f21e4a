"""The Hydra sweepers of gtzan_exp. Hydra finds plugins by the location of this package."""

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext
from omegaconf import DictConfig


class CheckedSweeper(BasicSweeper):
    """Hydra's basic sweeper, without composing again the jobs that `check_sweep` has checked."""

    hydra_context: HydraContext
    config: DictConfig

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._n_seen = 0

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Compose the jobs of a batch that have not been checked."""
        from gtzan_exp.config.sweep_plan import MAX_JOBS_CHECKED

        n_checked = max(MAX_JOBS_CHECKED - self._n_seen, 0)
        self._n_seen += len(batch)
        super().validate_batch_is_legal(batch[n_checked:])


class PairsSweeper(CheckedSweeper):
    """Sweeps over the valid cells only, each once.

    It omits jobs whose model does not take what the view gives, for example ``view=features
    model=cnn2d``, and jobs that differ from an earlier one only in an unused ``seed``.
    """

    def split_arguments(  # type: ignore[override]  # Hydra calls it on a sweeper, not on the class
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """Return batches of jobs, each a list of overrides."""
        from gtzan_exp.config.cell import job_text

        (jobs,) = super().split_arguments(overrides, None)
        cells: dict[str | None, list[str]] = {}
        for job in jobs:
            config = self.hydra_context.config_loader.load_sweep_config(self.config, job)
            cells.setdefault(job_text(config), job)
        cells.pop(None, None)
        jobs = list(cells.values())
        if max_batch_size is None:
            return [jobs]
        return [list(batch) for batch in self.split_overrides_to_chunks(jobs, max_batch_size)]

"""The Hydra sweeper of gtzan_exp. Hydra finds plugins by this package's place, not its name."""

from __future__ import annotations

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override


class PairsSweeper(BasicSweeper):
    """Hydra's basic sweeper over the cells that exist.

    Of the product of all choices it leaves out the jobs whose model does not take what the view
    gives, for example ``view=features model=cnn2d``.
    """

    def split_arguments(
        self, overrides: list[Override], max_batch_size: int | None
    ) -> list[list[list[str]]]:
        """Return batches of jobs, each a list of overrides."""
        (jobs,) = super().split_arguments(overrides, None)
        jobs = [job for job in jobs if self._fits(job)]
        if max_batch_size is None:
            return [jobs]
        return [list(batch) for batch in self.split_overrides_to_chunks(jobs, max_batch_size)]

    def _fits(self, job: list[str]) -> bool:
        from gtzan_exp.config import misfit

        loader = self.hydra_context.config_loader
        config = loader.load_sweep_config(self.config, job)
        return not misfit(config.view, config.model)

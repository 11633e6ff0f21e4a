"""A job of a sweep: the callable that every launcher sends to its workers."""

import logging
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import filter_overrides
from omegaconf import DictConfig

from gtzan_exp.basics.checks import look_in, own_folders
from gtzan_exp.basics.errors import ConfigError, GtzanExpError, Mistake, one_line
from gtzan_exp.basics.process import end_with_parent, ends_in_order
from gtzan_exp.basics.terminal import relay, relayed
from gtzan_exp.config.cell import Cell, described_by, hidden, resolve
from gtzan_exp.config.hydra_session import arguments
from gtzan_exp.config.search import METRICS, Search
from gtzan_exp.data.contracts import Dataset
from gtzan_exp.run.files import Result
from gtzan_exp.run.runner import load, run
from gtzan_exp.tracking.sweep_run import SweepRun

log = logging.getLogger(__name__)

LINES = "lines.jsonl"
"""The file in the folder of a sweep through which its jobs tell the console what to print."""

_NAMED = ("model", "view", "split", "experiment")
_MAX_DATASETS = 2
_datasets: dict[str, Dataset] = {}  # in the order of last use


@dataclass(frozen=True)
class Job:
    """The callable of every job of a sweep, pickled and sent to workers by every launcher."""

    parent: SweepRun
    work: str  # the working directory, for relative paths
    folder: str  # the folder of the sweep
    search: Search | None = None  # the settings of a search, whose jobs are trials
    fixed: tuple[str, ...] = ()  # options that are the same in all jobs
    modules: tuple[str, ...] = field(default_factory=own_folders)  # folders of the user's own

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        os.chdir(self.work)  # for relative paths, wherever the worker was started
        look_in(*self.modules)

    def __call__(self, config: DictConfig) -> float | None:
        """Train, evaluate and record one cell. A failure is recorded and does not stop the sweep.

        Returns the score of a trial; None where it failed or has no finite score, and in a sweep
        without a search. Raises `ConfigError` if the run lacks the metric of the search.
        """
        if self.search is not None:
            config = hidden(config)
        hydra_config = HydraConfig.get()
        number = hydra_config.job.num
        tags = self._tags(number, arguments(hydra_config))
        output = Path(hydra_config.runtime.output_dir)
        title = self._title(hydra_config.runtime.choices, hydra_config.overrides.task)
        end_with_parent()
        with ends_in_order(), relayed(Path(self.folder) / LINES):
            try:
                result = run(config, output, tags=tags, load=self._load)
                if result.skipped:
                    self.parent.skip(number, result.run_id)
            except Exception as error:
                log.exception("failed: %s", one_line(error))
                self._record_failure(config, output / "record", tags, error)
                relay(title, f"FAILED: {one_line(error)}")
                return None
            score = self._score(result, self.search.metric) if self.search else None
            relay(title, result.brief + ", skipped" * result.skipped)
            return score

    def _title(self, choices: Mapping[str, str], overrides: Sequence[str]) -> str:
        """Return what tells a job from the others."""
        known = (*_NAMED, *self.fixed)
        own = [o for o in filter_overrides(overrides) if o.lstrip("+").split("=")[0] not in known]
        return f"{' '.join([choices['model'], *own])} on {choices['view']}, {choices['split']}"

    def _score(self, result: Result, metric: str) -> float | None:
        if metric not in result.metrics:
            where, what = "hydra.sweeper.metric", "is not measured by these trials"
            allowed = ", ".join(name for name in METRICS if name in result.metrics)
            raise ConfigError(Mistake(where, what, allowed, metric))
        score = result.metrics[metric]
        return score if math.isfinite(score) else None

    def lose(self, number: int, overrides: str, reason: str) -> None:
        """Record why the worker of a job died, for launchers that go on."""
        folder = Path(self.folder) / "lost" / str(number)
        self.parent.lose(folder, self._tags(number, overrides), reason)
        with relayed(Path(self.folder) / LINES):
            relay(f"job {number} {overrides}", f"FAILED: {reason}")

    def _tags(self, number: int, overrides: str) -> dict[str, str]:
        task = "train" if self.search is None else "trial"
        return self.parent.child_tags(number, overrides, task)

    def _load(self, cell: Cell) -> Dataset:
        """Read the view of a cell, with a cache of `_MAX_DATASETS` per process."""
        key = f"{self.parent.run_id} {cell.view!r} {cell.data!r}"
        dataset = _datasets.pop(key, None)
        if dataset is None:
            if len(_datasets) == _MAX_DATASETS:
                del _datasets[next(iter(_datasets))]
            dataset = load(cell)
        _datasets[key] = dataset
        return dataset

    def _record_failure(
        self, config: DictConfig, folder: Path, tags: dict[str, str], error: Exception
    ) -> None:
        tracking, name = self.parent.tracking, "failed"
        with suppress(GtzanExpError):
            cell = resolve(config)
            tracking, name, tags = cell.tracking, cell.name, {**described_by(cell), **tags}
        self.parent.fail(tracking, folder, name, tags, error)

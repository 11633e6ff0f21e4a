"""The Hydra sweeper that searches options with Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from gtzan_exp.config.sweep_plan import SweepPlan
    from gtzan_exp.sweep.job import Job


class SearchSweeper(BasicSweeper):
    """Chooses jobs by the scores of earlier ones, with Optuna.

    A job returns the score of its trial, or None where the trial failed. The best trial so far is
    kept as ``record/experiment/best.yaml`` in the folder of the sweep.
    """

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher
    plan: SweepPlan  # set by `Session.sweep`

    def __init__(self, params: dict[str, str] | None = None, **options: Any) -> None:
        super().__init__(None, params)

    def sweep(self, arguments: list[str]) -> None:
        """Run the trials, a batch at a time."""
        from optuna.trial import TrialState

        from gtzan_exp.config.compose import text_of
        from gtzan_exp.config.search import as_overrides, distribution

        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        options, search = self.plan.options, self.plan.search
        assert search is not None
        fixed = [text_of(o) for o in options.values() if not o.is_sweep_override()]
        space = {key: distribution(o) for key, o in options.items() if o.is_sweep_override()}

        study = search.study()
        for start in range(0, search.n_trials, search.batch_size):
            stop = min(start + search.batch_size, search.n_trials)
            trials = [study.ask(space) for _ in range(start, stop)]
            batch = [[*fixed, *as_overrides(trial.params, space)] for trial in trials]
            self.validate_batch_is_legal(batch)
            results = self.launcher.launch(batch, initial_job_idx=start)
            for number, result in enumerate(results, start=start):
                trial, score = trials[number - start], result.return_value
                study.tell(trial, score, state=TrialState.FAIL if score is None else None)
                if score is not None and study.best_trial.number == trial.number:
                    said = f"job {number}, {search.metric}={score:.4f}"
                    found = f"The best of {search.n_trials} trials in {folder}: {said}"
                    self._keep(folder, number, batch[number - start], found)

    def _keep(self, folder: Path, number: int, overrides: list[str], found: str) -> None:
        from gtzan_exp.sweep.best import as_experiment, best_command, best_file

        comments = [best_command(folder), found]
        job: Job = self.launcher.task_function  # type: ignore[attr-defined]  # all of them have it
        tags = {"search": job.parent.run_id, "trial": str(number)}
        loader = self.hydra_context.config_loader
        config = loader.load_sweep_config(self.config, overrides)
        path = best_file(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            as_experiment(loader, config, comments=comments, tags=tags), encoding="utf-8"
        )

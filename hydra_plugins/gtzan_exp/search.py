"""The Hydra sweeper that searches options with Optuna."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from gtzan_exp.sweep.job import Job


class SearchSweeper(BasicSweeper):
    """Chooses jobs by the scores of earlier ones, with Optuna.

    A job returns the score of its trial, or None where the trial failed. The best trial so far is
    kept as ``record/experiment/best.yaml`` in the folder of the sweep.

    Parameters
    ----------
    params : mapping, optional
        Overrides by option; the sweeps among them are the search space.
    options : as in `gtzan_exp.config.search.Search`
    """

    hydra_context: HydraContext
    config: DictConfig
    launcher: Launcher

    def __init__(self, params: dict[str, str] | None = None, **options: Any) -> None:
        from gtzan_exp.config.search import Search

        super().__init__(None, params)
        self.search = Search(**options)

    def sweep(self, arguments: list[str]) -> None:
        """Run the trials, a batch at a time."""
        from optuna.trial import TrialState

        from gtzan_exp.config.compose import text_of
        from gtzan_exp.config.search import as_overrides, distribution

        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        parsed = parser.parse_overrides([*self._parse_config(), *arguments])
        by_key = {override.get_key_element(): override for override in parsed}
        fixed = [text_of(o) for o in by_key.values() if not o.is_sweep_override()]
        space = {key: distribution(o) for key, o in by_key.items() if o.is_sweep_override()}

        study = self.search.study()
        for start in range(0, self.search.n_trials, self.search.batch_size):
            stop = min(start + self.search.batch_size, self.search.n_trials)
            trials = [study.ask(space) for _ in range(start, stop)]
            batch = [[*fixed, *as_overrides(trial.params, space)] for trial in trials]
            self.validate_batch_is_legal(batch)
            results = self.launcher.launch(batch, initial_job_idx=start)
            for number, result in enumerate(results, start=start):
                trial, score = trials[number - start], result.return_value
                study.tell(trial, score, state=TrialState.FAIL if score is None else None)
                if score is not None and study.best_trial.number == trial.number:
                    self._keep(folder, number, batch[number - start], score)

    def _keep(self, folder: Path, number: int, overrides: list[str], score: float) -> None:
        from gtzan_exp.sweep.best import as_experiment, best_command, best_file, best_tags

        found = f"The best of {self.search.n_trials} trials in {folder}: job {number}"
        comments = [best_command(folder), f"{found}, {self.search.metric}={score:.4f}"]
        job: Job = self.launcher.task_function  # type: ignore[attr-defined]  # all of them have it
        tags = best_tags(job.parent.run_id, number)
        loader = self.hydra_context.config_loader
        config = loader.load_sweep_config(self.config, overrides)
        path = best_file(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            as_experiment(loader, config, comments=comments, tags=tags), encoding="utf-8"
        )

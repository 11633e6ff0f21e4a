"""Hydra launchers that run the jobs of a sweep on a cluster, and wait for all of them.

They replace the plugins hydra-submitit-launcher and hydra-ray-launcher, which give up at the first
job whose worker dies while others still run; the latter also needs cloudpickle < 3, which conflicts
with Dask.
"""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from gtzan_exp.basics.errors import ConfigError, Mistake, one_line
from gtzan_exp.basics.process import end_at_last

if TYPE_CHECKING:
    from submitit import Job as Submitted

    from gtzan_exp.sweep.job import Job

log = logging.getLogger(__name__)

_THREADS = "OMP_NUM_THREADS"  # networks read it too
_ENVIRONMENT = ("GTZAN_", "MLFLOW_")


class ClusterLauncher(Launcher):
    """The common part of the launchers: running a job, and recording those that died."""

    def __init__(self, **options: Any) -> None:
        from gtzan_exp.basics.checks import as_dict

        self.options = as_dict(OmegaConf.create(options))

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep the state of the sweep."""
        self.hydra_context = hydra_context
        self.task_function = cast("Job", task_function)
        self.config = config
        self.state = Singleton.get_state()

    def __call__(self, overrides: Sequence[str], number: int) -> JobReturn:
        """Run a job, in a worker."""
        end_at_last()
        job_id = self._enter_worker()
        setup_globals()
        Singleton.set_state(self.state)
        loader = self.hydra_context.config_loader
        config = loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config.hydra.job):
            config.hydra.job.id = job_id
            config.hydra.job.num = number
        return run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run jobs and return their results in order; record why the workers of others died."""
        folder = Path(str(self.config.hydra.sweep.dir))
        folder.mkdir(parents=True, exist_ok=True)
        texts = [" ".join(filter_overrides(overrides)) for overrides in job_overrides]
        log.info("%s: %d jobs, output in %s", type(self).__name__, len(texts), folder)
        for number, text in enumerate(texts, start=initial_job_idx):
            log.info("\t#%d : %s", number, text)
        returns = []
        for index, found in enumerate(self._results(job_overrides, initial_job_idx)):
            if isinstance(found, Exception):
                self.task_function.lose(initial_job_idx + index, texts[index], one_line(found))
                found = JobReturn(overrides=job_overrides[index], status=JobStatus.COMPLETED)
            returns.append(found)
        return returns

    @abstractmethod
    def _enter_worker(self) -> str:
        """Prepare this worker for a job, and return the cluster's id of the job."""

    @abstractmethod
    def _results(
        self, jobs: Sequence[Sequence[str]], first: int
    ) -> Iterator[JobReturn | Exception]:
        """Yield the result of each job, or what killed its worker; closing it cancels jobs."""


class SubmititLauncher(ClusterLauncher):
    """Jobs by submitit, each in its own process, pickled in the sweep's folder."""

    cluster: str
    at_once: int | None = None  # jobs submitted together; None: all

    def _enter_worker(self) -> str:
        from submitit import JobEnvironment

        return JobEnvironment().job_id

    def checkpoint(self, *arguments: Any) -> Any:
        """Return what to run when a preempted job is requeued: the whole job again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)

    def _results(
        self, jobs: Sequence[Sequence[str]], first: int
    ) -> Iterator[JobReturn | Exception]:
        from submitit.core.utils import UncompletedJobError

        numbers = range(first, first + len(jobs))
        at_once = self.at_once or len(jobs)
        for start in range(0, len(jobs), at_once):
            batch = slice(start, start + at_once)
            submitted = self._submit([list(job) for job in jobs[batch]], numbers[batch])
            try:
                for job in submitted:
                    try:
                        yield job.result()
                    except UncompletedJobError as error:
                        yield error
            except BaseException:
                for job in submitted:
                    job.cancel(check=False)
                raise

    def _submit(self, jobs: list[list[str]], numbers: Sequence[int]) -> list[Submitted]:
        from submitit import AutoExecutor
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        options = dict(self.options)
        folder = options.pop("submitit_folder")
        general = AutoExecutor._typed_parameters()
        named = {
            key if key in general else f"{self.cluster}_{key}": value
            for key, value in options.items()
        }
        where = f"hydra/launcher=submitit_{self.cluster}"
        try:
            executor = AutoExecutor(folder, self.cluster, **{f"{self.cluster}_max_num_timeout": 0})
            executor.update_parameters(**named)
            with _threads(options["cpus_per_task"]):
                return executor.map_array(self, jobs, numbers)
        except (AssertionError, NameError, RuntimeError, TypeError, ValueError) as error:
            refused = isinstance(error, FailedJobError | FailedSubmissionError)
            what = "the cluster refuses the jobs" if refused else "cannot submit"
            allowed = "a machine with sbatch and srun, and options that sbatch takes"
            raise ConfigError(Mistake(where, what, allowed, one_line(error))) from error


class SlurmLauncher(SubmititLauncher):
    """Jobs in an array job of Slurm."""

    cluster = "slurm"


class LocalLauncher(SubmititLauncher):
    """The same without Slurm, in processes of this machine, to try out a sweep."""

    cluster = "local"

    def __init__(self, *, array_parallelism: int, **options: Any) -> None:
        super().__init__(**options)
        self.at_once = array_parallelism


class RayLauncher(ClusterLauncher):
    """Jobs as tasks of a Ray cluster, or of one started on this machine."""

    def _enter_worker(self) -> str:
        import ray

        os.environ.update(self.environment)
        return str(ray.get_runtime_context().get_task_id())

    def _results(
        self, jobs: Sequence[Sequence[str]], first: int
    ) -> Iterator[JobReturn | Exception]:
        if self.options["init"].get("address") is None:  # else it would listen on all interfaces
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        import ray
        from ray.exceptions import RayError, RayTaskError

        where = "hydra/launcher=ray"
        self.environment = {
            key: value for key, value in os.environ.items() if key.startswith(_ENVIRONMENT)
        }
        started = not ray.is_initialized()
        try:
            if started:
                with _private_files():
                    ray.init(**self.options["init"])
            task = ray.remote(**self.options["remote"])(_run)
            launcher = ray.put(self)
        except (ConnectionError, RuntimeError, TypeError, ValueError) as error:
            allowed = "the address of a cluster, or nothing; options of ray.init and ray.remote"
            raise ConfigError(Mistake(where, "no cluster", allowed, one_line(error))) from error
        submitted = [
            task.options(name=f"job {number}").remote(launcher, list(job), number)
            for number, job in enumerate(jobs, first)
        ]
        try:
            for job in submitted:
                try:
                    yield ray.get(job)
                except RayTaskError as error:
                    yield error.cause
                except RayError as error:
                    yield error
        except BaseException:
            for job in submitted:
                ray.cancel(job)
            raise
        finally:
            if started:
                ray.shutdown()


def _run(launcher: RayLauncher, overrides: Sequence[str], number: int) -> JobReturn:
    return launcher(overrides, number)


@contextmanager
def _private_files() -> Iterator[None]:
    """Make files that are created inside, and the token of Ray, private to the user."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
        token = Path.home() / ".ray" / "auth_token"
        if token.is_file():
            token.chmod(0o600)


@contextmanager
def _threads(n_threads: int | None) -> Iterator[None]:
    """Set the number of threads for processes that are started or submitted inside."""
    if n_threads is None or _THREADS in os.environ:
        yield
        return
    os.environ[_THREADS] = str(n_threads)
    try:
        yield
    finally:
        del os.environ[_THREADS]

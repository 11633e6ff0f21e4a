"""The only module that uses Hydra's internals."""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import hydra
from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra._internal.utils import get_args_parser as get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus, filter_overrides, run_job
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from gtzan_exp.basics.checks import look_in
from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.files import claimed
from gtzan_exp.config.cell import register
from gtzan_exp.config.files import conf_folder

NOT_COMPOSED = (HydraException, OmegaConfBaseException)
"""Errors of Hydra when it cannot compose a config."""

_VERSION = "1.3"
_TRACEBACKS = "HYDRA_FULL_ERROR"


class Plan(Protocol):
    """What Hydra is told of a sweep."""

    @property
    def late(self) -> Sequence[str]: ...

    @property
    def jobs(self) -> Sequence[list[str]]: ...


class Session:
    """Hydra with the search path of the package and of the user's own folder."""

    def __init__(self, hydra: Hydra) -> None:
        self._hydra = hydra

    def compose(
        self, config_name: str, overrides: Sequence[str], *, logs: bool = False
    ) -> DictConfig:
        """Return a config with its ``hydra`` node; `logs` configures logging from it."""
        return self._hydra.compose_config(
            config_name, list(overrides), RunMode.RUN, with_log_configuration=logs
        )

    def options(self, group: str) -> list[str]:
        """Return the names that a group offers, those in its subfolders included."""
        loader = self._hydra.config_loader
        names = loader.get_group_options(group, ObjectType.CONFIG)
        for folder in loader.get_group_options(group, ObjectType.GROUP):
            names += [f"{folder}/{name}" for name in self.options(f"{group}/{folder}")]
        return names

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """Return parsed overrides with their globs resolved."""
        parser = OverridesParser.create(config_loader=self._hydra.config_loader)
        return parser.parse_overrides(list(overrides))

    def run(self, config: DictConfig, config_name: str, task: TaskFunction) -> Any:
        """Call a task on a composed config as Hydra does, with its folder, logs and callbacks."""
        config.hydra.mode = RunMode.RUN
        with (
            _mistakes_of_hydra(" ".join(config.hydra.overrides.task)),
            claimed(Path(config.hydra.run.dir), "hydra.run.dir"),
        ):
            callbacks = Callbacks(config)
            callbacks.on_run_start(config=config, config_name=config_name)
            done = run_job(
                task,
                config,
                job_dir_key="hydra.run.dir",
                job_subdir_key=None,
                hydra_context=HydraContext(self._hydra.config_loader, callbacks),
            )
            callbacks.on_run_end(config=config, config_name=config_name, job_return=done)
        if done.status is JobStatus.FAILED:
            raise done._return_value  # `return_value` would also print a line
        return done.return_value

    def sweep(
        self, config_name: str, overrides: Sequence[str], plan: Plan, task: TaskFunction
    ) -> None:
        """Run a sweep as Hydra does; only its jobs are composed with the `late` overrides."""
        with _mistakes_of_hydra(" ".join(overrides)):
            early = [text for text in overrides if text not in plan.late]
            config = self._hydra.compose_config(config_name, early, RunMode.MULTIRUN, True)
            config.hydra.overrides.task.extend(plan.late)
            if plan.jobs:
                config.hydra.sweeper._target_ = "hydra_plugins.gtzan_exp.CheckedSweeper"
            callbacks = Callbacks(config)
            callbacks.on_multirun_start(config=config, config_name=config_name)
            context = HydraContext(self._hydra.config_loader, callbacks)
            sweeper = Plugins.instance().instantiate_sweeper(
                config=config, hydra_context=context, task_function=task
            )
            sweeper.plan = plan  # type: ignore[attr-defined]  # for our own sweepers
            sweeper.sweep(list(config.hydra.overrides.task))
            callbacks.on_multirun_end(config=config, config_name=config_name)


def arguments(hydra: Any) -> str:
    """Return the arguments of the command that repeats a job, from its ``hydra`` node."""
    name = hydra.job.config_name
    places = hydra.runtime.config_sources
    given = filter_overrides(hydra.overrides.task)
    named = any(text.startswith("+sweep=") for text in given)  # then it is a sweep of one job
    return shlex.join(
        [
            *(["-m"] if named else []),
            *(f"--config-dir={place.path}" for place in places if place.provider == "command-line"),
            *([] if name == "config" else [f"--config-name={name}"]),
            *(text for text in given if not text.startswith("skip_finished=")),
        ]
    )


@contextmanager
def session(config_dir: str | None = None) -> Iterator[Session]:
    """Initialise Hydra, with a `config_dir` that is a folder, and restore its global state."""
    register()
    search_path = create_config_search_path(str(conf_folder()))
    beside = [os.path.dirname(os.path.abspath(config_dir))] if config_dir is not None else []
    look_in(os.getcwd(), *beside)
    if config_dir is not None:
        if not os.path.isdir(config_dir):
            allowed = "a folder of configs"
            raise ConfigError(Mistake("--config-dir", "is not there", allowed, config_dir))
        own = f"file://{os.path.abspath(config_dir)}"
        search_path.prepend("command-line", own, SearchPathQuery("schema"))
    hydra_before, base_before = GlobalHydra.instance().hydra, version.getbase()
    GlobalHydra.instance().clear()
    version.setbase(_VERSION)
    try:
        yield Session(Hydra.create_main_hydra2("gtzan-exp", search_path))
    finally:
        GlobalHydra.instance().hydra = hydra_before
        version.VersionBase.instance().version_base = base_before


def set_value(config: DictConfig, override: Override) -> None:
    """Set a value as Hydra does; a mapping may have new keys, as in ``data.labels={a: b}``."""
    node = OmegaConf.select(config, override.key_or_group, throw_on_resolution_failure=False)
    is_mapping = OmegaConf.is_dict(node) and isinstance(override.value(), dict)
    with open_dict(node) if is_mapping else nullcontext():
        ConfigLoaderImpl._apply_overrides_to_config([override], config)


def not_composed(error: Exception, got: str) -> Mistake:
    reason = str(error).strip().splitlines()[0]
    return Mistake("config", reason, "configs that Hydra can compose", got)


@contextmanager
def _mistakes_of_hydra(got: str) -> Iterator[None]:
    try:
        yield
    except NOT_COMPOSED as error:
        raise ConfigError(not_composed(error, got)) from error


def hydra_main(arguments: Sequence[str], task: TaskFunction) -> None:
    """Run a command line through Hydra itself."""
    register()
    decorate = hydra.main(
        version_base=_VERSION, config_path=str(conf_folder()), config_name="config"
    )
    argv, tracebacks = sys.argv, os.environ.get(_TRACEBACKS, "")
    sys.argv = ["gtzan-exp", *arguments]
    # With this Hydra raises errors, which `cli.main` reports, instead of printing them.
    os.environ[_TRACEBACKS] = "1"
    try:
        with _mistakes_of_hydra(" ".join(arguments)):
            decorate(task)()
    finally:
        sys.argv = argv
        os.environ[_TRACEBACKS] = tracebacks

"""The Python API: what ``gtzan-exp`` does, as functions of ``import gtzan_exp as gx``.

Every function takes overrides as on the command line, and keywords for groups or top-level options
of the config. A mapping sets options of a group:

    gx.run("trainer.epochs=5", data="gtzan", view="spectrograms", model="cnn2d")
    gx.run(data="folder", model={"C": 3.0}, tags={"note": "louder"})
    gx.sweep(model=["logreg", "svc"], seed=range(3))

`config_dir` is a folder with further configs, as ``--config-dir``. Runs are recorded as by the
commands: at MLflow's tracking URI if one has been set, otherwise in ``mlruns``. A mistake of the
user raises a `GtzanExpError` with the text that the command would print. Global state is restored:
environment variables, the working directory, logging, Hydra, and MLflow's tracking URI, experiment
and active run.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.errors import GtzanExpError as GtzanExpError

if TYPE_CHECKING:
    import pandas as pd
    from omegaconf import DictConfig
    from sklearn.pipeline import Pipeline

    from gtzan_exp.audio.prepare import PrepareReport
    from gtzan_exp.data.contracts import Dataset
    from gtzan_exp.evaluation.audit import Audit
    from gtzan_exp.predict.settings import PredictSettings
    from gtzan_exp.run.files import Result
    from gtzan_exp.sweep.sweep import Swept
    from gtzan_exp.tracking.models import LoggedModel
    from gtzan_exp.tracking.record import RecordedPage
    from gtzan_exp.tracking.store import Tracking

P = ParamSpec("P")
T = TypeVar("T")

_NO_LOGS = ("hydra/hydra_logging=none", "hydra/job_logging=none")


def _beside(function: Callable[P, T]) -> Callable[P, T]:
    """Make a function restore the global state of the process."""

    @wraps(function)
    def beside(*arguments: P.args, **options: P.kwargs) -> T:
        from gtzan_exp.basics.terminal import attended
        from gtzan_exp.tracking.store import aside

        with aside(), attended():
            return function(*arguments, **options)

    return beside


@_beside
def run(
    *overrides: str,
    config_dir: str | None = None,
    config_name: str = "config",
    console: bool = False,
    **choices: Any,
) -> Result:
    """Train, evaluate and record one cell of data x view x split x model, as ``gtzan-exp``.

    Parameters
    ----------
    *overrides : str
    config_dir, config_name : str, optional
    console : bool, default=False
        Also set up logging as the command does, for the whole process.
    **choices
        Groups (``data``, ``view``, ``split``, ``model``, ``trainer``, ``tracking``,
        ``experiment``) and ``seed``, ``name``, ``tags``, ``skip_finished``.

    Returns
    -------
    Result
        With ``metrics``, ``predictions`` (a line per row of each part), ``model`` (the fitted
        pipeline; None for a cross-validation), ``run_id`` and ``output`` (the folder).

    Raises
    ------
    ConfigError, DataError
    """
    from gtzan_exp.basics.process import ends_in_order
    from gtzan_exp.config.compose import as_overrides, run_once

    given = [*as_overrides(overrides, choices), *(() if console else _NO_LOGS)]
    task = partial(run_here, recall=not console)
    with ends_in_order():
        return run_once(given, task, config_dir=config_dir, config_name=config_name)


def run_here(config: DictConfig, *, recall: bool = False) -> Result:
    """Run the cell of a config in Hydra's output folder, and print the result in a line.

    With `recall`, a skipped run gets the predictions and model of the earlier run.
    """
    from hydra.core.hydra_config import HydraConfig

    from gtzan_exp.basics.terminal import phase, say
    from gtzan_exp.config.hydra_session import arguments

    phase("loading libraries")
    from gtzan_exp.run import runner

    hydra = HydraConfig.get()
    output = Path(hydra.runtime.output_dir)
    result = runner.run(config, output, tags={"overrides": arguments(hydra)})
    say(result)
    return runner.recalled(config, result) if recall and result.skipped else result


@_beside
def sweep(
    *overrides: str,
    config_dir: str | None = None,
    config_name: str = "config",
    console: bool = False,
    **choices: Any,
) -> Swept:
    """Run every cell of a sweep, as ``gtzan-exp -m``.

    Parameters
    ----------
    **choices
        As in `run`, like the other parameters; lists, tuples and ranges are the values to try, and
        ``sweep`` names a sweep of the configs.

    Returns
    -------
    Swept
        With ``status`` (``FINISHED`` if all jobs did), ``run_id`` (of the parent run)
        and ``jobs`` (a DataFrame with the run of each).

    Raises
    ------
    ConfigError
        With every mistake in any job; nothing has been trained.
    """
    from gtzan_exp.basics.process import ends_in_order
    from gtzan_exp.basics.terminal import phase
    from gtzan_exp.config.compose import as_overrides
    from gtzan_exp.config.hydra_session import session
    from gtzan_exp.config.sweep_plan import check_sweep
    from gtzan_exp.sweep import sweep as room

    given = as_overrides(overrides, choices, sweep=True)
    plan = check_sweep(given, config_dir=config_dir, config_name=config_name)
    folder = plan.folder.replace("'", r"\'")  # fixed here, since it contains the time
    options = [f"hydra.sweep.dir='{folder}'", *(() if console else _NO_LOGS)]
    phase("loading libraries")
    command = ["gtzan-exp", *(["--config-dir", config_dir] if config_dir else [])]
    command += ["--config-name", config_name] if config_name != "config" else []
    with ends_in_order(), session(config_dir) as hydra:
        launch = partial(hydra.sweep, config_name, [*given, *options], plan)
        return room.sweep(plan, shlex.join([*command, "-m", *given]), given, launch)


@_beside
def load_data(
    *overrides: str, config_dir: str | None = None, config_name: str = "config", **choices: Any
) -> Dataset:
    """Load the data that a run would use.

    Returns
    -------
    Dataset
        With ``X``, ``labels``, ``ids``, ``tracks``, ``classes`` and its ``fingerprint``.
    """
    from gtzan_exp.config.cell import resolve
    from gtzan_exp.run.runner import load

    return load(_read(resolve, overrides, choices, config_dir, config_name))


@_beside
def audit(
    *overrides: str, config_dir: str | None = None, config_name: str = "config", **choices: Any
) -> Audit:
    """Measure the leaks from test to training, without training.

    Returns
    -------
    Audit
        With ``shares`` by kind of leak, ``found`` and ``twins`` (DataFrames) and ``tag``.
    """
    from gtzan_exp.config.cell import resolve
    from gtzan_exp.evaluation.audit import audit
    from gtzan_exp.run.runner import load

    cell = _read(resolve, overrides, choices, config_dir, config_name)
    dataset = load(cell)
    return audit(dataset, cell.parts(dataset))


@_beside
def prepare(*overrides: str, config_dir: str | None = None, **options: Any) -> list[PrepareReport]:
    """Turn a folder of audio into views, as ``gtzan-exp prepare``.

    ``data={"audio": FOLDER, "root": FOLDER}`` names input and output.

    Returns
    -------
    list of PrepareReport
        With ``done``, ``reused`` and ``problems``, one for each file that could not be used.
        Embeddings have a report of their own.
    """
    from gtzan_exp.config.reading import read_preparation
    from gtzan_exp.embed.prepare import prepare_all

    return prepare_all(*_read(read_preparation, overrides, options, config_dir, "prepare"))


@_beside
def explore(*overrides: str, config_dir: str | None = None, **options: Any) -> RecordedPage:
    """Explore tracks or a whole data set, as ``gtzan-exp explore``.

    Returns
    -------
    RecordedPage
        With ``page`` (a file) and ``run_id``.
    """
    from gtzan_exp.explore.look import explore
    from gtzan_exp.explore.settings import read_look

    return explore(_read(read_look, overrides, options, config_dir, "explore"))


@_beside
def compare(
    *overrides: str,
    config_dir: str | None = None,
    record: bool | None = False,
    say: Callable[[str], None] = lambda text: None,
    **options: Any,
) -> pd.DataFrame:
    """Compare recorded runs, as ``gtzan-exp compare``.

    Parameters
    ----------
    record : bool, optional
        Also write the page and record it; its path is ``attrs["page"]`` of the table. None uses
        the config.
    say : callable, optional
        Called with the text that the command prints, before the page is written.

    Returns
    -------
    pandas.DataFrame
        A line per split, view and model, see `gtzan_exp.compare.summary.summary`.
    """
    from gtzan_exp.compare.comparison import compare, read_comparison

    options |= {} if record is None else {"record": record}
    table, page = compare(*_read(read_comparison, overrides, options, config_dir, "compare"), say)
    table.attrs |= {} if page is None else {"page": page}
    return table


@_beside
def predict(
    model: str | Path | Result,
    files: str | Path | Iterable[str | Path],
    *overrides: str,
    on_error: Literal["raise", "skip"] = "raise",
    config_dir: str | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Predict the genres of audio files by a recorded model, as ``gtzan-exp predict``.

    Parameters
    ----------
    model : str, Path or Result
        A run, its id, an MLflow URI, or the folder of a model.
    files : str, Path or an iterable of them
        Audio files, and folders to search for them.
    on_error : {"raise", "skip"}
        Raise an error for unusable files after predicting the others, or skip them.
    **options
        ``tracking``; ``trusted_types``, types of your own that may be loaded; ``neighbours``, so
        many tracks of the data of the run that each file is most like.

    Returns
    -------
    pandas.DataFrame, shape (n_files, n_genres)
        Probabilities; the index is the file. With `neighbours`, ``attrs["neighbours"]`` has the
        similarity by track of each file.

    Raises
    ------
    DataError
        The model is missing or not trusted, or a file cannot be used.
    """
    import pandas as pd

    from gtzan_exp.predict.settings import audio_files
    from gtzan_exp.tracking.predictor import Predictor

    logged, settings, tracking = _logged(model, overrides, options, config_dir)
    predictor = Predictor.of(logged, tracking, settings.neighbours)
    paths = [files] if isinstance(files, str | Path) else files
    found = list(predictor.files(audio_files(map(Path, paths))))
    mistakes = [each for each in found if isinstance(each, Mistake)]
    if mistakes and on_error == "raise":
        raise DataError(mistakes)
    good = {str(each.file): each for each in found if not isinstance(each, Mistake)}
    rows = {file: each.probabilities for file, each in good.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=predictor.genres)
    if settings.neighbours:
        table.attrs["neighbours"] = {file: each.neighbours for file, each in good.items()}
    return table


@_beside
def load_model(
    model: str | Path | Result, *overrides: str, config_dir: str | None = None, **options: Any
) -> Pipeline:
    """Load the fitted pipeline of a recorded model; parameters are as in `predict`."""
    return _logged(model, overrides, options, config_dir)[0].estimator


def _logged(
    model: str | Path | Result,
    overrides: Iterable[str],
    options: dict[str, Any],
    config_dir: str | None,
) -> tuple[LoggedModel, PredictSettings, Tracking]:
    from gtzan_exp.predict.settings import read_prediction
    from gtzan_exp.tracking.models import find_logged

    settings, tracking = _read(read_prediction, overrides, options, config_dir, "predict")
    name = str(getattr(model, "run_id", model))
    return find_logged(name, tracking, trusted=settings.trusted_types), settings, tracking


def _read(
    read_config: Callable[[DictConfig], T],
    overrides: Iterable[str],
    options: dict[str, Any],
    config_dir: str | None,
    config_name: str,
) -> T:
    from gtzan_exp.config.compose import as_overrides, composed

    given = as_overrides(overrides, options)
    return composed(given, read_config, config_dir=config_dir, config_name=config_name)

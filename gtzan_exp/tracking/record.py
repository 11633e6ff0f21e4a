"""One run in MLflow: opened before training, and closed whatever happens."""

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Literal, Self, get_args

from threadpoolctl import ThreadpoolController

import gtzan_exp
from gtzan_exp.basics import keras_loader
from gtzan_exp.basics.errors import one_line
from gtzan_exp.basics.genres import labelled
from gtzan_exp.basics.process import PROCESS, process_tags
from gtzan_exp.data.contracts import Dataset, Split
from gtzan_exp.report.page import Report, write_page
from gtzan_exp.tracking.outbox import (
    ERROR,
    OUTBOX_TAGS,
    PARENT,
    Entry,
    Outbox,
    now,
    sync_command,
)
from gtzan_exp.tracking.query import STALE, close_dead
from gtzan_exp.tracking.store import Tracking

log = logging.getLogger(__name__)

Piece = Literal["fold", "fraction"]
_GIT_TAGS = ("mlflow.source.git.commit", "git_commit", "git_dirty")
RECORD_TAGS = (PROCESS, *OUTBOX_TAGS, STALE, *_GIT_TAGS, "versions", *get_args(Piece))
_VERSIONS = ("gtzan-exp", "numpy", "pandas", "scikit-learn", "scipy", "mlflow", "librosa")


@dataclass(frozen=True)
class RecordedPage:
    """An HTML page, with its data in files beside it, and the id of its run."""

    run_id: str
    page: Path

    def __str__(self) -> str:
        return f"run_id={self.run_id} page={self.page}"

    def _repr_html_(self) -> str:
        return f'<pre>run_id={self.run_id}</pre><a href="{self.page.absolute().as_uri()}">page</a>'


@dataclass(frozen=True)
class Recorder:
    """An open MLflow run. What is known before the fit is sent at once, the rest at the end."""

    outbox: Outbox
    entry: Entry  # takes metrics and tags

    @contextmanager
    def child(self, name: str, tags: Mapping[str, Any], piece: Piece, which: str) -> Iterator[Self]:
        """Open a child run; the tag `piece` names its fold or fraction."""
        tags = {**tags, "task": piece, piece: which, **process_tags()}
        entry = self.outbox.open(name, tags, {}, parent=self.entry)
        with _closed(entry):
            yield type(self)(self.outbox, entry)
        self.outbox.send(entry)

    def dataset(self, dataset: Dataset, split: Split) -> None:
        """Record the data as the input of the run."""
        shapes = {name: list(array.shape) for name, array in dataset.arrays.items()}
        profile = {"num_rows": len(dataset), "classes": len(dataset.classes)}
        self.entry.datasets.append(
            {
                "name": f"{labelled(dataset.name, dataset.synthetic)}/{dataset.view}",
                "digest": dataset.fingerprint,
                "source_type": "local",
                "source": json.dumps({"uri": dataset.source}),
                "schema": json.dumps({"shapes": shapes}),
                "profile": json.dumps(profile),
                "context": f"split {split.name} {split.fingerprint}",
            }
        )
        self.outbox.send(self.entry, "inputs")

    def artifacts(self) -> None:
        """Record every file in the folder of the run."""
        self.outbox.mark(self.entry)
        self.entry.has_files = True

    @contextmanager
    def model(self) -> Iterator[Path]:
        """Record the model that is saved inside, by `save_model`, into a folder.

        If it cannot be saved, the run goes on, with the reason in ``no_model.txt``.
        """
        folder = self.outbox.model_folder
        try:
            yield folder
            self.entry.has_model = True
        except Exception as error:  # whatever a class of the user's own raises
            shutil.rmtree(folder, ignore_errors=True)
            log.warning("the run goes on without a model: %s", one_line(error))
            self.entry.texts["no_model.txt"] = f"{one_line(error)}\n\n{traceback.format_exc()}"


def begun(
    tracking: Tracking, folder: Path, name: str, params: Mapping[str, Any], tags: Mapping[str, Any]
) -> tuple[Outbox, Entry]:
    """Open a run; unless it is a child, the store must answer. See `recorded_run`."""
    is_child = PARENT in tags
    if not is_child:
        with tracking.asked() as client:
            close_dead(client, [tracking.experiment_id(client)])
    outbox = Outbox(tracking, folder)
    ours = {**git_tags(), "versions": _versions()}
    entry = outbox.open(name, {**ours, **tags, **process_tags()}, params)
    entry.texts["environment.json"] = json.dumps(_environment(), indent=1, sort_keys=True)
    if outbox.away is not None and not (is_child or entry.run_id):
        raise outbox.away
    return outbox, entry


@contextmanager
def recorded_run(
    tracking: Tracking, folder: Path, name: str, params: Mapping[str, Any], tags: Mapping[str, Any]
) -> Iterator[Recorder]:
    """Open a run and close it as FINISHED, FAILED (with its traceback) or KILLED.

    `folder` has its files, recorded by `Recorder.artifacts`; `params` are the flattened config.
    Tags of git, versions and process are added to `tags`; with ``mlflow.parentRunId`` it is the
    child of another run. Records that cannot be delivered, because the store no longer answers, are
    kept beside `folder`, with a warning. Raises `ConfigError` if the store does not answer. The
    child of a run goes on without it.
    """
    outbox, entry = begun(tracking, folder, name, params, tags)
    try:
        with _closed(entry):
            outbox.reserve()
            yield Recorder(outbox, entry)
    finally:
        if not outbox.deliver() and outbox.away is not None:
            why = one_line(outbox.away)
            deliver = sync_command(folder.parent)
            log.warning("not recorded yet: kept in %s until %s; %s", outbox.path, deliver, why)


def recorded_page(
    task: str,
    report: Report,
    tracking: Tracking,
    folder: Path,
    name: str | None,
    params: Mapping[str, Any],
    tags: Mapping[str, Any],
) -> RecordedPage:
    """Write a page into a new folder, and record it as a run of `task` among the reports."""
    own = {"task": task, "synthetic": str(report.synthetic).lower(), **report.tags}
    page, name = folder / f"{task}.html", name or report.title
    with recorded_run(tracking.reports, folder, name, params, {**own, **tags}) as recorder:
        write_page(page, report, recorder.entry.run_id)
        recorder.entry.measure(report.metrics)
        recorder.artifacts()
    return RecordedPage(recorder.entry.run_id, page)


@contextmanager
def _closed(entry: Entry) -> Iterator[None]:
    try:
        yield
        entry.status = "FINISHED"
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt | SystemExit)
        entry.status = "KILLED" if killed else "FAILED"
        entry.tag(**{ERROR: one_line(error)})
        entry.texts["traceback.txt"] = traceback.format_exc()
        entry.follow(getattr(error, "history", {}))
        raise
    finally:
        entry.ended = now()


def _versions() -> str:
    """Return the versions of Python and of packages that affect results, as text."""
    backend = os.environ.get(keras_loader.VARIABLE, "tensorflow")
    optional = [name for name in ("xgboost", "keras", backend) if name in sys.modules]
    found = {"python": platform.python_version(), **_installed()}
    names = [name for name in ("python", *_VERSIONS, *optional) if name in found]
    return ", ".join(f"{name} {found[name]}" for name in names)


def _environment() -> dict[str, Any]:
    """Return what is known of the machine and the process of a run, as plain data."""
    return {
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "python": sys.version,
        **process_tags(),
        **git_tags(),
        # with kernels and threads, since the order of summation affects the last digits
        "blas": ThreadpoolController().select(user_api="blas").info(),
        "packages": _installed(),
    }


@cache
def _installed() -> dict[str, str]:
    found = [each for each in distributions() if each.name]
    return {each.name.lower(): each.version for each in reversed(found)}  # the first one counts


@cache
def git_tags() -> dict[str, str]:
    """Return the commit of the source tree and whether it was modified; empty outside one."""
    root = Path(gtzan_exp.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return {}
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run([*command, "--dirty"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    commit, dirty, _ = done.stdout.strip().partition("-dirty")
    return dict(zip(_GIT_TAGS, (commit, commit, str(bool(dirty))), strict=True))

"""One run in MLflow: opened before the data is split, closed whatever happens."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import sleep, time
from typing import TYPE_CHECKING, Any

import gtzan_exp
from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.data.dataset import Dataset, Split
from gtzan_exp.data.views import View
from gtzan_exp.errors import one_line
from gtzan_exp.genres import labelled
from gtzan_exp.process import process_tags
from gtzan_exp.tracking.models import log_model
from gtzan_exp.tracking.stale import close_dead
from gtzan_exp.tracking.store import Tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

_MAX_PARAM = 6000
_MAX_TAG = 5000
_WAITS = (0.05, 0.2, 0.8)
_VERSIONS = ("gtzan-exp", "numpy", "pandas", "scikit-learn", "scipy", "mlflow", "librosa")


class Recorder:
    """An open MLflow run. Every kind of record is sent in one request."""

    def __init__(self, client: MlflowClient, experiment_id: str, run_id: str, uri: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._uri = uri
        self.run_id = run_id

    @classmethod
    def open(
        cls,
        client: MlflowClient,
        experiment_id: str,
        uri: str,
        name: str,
        tags: Mapping[str, Any],
    ) -> Recorder:
        """Open a run of any kind; its tags say which process it lives in."""
        tags = {key: str(value)[:_MAX_TAG] for key, value in {**process_tags(), **tags}.items()}
        tags |= {"mlflow.runName": name, "mlflow.source.name": "gtzan-exp"}
        run = client.create_run(experiment_id, tags=tags, run_name=name)
        return cls(client, experiment_id, run.info.run_id, uri)

    @contextmanager
    def child(self, name: str, tags: Mapping[str, Any]) -> Iterator[Recorder]:
        """Open a run below this one, for example that of a fold."""
        tags = {**tags, "mlflow.parentRunId": self.run_id}
        with opened(self._client, self._experiment_id, self._uri, name, tags) as recorder:
            yield recorder

    def known(self, params: Mapping[str, Any], metrics: Mapping[str, float] | None = None) -> None:
        """Record what is known before the fit, in one request; texts are cut at a limit."""
        from mlflow.entities import Metric, Param

        now = int(time() * 1000)
        self._client.log_batch(
            self.run_id,
            params=[Param(key, str(value)[:_MAX_PARAM]) for key, value in params.items()],
            metrics=[Metric(key, float(value), now, 0) for key, value in (metrics or {}).items()],
        )

    def dataset(self, dataset: Dataset, split: Split) -> None:
        """Record the data as the input of the run."""
        import json

        from mlflow.entities import Dataset as MlflowDataset
        from mlflow.entities import DatasetInput, InputTag

        profile = {"num_rows": len(dataset), "classes": len(dataset.classes)}
        name = f"{labelled(dataset.name, dataset.synthetic)}/{dataset.view}"
        entity = MlflowDataset(
            name=name,
            digest=dataset.fingerprint,
            source_type="local",
            source=json.dumps({"uri": dataset.source}),
            schema=json.dumps({"shape": [len(dataset), *dataset.X.shape[1:]]}),
            profile=json.dumps(profile),
        )
        tags = [InputTag("mlflow.data.context", f"split {split.name} {split.fingerprint}")]
        self._log_input(DatasetInput(entity, tags))

    def _log_input(self, dataset: DatasetInput) -> None:
        """Record the input again where another run recorded the same data in the same moment.

        MLflow looks whether it knows a data set and then adds it: two runs that do so at once add
        it twice, and the database refuses the second.
        """
        from mlflow.exceptions import MlflowException

        for wait in _WAITS:
            try:
                return self._client.log_inputs(self.run_id, [dataset])
            except MlflowException:
                sleep(wait)
        return self._client.log_inputs(self.run_id, [dataset])

    def metrics(
        self, metrics: Mapping[str, float], curves: Mapping[str, list[float]] | None = None
    ) -> None:
        """Record metrics, and learning curves as ``epoch/<name>`` with the epoch as the step."""
        from mlflow.entities import Metric

        now = int(time() * 1000)
        entries = [Metric(key, float(value), now, 0) for key, value in metrics.items()]
        for key, values in (curves or {}).items():
            entries += [
                Metric(f"epoch/{key}", float(value), now, step)
                for step, value in enumerate(values, start=1)
            ]
        for start in range(0, len(entries), 1000):
            self._client.log_batch(self.run_id, metrics=entries[start : start + 1000])

    def curve(self, name: str, points: Mapping[int, Mapping[str, float]]) -> None:
        """Record metrics at several steps as ``<name>/<metric>``."""
        from mlflow.entities import Metric

        now = int(time() * 1000)
        entries = [
            Metric(f"{name}/{key}", float(value), now, step)
            for step, metrics in points.items()
            for key, value in metrics.items()
        ]
        for start in range(0, len(entries), 1000):
            self._client.log_batch(self.run_id, metrics=entries[start : start + 1000])

    def artifacts(self, folder: Path) -> None:
        """Record every file below `folder`."""
        self._client.log_artifacts(self.run_id, str(folder))

    def model(
        self,
        estimator: Any,
        dataset: Dataset,
        view: View,
        prepare: PrepareSettings,
        *,
        trusted: tuple[str, ...],
    ) -> str:
        """Record a fitted pipeline, with how its inputs were made, and return its URI."""
        import mlflow

        mlflow.set_tracking_uri(self._uri)
        with mlflow.start_run(run_id=self.run_id):
            return log_model(self.run_id, estimator, dataset, view, prepare, trusted=trusted)


@contextmanager
def recorded_run(
    tracking: Tracking,
    name: str,
    params: Mapping[str, Any],
    tags: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
) -> Iterator[Recorder]:
    """Open a run and close it as FINISHED, FAILED (with its traceback) or KILLED.

    Parameters
    ----------
    tracking : Tracking
    name : str
        Name of the run.
    params : mapping
        The flattened config.
    tags : mapping
        Tags of the run; git and package versions are added. With ``mlflow.parentRunId`` it is the
        child of another run.
    metrics : mapping, optional
        What is measured before the fit.
    """
    client = tracking.client()
    experiment_id = tracking.experiment_id(client)
    if "mlflow.parentRunId" not in tags:
        close_dead(client, [experiment_id])
    tags = {**git_tags(), **version_tags(), **tags}
    with opened(client, experiment_id, tracking.uri, name, tags) as recorder:
        recorder.known(params, metrics)
        yield recorder


@contextmanager
def opened(
    client: MlflowClient, experiment_id: str, uri: str, name: str, tags: Mapping[str, Any]
) -> Iterator[Recorder]:
    """Open a run of any kind, and close it whatever happens."""
    recorder = Recorder.open(client, experiment_id, uri, name, tags)
    try:
        yield recorder
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt | SystemExit)
        client.log_text(recorder.run_id, traceback.format_exc(), "traceback.txt")
        client.set_tag(recorder.run_id, "error", one_line(error)[:_MAX_TAG])
        client.set_terminated(recorder.run_id, "KILLED" if killed else "FAILED")
        raise
    client.set_terminated(recorder.run_id, "FINISHED")


def version_tags() -> dict[str, str]:
    """Return ``version/<package>`` tags of Python and of the packages that shape the results."""
    found = {"version/python": ".".join(map(str, sys.version_info[:3]))}
    optional = [name for name in ("xgboost", "keras", "tensorflow") if name in sys.modules]
    for package in (*_VERSIONS, *optional):
        try:
            found[f"version/{package}"] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def git_tags() -> dict[str, str]:
    """Return the commit of the source tree and whether it was modified; empty outside one."""
    root = Path(gtzan_exp.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return {}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        dirty = bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": commit, "git_commit": commit, "git_dirty": str(dirty)}

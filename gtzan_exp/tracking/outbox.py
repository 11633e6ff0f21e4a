"""Pending MLflow records, kept beside the files of their runs until they are delivered."""

from __future__ import annotations

import getpass
import logging
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import sleep, time
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import BeforeValidator, Field

from gtzan_exp.basics.errors import (
    AwayError,
    DataError,
    GtzanExpError,
    Mistake,
    RefusedError,
    one_line,
)
from gtzan_exp.basics.files import overwrite, read_bytes, read_object, write_object, write_text
from gtzan_exp.basics.process import may_run
from gtzan_exp.tracking.models import ALIAS, create_model, register_model, upload_model
from gtzan_exp.tracking.query import STALE, close
from gtzan_exp.tracking.store import Tracking, store_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger(__name__)

RUNNING = ".running.json"
"""``<folder>.running.json`` names the process of a run, and reserves disk space for its end."""

MARK = "record_id"  # name of the file with the id of the run that a folder belongs to
_ROOM = 1 << 18
SUFFIX = ".undelivered.json"
"""``<folder>.undelivered.json`` holds the pending records of the run in ``<folder>``."""

PARENT, ERROR = "mlflow.parentRunId", "error"
_RECORD, _NAME, _PROGRAM = "record_id", "mlflow.runName", "mlflow.source.name"
_USER, NOTE = "mlflow.user", "mlflow.note.content"
OUTBOX_TAGS = (PARENT, ERROR, _RECORD, _NAME, _PROGRAM, _USER, NOTE, "interval")
MAX_PARAM = 6000
MAX_TAG = 5000
_BATCH = 1000
_WAITS = (0.05, 0.2, 0.8)


@dataclass
class Entry:
    """One MLflow run as plain data, and the state of its delivery."""

    name: str
    tags: dict[str, str]
    started: int  # milliseconds since 1970
    parent: int | None = None  # index of the parent entry; None without one, or if in `tags`
    # assigned by the store; empty before
    run_id: Annotated[str, BeforeValidator(lambda found: found or "")] = ""  # null in older files
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[str, float, int, int]] = field(default_factory=list)
    # arguments of `mlflow.entities.Dataset`, and their ``context``
    datasets: list[dict[str, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)  # small artifacts by file name
    has_files: bool = False  # the folder belongs to this run; `has_model`: a model beside it
    has_model: bool = False
    model_id: str | None = None  # assigned by the store
    status: str = "RUNNING"  # ``RUNNING``, and at the end ``FINISHED``, ``FAILED`` or ``KILLED``
    last_tags: dict[str, str] = field(default_factory=dict)  # tags that are known at the end
    ended: int | None = None  # milliseconds since 1970
    done: list[str] = field(default_factory=list)  # the steps of the delivery that are completed

    def measure(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Add metrics with the current time."""
        moment = now()
        self.metrics += [(key, float(value), moment, step) for key, value in metrics.items()]

    def tag(self, **tags: str) -> None:
        """Add tags that are set at the end of the run."""
        self.last_tags |= {key: text[:MAX_TAG] for key, text in tags.items() if text}

    def follow(self, curves: Mapping[str, Sequence[float]]) -> None:
        """Add learning curves as ``epoch/<name>``, with the epoch as the step."""
        for key, values in curves.items():
            for step, value in enumerate(values, start=1):
                self.measure({f"epoch/{key}": value}, step)


def _with_last_tags(entry: Any) -> Any:
    """Return an entry of a file, maybe an older one, where each of these tags is a field."""
    if not isinstance(entry, dict):
        return entry
    fields = {NOTE: entry.get("note"), ERROR: entry.get("error"), "interval": entry.get("interval")}
    return {"last_tags": {tag: text for tag, text in fields.items() if text}, **entry}


@dataclass(frozen=True)
class _Kept:
    """The content of the file of an `Outbox`."""

    tracking: Tracking
    runs: Annotated[list[Annotated[Entry, BeforeValidator(_with_last_tags)]], Field(min_length=1)]

    @classmethod
    def read(cls, path: Path) -> _Kept:
        return read_object(cls, path, f"a file *{SUFFIX} that a run left")


class ForeignError(RefusedError):
    """The store is not the one that the run began in."""


@dataclass
class Outbox:
    """Delivers a run with its children and the folder of its files to a store."""

    tracking: Tracking
    folder: Path
    entries: list[Entry] = field(default_factory=list)
    origin: Tracking | None = None  # the store of an earlier delivery, which this one goes on with
    anew: bool = False  # whether another store gets all of it
    # Why the store does not answer; then nothing more is sent, and `deliver` saves all in `path`.
    away: Exception | None = None
    _client: MlflowClient | None = None

    @classmethod
    def read(cls, path: Path, *, uri: str | None = None, anew: bool = False) -> Outbox:
        """Return the pending records of an earlier delivery; `uri` is where the store is now."""
        kept = _Kept.read(path)
        tracking = kept.tracking if uri is None else replace(kept.tracking, uri=uri)
        folder = path.with_name(path.name.removesuffix(SUFFIX))
        return cls(tracking, folder, kept.runs, kept.tracking, anew)

    @property
    def path(self) -> Path:
        """The file of the pending records."""
        return kept_in(self.folder)

    @property
    def model_folder(self) -> Path:
        """The folder of a model until it is delivered."""
        return self.folder.with_name(f"{self.folder.name}.model")

    def open(
        self,
        name: str,
        tags: Mapping[str, object],
        params: Mapping[str, object],
        parent: Entry | None = None,
    ) -> Entry:
        """Add a run, and create it in the store at once if that answers."""
        place = None if parent is None else self.entries.index(parent)
        texts = {key: str(value)[:MAX_TAG] for key, value in tags.items()}
        own = {_RECORD: uuid4().hex, _NAME: name, _PROGRAM: "gtzan-exp", _USER: _user()}
        entry = Entry(name, texts | own, now(), place)
        entry.params |= {key: str(value) for key, value in params.items()}
        self.entries.append(entry)
        self.send(entry, "run", "params")
        return entry

    def send(self, entry: Entry, *steps: str) -> None:
        """Perform the steps of a delivery that are not yet done; all steps when none is given."""
        if self.away is not None:
            return
        try:
            if self._client is None:
                self._client = self.tracking.client()
            for step in steps or _STEPS:
                if step not in entry.done:
                    _STEPS[step](self, self._client, entry)
                    entry.done.append(step)
        except GtzanExpError as error:
            self.away = error
        except store_errors() as error:
            self.away = self.tracking.failed(error)
        except Exception as error:
            if self.origin is None:
                raise
            what, allowed = "is not as a run left it", f"a file *{SUFFIX} that nobody changed"
            self.away = DataError(Mistake(str(self.path), what, allowed, one_line(error)))

    def deliver(self, patience: float = 0) -> bool:
        """Send everything that is pending, and return whether the delivery is complete.

        Until then `path` holds the pending records, so that nothing is lost if the process dies.
        """
        lock = FileLock(self.path.with_suffix(".lock"), timeout=patience)
        try:
            with lock:
                if self.origin is not None:
                    if not self.path.exists():  # another process has delivered it
                        return False
                    self.entries = _Kept.read(self.path).runs
                    self._recognise()
                if self.away is None:
                    with suppress(OSError):  # the delivery may still succeed
                        self._save()
                for entry in self.entries:
                    self.send(entry, "run")
                for entry in reversed(self.entries):
                    self.send(entry)
                if self.away is None:
                    running_in(self.folder).unlink(missing_ok=True)
                    self.path.unlink(missing_ok=True)  # before what it names, which a kill may keep
                    shutil.rmtree(self.model_folder, ignore_errors=True)
                elif not isinstance(self.away, ForeignError):
                    self._save()
                    running_in(self.folder).unlink(missing_ok=True)
        except Timeout:
            log.info("%s: another process delivers it", self.path)
            return False
        except OSError as error:  # no room for the lock
            what, allowed = "cannot be delivered", "a disk with room, and rights"
            mistake = Mistake(str(self.path), what, allowed, one_line(error))
            self.away = self.away or DataError(mistake)
            self._save()
            return False
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        return self.away is None

    def mark(self, entry: Entry) -> None:
        """Write the id of the run into its folder."""
        write_text(self.folder / MARK, entry.tags[_RECORD])

    def reserve(self) -> None:
        """Write the file of the running process, and reserve disk space for `deliver`."""
        running_in(self.folder).parent.mkdir(parents=True, exist_ok=True)
        write_object(running_in(self.folder), self._kept)
        with running_in(self.folder).open("ab") as file:
            file.write(b" " * _ROOM)

    @property
    def _kept(self) -> _Kept:
        return _Kept(self.origin or self.tracking, self.entries)

    def _save(self) -> None:
        """Save the pending records; on a full disk, in the reserved space."""
        try:
            write_object(self.path, self._kept)
        except OSError:
            self.path.with_name(f"{self.path.name}.unfinished").unlink(missing_ok=True)
            for kept in (self.path, running_in(self.folder)):
                with suppress(OSError, ValueError):
                    overwrite(kept, self._kept)
                    kept.replace(self.path)
                    return
            raise

    def _recognise(self) -> None:
        """Refuse a store that does not know a run which it should know."""
        first = self.entries[0]
        run_id = first.run_id or first.tags.get(PARENT)
        if not run_id:
            return
        try:
            with self.tracking.asked() as client:
                client.get_run(run_id)
        except AwayError as error:
            self.away = error
        except RefusedError:
            if self.anew:
                self.origin = self.tracking
                for entry in self.entries:
                    entry.run_id, entry.model_id, entry.done = "", None, []
                return
            what, allowed = "another store than it began in", "that one, or sync --anew URI"
            got = f"{self.tracking.uri} knows no run {run_id}"
            self.away = ForeignError(Mistake(str(self.path), what, allowed, got))

    def _run(self, client: MlflowClient, entry: Entry) -> None:
        tags = dict(entry.tags)
        if entry.parent is not None:
            tags[PARENT] = self.entries[entry.parent].run_id
        experiment = self.tracking.experiment_id(client)
        known: Sequence[Run] = ()
        if self.origin is not None:  # it may have been created before
            wanted = f"tags.{_RECORD} = '{tags[_RECORD]}'"
            known = client.search_runs([experiment], wanted, max_results=1)
        run = next(iter(known), None) or client.create_run(
            experiment, start_time=entry.started, tags=tags, run_name=entry.name
        )
        entry.run_id = run.info.run_id

    def _params(self, client: MlflowClient, entry: Entry) -> None:
        from mlflow.entities import Param

        whole = entry if entry.parent is None else self.entries[entry.parent]
        params = [Param(key, value[:MAX_PARAM]) for key, value in whole.params.items()]
        if params:
            client.log_batch(entry.run_id, params=params)

    def _inputs(self, client: MlflowClient, entry: Entry) -> None:
        """Record the inputs, with retries, as MLflow adds a data set in two steps."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        if not entry.datasets:
            return
        inputs = []
        for dataset in entry.datasets:
            arguments = {key: value for key, value in dataset.items() if key != "context"}
            context = InputTag("mlflow.data.context", dataset["context"])
            inputs.append(DatasetInput(Dataset(**arguments), [context]))
        for wait in (*_WAITS, None):
            try:
                return client.log_inputs(entry.run_id, inputs)
            except MlflowException as error:
                if wait is None or "unique" not in str(error).lower():
                    raise
                sleep(wait)

    def _files(self, client: MlflowClient, entry: Entry) -> None:
        if entry.has_files:
            mark, own = self.folder / MARK, entry.tags.get(_RECORD, "")
            if mark.exists() and read_bytes(mark).decode(errors="replace") != own:
                what, allowed = "holds the files of another run", "the files of this one"
                raise RefusedError(Mistake(str(self.folder), what, allowed, entry.name))
            client.log_artifacts(entry.run_id, str(self.folder))
        for name, text in entry.texts.items():
            client.log_text(entry.run_id, text, name)

    def _model(self, client: MlflowClient, entry: Entry) -> None:
        if not entry.has_model:
            return
        if entry.model_id is None:
            ids = (self.tracking.experiment_id(client), entry.run_id)
            name, again = "{model}-{view}-{split}".format_map(entry.tags), self.origin is not None
            entry.model_id = create_model(client, *ids, name, entry.params, again=again)
        upload_model(client, entry.model_id, entry.run_id, self.model_folder)

    def _registry(self, client: MlflowClient, entry: Entry) -> None:
        """Register the model of a training run, if `Tracking.registry` names where."""
        name = self.tracking.registry
        if name and entry.model_id and entry.tags.get("task") == "train":
            ids, note = (entry.model_id, entry.run_id), entry.last_tags.get(NOTE, "")
            version = register_model(self.tracking, client, name, *ids, note)
            log.info("registered as models:/%s/%s, models:/%s@%s", name, version, name, ALIAS)

    def _metrics(self, client: MlflowClient, entry: Entry) -> None:
        """Send the metrics; those without a step also belong to the model."""
        from mlflow.entities import Metric

        metrics = [
            Metric(key, value, moment, step, model_id=None if step else entry.model_id)
            for key, value, moment, step in entry.metrics
        ]
        for start in range(0, len(metrics), _BATCH):
            client.log_batch(entry.run_id, metrics=metrics[start : start + _BATCH])

    def _end(self, client: MlflowClient, entry: Entry) -> None:
        for key, text in entry.last_tags.items():
            client.set_tag(entry.run_id, key, text)
        if NOTE in entry.last_tags and entry.model_id is not None:
            client.set_logged_model_tags(entry.model_id, {NOTE: entry.last_tags[NOTE]})
        if STALE in client.get_run(entry.run_id).data.tags:
            client.delete_tag(entry.run_id, STALE)
        client.set_terminated(entry.run_id, entry.status, end_time=entry.ended)


_STEPS: dict[str, Callable[[Outbox, MlflowClient, Entry], None]] = {
    "run": Outbox._run,
    "params": Outbox._params,
    "inputs": Outbox._inputs,
    "files": Outbox._files,
    "model": Outbox._model,
    "metrics": Outbox._metrics,
    "registry": Outbox._registry,
    "end": Outbox._end,
}


def kept_in(folder: Path) -> Path:
    """Return the file of the pending records of the run with this folder."""
    return folder.with_name(folder.name + SUFFIX)


def sync_command(folder: Path | str) -> str:
    """Return the command that delivers what is pending below a folder."""
    return f"gtzan-exp sync {shlex.quote(str(folder))}"


def running_in(folder: Path) -> Path:
    """Return the file that names the process of the run with this folder, while it runs."""
    return folder.with_name(f"{folder.name}{RUNNING}")


def left_running(path: Path) -> str | None:
    """Close the runs of a file that `Outbox.reserve` wrote, where their process is gone.

    Returns what was closed, in a line; None where the process may still run.
    """
    if kept_in(path.with_name(path.name.removesuffix(RUNNING))).exists():  # which says more
        path.unlink()
        return None
    kept = _Kept.read(path)
    first = kept.runs[0]
    if may_run(first.tags):
        return None
    with kept.tracking.asked() as client:
        for run in [client.get_run(entry.run_id) for entry in kept.runs if entry.run_id]:
            if run.info.status == "RUNNING":
                close(client, run)
    path.unlink()
    return f"run_id={first.run_id or 'undelivered'} KILLED {first.name}, whose process is gone"


def undelivered(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of pending records below some folders, oldest first."""
    found = {path for folder in folders for path in folder.rglob(f"*{SUFFIX}")}
    yield from sorted(found, key=lambda path: (path.stat().st_mtime, path))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the user id has no name, as in some containers
        return "unknown"


def now() -> int:
    return int(time() * 1000)

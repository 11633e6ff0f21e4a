"""The ``tracking`` group: where runs are recorded."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from filelock import FileLock
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.dataclasses import dataclass

from gtzan_exp.basics import places
from gtzan_exp.basics.errors import AwayError, ConfigError, MissingExtraError, Mistake, RefusedError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PROBE_SECONDS = 5
_answered: set[str] = set()  # stores that answered the last request of this process

_NO_RIGHTS = ("UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED")
_REFUSALS = ("BAD_REQUEST", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST")


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """An MLflow store and the experiment that runs go into.

    Parameters
    ----------
    uri : str
        Tracking URI: ``sqlite:///<absolute path>``, ``http(s)://...`` or another database.
    artifacts : Path, optional
        Folder for artifacts, for a database without a server. A server has its own.
    experiment : str
        Name of the experiment.
    log_model : bool
        Also record the fitted model.
    registry : str, optional
        Name under which models of training runs are registered, each as a new version.
    """

    uri: Annotated[str, BeforeValidator(lambda uri: uri or ""), AfterValidator(places.checked_uri)]
    artifacts: Annotated[Path, AfterValidator(places.checked_path)] | None = None
    experiment: Annotated[str, Field(min_length=1)]
    log_model: bool = True
    registry: Annotated[str, Field(pattern=r"^\w[\w .+-]*$")] | None = None

    @property
    def reports(self) -> Tracking:
        """The same store with the experiment for what is no training run, as comparisons."""
        return replace(self, experiment=f"{self.experiment}-reports")

    def client(self) -> MlflowClient:
        """Return a client of the store; a missing database is created first.

        MLflow retries for minutes, so a server is probed first unless it answered the last request.
        """
        quiet()
        from mlflow import MlflowClient

        if self.uri not in _answered:
            self.probe()
        try:
            with self._reached():
                database = places.sqlite_file(self.uri)
                if database is not None and not _is_made(database):
                    self._make(database)
                return MlflowClient(self.uri)
        except ModuleNotFoundError as error:
            raise MissingExtraError("tracking.uri", str(error.name), "server") from error

    @contextmanager
    def asked(self) -> Iterator[MlflowClient]:
        """Yield a client; its errors inside become those of `failed`."""
        client = self.client()
        with self._reached():
            yield client

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except store_errors() as error:
            raise self.failed(error) from error

    def experiment_id(self, client: MlflowClient) -> str:
        """Return the id of the experiment, created first if missing."""
        from mlflow.exceptions import MlflowException

        artifacts = None if places.is_server(self.uri) else self.artifacts
        location = artifacts.absolute().as_uri() if artifacts else None
        with self._reached():
            found = client.get_experiment_by_name(self.experiment)
            if found is None:
                try:
                    return client.create_experiment(self.experiment, artifact_location=location)
                except MlflowException:  # another process may have created it
                    found = client.get_experiment_by_name(self.experiment)
                    if found is None:
                        raise
        if found.lifecycle_stage == "deleted":
            what, allowed = "was deleted in MLflow", "another name, or restore it"
            raise ConfigError(Mistake("tracking.experiment", what, allowed, self.experiment))
        return found.experiment_id

    def _make(self, database: Path) -> None:
        """Create MLflow's tables atomically, in a temporary file under a lock.

        MLflow creates them on first contact, which corrupts the database if two processes do so at
        once, or if one is killed meanwhile.
        """
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(database.with_name(f"{database.name}.lock")):
            if _is_made(database):
                return
            unfinished = database.with_name(f"{database.name}.unfinished")
            for left_over in (unfinished, unfinished.with_name(f"{unfinished.name}-journal")):
                left_over.unlink(missing_ok=True)
            root = (self.artifacts or database.parent / "artifacts").absolute().as_uri()
            SqlAlchemyStore(places.sqlite_uri(unfinished), root).engine.dispose()
            unfinished.replace(database)

    def probe(self) -> None:
        """Send a request to a server as MLflow does, but only once; `AwayError` if it fails."""
        if places.is_server(self.uri):
            quiet()
            from mlflow.tracking._tracking_service.utils import get_default_host_creds
            from mlflow.utils.rest_utils import http_request

            with self._reached():
                user = get_default_host_creds(self.uri)
                http_request(user, "/health", "GET", max_retries=0, timeout=_PROBE_SECONDS)
        _answered.add(self.uri)

    def failed(self, error: Exception) -> AwayError | RefusedError:
        """Return the error for a failed call to the store."""
        code, lines = getattr(error, "error_code", None), str(error).splitlines()
        lines = [line for line in lines if line and "Query-invoked" not in line]
        reason = (lines or [type(error).__name__])[0][:300]
        got = f"{self.uri} ({places.masked(reason)})"
        if code in _REFUSALS:
            what = "the store refuses what it is sent"
            allowed = "a run that it has, that is not deleted, whose files are there"
            return RefusedError(Mistake("tracking.uri", what, allowed, got))
        _answered.discard(self.uri)
        what = "the store does not answer"
        allowed = "a running MLflow server, or a database that can be written"
        if code in _NO_RIGHTS:
            what = "the store refuses this user"
            allowed = f"{places.USER_VARIABLES}, of one with rights"
        return AwayError(Mistake("tracking.uri", what, allowed, got))


def _is_made(database: Path) -> bool:
    """Return whether the database exists; refuse a path that is not a regular file."""
    from sqlalchemy.engine import make_url

    understood = make_url(places.sqlite_uri(database)).database
    if understood != str(database):
        allowed = "a working directory, or paths.runs, of plain letters"
        what = "SQLAlchemy would take it for another place"
        raise ConfigError(Mistake("tracking.uri", what, allowed, f"{database} ({understood})"))
    if os.path.lexists(database) and not database.is_file():
        what, allowed = "is not a file", "a database, or a place where none is yet"
        raise ConfigError(Mistake("tracking.uri", what, allowed, str(database)))
    return database.is_file() and database.stat().st_size > 0


def store_errors() -> tuple[type[Exception], ...]:
    """Return the errors of MLflow's clients."""
    from alembic.util.exc import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, OSError, SQLAlchemyError, CommandError


@contextmanager
def aside() -> Iterator[None]:
    """Restore environment variables on exit, and disable MLflow's autologging inside."""
    before = dict(os.environ)
    silent: AbstractContextManager[None] = nullcontext()
    if "mlflow" in sys.modules:  # else it cannot be enabled
        from mlflow.utils.autologging_utils import disable_autologging

        silent = disable_autologging()
    try:
        with silent:
            yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def quiet() -> None:
    """Disable MLflow's progress bars, telemetry and messages on migrations, and bound retries."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # seconds, of each of the tries
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # which logs each retry
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # what it raises, too
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # that uv installs no pip

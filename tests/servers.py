"""Servers on loopback that tests start, stop and start again: PostgreSQL and MLflow's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from glob import glob
from pathlib import Path

import pytest

ALONE = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""With this an MLflow server is two processes; another eight wait for jobs that we never have."""


class MlflowServer:
    """An MLflow server with a proxied artifact store.

    Parameters
    ----------
    folder : Path
        For its log, its artifacts and, where `backend` is not given, its SQLite database.
    backend : str, optional
        URI of its database.
    workers : int

    Attributes
    ----------
    address : str
    experiment : str
        Where a test records on it.
    """

    def __init__(self, folder: Path, backend: str | None = None, workers: int = 1) -> None:
        self._folder = folder
        self._port = free_port()
        self.experiment = ""
        self.address = f"http://127.0.0.1:{self._port}"
        self._command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        self._command += ["--port", str(self._port), "--workers", str(workers)]
        self._command += ["--backend-store-uri", backend or f"sqlite:///{folder}/server.db"]
        self._command += ["--artifacts-destination", str(folder / "artifacts")]
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it if it is not running, and return when it answers."""
        if self._process is not None:
            return
        log = self._folder / "mlflow.log"
        with log.open("a") as out:
            self._process = subprocess.Popen(
                self._command,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, **ALONE},
            )
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{self.address}/health", timeout=1)
                return
            except OSError:
                assert self._process.poll() is None, log.read_text()
                time.sleep(0.5)
        pytest.fail(f"no answer in two minutes:\n{log.read_text()}")

    def stop(self) -> None:
        """Kill it with all its processes, as a machine that fails does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class PostgresServer:
    """An empty PostgreSQL, whose superuser needs no password.

    Parameters
    ----------
    folder : Path
        For its files; another user must be able to reach it where the tests are root's, because
        PostgreSQL refuses to be.
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres")
        port = free_port()
        self.uri = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        options += " -c fsync=off"  # nobody unplugs the machine
        self._run(
            "pg_ctl", "-D", self._data, "-o", options, "-l", folder / "log.txt", "-w", "start"
        )

    def stop(self) -> None:
        """Stop it at once."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self._as, postgres_program(program), *map(str, arguments)]
        # `pg_ctl start` leaves its output to the server, so it is not waited for.
        subprocess.run(
            command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def postgres_program(name: str) -> str:
    """Return the path of a program of PostgreSQL's server, or skip the test."""
    installed = glob(f"/usr/lib/postgresql/*/bin/{name}")  # where Debian puts them
    found = shutil.which(name) or (installed[-1] if installed else None)
    if found is None:
        pytest.skip(f"PostgreSQL's {name} is not there")
    return found


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

"""``gtzan-exp ui``: MLflow's pages over the recorded runs, on this machine only."""

from __future__ import annotations

import json
import os
import socket
import sys
import webbrowser
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.places import is_server
from gtzan_exp.basics.process import ends_in_order, run_to_end
from gtzan_exp.basics.terminal import phase
from gtzan_exp.commands.arguments import composed_once, parse

if TYPE_CHECKING:
    from gtzan_exp.tracking.store import Tracking

USAGE = """\
usage: gtzan-exp ui [--port PORT] [OVERRIDE ...]

Open MLflow's pages over the store that tracking=... names, at
http://127.0.0.1:5000 unless --port says otherwise. They begin with the training
runs, most accurate first; folds and trials are on the page of their run or
search. This view is kept in the store, as MLflow's own shared views are.
It listens on this machine only; Ctrl-C stops it. Of a server it prints the URL.

Examples:
  gtzan-exp ui
  gtzan-exp ui --port 8080 paths.runs=/my/project/mlruns
"""


_VIEW = "gtzan_exp"
_RUNS = {  # what MLflow's page of runs shows of an experiment
    "orderByKey": "metrics.`test/accuracy`",
    "orderByAsc": False,
    "searchFilter": "tags.task = 'train'",
    "selectedColumns": [
        *("metrics.`test/accuracy`", "metrics.`test/macro_f1`"),
        *("tags.`interval`", "tags.`leak`"),
    ],
}
_PATIENCE = 60  # seconds until a server is up


def main(arguments: list[str]) -> int:
    from gtzan_exp.config.cell import resolve_tracking

    flags = parse(arguments, port="5000")
    port = flags.port
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(Mistake("--port", "not a port", "1 to 65535", repr(port)))
    tracking = composed_once(flags, resolve_tracking)
    phase("looking for runs")
    if is_server(tracking.uri):
        print(f"the server has its own pages: {tracking.uri.rstrip('/')}/{_runs_of(tracking)}")
        return 0
    page = f"http://127.0.0.1:{port}/{_runs_of(tracking)}"
    print(f"runs, once the server is up: {page}", flush=True)
    phase("")
    Thread(target=_open, args=(page, int(port)), daemon=True).start()
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # eight idle processes
    command = f"-m mlflow server --host 127.0.0.1 --port {port} --workers 1".split()
    with ends_in_order():
        return run_to_end([sys.executable, *command, "--backend-store-uri", tracking.uri])


def _runs_of(tracking: Tracking) -> str:
    """Return where MLflow shows the runs: of the experiment, or of another one that has runs."""
    from gtzan_exp.tracking.query import experiments_with_runs

    for found in experiments_with_runs(tracking).values():
        with tracking.asked() as client:
            client.set_experiment_tag(found, f"mlflow.sharedViewState.{_VIEW}", json.dumps(_RUNS))
        view = f"workflowType=machine_learning&viewStateShareKey={_VIEW}"
        return f"#/experiments/{found}/runs?{view}"
    return ""


def _open(page: str, port: int) -> None:
    """Open the page in a browser once the server answers, if the output is a terminal."""
    if not sys.stdout.isatty():
        return
    for _ in range(_PATIENCE):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                webbrowser.open(page)
                return
        sleep(1)

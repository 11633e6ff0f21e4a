"""The user of a server: named by MLflow's variables, and refused in a line."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gtzan_exp.basics.errors import AwayError
from gtzan_exp.tracking.store import Tracking

ALLOWED = {f"Basic {base64.b64encode(b'me:right').decode()}", "Bearer token"}


class Guarded(BaseHTTPRequestHandler):
    """Answers as MLflow's server behind a proxy that asks for a user."""

    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] in ALLOWED
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(b'{"experiment": {"experiment_id": "7"}}' if allowed else b"<html>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def guarded():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("variables", "is_let_in"),
    [
        ({}, False),
        ({"USERNAME": "me", "PASSWORD": "wrong"}, False),
        ({"USERNAME": "me", "PASSWORD": "right"}, True),
        ({"TOKEN": "token"}, True),
    ],
)
def test_a_user_is_named_by_variables(guarded, monkeypatch, tmp_path, variables, is_let_in):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    tracking = Tracking(uri=guarded, experiment="any")
    if is_let_in:
        with tracking.asked() as client:
            assert tracking.experiment_id(client) == "7"
        return
    with pytest.raises(AwayError, match="refuses this user; allowed: MLFLOW_TRACKING_USERNAME"):
        tracking.experiment_id(tracking.client())


def test_a_server_that_takes_requests_and_never_answers_is_given_up(guarded, monkeypatch):
    stays = threading.Event()
    monkeypatch.setattr(Guarded, "do_GET", lambda _: stays.wait(60))
    monkeypatch.setattr("gtzan_exp.tracking.store._PROBE_SECONDS", 0.2)
    try:
        with pytest.raises(AwayError, match="the store does not answer"):
            Tracking(uri=f"{guarded}/", experiment="any").client()
    finally:
        stays.set()

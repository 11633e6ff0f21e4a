"""What a terminal, a log file and a script see of a command."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from time import sleep

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.basics import terminal
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.cli import main

DATA = ["data.tracks_per_genre=4", "data.seconds=3", "tracking.log_model=false"]


@pytest.fixture
def quick(monkeypatch):
    """Lines without a terminal that come at once, not after seconds."""
    for name, seconds in {"_FIRST": 0.0, "_BEAT": 0.02, "_LOOK": 0.01}.items():
        monkeypatch.setattr(terminal, name, seconds)


def test_times_have_one_format():
    assert [terminal.clock(s) for s in (0, 59.6, 130, 3725)] == ["0:00", "1:00", "2:10", "1:02:05"]


def test_without_a_terminal_progress_is_a_line_now_and_then(quick, capsys):
    with terminal.attended():
        for _ in terminal.steps(range(4), "folds"):
            with terminal.doing("epochs", 5) as advance:
                advance("accuracy 0.500")
                sleep(0.05)
        terminal.phase("reading")
        terminal.phase("")
        sleep(0.05)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("folds")
    assert "folds: 0/4; epochs: 1/5, 0:00 left accuracy 0.500" in lines
    assert any(line.startswith("folds: 3/4, 0:00 left; epochs: 1/5") for line in lines)


def test_a_mistake_that_is_found_at_once_is_one_line(capsys):
    with pytest.raises(DataError), terminal.attended():  # noqa: PT012
        terminal.phase("reading")
        terminal.note("found much")
        raise DataError(Mistake("a", "b", "c", "d"))
    assert capsys.readouterr().err == ""
    with terminal.attended():
        terminal.phase("reading")
        terminal.note("found much")
    assert capsys.readouterr().err == "found much\n"


def test_jobs_of_any_process_have_lines_that_fit_and_a_warning_comes_once(quick, capsys, tmp_path):
    path = tmp_path / "lines"
    with terminal.followed(path, 2), terminal.relayed(path):
        for name in ("svc on features, kfold", "a" * 90):
            with path.open("a") as half:
                half.write('["few ')
            time.sleep(2 * terminal._LOOK)
            with path.open("a") as half:
                half.write('tracks"]\n')
            terminal.relay(name, "0.747 [0.70, 0.79]   artist 84%")
    assert capsys.readouterr().err.splitlines() == [
        "warning: few tracks",
        "[1/2, 0:00 left] svc on features, kfold     0.747 [0.70, 0.79]   artist 84%",
        f"[2/2, 0:00 left] {'a' * 28}…   0.747 [0.70, 0.79]   artist 84%",
    ]
    assert not path.exists()


def test_json_has_no_nan_and_takes_tables(capsys):
    table = pd.DataFrame({"x": [np.float64(1.5), np.nan]})
    terminal.emit({"table": table, "path": Path("a"), "array": np.arange(2), "n": np.int64(3)})
    expected = {"table": [{"x": 1.5}, {"x": None}], "path": "a", "array": [0, 1], "n": 3}
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}], ids=["colour", "no colour"])
def test_a_terminal_shows_bars_and_a_mistake_in_colour(variables):
    import pty

    program = (
        "from gtzan_exp.basics import terminal\n"
        "from gtzan_exp.basics.errors import DataError, Mistake\n"
        "with terminal.attended():\n"
        "    list(terminal.steps('abc', 'folds'))\n"
        "terminal.report(DataError(Mistake('a', 'b', 'c', 'd')))"
    )
    shown = b""

    def read(descriptor: int) -> bytes:
        nonlocal shown
        shown += (data := os.read(descriptor, 10_000))
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        for name, value in variables.items():
            patch.setenv(name, value)
        assert pty.spawn([sys.executable, "-c", program], read) == 0
    text = shown.decode()
    assert "folds" in text
    assert "gtzan-exp: error: " in text
    assert ("\x1b[1;31m" in text) == (not variables)
    assert re.search("\x1b\\[[0-9;]*3[0-9]m", text) is None or not variables


@pytest.mark.slow
def test_scripts_get_one_document(workspace, capsys):
    def said(*arguments: str) -> dict:
        assert main([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    run = said(*DATA)
    result = json.loads((Path(run["output"]) / "result.json").read_text())
    assert (run["run_id"], run["metrics"]) == (result["run_id"], result["metrics"])
    swept = said("-m", *DATA, "model=logreg,svc")
    assert swept["status"] == "FINISHED"
    assert [job["status"] for job in swept["jobs"]] == ["FINISHED"] * 2
    compared = said("compare", "record=false", f"parent={swept['run_id']}")
    assert {line["model"] for line in compared["lines"]} == {"logreg", "svc"}
    assert said("audit", *DATA)["tag"] == result["tags"]["leak"]
    checked = said("validate", *DATA)
    assert checked["ok"]
    assert sum(checked["folds"]["fold 1 of 1"].values()) == 40
    assert main(["validate", "seed=x", "--json"]) == 2
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert list(error.values()) == ["seed", "not a valid value", "a valid integer", "'x'"]

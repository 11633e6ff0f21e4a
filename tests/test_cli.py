"""The command line: help, exit statuses, a line per mistake, completion."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import OmegaConf

from gtzan_exp import __version__
from gtzan_exp.cli import main
from gtzan_exp.commands import COMMANDS
from gtzan_exp.config.files import choices

PROGRAM = [sys.executable, "-m", "gtzan_exp"]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with a small table of two genres in the folder ``views``."""
    rows = [f"{genre}.{i:05}.wav,{i},{genre}" for genre in ("a", "b") for i in range(10)]
    (tmp_path / "views").mkdir()
    (tmp_path / "views/features_30_sec.csv").write_text("\n".join(["filename,x,label", *rows]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setenv("GTZAN_EXP_CACHE", str(tmp_path / "cache"))
    return tmp_path


VIEWS = ["data=folder", "data.root=views", "view.columns=[x]"]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)], ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_fits_a_screen(command, flag, capsys):
    assert main([*command, flag]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert lines[0].startswith("usage: gtzan-exp ")
    assert (command or ["train"])[0] in lines[0]
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 80


def test_help_names_every_command_and_choice(capsys):
    main(["--help"])
    out = capsys.readouterr().out
    groups = ("data", "view", "split", "model", "trainer", "tracking", "experiment", "sweep")
    for group in groups:
        for name in choices(group):
            assert re.search(rf"\b{name}\b", out), f"{group}={name}"
    assert [name for name in COMMANDS if f" {name}: " not in out] == ["train"]


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gtzan-exp {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["tran"], "command line: unknown command (nearest: train); allowed: train, validate"),
        (["Validate"], "command line: unknown command (nearest: validate)"),
        (["--config-dir", "train", "validate"], "--config-dir: is not there"),
        (["seed=x", "validate"], "seed: not a valid value"),
        (["seed=1", "valid"], "command line: not an override"),
        (["--foo"], "command line: unrecognized arguments: --foo"),
        (["--multi", "seed=1,2"], "command line: unrecognized arguments: --multi"),
        (["--cfg"], "command line: argument --cfg/-c: expected one argument"),
        (["--cfg", "job", "view=foo"], "config: In 'config': Could not find 'view/foo'"),
        (["--config-name", "nope"], "config: Cannot find primary config 'nope'"),
        (["-sc"], "--shell-completion: what to do?; allowed: install|uninstall|query="),
        (["ui", "--port", "x"], "--port: not a port; allowed: 1 to 65535; got: 'x'"),
        (["model=cnn2d", "view=features"], "view=features model=cnn2d: the model takes image"),
        (["audit", "-m", "seed=1,2"], "--multirun: is not for this command; allowed: train and v"),
        (["explore", "-m", "track=a,b"], "--multirun: is not for this command"),
        (["compare", "--cfg", "all"], "--cfg: is not for compare; allowed: --cfg job; got: all"),
        (
            ["audit", *VIEWS, "--csv", "no/a.csv"],
            "no/a.csv: cannot be read or written; allowed: a place w",
        ),
        (["validate", *VIEWS, "split=lists"], "split.dir: a list is missing; allowed: split.dir=F"),
        (["validate", "data=gtzan"], "data.root: not set"),
        (["validate", "data=folder", "data.root=views"], ""),
        (["-m", "--cfg", "job"], "--multirun: cannot go with --cfg or --info"),
        (["-m", "hydra.sweep.dir=/dev/null/x"], "hydra.sweep.dir: cannot be made"),
        (["-m", "seed=0,x"], "seed: not a valid value; allowed: a valid integer; got: 'x'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_exits_with_2_and_a_line(here, capsys, arguments, line):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, *others = err.splitlines()
    if others:
        assert first == f"gtzan-exp: {len(others)} errors"
        assert any(line in other for other in others)
    else:
        assert first.startswith(f"gtzan-exp: error: {line}")
    assert not (here / "mlruns").exists()
    assert not (here / "outputs").exists()


def test_several_mistakes_get_a_line_each(here, capsys):
    assert main(["validate", "view=feature", "seed=x", "data=folder", "data.root=a\\ \\ b"]) == 2
    assert [line.partition(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "gtzan-exp: 3 errors",
        "  view: unknown option (nearest: features)",
        "  seed: not a valid value",
        "  data.root: does not exist",
    ]


@pytest.mark.slow
def test_a_process_says_no_more_than_that_unless_asked(here):
    command = [*PROGRAM, "data=folder", "data.root=gone"]
    quiet = subprocess.run(command, capture_output=True, text=True)
    assert quiet.returncode == 2
    assert quiet.stdout == ""
    (line,) = quiet.stderr.splitlines()
    assert line.startswith("gtzan-exp: error: data.root: does not exist")
    asked = {**os.environ, "HYDRA_FULL_ERROR": "1"}
    verbose = subprocess.run(command, capture_output=True, text=True, env=asked)
    assert verbose.returncode == 2
    assert verbose.stderr.startswith("Traceback")
    assert verbose.stderr.endswith(quiet.stderr)


@pytest.mark.slow
def test_jobs_go_on_where_nobody_reads_what_they_say(workspace):
    command = [*PROGRAM, "-m", "experiment=smoke", "seed=0,1", "tracking.log_model=false"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as sweep:
        sweep.stdout.close()
        assert b"Error" not in sweep.stderr.read()
    assert sweep.returncode == 0
    results = list(workspace.rglob("result.json"))
    assert len(results) == 2

    with subprocess.Popen([*PROGRAM, "compare"], stdout=subprocess.PIPE) as comparison:
        comparison.stdout.close()
    assert comparison.returncode == 0
    assert list(workspace.rglob("compare.html"))


def test_validate_says_what_a_run_would_do(here, capsys):
    assert main(["validate", *VIEWS, "split.test_size=0.3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"data    folder: {here / 'views' / 'features_30_sec.csv'}",
        "view    features, 20 x 1, 20 tracks, 0 files skipped",
        "genres  a, b",
        "split   holdout, fold 1 of 1: train 12, val 2, test 6 tracks",
        "doubt   fewer than 10 test tracks tell little: a 3, b 3",
        "model   logreg, LogisticRegression on vector input",
        "ok: a run would start",
    ]
    assert main(["validate", *VIEWS, "split=notebook", "split.scaler_rows=all"]) == 0
    assert "leaks   scaler" in capsys.readouterr().out
    assert {path.name for path in here.iterdir()} - {"cache"} == {"views"}


def test_a_comparison_prints_its_config_and_does_nothing_else(here, capsys):
    assert main(["compare", "--cfg", "job", "models=[svc]", "data=gtzan"]) == 0
    config = OmegaConf.create(capsys.readouterr().out)
    assert (config.models, config.data.name, config.record) == (["svc"], "gtzan", True)
    assert main(["compare", "--cfg", "job", "--resolve"]) == 0
    assert OmegaConf.create(capsys.readouterr().out).paths.runs == f"{here}/mlruns"
    assert {path.name for path in here.iterdir()} == {"views"}


def test_audit_says_what_parts_share(here, capsys):
    path = here / "views" / "features_30_sec.csv"
    path.write_text(path.read_text().replace("b.00007.wav,7,b", "b.00007.wav,3,b"))
    command = ["audit", *VIEWS, "split=kfold", "split.k=2", "split.seed=3", "--csv", "all.csv"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"data    folder: {path}"
    assert "split   kfold, fold 2 of 2: train 10, test 10 tracks" in lines
    (artist,) = [line for line in lines if line.startswith("  artist")]
    assert "not known: no list of artists came" in artist
    assert (
        artist.split("known: ")[1]
        == "no list of artists came with the data (data.splits) or the split"
    )
    assert "  duplicate       10 pairs, 10 across genres" in lines
    assert lines[-1] == "leak=duplicate"
    found = pd.read_csv(here / "all.csv")
    (share,) = [line.split()[1] for line in lines if line.startswith("  duplicate") and "%" in line]
    assert share == f"{len(found) / 20:.1%}"
    assert {path.name for path in here.iterdir()} - {"cache"} == {"views", "all.csv"}


def test_validate_checks_a_sweep(here, capsys):
    assert main(["validate", "-m", "model=logreg,svc", "data=folder", "data.root=views"]) == 0
    assert capsys.readouterr().out == "ok: the configuration of every job is valid\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gtzan-exp model=", {f"model={name}" for name in choices("model")}),
        ("gtzan-exp validate model=logr", {"model=logreg"}),
        ("gtzan-exp view=spectrograms view.h", {"view.height="}),
        ("gtzan-exp v", {"validate", "view", "view."}),
    ],
)
def test_completion_of_choices_options_and_commands(here, monkeypatch, capsys, line, expected):
    monkeypatch.setenv("COMP_LINE", line)
    assert main(["-sc", "query=bash"]) == 0
    assert set(capsys.readouterr().out.split()) == expected


@pytest.mark.slow
def test_bash_completes_with_what_is_installed(tmp_path):
    program = tmp_path / "gtzan-exp"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    script = """
        PATH="$PWD:$PATH"
        eval "$(gtzan-exp -sc install=bash)"
        complete -p gtzan-exp
        COMP_LINE="gtzan-exp view=spect" COMP_POINT=20 COMP_CWORD=1
        hydra_bash_completion 2> /dev/null
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    registered, completed = done.stdout.splitlines()
    assert registered.endswith("-F hydra_bash_completion gtzan-exp")
    assert completed == "view=spectrograms"


STUCK = """
import os, signal, sys
from joblib.externals.loky import get_reusable_executor
from gtzan_exp.basics import process
from gtzan_exp.cli import run

process._GRACE_SECONDS = 1
pool = get_reusable_executor(max_workers=2)
os.kill(pool.submit(os.getpid).result(), signal.SIGSTOP)
sys.argv = ["gtzan-exp", "--version"]
run()
"""


@pytest.mark.slow
def test_a_process_ends_where_a_worker_of_it_never_does():
    ended = subprocess.run([sys.executable, "-c", STUCK], timeout=60, stdout=subprocess.DEVNULL)
    assert ended.returncode == 0

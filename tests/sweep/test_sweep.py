"""Sweeps: a parent, a child for each job, and nothing lost when jobs fail, stop or die."""

from __future__ import annotations

import io
import os
import pickle
import platform
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from gtzan_exp.basics.process import process_of, process_tags
from gtzan_exp.cli import main
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.run import runner
from gtzan_exp.sweep.job import Job
from gtzan_exp.tracking import identity
from gtzan_exp.tracking.store import Tracking
from gtzan_exp.tracking.sweep_run import SweepRun
from tests.random_kill import kill_and_resume
from tests.run.test_runner import free

QUICK = ["view.columns=[x]", "tracking.log_model=false", "data=folder"]


@pytest.fixture
def tables(workspace: Path, no_pictures: None) -> Path:
    """Two folders with a table of two genres each; that of ``bad`` holds a word for a number."""
    rows = [f"{genre}.{i:05}.wav,{i},{genre}" for genre in ("a", "b") for i in range(10)]
    for name, last in {"good": "b.00010.wav,1,b", "bad": "b.00010.wav,one,b"}.items():
        (workspace / name).mkdir()
        table = "\n".join(["filename,x,label", *rows, last])
        (workspace / name / "features_30_sec.csv").write_text(table)
    return workspace


def runs(workspace: Path, wanted: str = "") -> list[Run]:
    """Return the recorded runs of a kind, oldest first."""
    client = MlflowClient(f"sqlite:///{workspace}/mlruns/mlflow.db")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(ids, wanted, order_by=["attributes.start_time ASC"])


def artifact(workspace: Path, run: Run, name: str) -> str:
    uri = f"runs:/{run.info.run_id}/{name}"
    store = f"sqlite:///{workspace}/mlruns/mlflow.db"
    return Path(mlflow.artifacts.download_artifacts(uri, tracking_uri=store)).read_text()


def children(workspace: Path, parent: Run) -> list[Run]:
    found = runs(workspace, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(found, key=lambda run: int(run.data.tags["job"]))


def test_failed_jobs_are_recorded_and_named_and_the_others_go_on(tables, capsys):
    command = ["-m", *QUICK, "data.root=bad,good", "+model.dual=true,false"]
    assert main(command) == 1
    out, err = capsys.readouterr()

    (parent,) = runs(tables, "tags.task = 'sweep'")
    assert parent.info.status == "FAILED"
    counts = {"n_jobs": 4, "n_finished": 1, "n_failed": 3, "n_killed": 0, "n_skipped": 0}
    assert parent.data.metrics == counts
    assert parent.data.params["data.root"] == "bad,good"

    bad, also_bad, dual, good = children(tables, parent)
    assert [run.info.status for run in (bad, also_bad, dual, good)] == [*["FAILED"] * 3, "FINISHED"]
    assert {run.data.tags["synthetic"] for run in (bad, good)} == {"false"}
    assert free(bad.data.tags) == free(good.data.tags) == set()
    assert "DataError" in artifact(tables, bad, "traceback.txt")
    assert "dual=True" in artifact(tables, dual, "traceback.txt")
    folder = Path(parent.data.tags["sweep_dir"])
    assert "Traceback" in (folder / "2" / "gtzan-exp.log").read_text()
    assert "Traceback" not in out + err

    *_, heading, first, second, third = err.splitlines()
    named = (first, second, third)
    assert heading.startswith("sweep FAILED: 4 jobs: 1 finished, 3 failed; run_id=")
    for run, line in zip((bad, also_bad, dual), named, strict=True):
        assert line == f"  {run.data.tags['overrides']}: {run.data.tags['error']}"
    assert named[0].endswith("got: one")

    assert artifact(tables, parent, "command.txt") == f"{shlex.join(['gtzan-exp', *command])}\n"
    jobs = pd.read_csv(folder / "record" / "jobs.csv")
    assert list(jobs["run_id"]) == [run.info.run_id for run in (bad, also_bad, dual, good)]
    (row,) = artifact(tables, parent, "compare.csv").splitlines()[1:]
    assert "logreg" in row


@pytest.mark.slow
def test_pairs_are_swept_once_where_nothing_refers_to_the_seed(tables, capsys):
    swept = ["split=choice(notebook)", "split.test_size=0.5"]  # an option of a swept group
    command = ["-m", *QUICK, "data.root=good", "hydra/sweeper=pairs", *swept]
    assert main([*command, "model=logreg,cnn2d", "model.random_state=0", "seed=0,1"]) == 0
    assert "sweep FINISHED: 1 job: 1 finished" in capsys.readouterr().out
    (parent,) = runs(tables, "tags.task = 'sweep'")
    assert parent.data.metrics["n_jobs"] == 1
    (run,) = children(tables, parent)
    assert run.data.params["split.test_size"] == "0.5"


def test_finished_cells_are_skipped_until_code_or_data_change(tables, capsys, monkeypatch):
    command = [*QUICK, "data.root=good", "skip_finished=true"]
    assert main(command) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[-1] == line
    (first,) = runs(tables)

    assert main(["-m", *command, "model.C=1.0,2.0"]) == 0
    assert "sweep FINISHED: 2 jobs: 1 finished, 1 skipped" in capsys.readouterr().out
    (parent,) = runs(tables, "tags.task = 'sweep'")
    assert parent.data.metrics["n_skipped"] == 1
    assert parent.data.tags["skipped/0"] == first.info.run_id
    (child,) = children(tables, parent)
    assert child.data.params["model.C"] == "2.0"
    comparison = pd.read_csv(io.StringIO(artifact(tables, parent, "compare.csv")))
    assert comparison["runs"].sum() == 2  # the skipped one's earlier run counts

    with monkeypatch.context() as changed:
        changed.setattr(identity, "source_fingerprint", lambda classes: "other code")
        assert main(command) == 0
        assert line not in capsys.readouterr().out
    with (tables / "good" / "features_30_sec.csv").open("a") as table:
        table.write("\nb.00011.wav,1,b")
    assert main(command) == 0
    assert len(runs(tables, "tags.task = 'train'")) == 4


@pytest.mark.slow
def test_jobs_are_done_where_nobody_knows_whether_they_were(tables, monkeypatch):
    def unknown(*_):
        raise Tracking(uri="sqlite:////x", experiment="x").failed(OSError("gone"))

    monkeypatch.setattr(runner, "finished_run", unknown)
    job = [*QUICK, "data.root=good", "skip_finished=true", "hydra.job.chdir=true"]
    root = f"data.root='{tables / 'good'}'"
    assert main(["-m", *job, root, "seed=0"]) == 0
    assert main([*job, root]) == 2
    assert [run.info.status for run in runs(tables)] == ["FINISHED"] * 2


def test_an_interrupt_or_a_signal_closes_what_runs_as_killed(tables, capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    def terminated(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    command = ["-m", *QUICK, "data.root=good", "seed=0,1"]
    monkeypatch.setattr(runner, "_fold", interrupted)
    assert main(command) == 130
    assert "sweep KILLED: 2 jobs: 1 killed" in capsys.readouterr().err
    monkeypatch.setattr(runner, "_fold", terminated)
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.value.code == 143
    assert [run.info.status for run in runs(tables)] == ["KILLED"] * 4
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_runs_of_dead_processes_are_closed_by_the_next_run(tables, capsys):
    client = Tracking(
        uri=f"sqlite:///{tables}/mlruns/mlflow.db", experiment="gtzan_exp-folder"
    ).client()
    experiment = client.create_experiment("gtzan_exp-folder")
    name, pid, start = process_of(process_tags())
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    opened = {
        which: client.create_run(experiment, tags=tags).info.run_id
        for which, tags in {
            "gone": {"process": f"{name} {gone.pid} {start}"},
            "number used again": {"process": f"{name} {pid} 1.0"},
            "of an earlier version": {"host": name, "pid": f"{gone.pid}", "process_start": "1.0"},
            "alive": process_tags(),
            "elsewhere": {"process": f"not {platform.node()} {gone.pid} {start}"},
            "not ours": {"process": "mine"},
        }.items()
    }
    assert main([*QUICK, "data.root=good"]) == 0
    found = {name: client.get_run(run_id) for name, run_id in opened.items()}
    killed = {name for name, run in found.items() if run.info.status == "KILLED"}
    assert (
        killed
        == {"gone", "number used again", "of an earlier version"}
        == {name for name, run in found.items() if "stale" in run.data.tags}
    )
    assert free(found["gone"].data.tags) == set()


def test_two_runs_may_record_the_same_data_at_once(tables, monkeypatch):
    log_inputs = MlflowClient.log_inputs
    races = [MlflowException("UNIQUE constraint failed: datasets.experiment_id, datasets.name")]

    def raced(*args):
        if races:
            raise races.pop()
        return log_inputs(*args)

    monkeypatch.setattr(MlflowClient, "log_inputs", raced)
    assert main([*QUICK, "data.root=good"]) == 0
    (run,) = runs(tables, "tags.task = 'train'")
    assert run.info.status == "FINISHED"
    assert len(run.inputs.dataset_inputs) == 1


def test_a_job_brings_its_working_directory_to_the_worker(tmp_path, monkeypatch):
    parent = SweepRun(Tracking(uri="sqlite:////x.db", experiment="x"), "0")
    sent = pickle.dumps(Job(parent, str(tmp_path / "where it started"), ""))
    (tmp_path / "where it started").mkdir()
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(sent).parent == parent
    assert Path.cwd() == tmp_path / "where it started"


@pytest.mark.soak
def test_a_parallel_sweep_on_a_fresh_database_loses_nothing(tables, capfd):
    """The sweeps that are killed begin on one, too, and that on PostgreSQL has jobs that fail."""
    (tables / "mlruns" / "mlflow.db").unlink()
    workers = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=4"]
    assert main(["-m", *QUICK, "data.root=bad,good", "seed=range(8)", *workers]) == 1
    assert capfd.readouterr().err.count("\n  'view.columns=[x]'") == 8
    (parent,) = runs(tables, "tags.task = 'sweep'")
    assert parent.data.metrics["n_finished"] == parent.data.metrics["n_failed"] == 8
    found = children(tables, parent)
    assert [int(run.data.tags["job"]) for run in found] == list(range(16))
    assert {run.info.status for run in found} == {"FINISHED", "FAILED"}


@pytest.mark.parametrize(
    "number", [pytest.param(2, marks=pytest.mark.slow), pytest.param(8, marks=pytest.mark.soak)]
)
def test_processes_started_at_once_on_a_fresh_database_are_all_recorded(tables, number):
    (tables / "mlruns" / "mlflow.db").unlink()
    command = [sys.executable, "-m", "gtzan_exp", *QUICK, "data.root=good"]
    started = [subprocess.Popen([*command, f"seed={seed}"], cwd=tables) for seed in range(number)]
    assert [process.wait() for process in started] == [0] * number
    found = runs(tables)
    assert sorted(int(run.data.tags["seed"]) for run in found) == list(range(number))
    assert {run.info.status for run in found} == {"FINISHED"}


@pytest.mark.slow
@pytest.mark.parametrize(("victim", "job"), [("console", 1), ("worker", 0)])
def test_kill_9_loses_nothing(tmp_path, session_cache, monkeypatch, victim, job):
    """At one moment; `tests.random_kill` draws others."""
    monkeypatch.setenv("GTZAN_EXP_CACHE", str(session_cache))
    composed(["experiment=smoke"], resolve).data.folder()  # a process less to make the sample
    assert kill_and_resume(tmp_path, 0.3, victim, job, jobs=3).victim == victim


def test_a_job_is_composed_to_be_checked_and_to_be_run(tables, monkeypatch):
    composed = []
    load = ConfigLoaderImpl.load_sweep_config

    def counted(self, master_config, sweep_overrides):
        composed.append(sweep_overrides[-1])
        return load(self, master_config, sweep_overrides)

    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", counted)
    assert main(["-m", *QUICK, "data.root=bad", "seed=0,1,2"]) == 1  # sooner than one that trains
    assert composed == ["seed=0", "seed=1", "seed=2"]

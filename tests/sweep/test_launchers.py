"""The launchers of clusters: every job is recorded, however it ends."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

from gtzan_exp.cli import main
from gtzan_exp.tracking.store import Tracking
from gtzan_exp.tracking.sweep_run import SweepRun
from tests.sweep.test_sweep import QUICK, children, runs, tables  # noqa: F401

HERE = Path(__file__).parents[2]


def submitit_local() -> list[str]:
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    return ["hydra/launcher=submitit_local"]


def submitit_slurm() -> list[str]:
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    if shutil.which("sacct") is None or subprocess.run(["sacct"], capture_output=True).returncode:
        pytest.skip("there is no Slurm with accounting here")
    return ["hydra/launcher=submitit_slurm", "hydra.launcher.mem_gb=1"]


def ray() -> list[str]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the extra ray is not installed")
    return ["hydra/launcher=ray", "+hydra.launcher.init.num_cpus=2"]


launchers = pytest.mark.parametrize(
    "launcher", [submitit_local, submitit_slurm, ray], ids=lambda launcher: launcher.__name__
)


@pytest.fixture
def place(tables, monkeypatch) -> Path:  # noqa: F811
    """The working directory of a sweep whose workers can import the tests."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    return tables


@pytest.mark.slow
@launchers
def test_jobs_that_end_fail_or_die_are_all_recorded(place, launcher, capfd):
    models = "model._target_=sklearn.linear_model.LogisticRegression,tests.workers.Dies"
    assert main(["-m", *QUICK, models, "data.root=good,bad", *launcher()]) == 1
    heading, *named = capfd.readouterr().err.partition("sweep FAILED: ")[2].splitlines()
    assert heading.startswith("4 jobs: 1 finished, 3 failed; run_id=")

    (parent,) = runs(place, "tags.task = 'sweep'")
    assert parent.info.status == "FAILED"
    good, bad, died, also_bad = children(place, parent)
    assert [good.info.status, died.info.status] == ["FINISHED", "FAILED"]
    assert {run.data.tags["error"].partition(": ")[2] for run in (bad, also_bad)} == {
        "not a finite number; allowed: a number of size 3.4e+38 at most; got: one"
    }
    assert "Error: " in died.data.tags["error"]
    assert len({run.data.tags["process"] for run in (parent, good, died)}) == 3
    for run, line in zip((bad, died, also_bad), named, strict=True):
        assert line == f"  {run.data.tags['overrides']}: {run.data.tags['error']}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher", [["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"], submitit_local]
)
def test_a_class_beside_the_configs_is_found_by_workers(tables, monkeypatch, launcher):  # noqa: F811
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="no extra sweep")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tables / "project" / "conf").mkdir(parents=True)
    own = "from sklearn.linear_model import LogisticRegression as LR\nclass Own(LR): pass\n"
    (tables / "project" / "beside_configs.py").write_text(own)
    command = ["--config-dir", "project/conf", *QUICK, "data.root=good", "-m", "seed=0,1"]
    command.append("model._target_=beside_configs.Own")
    assert main([*command, *(launcher() if callable(launcher) else launcher)]) == 0
    (parent,) = runs(tables, "tags.task = 'sweep'")
    assert {run.info.status for run in children(tables, parent)} == {"FINISHED"}


def heeds_interrupts() -> None:
    """Undo what a shell does to the commands that it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@launchers
def test_ctrl_c_ends_the_jobs_on_the_cluster(place, launcher):
    command = [sys.executable, "-m", "gtzan_exp", "-m", *QUICK, "data.root=good"]
    command += ["model._target_=tests.workers.Waits", *launcher()]
    console = subprocess.Popen(
        command, cwd=place, start_new_session=True, preexec_fn=heeds_interrupts
    )
    try:
        while console.poll() is None and not runs(place, "tags.task = 'train'"):
            time.sleep(0.5)
        console.send_signal(signal.SIGINT)
        assert console.wait() == 130
    finally:
        console.kill()
    while (status := {run.info.status for run in runs(place)}) == {"KILLED", "RUNNING"}:
        time.sleep(0.5)
    assert status == {"KILLED"}


def test_of_a_job_that_ran_again_the_newest_run_counts(workspace):
    store = Tracking(uri=f"sqlite:///{workspace}/mlruns/mlflow.db", experiment="x")
    parent = SweepRun.open(store, workspace, "sweep", {}, {})
    client = store.client()
    experiment = store.experiment_id(client)
    again = [
        client.create_run(
            experiment, start_time=start, tags=parent.child_tags(0, "seed=0", "train")
        )
        for start in (2, 1)
    ]
    for status, run in zip(("FINISHED", "KILLED"), again, strict=True):
        client.set_terminated(run.info.run_id, status)
    for number in range(2):
        tags = parent.child_tags(number, f"seed={number}", "train")
        parent.lose(workspace / str(number), tags, "out of memory")
    ended, lost = parent.jobs()
    assert ended.info.run_id == again[0].info.run_id
    assert (ended.info.status, lost.info.status) == ("FINISHED", "FAILED")
    assert lost.data.tags["error"] == "RuntimeError: out of memory"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted as Linux shows them")
@pytest.mark.skipif(joblib.cpu_count() < 2, reason="one core cannot be shared")
def test_a_worker_takes_one_thread_where_there_is_a_worker_for_each_core(place):
    pytest.importorskip("tensorflow", reason="the extra networks is not installed")
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="no extra sweep")
    n_jobs = joblib.cpu_count()
    command = ["-m", *QUICK, "data.root=good", "model._target_=tests.workers.SaysThreads"]
    launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={n_jobs}"]
    assert main([*command, f"seed=range({2 * n_jobs})", *launcher]) == 0
    said = [json.loads(path.read_text()) for path in (place / "threads").iterdir()]
    assert said
    for threads in said:
        assert {"scikit-learn", "XGBoost", "TensorFlow", "libgomp"} <= set(threads)
        assert set(threads.values()) == {1}, threads

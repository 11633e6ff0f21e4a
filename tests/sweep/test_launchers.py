"""The launchers of clusters: every job is recorded, however it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import joblib
import pytest

from gtzan_exp.cli import main
from gtzan_exp.tracking.store import Tracking
from gtzan_exp.tracking.sweep_run import SweepRun
from tests import ONE_CORE, workers
from tests.sweep.test_sweep import QUICK, children, runs, tables  # noqa: F401


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
def place(tables, monkeypatch) -> Iterator[Path]:  # noqa: F811
    """The working directory of a sweep, with models in a module beside its configs."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tables / "project" / "conf").mkdir(parents=True)
    shutil.copy(workers.__file__, tables / "project" / "beside.py")
    yield tables
    sys.modules.pop("beside", None)


def sweep(model: str) -> list[str]:
    command = ["-m", "--config-dir", "project/conf", *QUICK, "data.root=good"]
    return [*command, f"model._target_=beside.{model}"]


@pytest.mark.slow
@launchers
def test_jobs_that_end_fail_or_die_are_all_recorded(place, launcher, capfd):
    assert main([*sweep("Ends"), "model.C=1,2,3", *launcher()]) == 1
    heading, *named = capfd.readouterr().err.partition("sweep FAILED: ")[2].splitlines()
    assert heading.startswith("3 jobs: 1 finished, 2 failed; run_id=")

    (parent,) = runs(place, "tags.task = 'sweep'")
    assert parent.info.status == "FAILED"
    good, bad, died = children(place, parent)
    assert [run.info.status for run in (good, bad, died)] == ["FINISHED", "FAILED", "FAILED"]
    assert "two is too much" in bad.data.tags["error"]
    assert "Error: " in died.data.tags["error"]
    assert len({run.data.tags["process"] for run in (parent, good, died)}) == 3
    for run, line in zip((bad, died), named, strict=True):
        assert line == f"  {run.data.tags['overrides']}: {run.data.tags['error']}"


def heeds_interrupts() -> None:
    """Undo what a shell does to the commands that it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@launchers
def test_ctrl_c_ends_the_jobs_on_the_cluster(place, launcher):
    command = [sys.executable, "-m", "gtzan_exp", *sweep("Waits"), *launcher()]
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
@pytest.mark.skipif(os.cpu_count() < 2, reason="one core cannot be shared")
def test_a_worker_takes_one_thread_where_there_is_a_worker_for_each_core(place, monkeypatch):
    pytest.importorskip("tensorflow", reason="the extra networks is not installed")
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="no extra sweep")
    for variable in ONE_CORE:
        monkeypatch.delenv(variable, raising=False)
    n_jobs = joblib.cpu_count()
    launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={n_jobs}"]
    assert main([*sweep("SaysThreads"), f"seed=range({n_jobs})", *launcher]) == 0
    said = [json.loads(path.read_text()) for path in (place / "threads").iterdir()]
    assert said
    for threads in said:
        assert {"scikit-learn", "XGBoost", "TensorFlow", "libgomp"} <= set(threads)
        assert set(threads.values()) == {1}, threads

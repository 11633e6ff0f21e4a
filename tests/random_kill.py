"""Kill sweeps with ``kill -9`` at random moments, and see whether anything is lost.

    python -m tests.random_kill [ROUNDS] [SEED]

Each round starts a parallel sweep in an empty folder, kills the console process or a worker,
looks at what the database holds, and runs the same jobs one by one with ``skip_finished=true``.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
from mlflow import MlflowClient
from mlflow.entities import Run

from gtzan_exp.basics.process import is_alive
from gtzan_exp.tracking.models import load_logged
from gtzan_exp.tracking.query import searched

COMMAND = [sys.executable, "-m", "gtzan_exp", "-m", "experiment=smoke", "model=logreg"]
WORKERS = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
EXPERIMENT = "gtzan_exp-sample"
JOBS = 5


@dataclass(frozen=True)
class Round:
    """What a round saw: who was killed, when, and how many of the jobs had finished by then.

    Nobody is killed where the sweep had ended by then.
    """

    victim: str
    seconds: float
    finished: int


def kill_and_resume(
    folder: Path, seconds: float, victim: str, job: int | None = None, *, jobs: int = JOBS
) -> Round:
    """Do one round in an empty folder.

    Parameters
    ----------
    folder : Path
    seconds : float
        When to kill, counted from the start of the sweep, or of one of its jobs.
    victim : {"console", "worker"}
        A worker where there is one by then, else the console. Nobody where the sweep has ended.
    job : int, optional
        Count from the start of this job.
    jobs : int
        So many has the sweep.

    Raises
    ------
    AssertionError
        Something was lost, half-written, or run again for nothing.
    """
    log, command = folder / "log.txt", [*COMMAND, f"seed=range({jobs})"]
    with log.open("w") as out:
        sweep = psutil.Popen([*command, *WORKERS], cwd=folder, stdout=out, stderr=out)
        begins = f"multirun/*/*/{job}"
        while job is not None and sweep.poll() is None and not any(folder.glob(begins)):
            time.sleep(0.02)
        time.sleep(seconds)
        family = sweep.children(recursive=True) if sweep.poll() is None else []
        workers = [process for process in family if _is_worker(process)]
        starts = {process.pid: process.create_time() for process in workers}
        killed = workers[-1] if victim == "worker" and workers else sweep
        with suppress(psutil.NoSuchProcess):
            killed.kill()
        status = sweep.wait()
    patience = time.monotonic() + 30
    while any(is_alive(pid, start) for pid, start in starts.items()):
        assert time.monotonic() < patience, "workers outlive their console"
        time.sleep(0.1)

    client = _client(folder)
    before = _trained(client)
    finished = [run for run in before if run.info.status == "FINISHED"]
    for run in finished:
        _assert_whole(client, run)

    command += ["skip_finished=true"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    client = _client(folder)
    after = _trained(client)
    ends = Counter(run.data.tags["config_hash"] for run in after if run.info.status == "FINISHED")
    assert len(ends) == jobs, f"{len(ends)} of {jobs} jobs finished"
    assert set(ends.values()) == {1}, "a finished job was run again"
    assert {run.info.run_id for run in finished} <= {run.info.run_id for run in after}
    assert not [run for run in _runs(client, "tags.task != ''") if run.info.status == "RUNNING"]
    (parent,) = _runs(client, "tags.task = 'sweep' and attributes.status = 'FINISHED'")[:1]
    assert parent.data.metrics["n_jobs"] == jobs
    if parent.data.tags["command"].endswith("skip_finished=true"):
        assert parent.data.metrics["n_skipped"] == len(finished)
        assert parent.data.metrics["n_finished"] == jobs - len(finished)
    if status == 0:
        assert len(finished) == jobs
        return Round("nobody", seconds, jobs)
    return Round("worker" if killed in workers else "console", seconds, len(finished))


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "LokyProcess" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _client(folder: Path) -> MlflowClient | None:
    database = folder / "mlruns" / "mlflow.db"
    if not database.exists():
        return None
    with sqlite3.connect(database) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    return MlflowClient(f"sqlite:///{database}")


def _runs(client: MlflowClient | None, wanted: str) -> list[Run]:
    experiment = client and client.get_experiment_by_name(EXPERIMENT)
    if not experiment:
        return []
    return list(searched(client, [experiment.experiment_id], wanted))


def _trained(client: MlflowClient | None) -> list[Run]:
    return _runs(client, "tags.task = 'train'")


def _assert_whole(client: MlflowClient, run: Run) -> None:
    """A finished run has its metrics, files that can be read, and a model that loads."""
    artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
    predictions = pd.read_parquet(artifacts / "predictions.parquet")
    test = predictions[predictions["part"] == "test"]
    accuracy = (test["true"] == test["predicted"]).mean()
    assert run.data.metrics["test/accuracy"] == accuracy
    assert (
        json.loads((artifacts / "classification_report.json").read_text())["accuracy"] == accuracy
    )
    (output,) = client.get_run(run.info.run_id).outputs.model_outputs
    folder = client.get_logged_model(output.model_id).artifact_location.removeprefix("file://")
    assert load_logged(folder).estimator.classes_[0] == "blues"


def main(rounds: int, seed: int) -> None:
    """Kill so many sweeps and print what each round saw; one that ended first does not count."""
    chance = random.Random(seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("GTZAN_EXP_CACHE", cache)
        with tempfile.TemporaryDirectory() as folder:
            one = time.monotonic()
            whole_sweep = [*COMMAND, f"seed=range({JOBS})", *WORKERS]
            subprocess.run(whole_sweep, cwd=folder, check=True, capture_output=True)
            whole = time.monotonic() - one
        print(f"a whole sweep takes {whole:.0f} s", flush=True)
        number = killed = 0
        while killed < rounds:
            number += 1
            with tempfile.TemporaryDirectory() as folder:
                victim = chance.choice(["console", "worker"])
                job = chance.randrange(JOBS) if number % 4 else None
                seconds = chance.uniform(0, whole if job is None else 1)
                saw = kill_and_resume(Path(folder), seconds, victim, job)
            if saw.victim != "nobody":
                killed += 1
            elif job is None:
                whole = min(whole, seconds)
            print(
                f"{killed}: {saw.victim} killed {saw.seconds:.1f} s after"
                f" {'the start' if job is None else f'job {job} began'},"
                f" {saw.finished} of {JOBS} finished before",
                flush=True,
            )
    print(f"{killed} sweeps killed in {time.monotonic() - started:.0f} s, nothing lost")


if __name__ == "__main__":
    main(
        rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 50,
        seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0,
    )

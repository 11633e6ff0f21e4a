"""What a store did not take is kept, and delivered once, wherever it stopped."""

from __future__ import annotations

import json
import pkgutil
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from filelock import FileLock

from gtzan_exp.basics.process import process_tags
from gtzan_exp.cli import main
from gtzan_exp.sweep.close import LEDGER, Ledger
from gtzan_exp.tracking import outbox
from gtzan_exp.tracking.models import load_model
from gtzan_exp.tracking.store import Tracking
from gtzan_exp.tracking.sweep_run import SweepRun
from tests.sweep.test_sweep import QUICK, artifact, runs, tables  # noqa: F401

GOOD = [*QUICK, "data.root=good"]


def gone(*_):
    """Stand for a step of a delivery whose store has gone away."""
    raise OSError("gone")


def breaks(monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException, *, after: bool):
    """Let a step of a delivery fail once, before or after the store has done what it asks."""
    take, failures = outbox._STEPS[step], [error]

    def fails_once(*args):
        if after:
            take(*args)
        if failures:
            raise failures.pop()
        if not after:
            take(*args)

    monkeypatch.setitem(outbox._STEPS, step, fails_once)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "step",
    [
        "end",
        *(
            pytest.param(step, marks=pytest.mark.slow)
            for step in ("params", "inputs", "model", "files", "metrics")
        ),
    ],
)
def test_a_store_that_fails_at_any_step_gets_the_rest_later(
    tables,  # noqa: F811
    capsys,
    monkeypatch,
    step,
    after,
):
    breaks(monkeypatch, step, OSError("database or disk is full"), after=after)
    assert main([*GOOD, "tracking.log_model=true"]) == 1
    assert "database or disk is full" in capsys.readouterr().err
    (result,) = [json.loads(path.read_text()) for path in tables.rglob("result.json")]
    (run,) = runs(tables)
    assert run.info.status == ("FINISHED" if (step, after) == ("end", True) else "RUNNING")

    assert main(["sync"]) == 0
    assert capsys.readouterr().out.startswith(f"run_id={result['run_id']} FINISHED ")
    (run,) = runs(tables)
    assert run.info.status == "FINISHED"
    assert run.info.end_time < run.info.start_time + 600_000
    assert result["metrics"].items() <= run.data.metrics.items()
    assert run.data.params["model.C"] == "1.0"
    assert len(run.inputs.dataset_inputs) == 1
    assert "precision" in artifact(tables, run, "classification_report.txt")
    mlflow.set_tracking_uri(f"sqlite:///{tables}/mlruns/mlflow.db")
    assert list(load_model(f"runs:/{run.info.run_id}/model").classes_) == ["a", "b"]
    assert not [path for path in tables.rglob("*") if "undelivered" in path.name]
    assert not list(tables.rglob("record.model"))


@pytest.mark.slow
def test_folds_that_the_store_never_heard_of_become_children(tables, monkeypatch):  # noqa: F811
    breaks(monkeypatch, "inputs", OSError("gone"), after=False)
    assert main([*GOOD, "split=kfold", "split.k=3"]) == 1
    assert len(runs(tables)) == 1
    (path,) = tables.rglob("*.undelivered.json")
    kept = json.loads(path.read_text())
    told = kept["runs"][0].pop("last_tags")
    kept["runs"][0] |= {"note": told["mlflow.note.content"], "interval": told["interval"]}
    unopened = [entry for entry in kept["runs"] if not entry["run_id"]]
    assert len(unopened) == 3
    for entry in unopened:  # as an earlier version kept what it had not opened
        entry["run_id"] = None
    path.write_text(json.dumps(kept))
    assert main(["sync"]) == 0
    (parent,) = runs(tables, "tags.task = 'train'")
    assert told.items() <= parent.data.tags.items()
    folds = runs(tables, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert [fold.info.status for fold in (parent, *folds)] == ["FINISHED"] * 4
    values = [fold.data.metrics["test/accuracy"] for fold in folds]
    assert parent.data.metrics["test/accuracy"] == pytest.approx(pd.Series(values).mean())
    assert main(["sync"]) == 0
    assert len(runs(tables)) == 4


def test_a_delivery_that_is_stopped_goes_on_later(tables, capsys, monkeypatch):  # noqa: F811
    breaks(monkeypatch, "metrics", KeyboardInterrupt(), after=True)
    assert main(GOOD) == 130
    (path,) = tables.rglob("*.undelivered.json")
    (run,) = runs(tables)
    client = mlflow.MlflowClient(f"sqlite:///{tables}/mlruns/mlflow.db")
    client.set_tag(run.info.run_id, "stale", "its process is gone")
    client.set_terminated(run.info.run_id, "KILLED")
    (path.parent / "other.undelivered.json").write_text("{")
    capsys.readouterr()
    assert main(["sync"]) == 2
    out, err = capsys.readouterr()
    assert out == f"run_id={run.info.run_id} FINISHED {run.info.run_name}\n"
    assert err.count("gtzan-exp: error: ") == 1
    assert "other.undelivered.json: cannot be read" in err
    (run,) = runs(tables)
    assert run.info.status == "FINISHED"
    assert "stale" not in run.data.tags


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        "log_outputs",
        "log_model_artifacts",
        "log_batch",
        "create_registered_model",
        "create_model_version",
        "set_registered_model_alias",
    ],
)
def test_of_a_delivery_that_is_stopped_on_its_way_there_is_one_model(
    tables,  # noqa: F811
    monkeypatch,
    call,
):
    """Also in the registry, whether the call that is stopped has reached the store or not."""
    take, stops = getattr(mlflow.MlflowClient, call), [KeyboardInterrupt()]

    def stops_once(client, *args, **kwargs):
        if stops and (call != "log_batch" or "metrics" in kwargs):
            if "create" in call:
                take(client, *args, **kwargs)
            raise stops.pop()
        return take(client, *args, **kwargs)

    monkeypatch.setattr(mlflow.MlflowClient, call, stops_once)
    assert main([*GOOD, "tracking.log_model=true", "tracking.registry=genres"]) == 130
    assert main(["sync"]) == 0
    (run,) = runs(tables)
    client = mlflow.MlflowClient(f"sqlite:///{tables}/mlruns/mlflow.db")
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    assert model.status == "READY"
    assert model.name == "logreg-features-holdout"
    (version,) = client.search_model_versions("name = 'genres'")
    assert client.get_registered_model("genres").aliases == {"challenger": 1}
    source = f"models:/{model.model_id}"
    assert (version.run_id, version.source) == (run.info.run_id, source)
    mlflow.set_tracking_uri(f"sqlite:///{tables}/mlruns/mlflow.db")
    assert list(load_model(f"runs:/{run.info.run_id}/model").classes_) == ["a", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("call", ["mlflow.models.Model.to_yaml", "shutil.rmtree"])
def test_a_model_is_whole_as_long_as_a_record_names_it(tables, monkeypatch, call):  # noqa: F811
    def stops(*args, **kwargs):
        if any(path.stat().st_size for path in tables.rglob("record.model/MLmodel")):
            if shutil.rmtree is stops:
                take(*args, **kwargs)
            raise KeyboardInterrupt
        return take(*args, **kwargs)

    take = pkgutil.resolve_name(call)
    with monkeypatch.context() as patched:
        patched.setattr(call, stops)
        assert main([*GOOD, "tracking.log_model=true"]) == 130
    assert main(["sync"]) == 0
    (run,) = runs(tables)
    assert run.info.status == "FINISHED"
    mlflow.set_tracking_uri(f"sqlite:///{tables}/mlruns/mlflow.db")
    assert list(load_model(f"runs:/{run.info.run_id}/model").classes_) == ["a", "b"]


def test_a_run_without_room_for_a_lock_is_kept(tables, capsys):  # noqa: F811
    lock = tables / "out" / "record.undelivered.lock"
    lock.mkdir(parents=True)  # as no inode, and no right to write
    assert main([*GOOD, "hydra.run.dir=out"]) == 1
    assert "record.undelivered.json: cannot be delivered" in "".join(capsys.readouterr())
    lock.rmdir()
    assert main(["sync", "out"]) == 0
    assert [run.info.status for run in runs(tables)] == ["FINISHED"]


def test_a_failed_run_is_delivered_as_one(tables, capsys, monkeypatch):  # noqa: F811
    breaks(monkeypatch, "inputs", OSError("gone"), after=False)
    assert main([*GOOD, "+model.dual=true"]) == 2
    assert "dual" in capsys.readouterr().err
    assert main(["sync"]) == 0
    (run,) = runs(tables)
    assert run.info.status == "FAILED"
    assert "dual" in run.data.tags["error"]
    assert "Traceback" in artifact(tables, run, "traceback.txt")


@pytest.mark.slow
def test_a_store_that_is_away_for_one_job_has_it_by_the_end_of_the_sweep(
    tables,  # noqa: F811
    capsys,
    monkeypatch,
):
    def away_for_job(outbox_, client, entry):
        if entry.tags.get("job") == "0" and not list(tables.rglob("*/1")):
            raise OSError("gone")
        return take(outbox_, client, entry)

    take = outbox._STEPS["run"]
    monkeypatch.setitem(outbox._STEPS, "run", away_for_job)
    assert main(["-m", *GOOD, "seed=0,1"]) == 0
    out, _ = capsys.readouterr()
    assert "sweep FINISHED: 2 jobs: 2 finished" in out
    (parent,) = runs(tables, "tags.task = 'sweep'")
    jobs = runs(tables, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    named = [json.loads(path.read_text())["run_id"] for path in tables.rglob("result.json")]
    assert sorted(named) == sorted(run.info.run_id for run in jobs)
    assert not list(tables.rglob("*.undelivered.json"))


def test_a_damaged_record_does_not_keep_a_sweep_from_being_closed(tables, capsys, monkeypatch):  # noqa: F811
    def damaged(*_):
        (folder,) = tables.glob("multirun/*/*")
        (folder / "9").mkdir(exist_ok=True)  # the parent run ends by this step, too
        (folder / "9" / "record.undelivered.json").write_text("{")

    end = outbox._STEPS["end"]
    monkeypatch.setitem(outbox._STEPS, "end", lambda *step: (damaged(), end(*step)))
    assert main(["-m", *GOOD, "seed=0"]) == 0
    out, err = capsys.readouterr()
    assert "record.undelivered.json: cannot be read" in err
    assert "sweep FINISHED: 1 job: 1 finished" in out
    assert [run.info.status for run in runs(tables)] == ["FINISHED"] * 2


@pytest.mark.slow
def test_a_sweep_that_may_still_run_is_left_open(tables, capsys):  # noqa: F811
    assert main(["-m", *GOOD, "seed=0"]) == 0
    (parent,) = runs(tables, "tags.task = 'sweep'")
    (folder,) = tables.glob("multirun/*/*")
    store = Tracking(uri=f"sqlite:///{tables}/mlruns/mlflow.db", experiment="gtzan_exp-folder")
    elsewhere = {"process": "elsewhere 1 0"}
    ledger = Ledger(
        SweepRun(store, parent.info.run_id), folder, "gtzan-exp -m", 1, None, process=elsewhere
    )
    ledger.write()
    capsys.readouterr()
    assert main(["sync"]) == 0
    assert "sweep.unclosed.json: left open, it may still run on elsewhere" in capsys.readouterr()[0]
    assert (folder / LEDGER).exists()

    replace(ledger, process=None, stopped=None, killed=False).write()
    assert main(["sync"]) == 0
    assert capsys.readouterr().out.endswith("closed: gtzan-exp -m\n")
    assert not (folder / LEDGER).exists()


@pytest.mark.slow
def test_a_run_that_the_store_refuses_does_not_keep_others_from_being_delivered(
    tables,  # noqa: F811
    capsys,
    monkeypatch,
):
    with monkeypatch.context() as patched:
        patched.setitem(outbox._STEPS, "metrics", gone)
        assert main(["-m", *GOOD, "seed=0,1"]) == 1
    assert "sweep not closed: " in capsys.readouterr().err
    deleted, other = runs(tables, "tags.task = 'train'")
    client = mlflow.MlflowClient(f"sqlite:///{tables}/mlruns/mlflow.db")
    client.delete_run(deleted.info.run_id)
    assert main(["sync"]) == 2
    out, err = capsys.readouterr()
    assert f"run_id={other.info.run_id} FINISHED" in out
    assert "the store refuses what it is sent" in err
    assert err.count("gtzan-exp: error: ") == 1
    (parent,) = runs(tables, "tags.task = 'sweep'")
    assert (parent.info.status, parent.data.metrics["n_finished"]) == ("FAILED", 1)


@pytest.mark.slow
def test_a_deleted_experiment_does_not_keep_others_from_being_delivered(
    tables,  # noqa: F811
    capsys,
    monkeypatch,
):
    def gone_for_jobs(outbox_, client, entry):
        if entry.tags["task"] == "train":
            raise OSError("gone")
        return take(outbox_, client, entry)

    take = outbox._STEPS["run"]
    with monkeypatch.context() as patched:
        patched.setitem(outbox._STEPS, "run", gone_for_jobs)
        for name in ("first", "second"):
            options = [f"tracking.experiment={name}", f"hydra.sweep.dir={name}"]
            assert main(["-m", *GOOD, *options, "seed=0"]) == 1
    client = mlflow.MlflowClient(f"sqlite:///{tables}/mlruns/mlflow.db")
    client.delete_experiment(client.get_experiment_by_name("first").experiment_id)
    capsys.readouterr()
    assert main(["sync", "first", "second"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("gtzan-exp: error: tracking.experiment: was deleted in MLflow")
    assert err.count("gtzan-exp: error: ") == 1
    assert {run.info.status for run in runs(tables)} == {"FINISHED"}
    assert len(runs(tables)) == 2


@pytest.mark.slow
def test_a_sweep_whose_job_another_process_delivers_is_left_open(tables, capsys, monkeypatch):  # noqa: F811
    with monkeypatch.context() as patched:
        patched.setitem(outbox._STEPS, "metrics", gone)
        assert main(["-m", *GOOD, "seed=0,1"]) == 1
    (path, _) = sorted(tables.rglob("*.undelivered.json"))
    capsys.readouterr()
    monkeypatch.setattr(import_module("gtzan_exp.sweep.close"), "_PATIENCE", 0)
    with FileLock(path.with_suffix(".lock")):
        assert main(["sync"]) == 2
    out, err = capsys.readouterr()
    assert "another process delivers it" in out
    assert "is not closed yet" in err
    assert main(["sync"]) == 0
    (parent,) = runs(tables, "tags.task = 'sweep'")
    assert (parent.info.status, parent.data.metrics["n_finished"]) == ("FINISHED", 2)


@pytest.mark.slow
def test_a_folder_with_what_was_not_delivered_is_not_used_again(tables, capsys, monkeypatch):  # noqa: F811
    with monkeypatch.context() as patched:
        patched.setitem(outbox._STEPS, "metrics", gone)
        assert main(["-m", *GOOD, "seed=0", "hydra.sweep.dir=here"]) == 1
        assert main([*GOOD, "hydra.run.dir=there"]) == 1
    capsys.readouterr()
    assert main(["-m", *GOOD, "seed=1", "hydra.sweep.dir=here"]) == 2
    assert "hydra.sweep.dir: holds what a sweep has not delivered" in capsys.readouterr().err
    assert main([*GOOD, "hydra.run.dir=there"]) == 2
    assert "hydra.run.dir: holds a run that the store does not have" in capsys.readouterr().err
    assert main(["sync", "here", "there"]) == 0
    (tables / "there" / "record" / "left_over.txt").touch()
    main([*GOOD, "hydra.run.dir=there"])
    assert not (tables / "there" / "record" / "left_over.txt").exists()
    assert {run.info.status for run in runs(tables)} == {"FINISHED"}
    assert len(runs(tables)) == 4

    (tables / "mine" / "record").mkdir(parents=True)
    (tables / "mine" / "record" / "thesis.txt").touch()
    main([*GOOD, "hydra.run.dir=mine"])
    assert (tables / "mine" / "record" / "thesis.txt").exists()


def test_a_store_that_is_not_the_runs_own_gets_nothing_unless_asked_for(
    tables,  # noqa: F811
    empty_store,
    capsys,
    monkeypatch,
):
    breaks(monkeypatch, "metrics", OSError("gone"), after=False)
    assert main(GOOD) == 1
    (kept,) = tables.rglob("*.undelivered.json")
    before = kept.read_bytes()
    shutil.copy(empty_store, tables / "other.db")
    other = Tracking(uri=f"sqlite:///{tables}/other.db", experiment="gtzan_exp-folder")
    assert main(["sync", "--uri", other.uri]) == 2
    assert "another store than it began in" in capsys.readouterr().err
    assert kept.read_bytes() == before
    assert other.client().get_experiment_by_name("gtzan_exp-folder") is None

    assert main(["sync", "--anew", other.uri]) == 0
    (run,) = other.client().search_runs([other.experiment_id(other.client())])
    assert run.info.status == "FINISHED"
    assert "test/accuracy" in run.data.metrics
    assert not kept.exists()


@pytest.mark.slow
def test_a_record_that_was_changed_is_a_line_and_the_others_are_delivered(
    tables,  # noqa: F811
    capsys,
    monkeypatch,
):
    for name in ("one", "two", "three"):
        with monkeypatch.context() as patch:
            breaks(patch, "files", OSError("gone"), after=False)
            assert main([*GOOD, f"hydra.run.dir={name}"]) == 1
    changed = tables / "one" / "record.undelivered.json"
    changed.write_text(changed.read_text().replace('"status": "FINISHED"', '"status": "DONE"'))
    (tables / "two" / "record" / "record_id").write_text("of another run")
    capsys.readouterr()
    assert main(["sync", "."]) == 2
    out, err = capsys.readouterr()
    assert err.count("gtzan-exp: error: ") == 2
    assert "is not as a run left it" in err
    assert "holds the files of another run" in err
    assert out.count(" FINISHED ") == 1
    assert not (tables / "three" / "record.undelivered.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("room", [True, False], ids=["room was kept", "none at all"])
def test_a_run_whose_end_finds_no_room_is_delivered_or_closed_later(
    tables,  # noqa: F811
    capsys,
    monkeypatch,
    room,
):
    def full(path, *_):
        if not path.name.endswith(outbox.RUNNING):
            raise OSError(28, "No space left on device", str(path))
        write(path, *_)

    write = outbox.write_object
    with monkeypatch.context() as patch:
        breaks(patch, "metrics", OSError("disk I/O error"), after=False)
        patch.setattr(outbox, "write_object", full)
        if not room:
            patch.setattr(outbox, "overwrite", gone)
        assert main(GOOD) == (1 if room else 2)
    assert room or "No space left on device" in capsys.readouterr().err
    for running in tables.rglob(f"*{outbox.RUNNING}"):
        ours = process_tags()["process"]
        assert ours in running.read_text()
        assert main(["sync"]) == 0  # its process lives
        running.write_text(running.read_text().replace(ours, f"{ours.rpartition(' ')[0]} 1.0"))
    capsys.readouterr()
    assert main(["sync"]) == 0
    assert f"{'FINISHED' if room else 'KILLED'}" in capsys.readouterr().out
    (run,) = runs(tables)
    assert run.info.status == ("FINISHED" if room else "KILLED")
    assert not list(tables.rglob("*.json.unfinished"))
    assert not list(tables.rglob(f"*{outbox.RUNNING}"))


def test_folders_that_are_not_there_are_named(workspace: Path, capsys):
    assert main(["sync", "nowhere"]) == 2
    assert "sync: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["tracking.uri=", "--uri=", "+tags.where=", "environment"])
def test_a_password_is_refused_before_anything_is_written(tmp_path, capsys, monkeypatch, where):
    address = "postgresql+psycopg://me:s3cret@127.0.0.1:9/x"
    monkeypatch.chdir(tmp_path)
    if where == "environment":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    words = {"environment": [], "--uri=": ["sync", f"--uri={address}"]}
    assert main(words.get(where, ["-m", *GOOD, f"{where}{address}", "seed=0"])) == 2
    out, err = capsys.readouterr()
    assert "s3cret" not in out + err
    assert len(err.splitlines()) == 1
    assert "PGPASSWORD" in err
    assert "postgresql+psycopg://***@127.0.0.1:9/x" in err
    assert not list(tmp_path.iterdir())

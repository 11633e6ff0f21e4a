"""`gtzan-exp compare` from recorded runs to the table, the page and the record."""

from __future__ import annotations

import io
import json
import platform
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from gtzan_exp.cli import main
from gtzan_exp.compare.outcomes import Outcome, always_wrong, pairs
from gtzan_exp.compare.sections import CompareReport
from gtzan_exp.compare.text import Tables
from gtzan_exp.tracking.store import Tracking
from tests.browser import browser
from tests.conftest import draw_nothing

MODELS = ("logreg", "svc", "mlp", "linear_svc")
STORE = "sqlite:///{}/mlruns/mlflow.db"
HOSTILE = "<script>alert(1)</script> $x_{$ | \"q\" & 'r'"


@pytest.fixture(scope="module")
def recorded(module_workspace, session_cache) -> Iterator[Path]:
    """A folder with runs under three protocols, one of them failed, one with a hostile name."""
    folder = module_workspace
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GTZAN_EXP_CACHE", str(session_cache))
        draw_nothing(patch)
        quick = ("experiment=smoke", "tracking.log_model=false")
        for model in ("logreg", "svc"):
            assert main([f"model={model}", *quick]) == 0
            assert main([f"model={model}", "split=kfold", "split.k=2", *quick]) == 0
        assert main(["model=mlp", "model.max_iter=30", "split.test_size=0.3", *quick]) == 0
        published = '+tags.published="<b>0.9</b>"'
        escaped = HOSTILE.replace('"', '\\"')
        tags = [published, "+tags.status=FAILED"]
        assert main(["model=linear_svc", f'name="{escaped}"', *tags, *quick]) == 0
        failing = ["model=logreg", "+model.dual=true", f'name="failed {escaped}"', *quick]
        assert main(failing) == 2
        yield folder


@pytest.fixture(scope="module")
def look(recorded) -> tuple[str, str, Path]:
    """What a comparison of all runs printed, and the run and the page that its end names."""
    with redirect_stdout(io.StringIO()) as printed:
        assert main(["compare", "output=look", "+tags.note=mine"]) == 0
    return parsed(printed.getvalue())


@pytest.fixture
def here(recorded, monkeypatch, capsys) -> Path:
    monkeypatch.chdir(recorded)
    capsys.readouterr()
    return recorded


def compare(capsys: pytest.CaptureFixture[str], *overrides: str) -> tuple[str, str, Path]:
    """Run the command; return what it printed, and the run and the page that its end names."""
    assert main(["compare", *overrides]) == 0
    return parsed(capsys.readouterr().out)


def parsed(printed: str) -> tuple[str, str, Path]:
    run_id, page = re.fullmatch(r"run_id=(\w+) page=(.+)", printed.splitlines()[-1]).groups()
    return printed, run_id, Path(page)


def refused(capsys: pytest.CaptureFixture[str], *overrides: str) -> str:
    assert main(["compare", *overrides]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_everything_is_written_recorded_and_true(here, look):
    printed, run_id, page = look
    assert "6 finished runs in gtzan_exp-sample (SYNTHETIC, not GTZAN)" in printed
    assert "FAILED: failed <script>" in printed
    client = Tracking(uri=STORE.format(here), experiment="x").client()
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    tags = run.data.tags
    assert (tags["task"], tags["synthetic"], tags["note"]) == ("compare", "true", "mine")
    assert {f.path for f in client.list_artifacts(run_id)} == {
        "environment.json",
        *(f.name for f in page.parent.iterdir()),
    }

    numbers = json.loads((page.parent / "compare.json").read_text())
    lines = {(line["split"], line["model"]): line for line in numbers["lines"]}
    assert len(lines) == 6
    svc = lines["holdout", "svc"]
    table = pd.read_parquet(client.download_artifacts(svc["run_id"], "predictions.parquet"))
    test = table[table["part"] == "test"]
    recalls = recall_score(test["true"], test["predicted"], average=None)
    (genres,) = [row for row in numbers["by_genre"] if row["run_id"] == svc["run_id"]]
    assert [genres[name] for name in sorted(set(test["true"]))] == pytest.approx(list(recalls))
    assert svc["accuracy"] == (test["true"] == test["predicted"]).mean()

    assert {line["data_set"] for line in numbers["lines"]} == {1}
    tests = {(p["protocol"], p["a"], p["b"]): p["test"] for p in numbers["pairs"]}
    assert set(tests.values()) == {"artists"}  # the sample knows its artists
    assert len(numbers["pairs"]) == 4
    for line in numbers["lines"]:
        same = [other for other in numbers["lines"] if other["on"] == line["on"]]
        assert line["seen"] == sum(other["runs"] for other in same)
    titled = {(line["title"], line["model"]): line["accuracy"] for line in numbers["lines"]}
    for drop in numbers["drops"]:
        before, after = (titled[drop[end], drop["model"]] for end in ("from", "to"))
        assert drop["drop"] == pytest.approx(before - after)
        assert -1 <= drop["low"] <= drop["drop"] <= drop["high"] <= 1
    assert {drop["model"] for drop in numbers["drops"]} == {"logreg", "svc"}
    csv = pd.read_csv(page.parent / "compare.csv")
    assert set(csv["run_id"]) == {line["run_id"] for line in numbers["lines"]}
    (failed,) = numbers["not_compared"]
    assert failed["status"] == "FAILED"


def test_the_page_is_one_file_in_which_names_are_only_text(look):
    _, _, page = look
    text = page.read_text(encoding="utf-8")
    assert len(text) < 3_000_000
    assert "SYNTHETIC, not GTZAN" in text
    assert "alert(1)</script" not in text
    assert "<script>alert" not in text
    assert "failed &lt;script&gt;" in text
    assert "&lt;b&gt;0.9" in text
    assert not re.findall(r'(?:src|action)=[^"]?"?(?!data:)\w+:|<link|@import|url\(', text[:9000])
    assert "default-src 'none'" in text
    for heading in ("Tests between models", "Learning curves", "Fit time against accuracy"):
        assert f"<h2>{heading}</h2>" in text


def test_the_page_answers_first_and_says_how_to_repeat_each_line(look):
    _, _, page = look
    text = page.read_text(encoding="utf-8")
    numbers = json.loads((page.parent / "compare.json").read_text())
    specs = [json.loads(s) for s in re.findall(r'application/json">(.*?)</script>', text)]
    values = [row for row in specs[0]["data"]["values"] if row["value"] is not None]
    assert [row["value"] for row in values] == [line["accuracy"] for line in numbers["lines"]]
    assert [row["low"] for row in values] == [line["low"] for line in numbers["lines"]]
    for line in numbers["lines"]:
        assert f"/runs/{line['run_id']}" in text
        assert line["overrides"]
    assert "<code>gtzan-exp model=svc split=kfold split.k=2 experiment=smoke tracking." in text


def test_what_keeping_artists_apart_costs_is_a_sentence():
    table = pd.DataFrame({"title": ["kfold", "apart"], "leak": ["artist 84%", "none"]})
    drop = {"model": "svc", "view": "v", "from": "kfold", "to": "apart", "before": 0.7}
    drop |= {"after": 0.5, "drop": 0.2, "low": 0.1, "high": 0.3, "p": 0.0}
    report = CompareReport(Tables(table, table, table), (), {})
    report.found["drops"] = pd.DataFrame([drop])
    assert report.lead() == (
        "Keeping artists apart costs 0.20 [0.10, 0.30]: svc on v falls from 0.70 (kfold) to 0.50 "
        "(apart)."
    )
    told = table.assign(leak=[f"{leak}, pretraining:MSD" for leak in table["leak"]])
    table["leak"] = told["leak"].str.replace("none, ", "")
    assert report.lead().startswith("Keeping artists apart costs 0.20")
    report.found["drops"] = pd.DataFrame([{**drop, "low": -0.1}])
    assert report.lead() == ""


def test_the_choice_of_runs(here, capsys):
    def models(*overrides: str) -> set[str]:
        assert main(["compare", "record=false", *overrides]) == 0
        lines = capsys.readouterr().out.splitlines()
        lines = [line.split() for line in lines if line.startswith("  ")]
        return {word for line in lines for word in line if word in MODELS}

    assert models("models=[logreg,svc]", "splits=[holdout]") == {"logreg", "svc"}
    assert models("filter=\"tags.model = 'linear_svc'\"") == {"linear_svc"}
    runs = len(list((here / "outputs").rglob("compare.html")))
    assert models("views=[features]", "models=[svc]") == {"svc"}
    assert len(list((here / "outputs").rglob("compare.html"))) == runs


def test_a_dead_run_alone_is_closed_and_listed(workspace, capsys):
    client = (tracking := Tracking(uri=STORE.format(workspace), experiment="dead")).client()
    tags = {"task": "train", "data": "d", "process": f"{platform.node()} {2**30} 1"}
    left = client.create_run(tracking.experiment_id(client), tags=tags, run_name="left")
    assert main(["compare", "tracking.experiment=dead", "output=look"]) == 0
    assert f"KILLED: left ({left.info.run_id})" in capsys.readouterr().out
    assert client.get_run(left.info.run_id).info.status == "KILLED"
    numbers = json.loads((workspace / "look" / "compare.json").read_text())
    assert [run["status"] for run in numbers["not_compared"]] == ["KILLED"]
    assert numbers["lines"] == numbers["by_genre"] == numbers["pairs"] == []


def test_runs_of_the_newest_other_experiment_are_found(here, capsys):
    """Not reports, and not an experiment without training runs."""
    elsewhere = ["tracking.experiment=empty", "record=false"]
    client = Tracking(uri=STORE.format(here), experiment="empty").client()
    for name, start in (("empty", None), ("older", 1)):
        made = client.create_experiment(name)
        if start is not None:
            client.create_run(made, start_time=start, tags={"task": "train", "data": "d"})
    assert main(["compare", *elsewhere]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == "There are no runs in empty, but in gtzan_exp-sample (the newest) and older:"
    assert "6 finished runs in gtzan_exp-sample" in second
    assert "no recorded runs" in refused(capsys, *elsewhere, "filter=\"tags.model = 'x'\"")


def test_predictions_that_are_cut_short_are_left_out_and_named(here, capsys, tmp_path):
    chosen = ["splits=[holdout]", "models=[logreg,svc,linear_svc]"]
    _, _, page = compare(capsys, f"output='{tmp_path}/whole'", *chosen)
    lines = json.loads((page.parent / "compare.json").read_text())["lines"]
    (run_id,) = [line["run_id"] for line in lines if line["model"] == "svc"]
    (path,) = (here / "mlruns").rglob(f"{run_id}/artifacts/predictions.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        _, _, page = compare(capsys, f"output='{tmp_path}/cut'", *chosen)
    finally:
        path.write_bytes(whole)
    assert "No predictions were found of these, so they are not tested: features svc" in (
        page.read_text(encoding="utf-8")
    )
    numbers = json.loads((page.parent / "compare.json").read_text())
    assert (len(numbers["lines"]), len(numbers["pairs"])) == (3, 1)


def test_mistakes_are_one_line_each(here, capsys, workspace):
    (workspace / "used").mkdir()
    (workspace / "used" / "file").touch()
    assert "output: not empty" in refused(capsys, "output=used")
    assert "no recorded runs" in refused(capsys)
    place = f"paths.runs='{here}/mlruns'"
    assert "(nearest: logreg)" in refused(capsys, place, "models=[logrek]")
    assert "splits: no recorded run has it" in refused(capsys, place, "splits=[x]")
    assert "no run has them all" in refused(capsys, place, "models=[mlp]", "splits=[kfold]")
    assert "filter: " in refused(capsys, place, "filter=nonsense")
    assert "parent: not a valid value" in refused(capsys, place, "parent=nonsense")
    assert "no recorded runs" in refused(capsys, place, f"parent={'0' * 32}")
    assert "modles: unknown option (nearest: models)" in refused(capsys, "modles=[svc]")
    unknown = "model: unknown option (nearest: models); allowed: models, views, "
    assert unknown in refused(capsys, "model=svc")
    assert "seed: unknown option; allowed: models, " in refused(capsys, "seed=0")


def outcome(protocol: int, run_id: str, right: str, tracks: str = "", **more) -> Outcome:
    """An outcome over tracks a, b, c, ...: ``1`` is right, any letter what was said instead."""
    names = tracks or "abcdefghijklmnopqrst"[: len(right)]
    frame = pd.DataFrame(
        {
            "fold": more.get("folds", [1] * len(right)),
            "track": list(names),
            "true": "rock",
            "predicted": ["rock" if letter == "1" else letter for letter in right],
        }
    )
    frame["right"] = frame["predicted"] == "rock"
    line = {"protocol": protocol, "run_id": run_id, "view": "v", "data": "d"}
    line |= {"model": more.get("model", run_id)}
    line |= {"split_fingerprint": "s", "data_set": more.get("data_set", 1)}
    return Outcome(pd.Series(line), frame, share=0.25)


def test_pairs_are_of_common_tracks_within_a_protocol():
    found = pairs([outcome(1, "x", "11110"), outcome(1, "y", "10011"), outcome(2, "z", "11111")])
    (pair,) = found.to_dict("records")
    assert (pair["only_a"], pair["only_b"], pair["tracks"]) == (2, 1, 5)
    assert pair["difference"] == pytest.approx(0.2)
    assert pair["p"] == pair["p_holm"] == 1
    assert pair["note"] == ""

    (pair,) = pairs([outcome(1, "x", "111", "abc"), outcome(1, "y", "001", "bcd")]).to_dict(
        "records"
    )
    assert (pair["tracks"], pair["only_a"], pair["only_b"]) == (2, 2, 0)
    assert pair["note"] == "test parts of 3 and 3 tracks are not identical"

    alike = [outcome(1, run, "10", model="m") for run in ("first0", "second")]
    named = pairs([*alike, outcome(1, "z", "10")])
    assert named[["a", "b"]].to_numpy().tolist() == [
        ["v m (first0)", "v m (second)"],
        ["v m (first0)", "v z"],
        ["v m (second)", "v z"],
    ]

    apart = pairs([outcome(1, "x", "11", "ab"), outcome(1, "y", "11", "cd")]).iloc[0]
    assert (apart["test"], apart["note"]) == ("none", "no test track in common: no test")
    assert np.isnan(apart["p_holm"])


def test_folds_are_paired_by_fold_where_they_are_the_same():
    folds = [1, 1, 2, 2, 3, 3]
    x, y = (outcome(1, n, r, folds=folds) for n, r in (("x", "111110"), ("y", "100110")))
    (pair,) = pairs([x, y]).to_dict("records")
    # differences 1/2, 1/2, 0: mean 1/3, s**2 = 1/12, t = (1/3) / sqrt(7/144) = 1.5118579, 2 degrees
    assert pair["test"] == "corrected t"
    assert pair["p"] == pytest.approx(1 - 1.5118579 / np.sqrt(2 + 1.5118579**2))
    even = [
        outcome(1, name, right, folds=folds) for name, right in (("v", "111111"), ("w", "p1" * 3))
    ]
    (pair,) = pairs(even).to_dict("records")
    assert pair["difference"] == pytest.approx(0.5)
    assert np.isnan([pair["low"], pair["high"], pair["p"], pair["p_holm"]]).all()
    assert pair["note"] == "the same difference in each fold: no interval and no p"
    other = outcome(1, "z", "100110", folds=[1, 2, 1, 2, 3, 3])
    (pair,) = pairs([x, other]).to_dict("records")
    assert pair["test"] == "McNemar"
    assert "folds differ" in pair["note"]


def test_segments_are_averaged_to_tracks_before_they_count():
    table = pd.DataFrame(
        {
            "id": ["t.0", "t.1", "t.2", "u.0", "w.0"],
            "track": ["t", "t", "t", "u", "w"],
            "part": ["test"] * 4 + ["train"],
            "true": "a",
            "predicted": ["b", "b", "a", "a", "a"],
            "p_a": [0.4, 0.4, 1.0, 0.9, 1.0],
            "p_b": [0.6, 0.6, 0.0, 0.1, 0.0],
        }
    )
    found = Outcome.read(pd.Series({"cross_validated": False}), table)
    assert found.tracks["predicted"].tolist() == ["a", "a"]
    assert (len(found.tracks), found.share) == (2, 2.0)


def test_a_learning_curve_is_judged_by_its_last_point():
    rows = [(1, "t", "train", "a"), (1, "u", "test", "b"), (2, "t", "train", "a")]
    rows += [(2, "w", "train", "a"), (2, "u", "test", "a")]
    table = pd.DataFrame(rows, columns=["fold", "track", "part", "predicted"]).assign(true="a")
    table = table.assign(p_a=(table["predicted"] == "a") * 1.0, p_b=(table["predicted"] == "b") * 1)
    found = Outcome.read(pd.Series({"cross_validated": False}), table)
    assert found.tracks[["fold", "track", "right"]].to_numpy().tolist() == [[2, "u", True]]


def test_tracks_that_all_get_wrong():
    found = always_wrong(
        [outcome(1, "x", "1pp0", "abcd"), outcome(1, "y", "ppp", "abc"), outcome(2, "z", "q", "c")]
    )
    assert found.to_dict("records") == [
        {"data": "d", "track": "c", "true": "rock", "said": "p", "votes": 2, "runs": 3},
        {"data": "d", "track": "b", "true": "rock", "said": "p", "votes": 2, "runs": 2},
    ]


def test_tracks_of_other_data_are_other_tracks_whatever_their_names():
    x, y = (outcome(1, name, "0p", data_set=n) for n, name in enumerate("xy"))
    (pair,) = pairs([x, y]).to_dict("records")
    assert (pair["test"], pair["note"]) == ("none", "the data is not the same: no test")
    assert always_wrong([x, y]).empty
    found = always_wrong([x, y, outcome(1, "z", "1p", data_set=1)])
    assert found[["track", "runs"]].to_numpy().tolist() == [["b", 2]]


@pytest.mark.slow
def test_the_page_in_a_browser(chromium, look, tmp_path):
    """Light, dark and narrow: all loads, nothing is fetched, complained of or cut off."""
    _, _, page = look
    numbers = json.loads((page.parent / "compare.json").read_text())
    accuracies = [line["accuracy"] for line in numbers["lines"]]
    with browser(chromium, tmp_path / "profile") as tab:
        colors = set()
        for width, dark in ((390, False), (390, True), (1280, False)):
            tab.open(page, width=width, dark=dark)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            drawn = "[...document.querySelectorAll('.chart')].map(c => c.querySelectorAll('svg')"
            drawn += ".length)"
            assert tab.wait(drawn, lambda counts: set(counts) == {1})
            tab.evaluate("document.querySelector('th:nth-child(4) button').click()")
            first = "document.querySelector('table.tool tbody td:nth-child(4)').textContent"
            assert tab.evaluate(first) == f"{max(accuracies):.3f}"
            typed = "f.value = 'kfold svc'; f.dispatchEvent(new Event('input'))"
            tab.evaluate(f"{{ const f = document.querySelector('input.filter'); {typed} }}")
            shown = "[...document.querySelectorAll('table.tool tbody tr')].filter(r => !r.hidden)"
            assert tab.evaluate(f"{shown}.length") == 1
            colors.add(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
            methods = {event["method"] for event in tab.events}
            assert not methods & {
                "Log.entryAdded",
                "Runtime.exceptionThrown",
                "Runtime.consoleAPICalled",
            }
            asked = [
                event["params"]["request"]["url"].partition(":")[0]
                for event in tab.events
                if event["method"] == "Network.requestWillBeSent"
            ]
            assert asked.count("file") == 1
            assert set(asked) <= {"file", "data"}
        assert len(colors) == 2

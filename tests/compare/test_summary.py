"""The lines of a comparison, from hand-made runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.cli import main
from gtzan_exp.compare.summary import over_draws, summary
from gtzan_exp.compare.text import Tables, as_text, notes
from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.config.files import choices
from gtzan_exp.evaluation.intervals import corrected_interval
from gtzan_exp.tracking.query import recorded_runs

pytestmark = pytest.mark.usefixtures("no_pictures")

BASE = {
    "run_id": "r0",
    "name": "features-svc-holdout",
    "status": "FINISHED",
    "data": "gtzan",
    "view": "features",
    "model": "svc",
    "split": "holdout",
    "split_options": "seed=0, test_size=0.2",
    "options": "o1",
    "config_hash": "c1",
    "leak": "artist",
    "leak/artist": 0.82,
    "data_fingerprint": "d1",
    "split_fingerprint": "s1",
    "test_fingerprint": "t1",
    "test/accuracy": 0.5,
    "test/macro_f1": 0.5,
    "fit_seconds": 1.0,
    "n_test": 100.0,
    "n_train": 400.0,
}


def frame(*changes: dict) -> pd.DataFrame:
    return pd.DataFrame([{**BASE, **change} for change in changes])


def test_unlike_runs_are_never_averaged():
    runs = frame(
        {"options": "o1"},
        {"options": "o2", "config_hash": "c2", "test/accuracy": 0.7, "run_id": "r1"},
        {"split_fingerprint": "s2", "test/accuracy": 0.9},
        {"data_fingerprint": "d2"},
        {"leak": "scaler+artist"},
        {"status": "FAILED", "test/accuracy": np.nan},
    )
    table = summary(runs)
    assert len(table) == 4
    both = table[table["runs"] == 2].iloc[0]
    assert both["accuracy"] == pytest.approx(0.6)
    assert (both["best"], both["best_run_id"], both["run_id"]) == (0.7, "r1", "r0")
    assert (both["interval"], both["low"], both["high"]) == ("range", 0.5, 0.7)
    assert "0.50-0.70 range" in as_text(table)
    assert set(table["leak"]) == {"artist 82%", "scaler, artist 82%"}
    assert sorted(table["on_purpose"].unique()) == ["", "scaler"]
    assert table.groupby("on_purpose")["protocol"].nunique().tolist() == [1, 1]


def test_seeds_of_one_split_have_an_interval_and_repeated_runs_count_once():
    """The oldest run is a repetition by other code, whose result has changed."""
    seeds = [
        {
            "config_hash": f"c{n}",
            "seeds": f"seed={n % 3}",
            "code": "new",
            "test/accuracy": value,
            "n_test_tracks": 100.0,
        }
        for n, value in enumerate((0.58, 0.60, 0.62, 0.90))
    ]
    seeds[3]["code"] = "old"
    table = summary(frame(*seeds))
    (line,) = table.to_dict("records")
    assert (line["runs"], line["seeds"], line["interval"]) == (4, 3, "seeds")
    assert line["accuracy"] == pytest.approx(0.6)
    assert line["low"] < 0.5020 < 0.6906 < line["high"]  # Wilson of 60 in 100
    assert " 3 seeds " in as_text(table)
    assert notes(table) == [
        "The code changed between the runs of features svc (holdout); of each seed the newest run "
        "counts."
    ]
    (line,) = summary(frame(seeds[0], seeds[3] | {"seeds": "seed=0"})).to_dict("records")
    assert (line["seeds"], line["interval"], line["accuracy"]) == (1, "wilson", 0.58)


def test_seeds_that_change_nothing_are_one():
    """Equal accuracy alone is chance; that two of three seeds agree in all does not drop one."""
    losses = (1.0, 1.0 + 1e-13, 1.2)
    seeds = [
        {"config_hash": f"c{n}", "seeds": f"seed={n}", "test/log_loss": loss}
        for n, loss in enumerate(losses)
    ]
    (line,) = summary(frame(*seeds[:2])).to_dict("records")
    assert (line["runs"], line["seeds"], line["interval"]) == (2, 1, "wilson")
    assert "seeds" not in as_text(summary(frame(*seeds[:2])))
    (line,) = summary(frame(*seeds)).to_dict("records")
    assert (line["runs"], line["seeds"], line["interval"]) == (3, 3, "seeds")


def test_segments_count_as_tracks():
    run = {"n_test": 1000.0, "n_test_tracks": 100.0, "test/track_accuracy": 0.6}
    (line,) = summary(frame(run)).to_dict("records")
    assert (line["accuracy"], line["of"], line["n_test"]) == (0.6, "tracks", 100)
    assert (line["low"], line["high"]) == pytest.approx((0.5020, 0.6906), abs=1e-4)
    (line,) = summary(frame({**run, "test/track_accuracy": np.nan})).to_dict("records")
    assert (line["accuracy"], line["of"]) == (0.5, "rows")
    assert (line["low"], line["high"]) == pytest.approx((0.4038, 0.5962), abs=1e-4)


def test_draws_of_a_split_are_lines_of_their_own_and_averaged_beside_them():
    values = (0.5, 0.6, 0.7)
    runs = frame(
        *(
            {
                "split_options": f"seed={n}, test_size=0.2",
                "split_fingerprint": f"s{n}",
                "test_fingerprint": f"t{n}",
                "config_hash": f"c{n}",
                "test/accuracy": value,
            }
            for n, value in enumerate(values)
        )
    )
    table = summary(runs)
    assert table["protocol"].tolist() == [1, 2, 3]
    shown = [line.split("; ")[0] for line in as_text(table).splitlines()[1::2]]
    assert shown == [f"holdout, seed={n}" for n in range(3)]
    (line,) = over_draws(runs).to_dict("records")
    assert (line["draws"], line["on"]) == (3, "t0+t1+t2")
    assert line["accuracy"] == pytest.approx(0.6)
    expected = corrected_interval(np.array(values), 0.25)
    assert (line["low"], line["high"]) == pytest.approx((expected.low, expected.high))
    larger = runs.assign(split_options=[f"seed={n}, test_size=0.4" for n in range(3)])
    text = as_text(over_draws(pd.concat([runs, larger])))
    shown = [line.split("; ")[0] for line in text.splitlines()[1::2]]
    assert shown == ["holdout, test_size=0.2", "holdout, test_size=0.4"]
    lists = {"split_options": "test=a.txt"}
    assert over_draws(frame(lists, {**lists, "split_fingerprint": "s9"})).empty


def test_a_protocol_whose_test_parts_differ_says_so():
    same = summary(frame({}, {"view": "spectrograms", "data_fingerprint": "d2"}))
    assert notes(same) == []
    trained = {"view": "spectrograms", "data_fingerprint": "d2", "split_fingerprint": "s2"}
    (note,) = notes(summary(frame({}, trained)))
    assert note == "holdout: same test tracks, but the training parts are not identical."
    (note,) = notes(summary(frame({}, {**trained, "test_fingerprint": "t2", "n_test": 99.0})))
    assert "holdout: the test parts are not identical (t1 of 100 tracks, t2 of 99 tracks)" in note


def test_splits_that_other_files_give_are_other_protocols(workspace):
    """Of three tables the second has another name, and the third trains on no rock."""
    quick = ["experiment=smoke", "tracking.log_model=false"]
    assert main(quick) == 0
    (one,) = workspace.glob("outputs/**/split.csv")
    text = one.read_text()
    without = [line for line in text.splitlines() if ",train,rock." not in line]
    tables = {"a.csv": text, "b.csv": text, "c.csv": "\n".join(without)}
    models = dict(zip(tables, ("logreg", "svc", "linear_svc"), strict=True))
    for name, model in models.items():
        (workspace / name).write_text(tables[name])
        assert main([f"split.table={name}", f"model={model}", "split=lists", *quick]) == 0
    tracking = composed([], resolve).tracking
    runs = recorded_runs(tracking)
    runs = runs[runs["split"] == "lists"]
    table = summary(runs[runs["model"] != "linear_svc"])
    assert (set(table["protocol"]), set(table["title"])) == ({1}, {"lists"})
    table = summary(runs)
    titles = dict(zip(table["model"], table["title"], strict=True))
    named = {"logreg": "a.csv", "svc": "a.csv", "linear_svc": "c.csv"}
    assert titles == {model: f"lists, table={name}" for model, name in named.items()}
    assert notes(table) == ["lists, table=c.csv: fold 1 of 1: tested and never trained: rock."]


def test_artists_that_nobody_knows_are_no_artists_that_are_kept_apart():
    audited = {"leak/artist": np.nan, "leak/track": 0.0}
    runs = frame(
        {**audited, "leak": "none"},
        {**audited, "leak": "scaler+duplicate", "leak/duplicate": 0.03},
        {"leak": "none", "leak/artist": 0.0, "leak/track": 0.0, "model": "mlp"},
        {"leak": "none", "leak/artist": np.nan, "model": "logreg"},
    )
    table = summary(runs)
    found = set(zip(table["model"], table["leak"], strict=True))
    apart = {("mlp", "none"), ("logreg", "none")}
    assert found == apart | {("svc", "artist ?"), ("svc", "scaler, duplicate 3%, artist ?")}
    assert any(note.startswith("artist ?: no list of artists") for note in notes(table))


def test_other_data_of_the_same_name_is_told_apart():
    """Two views of a folder have two fingerprints; another folder, or sample, has others."""
    pictures = {"view": "spectrograms", "data_fingerprint": "p1"}
    moved = {"model": "mlp", "data_place": "b"}
    assert summary(frame({"data_place": "a"}, pictures, moved))["data_set"].tolist() == [1] * 3
    runs = [{**run, "data_place": "a"} for run in ({}, pictures)]
    other = [{**run, "data_place": "b", "data_fingerprint": f"b{n}"} for n, run in enumerate(runs)]
    table = summary(frame(*runs, *other))
    assert set(table["protocol"]) == {1}
    assert set(table["data_set"] * 10 + (table["data_place"] == "b")) == {10, 21}
    assert as_text(table).split()[0] == "data"
    (note,) = notes(table)
    assert note.startswith("holdout: the data is not the same.")
    changed = summary(frame({}, {**pictures, "data_options": "seed=1"}))
    assert changed["data_set"].nunique() == 2
    rewritten = summary(frame(*runs, {"data_place": "a", "data_fingerprint": "d2"}))
    assert rewritten["data_set"].nunique() == 3


def test_a_published_number_stands_beside_the_run():
    text = as_text(summary(frame({}, {"model": "mlp", "published": "did not run"})))
    assert "published" in text.splitlines()[0]
    assert "did not run" in text
    assert "published" not in as_text(summary(frame({})))
    seeds = [{"seeds": f"seed={n}", "test/accuracy": 0.4 + n / 100} for n in range(5)]
    for published, place in {
        "0.40": "inside",
        "0.435": "inside",
        "0.44": "inside",
        "0.45": "outside",
        "0.445": "outside",
        "0.39": "outside",
    }.items():
        runs = frame(*({**seed, "published": published} for seed in seeds))
        assert f" {published} {place} " in as_text(summary(runs))
    rounded = summary(frame({"test/accuracy": 0.6233, "published": "0.62"}))
    assert rounded["published_is"].tolist() == ["inside"]


def test_the_notebooks_numbers_are_tags_of_its_rows(workspace):
    rows = choices("experiment/notebook")
    cells = {row: composed([f"experiment=notebook/{row}"], resolve) for row in rows}
    published = {row: cell.tags.get("published") for row, cell in cells.items()}
    assert published.pop("protocol") is None
    assert published == {
        "features_xgboost": "0.74",
        "features_logreg": "0.62",
        "features_mlp": "0.59",
        "features_cnn1d": "0.57",
        "images_logreg": "0.47",
        "images_linear_svc": "0.41",
        "images_mlp": "did not run",
        "images_cnn2d": "0.405",
        "images_cnn2d_leaky": "0.46",
        "images_alexnet": "0.115",
    }


def test_what_the_lines_of_a_protocol_have_in_common_stands_above_them():
    other = {"split": "kfold", "leak": "none", "test_fingerprint": "t2"}
    alike = frame({}, {"model": "logreg", "test/ece": 0.125, "test/accuracy": 0.25}, other)
    assert as_text(summary(alike, ["ece"])) == (
        "  view      model  runs accuracy  interval  macro_f1   ece fit_s\n"
        "holdout; leak artist 82%; on t1\n"
        "  features  svc       1    0.500  0.40-0.60    0.500         1.0\n"
        "  features  logreg    1    0.250  0.18-0.34    0.500 0.125   1.0\n"
        "kfold; leak none; on t2\n"
        "  features  svc       1    0.500  0.40-0.60    0.500         1.0"
    )
    unlike = as_text(summary(frame({}, {"model": "mlp", "leak/artist": 0.5}, other)))
    assert unlike.split()[0] == "leak"
    assert "holdout; on t1" in unlike.splitlines()


def test_the_table_fits_a_terminal():
    """The widest names there are, three decimals, a line in at most 80 characters."""
    wide = {"split": "group_kfold_artist", "leak": "artist+duplicate", "leak/duplicate": 0.03}
    text = as_text(summary(frame({**wide, "model": "linear_svc"})))
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_finished_is_no_table_and_still_says_what_there_is(tmp_path):
    runs = frame({"status": "RUNNING", "test/accuracy": np.nan}).drop(columns="test/accuracy")
    tables = Tables.of(runs)
    tables.write(tmp_path, title="x")
    assert tables.text() == "RUNNING: features-svc-holdout (r0)"
    found = Tables.of(frame({"test/accuracy": np.nan})).text()
    assert found == "FINISHED without test/accuracy: features-svc-holdout (r0)"


def test_written_tables_are_whole(tmp_path):
    runs = frame(
        {"test/accuracy": 1 / 3},
        {"model": "a|b <i>", "test/accuracy": 0.25, "leak/artist": "x"},
        {"status": "FAILED", "name": "x\ny", "run_id": "r2"},
    )
    tables = Tables.of(runs)
    tables.write(tmp_path, title="two runs")
    assert "0.333" in tables.text()
    read = pd.read_csv(tmp_path / "compare.csv")
    assert read["accuracy"].tolist() == [1 / 3, 0.25]
    assert {"low", "high", "n_test", "leak/artist", "split_fingerprint", "run_id"} <= set(read)
    markdown = (tmp_path / "compare.md").read_text()
    assert markdown.startswith("# two runs\n")
    assert "| a\\|b &lt;i&gt; |" in markdown
    assert "- FAILED: x?y (r2)" in markdown


def test_a_table_that_is_too_wide_for_a_terminal_leaves_out_what_tells_least():
    wide = {"model": "hist_gradient_boosting", "published": "not on these tracks"}
    heads = [as_text(summary(frame({}, more))).splitlines()[0] for more in ({"model": "mlp"}, wide)]
    assert ["fit_s" in head for head in heads] == [True, False]
    assert {"accuracy", "interval"} <= set(heads[1].split())
    assert len(heads[1]) <= 80

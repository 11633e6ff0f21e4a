"""`gtzan-exp explore` from the command line to the page, the pictures and the record."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from gtzan_exp.cli import main
from gtzan_exp.explore.track_pictures import KINDS
from gtzan_exp.tracking.store import Tracking
from tests.browser import browser

SMALL = ("data=sample", "data.tracks_per_genre=8", "data.seconds=3")  # as other tests have

FACTS = """(() => ({
  width: document.documentElement.scrollWidth,
  images: [...document.images].map(
    i => [i.complete && i.naturalWidth > 0, i.alt, i.src.slice(0, 22)]),
  color: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.body).color,
}))()"""


def explore(capsys: pytest.CaptureFixture[str], *overrides: str) -> tuple[str, Path]:
    """Run the command and return the run and the page that its last line names."""
    assert main(["explore", *overrides]) == 0
    return named(capsys.readouterr().out)


def named(out: str) -> tuple[str, Path]:
    run_id, page = re.fullmatch(r"run_id=(\w+) page=(.+)", out.splitlines()[-1]).groups()
    return run_id, Path(page)


PAGES = {
    "tracks": [*SMALL, "tracks=[pop.00001,blues.00002]", "output=look", "+tags.n=1"],
    "data set": [*SMALL, "features=[tempo,rms_mean]"],
    "gtzan": ["data=gtzan"],
}


@pytest.fixture(scope="module")
def explored(module_workspace, session_cache) -> Callable[[str], tuple[str, Path]]:
    """Return a function that makes each of `PAGES` once, and returns its run and the page."""

    @cache
    def once(name: str) -> tuple[str, Path]:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
            patch.chdir(module_workspace)
            patch.setenv("GTZAN_EXP_CACHE", str(session_cache))
            assert main(["explore", *PAGES[name]]) == 0
        return named(out.getvalue())

    return once


def refused(capsys: pytest.CaptureFixture[str], *overrides: str) -> str:
    """Run the command and return the one line that it is refused with."""
    assert main(["explore", *overrides]) == 2
    lines = capsys.readouterr().err.splitlines()  # progress may come first
    (line,) = (line for line in lines if line.startswith("gtzan-exp: error"))
    return line


@pytest.mark.slow
def test_tracks_side_by_side(explored, module_workspace):
    run_id, page = explored("tracks")
    assert page == module_workspace / "look" / "explore.html"
    numbers = json.loads((page.parent / "explore.json").read_text())
    assert numbers["run_id"] == run_id
    assert numbers["synthetic"] is True
    assert list(numbers["tracks"]) == ["pop.00001", "blues.00002"]
    blues = numbers["tracks"]["blues.00002"]
    assert blues["samples"] == blues["features"]["length"] == 3 * 22050
    assert blues["stft_shape"] == [1025, 130]

    expected = {
        f"{name}.{kind.name}.png"
        for name in ("pop.00001", "blues.00002", "side_by_side")
        for kind in KINDS
    }
    pictures = {path.name: cv2.imread(str(path)) for path in page.parent.glob("*.png")}
    assert set(pictures) == expected
    assert all(np.std(picture) > 5 for picture in pictures.values())

    text = page.read_text(encoding="utf-8")
    assert "SYNTHETIC, not GTZAN" in text
    assert "prefers-color-scheme: dark" in text
    assert "http:" not in re.sub('base64,[^"]*', "", text)
    store = f"sqlite:///{module_workspace}/mlruns/mlflow.db"
    client = Tracking(uri=store, experiment="x").client()
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["task"] == "explore"
    assert (run.data.tags["synthetic"], run.data.tags["n"]) == ("true", "1")
    logged = {file.path for file in client.list_artifacts(run_id)}
    assert logged == {"environment.json", *(path.name for path in page.parent.iterdir())}
    assert client.get_experiment(run.info.experiment_id).name == "gtzan_exp-sample-reports"


def test_a_file_of_your_own_needs_no_data(workspace, capsys):
    own = workspace / "my song (live), 1.wav"
    soundfile.write(own, 0.1 * np.random.default_rng(0).standard_normal(44100), 22050)
    _, page = explore(capsys, f"audio='{own.name}'", "data=folder", "data.root=/nowhere")
    numbers = json.loads((page.parent / "explore.json").read_text())
    assert numbers["data"] == "file"
    assert numbers["synthetic"] is False
    assert numbers["tracks"][own.name]["genre"] is None
    assert page.parent.is_relative_to(workspace / "outputs")

    text = page.read_text(encoding="utf-8")
    played = [
        soundfile.read(io.BytesIO(base64.b64decode(data)))
        for data in re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', text)
    ]
    assert [rate for _, rate in played] == [22050] * 3
    parts = [sound[:40000] for sound, _ in played]
    original = soundfile.read(own)[0][:40000]
    for heard in (parts[0], parts[1] + parts[2]):  # mp3 loses a part of noise
        assert np.corrcoef(heard, original)[0, 1] > 0.8
    spans = [[*map(float, span.split())] for span in re.findall(r'data-span="([^"]+)"', text)]
    assert len(spans) == len(KINDS) - 1
    assert all(0 < first < last <= 1 and seconds == 2 for first, last, seconds in spans)


@pytest.mark.slow
def test_a_data_set(explored):
    _, page = explored("data set")
    numbers = json.loads((page.parent / "explore.json").read_text())
    assert numbers["rows"] == 80
    assert "length" in numbers["columns"]
    assert numbers["pca_cumulative_percent"][-1] == pytest.approx(100)
    blues = numbers["class_balance"][0]
    assert (blues["genre"], blues["tracks"], blues["rows"]) == ("blues", 8, 8)
    titles = re.findall("<h2[^>]*>([^<]+)", page.read_text(encoding="utf-8"))
    assert titles[:3] == ["Artists", "Duplicates", "Faults"]
    assert numbers["incomplete_tracks"] == []
    assert {path.stem for path in page.parent.glob("*.png")} == {
        "class_balance",
        "correlation",
        "pca_variance",
        "pca_3d",
        "pca_2d",
        "distribution_tempo",
        "distribution_rms_mean",
        "image_grid",
        "mean_images",
    }


@pytest.mark.gtzan
@pytest.mark.slow
def test_gtzan(gtzan_root, explored):
    _, page = explored("gtzan")
    numbers = json.loads((page.parent / "explore.json").read_text())
    assert len(numbers["pca_cumulative_percent"]) == 58
    path = gtzan_root / "splits" / "identical_feature_rows_pairs.txt"
    identical = [f"{pair['id']}.wav,{pair['other']}.wav" for pair in numbers["identical_rows"]]
    assert identical == sorted(path.read_text().split())
    across = [pair["id"] for pair in numbers["identical_rows"] if not pair["same_genre"]]
    assert across == ["metal.00058"]
    artists = {line["genre"]: line["artists"] for line in numbers["class_balance"]}
    assert (artists["blues"], artists["disco"]) == (9, 62)
    known = (gtzan_root / "splits" / "same_recording_groups_shazam.txt").read_text()
    assert all(pair["id"] in known and pair["other"] in known for pair in numbers["near_rows"])
    pairs = {(pair["id"], pair["other"]) for pair in numbers["identical_images"]}
    assert ("metal.00058", "rock.00016") in pairs
    lacking = {line["track"]: line["missing"] for line in numbers["incomplete_tracks"]}
    assert [track for track, what in lacking.items() if "image" in what] == ["jazz.00054"]
    assert "SYNTHETIC" not in page.read_text(encoding="utf-8")


def test_mistakes_are_one_line_each(workspace, capsys):
    assert "(nearest: blues.00001)" in refused(capsys, *SMALL, "track=bleus.00001")
    assert "(nearest: track)" in refused(capsys, "trck=blues.00000")
    assert "max_seconds" in refused(capsys, "max_seconds=0", "track=blues.00000")
    assert "(nearest: rms_mean)" in refused(capsys, *SMALL, "features=[rms_men]")
    assert "is a sweep" in refused(capsys, "track=blues.00000,blues.00001")
    assert "does not exist" in refused(capsys, "data=folder", "data.root=/nowhere")
    assert "cannot be opened" in refused(capsys, "audio=nowhere.wav")
    (workspace / "broken.wav").write_bytes(b"RIFF not a wave")
    assert "broken.wav: corrupt" in refused(capsys, "audio=broken.wav")
    assert "is a file; allowed: audio=FILE, or the id" in refused(capsys, "track=broken.wav")
    (workspace / "used").mkdir()
    (workspace / "used" / "file").touch()
    assert "output: not empty" in refused(capsys, "output=used")
    (workspace / "used" / "features_30_sec.csv").write_text("filename,label\n")
    assert "no audio there" in refused(capsys, "data=folder", "data.root=used", "track=a.1")
    runs = Tracking(uri=f"sqlite:///{workspace}/mlruns/mlflow.db", experiment="x").client()
    assert runs.get_experiment_by_name("gtzan_exp-sample") is None


def test_options_of_explore_are_no_options_of_training(workspace, capsys):
    assert main(["train", "track=blues.00000"]) == 2
    assert "track: unknown option" in capsys.readouterr().err


@pytest.mark.gtzan
def test_the_corrupt_track_of_gtzan_is_refused(workspace, capsys, gtzan_root):
    line = refused(capsys, "data=gtzan", f"data.root='{gtzan_root}'", "track=jazz.00054")
    assert "jazz.00054.wav: corrupt or not audio" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["tracks", "data set", pytest.param("gtzan", marks=pytest.mark.gtzan)]
)
def test_the_page_in_a_browser(chromium, explored, tmp_path, request, name):
    """Light, dark and narrow: all loads, nothing is fetched, complained of or cut off."""
    if name == "gtzan":
        request.getfixturevalue("gtzan_root")
    _, page = explored(name)
    with browser(chromium, tmp_path / "profile") as tab:
        colors = set()
        for width, dark in ((390, False), (390, True), (1280, False)):
            tab.open(page, width=width, dark=dark)
            facts = tab.evaluate(FACTS)
            assert facts["width"] <= width
            assert facts["images"]
            for loaded, alt, src in facts["images"]:
                assert loaded, alt
                assert len(alt) > 20
                assert src == "data:image/png;base64,"
            colors.add((facts["color"], facts["ink"]))
            methods = {event["method"] for event in tab.events}
            complaints = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
            assert not methods & complaints
            asked = [
                event["params"]["request"]["url"]
                for event in tab.events
                if event["method"] == "Network.requestWillBeSent"
            ]
            assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
            assert sum(url.startswith("file:") for url in asked) == 1
        assert len(colors) == 2

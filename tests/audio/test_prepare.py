"""From a folder of audio to the views: layout, safety, resumption, and bad files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from threadpoolctl import threadpool_limits

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.features import FEATURE_COLUMNS, FeatureSettings, extract
from gtzan_exp.audio.prepare import PrepareSettings, prepare
from gtzan_exp.audio.spectrograms import SpectrogramSettings
from gtzan_exp.audio.tracks import load_audio, scan_tracks
from gtzan_exp.audio.workers import map_unordered
from gtzan_exp.basics.errors import ConfigError, DataError

from .conftest import RATE, music

SERIAL = PrepareSettings(n_jobs=1)


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of the views by its name, without what is private to prepare."""
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {str(f): (root / f).read_bytes() for f in files if f.parts[0] != ".prepare"}


def test_views_have_the_layout_of_gtzan(collection, tmp_path, capfd):
    report = prepare(collection, tmp_path / "out", SERIAL)
    assert capfd.readouterr() == ("", "")
    assert (report.done, report.reused, report.failed) == (6, 0, 0)
    ids = [track.id for track in scan_tracks(collection)[0]]
    whole = pd.read_csv(tmp_path / "out" / "features_30_sec.csv")
    assert tuple(whole.columns) == ("filename", "length", *FEATURE_COLUMNS, "label")
    assert whole["filename"].tolist() == [f"{id}.wav" for id in ids]
    assert whole["label"].tolist() == [id.split(".")[0] for id in ids]
    parts = pd.read_csv(tmp_path / "out" / "features_3_sec.csv")
    assert parts["filename"].tolist() == [f"{id}.0.wav" for id in ids]
    assert set(parts["length"]) == {66149}
    y = load_audio(collection / "rock" / "rock.00005.wav")
    for table, signal_ in ((whole, y), (parts, y[:66149])):
        with threadpool_limits(1):
            expected = extract(signal_, FeatureSettings())
        assert table.iloc[5][list(expected)].tolist() == list(expected.values())
    assert sorted(path.stem for path in (report.root / "images_original").glob("*/*.png")) == ids


def test_load_audio_gives_what_librosa_loads(tmp_path):
    librosa = librosa_loader.load()
    import soundfile

    stereo = np.stack([music(2.0, seed=1), music(2.0, seed=2)], axis=1)
    for suffix in (".wav", ".au", ".flac", ".ogg", ".mp3"):
        path = tmp_path / f"some song{suffix}"
        soundfile.write(path, stereo, 2 * RATE)
        y = load_audio(path, min_seconds=0.5)
        np.testing.assert_array_equal(y, librosa.load(path)[0])
        assert y.dtype == np.float32


def test_every_bad_file_is_named_and_none_stops_the_rest(collection, tmp_path, write_track):
    import soundfile

    jazz = collection / "jazz"
    soundfile.write(jazz / "short.wav", music(0.5), RATE)
    soundfile.write(jazz / "silent.wav", np.zeros(2 * RATE), RATE)
    soundfile.write(jazz / "broken.wav", np.full(2 * RATE, np.nan), RATE, subtype="FLOAT")
    (jazz / "empty.wav").touch()
    (jazz / "words.wav").write_text("not a sound " * 1000)
    (jazz / "corrupt.flac").write_bytes(b"fLaC" + bytes(5000))
    (jazz / "gone.wav").symlink_to(tmp_path / "nowhere")
    os.mkfifo(jazz / "pipe.wav")
    (jazz / "endless.wav").symlink_to("/dev/zero")
    (jazz / "circle.mp3").symlink_to("circle.mp3")
    (jazz / "round").symlink_to(jazz)
    soundfile.write(jazz / "loud.wav", np.full(2 * RATE, 1e38), RATE, subtype="FLOAT")
    soundfile.write(jazz / "slow.wav", music(1.0), 1)
    (jazz / "phone.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(5000))
    soundfile.write(jazz / "jazz.00002.mp3", music(2.0), RATE)
    for passed_over in ("cover.jpg", "Thumbs.db", "desktop.ini", "all.m3u", "._jazz.00002.wav"):
        (jazz / passed_over).write_bytes(b"\xff\xd8\xff")
    write_track(jazz / f"{'x' * 236}.wav")
    write_track(jazz / "no\u00a0break.wav")
    for name in ("two\nlines.wav", os.fsdecode(b"latin\xe9.wav")):
        (jazz / name).touch()
    write_track(collection / "no genre.wav")
    (collection / ".hidden").mkdir()

    report = prepare(collection, tmp_path / "out", SERIAL)
    errors = pd.read_csv(report.root / "prepare_errors.csv", index_col="file")["what"].to_dict()
    assert errors == {
        "jazz/short.wav": "too short",
        "jazz/silent.wav": "silent",
        "jazz/broken.wav": "corrupt or not audio",
        "jazz/empty.wav": "empty file",
        "jazz/words.wav": "corrupt or not audio",
        "jazz/corrupt.flac": "corrupt or not audio",
        "jazz/gone.wav": "cannot be opened",
        "jazz/pipe.wav": "cannot be opened",
        "jazz/endless.wav": "cannot be opened",
        "jazz/circle.mp3": "cannot be opened",
        "jazz/loud.wav": "too loud",
        "jazz/slow.wav": "not music",
        "jazz/phone.m4a": "libsndfile cannot read it",
        "jazz/jazz.00002.mp3": "one of several files of the track 'jazz.00002'",
        f"jazz/{'x' * 236}.wav": "name too long",
        r"jazz/two\nlines.wav": "name is not text",
        r"jazz/latin\udce9.wav": "name is not text",
        "no genre.wav": "has no genre",
    }
    assert (report.done, report.failed) == (7, 18)
    assert "7 tracks done, 0 reused, 18 failed" in str(report)
    assert all("\n" not in str(problem) for problem in report.problems)
    said = {Path(problem.where).name: str(problem) for problem in report.problems}
    assert "ffmpeg -i phone.m4a phone.flac" in said["phone.m4a"]
    assert "is a FIFO" in said["pipe.wav"]
    assert "is a device" in said["endless.wav"]
    assert "jazz.00002.wav, which is taken" in said["jazz.00002.mp3"]

    with pytest.raises(DataError, match=r"no genre\.wav: has no genre"):
        prepare(collection, tmp_path / "strict", PrepareSettings(on_error="raise", n_jobs=1))


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_bad_file_ends_a_strict_run_and_the_next_one_goes_on(collection, tmp_path, n_jobs):
    bad = collection / "jazz" / "empty.wav"
    bad.touch()
    strict = PrepareSettings(on_error="raise", n_jobs=n_jobs)
    with pytest.raises(DataError, match=r"empty\.wav: empty file"):
        prepare(collection, tmp_path / "out", strict)
    assert not (tmp_path / "out" / "prepare_settings.json").exists()
    bad.unlink()
    report = prepare(collection, tmp_path / "out", strict)
    assert report.done + report.reused == 6


def test_an_unreadable_folder_is_named(collection, tmp_path, monkeypatch):
    scandir = os.scandir

    def refuse_jazz(path):
        if path == str(collection / "jazz"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("gtzan_exp.audio.tracks.os.scandir", refuse_jazz)
    report = prepare(collection, tmp_path / "out", SERIAL)
    assert report.done == 4
    assert [(p.where, p.what) for p in report.problems] == [
        (str(collection / "jazz"), "unreadable folder")
    ]


@pytest.mark.gtzan
def test_the_corrupt_track_of_gtzan_is_named(gtzan_root, tmp_path):
    jazz = tmp_path / "audio" / "jazz"
    jazz.mkdir(parents=True)
    for name in ("jazz.00000.wav", "jazz.00054.wav"):
        (jazz / name).symlink_to(gtzan_root / "genres_original" / "jazz" / name)
    settings = PrepareSettings(views=("spectrograms",), n_jobs=1)
    report = prepare(tmp_path / "audio", tmp_path / "out", settings)
    assert (report.done, report.failed) == (1, 1)
    assert not list(report.root.glob("features_*"))
    assert report.problems[0].where.endswith("jazz.00054.wav")
    with pytest.raises(DataError, match=r"jazz\.00054\.wav: corrupt or not audio"):
        prepare(tmp_path / "audio", tmp_path / "2", PrepareSettings(on_error="raise", n_jobs=1))


def test_only_what_changed_is_done_again(collection, tmp_path, write_track):
    out = tmp_path / "out"
    prepare(collection, out, SERIAL)
    first = contents(out)

    again = prepare(collection, out, SERIAL)
    assert (again.done, again.reused) == (0, 6)
    assert contents(out) == first

    image = out / "images_original" / "jazz" / "jazz.00002.png"
    image.write_bytes(b"spoilt")
    write_track(collection / "rock" / "rock.00005.wav", seed=99)
    shutil.move(collection / "blues" / "blues.00000.wav", collection / "blues" / "blues.00007.wav")
    changed = prepare(collection, out, SERIAL)
    assert (changed.done, changed.reused) == (3, 3)
    assert image.read_bytes() == first["images_original/jazz/jazz.00002.png"]
    prepare(collection, tmp_path / "fresh", SERIAL)
    assert contents(out) == contents(tmp_path / "fresh")

    kaggle = PrepareSettings(
        segments=(30,), spectrograms=SpectrogramSettings(style="kaggle"), n_jobs=1
    )
    assert prepare(collection, out, kaggle).done == 6
    assert not (out / "features_3_sec.csv").exists()
    prepare(collection, tmp_path / "fresh", kaggle)
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.slow
def test_killed_and_resumed_gives_what_an_undisturbed_run_gives(tmp_path, write_track):
    audio, out = tmp_path / "audio", tmp_path / "out"
    for seed in range(24):
        write_track(audio / "rock" / f"rock.{seed:05}.wav", seconds=6.2, seed=seed)
    (audio / "rock" / "bad.wav").touch()
    program = (
        "import sys; from pathlib import Path\n"
        "from gtzan_exp.audio.prepare import PrepareSettings, prepare\n"
        "prepare(Path(sys.argv[1]), Path(sys.argv[2]), PrepareSettings(n_jobs=2))\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, audio, out], start_new_session=True)
    finished = lambda: list(out.glob(".prepare/records/*/*.json"))  # noqa: E731
    deadline = time.monotonic() + 120
    while len(finished()) < 5 and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGSTOP)
    with pytest.raises(ConfigError, match="another run or sweep writes there"):
        prepare(audio, out, SERIAL)
    os.kill(killed.pid, signal.SIGKILL)  # its workers live on for a while
    killed.wait()
    assert 5 <= len(finished()) < 24
    assert not (out / "prepare_settings.json").exists()
    kept = len(finished())

    report = prepare(audio, out, SERIAL)
    assert report.reused >= kept
    assert (report.done + report.reused, report.failed) == (24, 1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(killed.pid, signal.SIGKILL)
    prepare(audio, tmp_path / "undisturbed", SERIAL)
    assert contents(out) == contents(tmp_path / "undisturbed")


def test_views_of_someone_else_are_not_overwritten(collection, tmp_path):
    (tmp_path / "features_30_sec.csv").write_text("precious")
    with pytest.raises(DataError, match=r"did not write.*features_30_sec\.csv"):
        prepare(collection, tmp_path, SERIAL)
    with pytest.raises(DataError, match="lies within the audio"):
        prepare(collection, collection / "out", SERIAL)
    assert (tmp_path / "features_30_sec.csv").read_text() == "precious"


def test_audio_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no audio there.*got: nothing"):
        scan_tracks(tmp_path / "nowhere")
    (tmp_path / "bare" / "rock").mkdir(parents=True)
    with pytest.raises(DataError, match="no audio there"):
        scan_tracks(tmp_path / "bare")
    (tmp_path / "bare" / "song.wav").touch()
    with pytest.raises(DataError, match=r"song.wav: has no genre; allowed: <genre>/<file>"):
        scan_tracks(tmp_path / "bare")


def test_folders_of_artists_give_the_artists(tmp_path, write_track):
    """Genre, artist, album: ids are unique, and the list is what the audit reads."""
    from gtzan_exp.data.locations import Folder

    audio, out = tmp_path / "audio", tmp_path / "out"
    for seed, name in enumerate(
        ("rock/Mr. B/One/01.wav", "rock/Mr. B/Two/01.wav", "jazz/Ann/02.aiff", "jazz/alone.wav")
    ):
        write_track(audio / name, seconds=12.0 if seed else 3.2, seed=seed)
    settings = PrepareSettings(views=("features",), segments=(30,), n_jobs=1)
    report = prepare(audio, out, settings)
    ids = ["jazz.Ann.02", "jazz.alone", "rock.Mr. B.One.01", "rock.Mr. B.Two.01"]
    assert [track.id for track in scan_tracks(audio)[0]] == ids
    artists = Folder(name="mine", root=out, splits=out / "splits").artists(np.array(ids))
    assert artists.tolist() == ["Ann", "jazz.alone", "Mr. B", "Mr. B"]
    alone, short = report.notes
    assert alone.startswith("1 of 4 tracks are in no artist's folder")
    assert short.startswith("1 of 4 tracks are far shorter than the usual 12.0 s")
    assert short.endswith("rock.Mr. B.One.01 (3.2 s)")
    assert prepare(audio, out, settings).notes == report.notes

    own = out / "splits" / "artist_groups_merged.csv"
    own.write_text("filename,group\njazz.alone,me\n")
    prepare(audio, out, settings)
    assert own.read_text() == "filename,group\njazz.alone,me\n"


def test_a_companion_of_macos_is_no_part_of_a_file(tmp_path):
    import soundfile

    song = tmp_path / "song.mp3"
    soundfile.write(song, music(2.0), RATE)
    expected = load_audio(song)
    companion = bytes([0, 5, 22, 7, 0, 2, 0, 0]) + b"Mac OS X        " + bytes(4000)
    (tmp_path / "._song.mp3").write_bytes(companion)
    np.testing.assert_array_equal(load_audio(song), expected)


def test_an_offset_takes_another_part(tmp_path):
    import soundfile

    y = music(12.0)
    y[: 5 * RATE] = 0.0
    path = tmp_path / "late.wav"
    soundfile.write(path, y, RATE, subtype="FLOAT")
    with pytest.raises(DataError, match=r"silent; allowed: .*data\.offset"):
        load_audio(path, max_seconds=4.0)
    middle = load_audio(path, max_seconds=2.0, offset="middle")
    np.testing.assert_array_equal(middle, y[5 * RATE : 7 * RATE])
    with pytest.raises(DataError, match=r"too short.*from 20 s on"):
        load_audio(path, offset=20.0)
    assert PrepareSettings().as_json().keys() == PrepareSettings(offset=0).as_json().keys()
    assert PrepareSettings(offset="middle").as_json()["offset"] == "middle"


def test_workers_use_one_thread_each():
    from threadpoolctl import threadpool_info

    def threads(_: int) -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info()}

    assert list(map_unordered(threads, range(2), n_jobs=1)) == [{1}, {1}]
    assert list(map_unordered(threads, range(2), n_jobs=2)) == [{1}, {1}]


@pytest.mark.slow
def test_a_dask_cluster_of_two_processes_gives_the_same(collection, tmp_path):
    distributed = pytest.importorskip("distributed")
    prepare(collection, tmp_path / "here", SERIAL)
    with pytest.raises(ConfigError, match=r"no cluster.*none connected"):
        prepare(collection, tmp_path / "nowhere", PrepareSettings(backend="dask"))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        settings = PrepareSettings(backend="dask", address=cluster.scheduler_address)
        report = prepare(collection, tmp_path / "cluster", settings)
        with distributed.Client(cluster) as client:
            workers = client.run(os.getpid)
            busy = client.run(lambda: "librosa" in sys.modules)
    assert report.done == 6
    assert len(set(workers.values()) - {os.getpid()}) == 2
    assert all(busy.values())
    assert contents(tmp_path / "cluster") == contents(tmp_path / "here")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"views": ()}, "views"),
        ({"segments": (31,)}, "less than or equal to 30"),
        ({"n_jobs": 0}, "n_jobs must be -1"),
        ({"spectrograms": SpectrogramSettings(sample_rate=16000)}, "22050 and 16000"),
    ],
)
def test_impossible_settings_are_refused(options, complaint):
    with pytest.raises(ValidationError, match=complaint):
        PrepareSettings(**options)


def test_an_unfinished_folder_is_refused_by_training(collection, tmp_path):
    from gtzan_exp.data.locations import Folder

    root = tmp_path / "views"
    prepare(collection, root, PrepareSettings(n_jobs=1))
    assert Folder(name="mine", root=root).mistakes() == []
    (root / "prepare_settings.json").unlink()
    (found,) = Folder(name="mine", root=root).mistakes()
    assert str(found).startswith("data.root: holds an unfinished prepare; allowed: the same")

"""A cached folder is there whole or not at all, whoever builds it and whatever ends them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gtzan_exp.basics.errors import ConfigError
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.data.cache import cached_folder
from gtzan_exp.data.locations import Sample

BUILDER = """
import sys, time
from pathlib import Path
from gtzan_exp.data.cache import cached_folder

parent, log, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def build(out):
    with log.open("a") as file:
        file.write("built ")
    (out / "a").write_text("a")
    print("half", flush=True)
    time.sleep(pause)
    (out / "b").write_text("b")

print(sorted(path.name for path in cached_folder(parent, "key", build).iterdir()))
"""


def builder(parent: Path, log: Path, pause: float) -> subprocess.Popen:
    command = [sys.executable, "-c", BUILDER, str(parent), str(log), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_build_once(tmp_path):
    both = [builder(tmp_path / "cache", tmp_path / "log", 0.5) for _ in range(2)]
    outputs = [process.communicate(timeout=30)[0] for process in both]
    assert all("['a', 'b']" in output for output in outputs)
    assert (tmp_path / "log").read_text() == "built "


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_what_a_killed_builder_left_is_never_taken_for_a_folder(tmp_path):
    cache = tmp_path / "cache"
    killed = builder(cache, tmp_path / "log", 60)
    assert killed.stdout.readline() == "half\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=10)
    assert not (cache / "key").exists()

    def build(out: Path) -> None:
        assert list(out.iterdir()) == []
        (out / "c").write_text("c")

    folder = cached_folder(cache, "key", build)
    assert [path.name for path in folder.iterdir()] == ["c"]
    assert {path.name for path in cache.iterdir()} <= {"key", "key.lock"}


@pytest.mark.parametrize("ending", [ValueError, KeyboardInterrupt])
def test_a_build_that_fails_leaves_nothing_and_may_be_tried_again(tmp_path, ending):
    def fail(out: Path) -> None:
        (out / "half").write_text("")
        raise ending

    with pytest.raises(ending):
        cached_folder(tmp_path, "key", fail)
    assert {path.name for path in tmp_path.iterdir()} <= {"key.lock"}
    folder = cached_folder(tmp_path, "key", lambda out: (out / "whole").write_text(""))
    assert (folder / "whole").exists()
    assert cached_folder(tmp_path, "key", fail) == folder


def test_a_cache_that_cannot_be_written_is_a_mistake_in_an_option(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"paths\.cache: cannot be written"):
        cached_folder(tmp_path / "file", "key", lambda out: None)


def test_a_full_disk_is_a_mistake_in_an_option(tmp_path):
    def fill(out: Path) -> None:
        (out / "half").write_text("")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ConfigError, match=r"paths\.cache: cannot be written.*No space left"):
        cached_folder(tmp_path, "key", fill)
    assert {path.name for path in tmp_path.iterdir()} <= {"key.lock"}


def sample(cache: Path, **options) -> Sample:
    options = {"tracks_per_genre": 2, "seconds": 3.0, "seed": 0} | options
    return Sample(name="sample", classes=GENRES, cache=cache, **options)


SAMPLER = """
import sys
from pathlib import Path
from gtzan_exp.data.locations import Sample

options = {"tracks_per_genre": 2, "seconds": 3.0, "seed": 0, "classes": ("blues",)}
print(Sample(name="sample", cache=Path(sys.argv[1]), **options).folder())
"""


@pytest.mark.slow
def test_two_processes_generate_one_sample(tmp_path):
    """The cache has a space and a letter beyond ASCII in its name."""
    cache = tmp_path / "my cäche"
    command = [sys.executable, "-c", SAMPLER, str(cache)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in both]
    root = sample(cache).folder()
    assert outputs == [f"{root}\n"] * 2
    assert [path for path in (cache / "sample").iterdir() if path.is_dir()] == [root]
    assert len(list(root.glob("genres_original/*/*.wav"))) == 20
    assert len(list(root.glob("images_original/*/*.png"))) == 20
    assert len((root / "features_30_sec.csv").read_text().splitlines()) == 21


def test_a_sample_cannot_be_called_real(tmp_path):
    with pytest.raises(ValueError, match="synthetic"):
        sample(tmp_path, synthetic=False)

"""A folder has one writer at a time; what is no file is refused and not waited for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gtzan_exp.basics.errors import ConfigError
from gtzan_exp.basics.files import claimed, read_bytes

PROGRAM = """
import sys
from pathlib import Path
from gtzan_exp.basics.files import claimed

with claimed(Path(sys.argv[1]), "hydra.run.dir"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_comer_is_refused_until_the_first_has_ended(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", PROGRAM, tmp_path / "out"], **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(ConfigError, match=r"hydra\.run\.dir: another run or sweep writes there"),
            claimed(tmp_path / "out", "hydra.run.dir"),
        ):
            pass
        other.kill()
    with claimed(tmp_path / "out", "hydra.run.dir"), claimed(tmp_path / "out", "hydra.run.dir"):
        pass
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="cannot be made or written"),
        claimed(tmp_path / "file", "hydra.run.dir"),
    ):
        pass


def test_files_are_read_and_what_is_none_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_bytes(tmp_path / "link") == b"content"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to pipe").symlink_to("pipe")
    (tmp_path / "circle").symlink_to("circle")
    monkeypatch.chdir(tmp_path)  # the name of a socket has a limit
    with socket.socket(socket.AF_UNIX) as own:
        own.bind("socket")
    for name, reason in {
        "to pipe": "is a FIFO",
        "/dev/zero": "is a device",
        "socket": "is a socket",
        "circle": "symbolic links",
        ".": "directory",
    }.items():
        with pytest.raises(OSError, match=reason):
            read_bytes(Path(name))

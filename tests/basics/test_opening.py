"""What is no file is refused and not waited for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gtzan_exp.basics.opening import read_bytes


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

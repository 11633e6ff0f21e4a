"""Opening a user's files: regular files only, so that no read blocks or never ends."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def opened(path: Path | str) -> BufferedReader:
    """Open a file for reading; `OSError` also for a FIFO, a device, a socket, or a link to one."""
    kind = _KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
    if kind is not None:
        raise OSError(errno.EINVAL, f"is {kind} and not a file", str(path))
    return open(path, "rb")


def read_bytes(path: Path | str) -> bytes:
    """Return the content of a file; raises as `opened` does."""
    with opened(path) as file:
        return file.read()

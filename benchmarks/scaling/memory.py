"""What a command costs: its time, and the most memory that its processes hold at once."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

import psutil

_PAUSE = 0.05


@dataclass(frozen=True)
class Cost:
    """Seconds, and bytes at their peaks.

    `resident` counts every page in memory, those of memory-mapped files included; `anonymous`
    leaves out the pages of files, which the system takes back when it needs room.
    """

    seconds: float
    resident: int
    anonymous: int


def cost(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run a command to its end, and look at the memory of its process tree 20 times a second.

    Raises
    ------
    SystemExit
        The command failed; what it wrote is in the message.
    """
    with (folder / "log.txt").open("w+b") as log:
        started = perf_counter()
        process = psutil.Popen(
            command, cwd=folder, env=dict(environment), stdout=log, stderr=subprocess.STDOUT
        )
        resident = anonymous = 0
        while process.poll() is None:
            sizes = [_size(member) for member in _tree(process)]
            resident = max(resident, sum(total for total, _ in sizes))
            anonymous = max(anonymous, sum(total - files for total, files in sizes))
            sleep(_PAUSE)
        seconds = perf_counter() - started
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)} failed\n{log.read().decode()}")
    return Cost(seconds, resident, anonymous)


def _tree(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and what it started, but for forks of it that have yet to become another
    program: for a moment they have all its pages, which would be counted twice.
    """
    try:
        command = process.cmdline()
        children = process.children(recursive=True)
        return [process, *(child for child in children if child.cmdline() != command)]
    except psutil.NoSuchProcess:
        return [process]


def _size(process: psutil.Process) -> tuple[int, int]:
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0, 0
    return memory.rss, memory.shared

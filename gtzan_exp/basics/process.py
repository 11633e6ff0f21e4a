"""Processes of runs: their identity, whether they are alive, and how they end.

The only module that depends on the operating system.
"""

import io
import mmap
import multiprocessing
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import Any

TERMINATED = 128 + signal.SIGTERM  # exit status of a process that got SIGTERM
PROCESS = "process"  # the tag of the process of a run: its host, pid and start

_WATCH_SECONDS = 0.5
_GRACE_SECONDS = 10
_CLOSING_SECONDS = 25  # schedulers send SIGKILL 30 s after SIGTERM
_SAME_START_SECONDS = 2


def process_tags() -> dict[str, str]:
    """Return the tag `PROCESS` of this process: its host, pid and start (seconds since 1970)."""
    return {PROCESS: f"{platform.node()} {os.getpid()} {_start(os.getpid()):.2f}"}


def process_of(tags: Mapping[str, str]) -> tuple[str, int, float]:
    """Return the host, pid and start of the process of a run.

    Raises `ValueError` if the tags are not those of a run of this package.
    """
    older = (tags.get(name, "") for name in ("host", "pid", "process_start"))
    name, pid, start = (tags.get(PROCESS) or " ".join(older)).rsplit(" ", 2)
    return name, int(pid), float(start)


def may_run(tags: Mapping[str, str]) -> bool:
    """Return whether the process of a run is alive, on another machine, or not one of ours."""
    try:
        name, pid, start = process_of(tags)
    except ValueError:
        return True
    return name != platform.node() or is_alive(pid, start)


def is_alive(pid: int, start: float) -> bool:
    """Return whether a process of this machine with that pid and start is alive."""
    found = _start(pid)
    return found is not None and abs(found - start) < _SAME_START_SECONDS


def _start(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


@contextmanager
def silent_libraries(*, until_they_fail: bool = False) -> Iterator[None]:
    """Suppress what native libraries write to the standard error.

    TensorFlow reports missing devices before it reads its log level, and audio decoders report each
    damaged frame. With `until_they_fail` an error shows what was suppressed.
    """
    if sys.stderr is None or sys.__stderr__ is None:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() if until_they_fail else open(os.devnull, "r+b") as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Let SIGTERM raise `SystemExit` inside, so that runs are closed before the process ends.

    Does nothing outside the main thread, where Python cannot handle signals.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@cache
def end_at_last() -> None:
    """Let SIGTERM end this process of ours in seconds, even while its main thread is elsewhere."""
    if threading.current_thread() is not threading.main_thread():
        return
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)

    def watch(told: socket.socket) -> None:  # keeps a reference to the socket
        while signal.SIGTERM not in heard.recv(64):
            pass
        time.sleep(_CLOSING_SECONDS)
        os._exit(TERMINATED)

    threading.Thread(target=watch, args=(told,), daemon=True).start()


def run_to_end(command: Sequence[str]) -> int:
    """Run a program and return its exit status; it ends with this process, and so do its children.

    A shell waits for the end of a pipe that this process holds, and then kills the process group.
    On Windows, which has no process groups, Ctrl-C reaches both, and nothing else ends the program.
    """
    if os.name != "posix":
        return subprocess.call(command)
    end = 'trap "" TERM; read -r _ <&3; kill -TERM "-$$"; sleep 3; kill -KILL "-$$"'
    script = f'exec 3<&0; ({end}) & exec "$@" 3<&- </dev/null'
    program = subprocess.Popen(
        ["sh", "-c", script, "sh", *command], stdin=subprocess.PIPE, start_new_session=True
    )
    with program:
        try:
            return program.wait()
        finally:
            program.communicate()  # closes the pipe


@cache
def end_with_parent() -> None:
    """Let a worker of a process pool end soon after its parent process, however that died.

    Otherwise workers would go on with the jobs in their queue. Does nothing in other processes.
    """
    import psutil

    started_by = multiprocessing.parent_process()
    if started_by is None:
        return

    def is_orphan() -> bool:  # Windows keeps the pid of a dead parent
        parent = psutil.Process().parent()
        return parent is None or parent.pid != started_by.pid

    def watch() -> None:
        while not is_orphan():
            time.sleep(_WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE_SECONDS)
        os._exit(TERMINATED)

    if is_orphan():
        os._exit(TERMINATED)
    end_at_last()
    threading.Thread(target=watch, daemon=True).start()


class _Unread(io.FileIO):
    """A file that ignores writes to a closed pipe."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes


def outlive_reader() -> None:
    """Ignore a closed standard output, as with ``| head``, on POSIX systems.

    A command does more than print: a comparison is written and recorded afterwards.
    """
    out = sys.stdout
    if not isinstance(out, io.TextIOWrapper) or os.name != "posix":
        return
    raw = _Unread(out.fileno(), "w", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=out.encoding,
        errors=out.errors,
        line_buffering=out.line_buffering,
        write_through=out.write_through,
    )


def end_soon() -> None:
    """Let this process end within seconds, even where killed workers block joblib's pool."""

    def kill() -> None:
        import psutil

        time.sleep(_GRACE_SECONDS)
        for worker in multiprocessing.active_children():
            if worker.pid is not None:
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(worker.pid).kill()

    threading.Thread(target=kill, daemon=True).start()


def release_pages(array: object) -> None:
    """Release the pages of a read-only memory map that an array, or the array it views, has read.

    They stay in the file cache of the system, so reading them again is cheap. Otherwise the process
    would grow to the size of the file, except on Windows. Does nothing for other arrays.
    """
    while not isinstance(array, mmap.mmap | None):
        array = getattr(array, "base", None)
    if array is not None and sys.platform != "win32":
        array.madvise(mmap.MADV_DONTNEED)

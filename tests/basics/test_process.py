"""SIGTERM ends a process, whatever it is in; no other module depends on the system."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gtzan_exp.basics.process import TERMINATED

PROGRAM = """
import ctypes, sys
from gtzan_exp.basics import process

process._CLOSING_SECONDS = 0.2
process.end_at_last()
with process.ends_in_order():
    print("ready", flush=True)
    {wait}
"""


@pytest.mark.parametrize(
    "wait",
    [
        "ctypes.CDLL(None).sleep(100); [ctypes.CDLL(None).sleep(100) for _ in range(9)]",
        "process.threading.Thread(target=process.time.sleep, args=(100,)).start()",
    ],
    ids=["in a library", "with a thread left"],
)
def test_sigterm_ends_a_process_that_does_not_end(wait):
    program = PROGRAM.format(wait=wait)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == TERMINATED
    process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_and_its_children_end_with_the_process_that_ran_it(tmp_path, sign):
    program = (
        "import sys; from gtzan_exp.basics import process\n"
        "with process.ends_in_order():\n"
        "    process.run_to_end(sys.argv[1:])\n"
    )
    stubborn = "trap '' TERM; sh -c 'trap \"\" TERM; echo ready; sleep 100' & wait; sleep 100"
    command = [sys.executable, "-c", program, "sh", "-c", stubborn]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(sign)
    assert process.stdout.read() == b""  # ends when the last of them has
    assert process.wait(timeout=30) in (TERMINATED, -signal.SIGKILL)
    process.stdout.close()


UNIX = {
    "fcntl", "grp", "pty", "pwd", "resource", "termios", "signal", "madvise", "fork", "forkpty",
    "kill", "killpg", "getppid", "getpgid", "setsid", "getuid", "geteuid", "getgid", "mkfifo",
    "mknod", "chown", "chroot", "nice", "uname", "statvfs", "pread", "sched_getaffinity",
    "register_at_fork", "posix_spawn", "preexec_fn", "start_new_session", "O_NOFOLLOW",
    "O_NONBLOCK", "O_DIRECTORY", "SIGKILL", "SIGTERM", "SIGHUP", "AF_UNIX", "platform", "name",
}  # fmt: skip


def test_one_module_depends_on_the_operating_system():
    root = Path(__file__).parents[2]
    using = set()
    for path in [*root.glob("gtzan_exp/**/*.py"), *root.glob("hydra_plugins/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=names):
                    found = {name.name for name in names} - {"platform"}  # unlike sys.platform
                case ast.ImportFrom(module=module, names=names):
                    found = {module, *(name.name for name in names)}
                case ast.Attribute(attr=name, value=ast.Name(id="os" | "signal" | "sys")):
                    found = {name}
                case ast.Attribute(attr="madvise" as name):
                    found = {name}
                case ast.keyword(arg=name):
                    found = {name} & {"preexec_fn", "start_new_session"}
                case _:
                    continue
            if found & UNIX:
                using.add(path.relative_to(root).as_posix())
    assert using == {"gtzan_exp/basics/process.py"}

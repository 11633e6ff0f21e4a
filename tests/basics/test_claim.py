"""A folder has one writer at a time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gtzan_exp.basics.claim import claimed
from gtzan_exp.basics.errors import ConfigError

PROGRAM = """
import sys
from pathlib import Path
from gtzan_exp.basics.claim import claimed

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

"""The project that ``gtzan-exp init`` writes works as its README says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gtzan_exp.cli import main
from gtzan_exp.config.files import packaged
from gtzan_exp.run.runner import load
from tests.contracts import cell


def names(folder: Path) -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if "__pycache__" not in name}


def test_a_project_is_written_as_a_whole_or_not_at_all(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for folder in ("new/and deep", "empty"):
        assert main(["init", folder]) == 0
        assert names(tmp_path / folder) == names(packaged("template")) >= {"README.md"}
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine").touch()
    (tmp_path / "file").touch()

    def full(*arguments, **options):
        shutil.copy(__file__, arguments[1])
        raise OSError(28, "No space left on device")

    capsys.readouterr()
    monkeypatch.setattr("shutil.copytree", full)
    for arguments, line in {
        (): "init: wants one folder; allowed: gtzan-exp init DIR; got: nothing",
        ("a", "b"): "init: wants one folder",
        ("used",): "init: is not empty; allowed: a new or empty folder; got: ",
        ("file",): f"{tmp_path / 'file'}: cannot be read or written",
        ("other",): "the disk: cannot be read or written; allowed: a place with room, and rights; ",
    }.items():
        assert main(["init", *arguments]) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert said.startswith(f"gtzan-exp: error: {line}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "new", "used"]
    assert names(tmp_path / "used") == {"mine"}


@pytest.mark.slow
def test_every_command_of_its_readme_works(workspace, monkeypatch, capsys):
    pytest.importorskip("tensorflow", reason="the extra networks is not installed")
    song = next(Path(load(cell()).source).parent.rglob("*.wav"))
    assert main(["init", "."]) == 2  # the store of the test is there
    assert main(["init", "project"]) == 0
    monkeypatch.chdir("project")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    shutil.move(workspace / "mlruns", "mlruns")
    shutil.copy(song, "song.wav")
    (text,) = re.findall(r"```sh\n(.*?)```", Path("README.md").read_text(), re.S)
    run_id = ""
    for line in text.splitlines():
        program, *arguments = shlex.split(line.replace("RUN_ID", run_id), comments=True)
        if program == "gtzan-exp":
            assert main(arguments) == 0, line
        else:
            command = [sys.executable, "-m", program, "-q", "-p", "no:cacheprovider"]
            done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
            assert "2 passed" in done.stdout, done.stdout
        said = capsys.readouterr().out
        run_id = next(iter(re.findall(r"^run_id=(\w+) test", said, re.M)), run_id)
    sys.modules.pop("my_models", None)

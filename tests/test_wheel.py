"""The sdist is whole, and the wheel that is built from it runs from an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from gtzan_exp.tracking.identity import _package_hash

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel, unpacked, beside the sdist that it was built from."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


@pytest.mark.slow
def test_the_wheel_holds_the_configuration_and_no_tests(site):
    (wheel,) = site.parent.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    paths = [*(ROOT / "conf").rglob("*.yaml"), *(ROOT / "template").rglob("*.*")]
    for path in (path for path in paths if path.is_file() and path.suffix != ".pyc"):
        assert f"gtzan_exp/{path.relative_to(ROOT).as_posix()}" in names
    assert "hydra_plugins/gtzan_exp/__init__.py" in names
    assert _package_hash(site / "gtzan_exp") == _package_hash(ROOT / "gtzan_exp")
    assert not [name for name in names if name.startswith("tests/")]


@pytest.mark.slow
def test_the_sdist_holds_the_source_the_tests_and_the_documentation_and_no_data(site):
    (sdist,) = site.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        found = {PurePosixPath(name).relative_to(sdist.name[:-7]) for name in file.getnames()}
    folders = ("gtzan_exp", "hydra_plugins", "conf", "template", "tests", "benchmarks", "docs")
    source = {
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    read = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "CITATION.cff", "Makefile")
    assert not {*map(PurePosixPath, (*source, *read, "mkdocs.yml", "constraints.txt"))} - found
    assert {path.suffix for path in found if "docs" not in path.parts} <= {
        "", ".py", ".yaml", ".yml", ".md", ".html", ".json", ".mplstyle", ".txt", ".toml", ".cff",
    }  # fmt: skip
    assert sdist.stat().st_size < 2_000_000


@pytest.mark.slow
def test_the_wheel_runs_from_an_empty_folder(site, tmp_path, session_cache):
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    script = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import gtzan_exp.cli as cli; "
        f"assert cli.__file__.startswith({str(site)!r}), cli.__file__; "
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", script, "experiment=smoke"],
        cwd=folder,
        env={**os.environ, "GTZAN_EXP_CACHE": str(session_cache)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith("run_id=")
    assert sorted(path.name for path in folder.iterdir()) == ["mlruns", "outputs"]

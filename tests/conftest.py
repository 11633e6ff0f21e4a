"""Fixtures: a clean place for every test, and data that is made or found once per session."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests import ONE_CORE

if "PYTEST_XDIST_WORKER" in os.environ:  # the other cores belong to the other workers
    for variable in ONE_CORE:
        os.environ.setdefault(variable, "1")

import pytest
from hydra.core.global_hydra import GlobalHydra
from hypothesis import settings

from gtzan_exp.run import files
from gtzan_exp.tracking.store import Tracking

settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def gtzan_root() -> Path:
    """The real data, in place; tests that use it are marked ``gtzan``.

    Without GTZAN_ROOT they are skipped; one that points to nothing is a mistake and fails.
    """
    root = os.environ.get("GTZAN_ROOT")
    if not root:
        pytest.skip("GTZAN_ROOT is not set, so nothing is tested on the real data")
    table = Path(root) / "features_30_sec.csv"
    assert table.is_file(), f"GTZAN_ROOT is set, but there is no {table}"
    return Path(root)


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the session that pytest-xdist's workers have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def session_cache(common: Path) -> Path:
    """One cache for the whole session, so that the sample is synthesised once."""
    return common / "cache"


@pytest.fixture(scope="session")
def empty_store(common: Path) -> Path:
    """A fresh MLflow database, made once because MLflow takes seconds to make one."""
    path = common / "store" / "mlflow.db"
    Tracking(uri=f"sqlite:///{path}", experiment="unused").client().search_experiments()
    return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser that the pages are looked at with; only that is skipped where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is on the PATH, so pages are not rendered")
    return found


@pytest.fixture(scope="module")
def module_workspace(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with a fresh store, for runs that the tests of a module have in common."""
    return _with_store(tmp_path_factory.mktemp("runs in common"), empty_store)


@pytest.fixture
def workspace(
    tmp_path: Path, session_cache: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An empty working directory, with a space in its name, that holds a fresh store."""
    folder = _with_store(tmp_path / "my work", empty_store)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GTZAN_EXP_CACHE", str(session_cache))
    return folder


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of runs, a third of their time, are empty files."""
    draw_nothing(monkeypatch)


def draw_nothing(patch: pytest.MonkeyPatch) -> None:
    def touch(*arguments: object, **options: object) -> None:
        (path,) = (found for found in arguments if isinstance(found, Path))
        path.touch()

    for picture in ("confusion_matrix", "reliability_diagram"):
        patch.setattr(files, picture, touch)


def _with_store(folder: Path, empty_store: Path) -> Path:
    (folder / "mlruns").mkdir(parents=True)
    shutil.copy(empty_store, folder / "mlruns" / "mlflow.db")
    return folder


@pytest.fixture(autouse=True)
def _clean_hydra_and_mlflow():
    """No Hydra of a test before, and no store that MLflow, or the machine, put in the way."""
    variables = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")
    GlobalHydra.instance().clear()
    for name in variables:
        os.environ.pop(name, None)
    yield
    GlobalHydra.instance().clear()
    for name in variables:
        os.environ.pop(name, None)

"""Everything in conf runs. Try it with: pytest"""

from importlib.util import find_spec
from pathlib import Path

import pytest

import gtzan_exp as gx

CONF = str(Path(__file__).parent / "conf")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Runs of tests are not recorded among those of the project."""
    monkeypatch.chdir(tmp_path)


def test_the_first_experiment_is_better_than_chance():
    result = gx.run(experiment="first", config_dir=CONF)
    assert result.metrics["test/accuracy"] > 0.2


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="needs gtzan-exp[networks]")
def test_the_network_trains():
    result = gx.run(model="my_network", trainer="smoke", config_dir=CONF)
    assert result.model.predict_proba(gx.load_data().X[:1]).shape == (1, 10)

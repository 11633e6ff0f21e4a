"""What is trusted in a file of a model."""

from __future__ import annotations

import pytest

from gtzan_exp.models.saving import _is_own


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("gtzan_exp.models.networks.CNN2D", True),
        ("gtzan_exp.models.preprocess.Branches", True),
        ("gtzan_exp.models.networks.KerasClassifier", False),  # it is defined elsewhere
        ("gtzan_exp.models.trainer.Trainer", False),  # no estimator
        ("gtzan_exp.models.nowhere.CNN", False),
        ("gtzan_exp.sweep.job.Job", False),
        ("gtzan_exp_models.networks.CNN2D", False),
        ("numpy.DataSource", False),
    ],
)
def test_the_packages_own_types_are_its_estimators_where_they_are_defined(name, own):
    assert _is_own(name) is own

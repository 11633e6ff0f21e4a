"""Every classifier of scikit-learn is saved, trusted, loaded and predicts the same."""

from __future__ import annotations

import warnings
from inspect import signature

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import all_estimators

from gtzan_exp.tracking.models import TRUSTED_TYPES, _is_own

RANDOM = np.random.default_rng(0)
X = np.abs(RANDOM.normal(size=(60, 6)))
Y = np.array(["blues", "jazz", "rock"]).repeat(20)

PARTS = {
    "estimator": LogisticRegression(),
    "estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=2.0))],
}
NOT_FOR_GENRES = {  # they take several targets, two classes, or labels that are missing
    "ClassifierChain",
    "FixedThresholdClassifier",
    "MultiOutputClassifier",
    "SelfTrainingClassifier",
    "TunedThresholdClassifierCV",
}


def classifiers() -> list:
    found = []
    for name, kind in all_estimators(type_filter="classifier"):
        if name not in NOT_FOR_GENRES:
            parameters = signature(kind).parameters.items()
            needed = {part: PARTS[part] for part, p in parameters if p.default is p.empty}
            found.append(pytest.param(kind(**needed), id=name))
    return found + [
        KNeighborsClassifier(algorithm=algorithm, metric=metric)
        for algorithm in ("ball_tree", "kd_tree")
        for metric in ("manhattan", "chebyshev")
    ]


@pytest.mark.parametrize("classifier", classifiers())
def test_a_classifier_is_trusted_and_comes_back_as_it_was(classifier):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier.fit(X, Y)
        saved = skops.io.dumps(classifier)
        assert set(skops.io.get_untrusted_types(data=saved)) <= set(TRUSTED_TYPES)
        loaded = skops.io.loads(saved, trusted=list(TRUSTED_TYPES))
        np.testing.assert_array_equal(loaded.predict(X), classifier.predict(X))


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

"""A vote is the mean of what its members say alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from gtzan_exp.config.cell import resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.data.inputs import Inputs
from gtzan_exp.models.build import build, fit
from tests.contracts import cell

NOT = ["model.estimators.logreg=null", "model.estimators.xgboost=null"]
TWO = ["model=vote", *NOT, "+model@model.estimators.mlp=mlp"]


def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], 30)
    return random.normal(size=(90, 6)) + (np.searchsorted(["a", "b", "c"], y))[:, None], y


def test_it_is_the_mean_of_its_members_each_under_its_seeds(workspace):
    X, y = rows()
    vote = cell(*TWO, "model.estimators.mlp.max_iter=20", "model.seeds=2")
    fitted = fit(build(vote.model, vote.classifier, ("vector",)), X, y, X[:0], y[:0]).estimator
    alone = []
    for name, seed in (("svc", 0), ("svc", 1), ("mlp", 0), ("mlp", 1)):
        options = ["model.max_iter=20"] if name == "mlp" else []
        member = cell(f"model={name}", f"seed={seed}", *options)
        pipeline = build(member.model, member.classifier, ("vector",))
        alone.append(fit(pipeline, X, y, X[:0], y[:0]).estimator.predict_proba(X))
    assert np.abs(alone[2] - alone[3]).max() > 1e-3
    np.testing.assert_allclose(fitted.predict_proba(X), np.mean(alone, axis=0), atol=1e-12)
    np.testing.assert_array_equal(
        fitted.predict(X), fitted.classes_[fitted.predict_proba(X).argmax(axis=1)]
    )


def test_members_get_the_inputs_that_they_take(workspace):
    X, y = rows()
    both = Inputs({"picture": np.random.default_rng(1).random((90, 2, 3, 1)), "row": X})
    vote = cell("view=fused", *TWO, "model.input=[image,vector]")
    pipeline = build(vote.model, clone(vote.classifier), (("image", "vector"), ("vector",)))
    fitted = fit(pipeline, both, y, both[:0], y[:0]).estimator
    assert [member["scaler"].n_features_in_ for member in fitted[-1].estimators_] == [6, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["model.estimators.svc.C=-1"], r"model\.estimators\.svc\.C: not valid for SVC"),
        (["+model.estimators.svc.foo=1"], r"model\.estimators\.svc\.foo: unknown option of SVC"),
        (["model.seeds=0"], r"model\.seeds: not valid for Vote"),
        (
            ["+model@model.estimators.cnn2d=cnn2d"],
            r"model\.estimators\.cnn2d\.input: .*image.*model\.input=vector",
        ),
    ],
)
def test_what_is_wrong_with_a_member_is_said_before_anything_is_read(workspace, options, message):
    with pytest.raises(Exception, match=message):
        composed(["view=spectrograms", *TWO, *options], resolve)

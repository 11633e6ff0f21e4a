"""Rows that several views have in common: joined by their ids, and told apart by array."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from gtzan_exp.basics.errors import DataError
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.fused import FusedView
from gtzan_exp.data.inputs import Inputs, numbered, order
from gtzan_exp.data.spectrograms import SpectrogramsView
from tests.data.conftest import table

PARTS = {"features": FeaturesView(), "spectrograms": SpectrogramsView(height=8, width=8)}


@pytest.fixture
def place(write_table, pictures):
    """Three tracks of three genres in a table, in another order, and pictures of all but one."""
    content = table(3).sample(frac=1, random_state=0)
    write_table(content)
    random = np.random.default_rng(0)
    names = [name.removesuffix(".wav") for name in sorted(content["filename"])]
    return pictures(
        {
            f"{name.partition('.')[0]}/{name}.png": random.integers(0, 255, (8, 8, 3), np.uint8)
            for name in names
            if name != "jazz.00001"
        }
    )


def test_the_rows_are_those_that_all_views_have_each_with_its_own_arrays(place, tmp_path, caplog):
    fused = FusedView(parts=PARTS).load(place, cache=tmp_path)
    features, pictures = (part.load(place, cache=tmp_path) for part in PARTS.values())
    assert fused.ids.tolist() == pictures.ids.tolist()
    assert "jazz.00001 (not in spectrograms)" in caplog.text
    kept = features.ids != "jazz.00001"
    pd.testing.assert_frame_equal(
        fused.arrays["features"].reset_index(drop=True), features.X[kept].reset_index(drop=True)
    )
    np.testing.assert_array_equal(fused.arrays["spectrograms"], pictures.X)
    assert fused.labels.tolist() == features.labels[kept].tolist()
    rows = np.array([4, 1])
    np.testing.assert_array_equal(fused.take(rows).arrays["spectrograms"], pictures.take(rows))
    assert len(set(fused.row_digests())) == len(fused)
    alone = FusedView(parts=PARTS, views=("features",)).load(place, cache=tmp_path)
    pd.testing.assert_frame_equal(alone.X, features.X)
    assert alone.fingerprint != fused.fingerprint


def test_views_in_other_pieces_and_unknown_parts_are_refused(place, tmp_path):
    pieces = {**PARTS, "spectrograms": SpectrogramsView(height=8, width=8, segments=2)}
    with pytest.raises(DataError, match=r"have no row in common.*spectrograms: blues.00000.0"):
        FusedView(parts=pieces).load(place, cache=tmp_path)
    with pytest.raises(ValidationError, match=r"nearest: features.*\+view@view.parts.feature=fea"):
        FusedView(parts=PARTS, views=("feature",))
    with pytest.raises(ValidationError, match="of one array each, so not both"):
        FusedView(parts={"both": FusedView(parts=PARTS)})


def test_a_request_and_the_example_hold_the_columns_of_all_views(place, tmp_path):
    view = FusedView(parts=PARTS)
    dataset = view.load(place, cache=tmp_path)
    example = view.example(dataset)
    assert list(example) == view.input_columns
    found = view.from_request(example)
    for name, array in dataset.take(np.arange(1)).arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)


@pytest.mark.parametrize(
    ("takes", "gives", "places"),
    [
        ("vector", ("image", "vector"), (0,)),
        ("sequence", ("image", "vector"), None),
        (("image", "vector"), (("vector", "sequence"), ("image", "vector")), (1, 0)),
        (("vector", "image"), (("vector", "sequence"), ("image", "vector")), (0, 1)),
        (("vector", "vector"), (("vector",), ("image", "vector")), (0, 1)),
        ("vector", (("vector", "sequence"), ("image", "vector")), (0, 1)),
        ("image", (("vector", "sequence"), ("image", "vector")), None),
        (("image", "vector"), ("image", "vector"), None),
        ("vector", (("vector",), ("image",)), None),
    ],
)
def test_the_arrays_of_a_model_are_found_among_those_of_a_view(takes, gives, places):
    assert order(takes, gives) == places


def test_inputs_have_the_same_rows_and_a_name_each():
    with pytest.raises(ValueError, match="arrays of the same rows"):
        Inputs({"a": np.zeros(3), "b": np.zeros(4)})
    assert numbered(("vector", "image", "vector")) == ["vector", "image", "vector_2"]

"""A confusion matrix has each count in its cell, and room for every text."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn import metrics

from gtzan_exp.evaluation.plots import confusion_matrix, draw_confusion, reliability_diagram

CLASSES = ["a genre that nobody plays", "blues", "folk for $5 and for $10", "rock"]


def predictions(classes: list[str], size: int = 60) -> pd.DataFrame:
    names = np.random.default_rng(0).choice(classes, (2, size))
    return pd.DataFrame({"true": names[0], "predicted": names[1]})


def test_counts_are_in_the_row_of_the_true_genre_and_shaded_by_its_share():
    table = predictions(CLASSES[1:])
    axes = Figure().subplots()
    draw_confusion(axes, table, CLASSES)
    counts = np.zeros((4, 4))
    for text in axes.texts:
        column, row = text.get_position()
        counts[row, column] = text.get_text()
    truth = metrics.confusion_matrix(table["true"], table["predicted"], labels=CLASSES)
    np.testing.assert_array_equal(counts, truth)
    shares = axes.images[0].get_array()
    np.testing.assert_allclose(shares[1:], truth[1:] / truth[1:].sum(axis=1, keepdims=True))
    assert not shares[0].any()
    assert [label.get_text() for label in axes.get_yticklabels()] == CLASSES


NAMES = {
    "few and short": ["a", "b"],
    "few and long": ["Traditional Bulgarian choir", "folk for $5 and for $10", "rock"],
    "many and long": [f"a genre with a long name {number}" for number in range(25)],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_every_text_has_a_place(names, tmp_path):
    """No ink reaches the edge, and the cells stay large enough for their counts."""
    title = "a run with quite a long name, data: folder (SYNTHETIC)\nand a second line"
    confusion_matrix(predictions(names), names, tmp_path / "x.png", title=title)
    picture = cv2.imread(str(tmp_path / "x.png"))
    for edge in (picture[:2], picture[-2:], picture[:, :2], picture[:, -2:]):
        assert (edge == 255).all()
    height, width = np.array(picture.shape[:2]) / 150  # inches
    assert min(height, width) > 0.36 * len(names) + 1


def test_a_reliability_diagram_is_drawn_of_one_prediction_too(tmp_path):
    table = pd.DataFrame({"true": ["a"], "predicted": ["a"], "p_a": [1.0], "p_b": [0.0]})
    reliability_diagram(table, tmp_path / "x.png", title="one")
    assert (cv2.imread(str(tmp_path / "x.png")) < 255).any()

"""The text of a classification report, letter by letter as scikit-learn writes it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import classification_report

from gtzan_exp.evaluation.report_text import report_text

GENRES = {
    "short": ["a", "b", "c"],
    "long": ["accordion music", "traditional choirs of the south", "rock"],
    "never there": ["a", "b", "c", "nobody plays this"],
    "ten": [f"genre{number}" for number in range(10)],
}


@pytest.mark.parametrize("names", GENRES.values(), ids=GENRES)
@pytest.mark.parametrize("n_rows", [3, 50, 123_456])
def test_the_text_is_that_of_scikit_learn(names, n_rows):
    random = np.random.default_rng(n_rows)
    true, predicted = (random.integers(0, min(len(names), 10), n_rows) % 3 for _ in range(2))
    options = {"labels": range(len(names)), "target_names": names, "zero_division": 0}
    report = classification_report(true, predicted, output_dict=True, **options)
    assert report_text(report) == classification_report(true, predicted, **options)

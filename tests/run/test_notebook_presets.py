"""The notebook's rows on the real table, against the numbers that it printed."""

from __future__ import annotations

import json

import pytest

from tests.run.test_runner import run

# precision, recall, F1, support: the notebook's report of its logistic regression, genres 0 to 9
LOGREG = """
blues        0.46 0.46 0.46 35
classical    0.87 1.00 0.93 20
country      0.70 0.51 0.59 37
disco        0.65 0.44 0.53 34
hiphop       0.63 0.71 0.67 24
jazz         0.87 0.79 0.83 33
metal        0.53 0.90 0.67 30
pop          0.66 0.83 0.73 23
reggae       0.50 0.52 0.51 29
rock         0.48 0.34 0.40 35
macro-avg    0.63 0.65 0.63 300
weighted-avg 0.63 0.62 0.61 300
"""

pytestmark = pytest.mark.gtzan


def test_logreg_gives_every_cell_of_the_notebooks_report(workspace, gtzan_root, capsys):
    result, output = run(capsys, "data=gtzan", "experiment=notebook/features_logreg")
    assert round(result["metrics"]["test/accuracy"], 2) == 0.62
    report = json.loads((output / "record" / "classification_report.json").read_text())
    for line in LOGREG.split("\n")[1:-1]:
        name, *cells = line.split()
        row = report[name.replace("-", " ")]
        found = [f"{row[key]:.2f}" for key in ("precision", "recall", "f1-score")]
        assert [name, *found, f"{row['support']:.0f}"] == [name, *cells]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "low", "high"),
    [("xgboost", 0.73, 0.75), ("mlp", 0.57, 0.62), ("cnn1d", 0.48, 0.58)],
)
def test_feature_rows_come_out_near_the_notebooks(workspace, gtzan_root, capsys, row, low, high):
    command = ["data=gtzan", f"experiment=notebook/features_{row}", "tracking.log_model=false"]
    result, _ = run(capsys, *command)
    assert low <= round(result["metrics"]["test/accuracy"], 2) <= high
    assert "scaler" in result["tags"]["leak"]


@pytest.mark.slow
def test_cnn2d_runs_on_the_999_real_images(workspace, gtzan_root, capsys):
    command = ["data=gtzan", "view=spectrograms", "model=cnn2d", "trainer.epochs=3"]
    result, _ = run(capsys, *command, "tracking.log_model=false")
    assert result["metrics"]["n_parameters"] == 11_518_674
    assert result["metrics"]["test/accuracy"] > 0.2

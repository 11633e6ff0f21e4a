"""The notebook's rows on the real table, against the numbers that it printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.run.test_runner import run

# precision, recall, F1, support: the notebook's reports, genres 0 to 9
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

XGBOOST = """
blues        0.81 0.71 0.76 35
classical    0.87 1.00 0.93 20
country      0.79 0.70 0.74 37
disco        0.76 0.56 0.64 34
hiphop       0.59 0.83 0.69 24
jazz         0.93 0.82 0.87 33
metal        0.69 0.90 0.78 30
pop          0.72 0.91 0.81 23
reggae       0.68 0.59 0.63 29
rock         0.59 0.54 0.57 35
macro-avg    0.74 0.76 0.74 300
weighted-avg 0.74 0.74 0.73 300
"""

# of its pictures, in the order that it found their folders in
SUPPORTS = {
    "pop": 18,
    "metal": 24,
    "disco": 17,
    "blues": 28,
    "reggae": 13,
    "classical": 15,
    "rock": 18,
    "hiphop": 20,
    "country": 24,
    "jazz": 23,
}

pytestmark = pytest.mark.gtzan


def report_of(output: Path) -> dict[str, dict[str, float]]:
    return json.loads((output / "record" / "classification_report.json").read_text())


@pytest.mark.parametrize(
    ("row", "accuracy", "printed"),
    [("logreg", 0.62, LOGREG), pytest.param("xgboost", 0.74, XGBOOST, marks=pytest.mark.slow)],
)
def test_every_cell_of_the_notebooks_report(workspace, gtzan_root, capsys, row, accuracy, printed):
    command = ["data=gtzan", f"experiment=notebook/features_{row}", "tracking.log_model=false"]
    result, output = run(capsys, *command)
    assert round(result["metrics"]["test/accuracy"], 2) == accuracy
    report = report_of(output)
    for line in printed.split("\n")[1:-1]:
        name, *cells = line.split()
        found = report[name.replace("-", " ")]
        numbers = [f"{found[key]:.2f}" for key in ("precision", "recall", "f1-score")]
        assert [name, *numbers, f"{found['support']:.0f}"] == [name, *cells]


@pytest.mark.slow
def test_logreg_on_pictures_has_the_notebooks_accuracy_and_supports(workspace, gtzan_root, capsys):
    command = ["data=gtzan", "experiment=notebook/images_logreg", "tracking.log_model=false"]
    result, output = run(capsys, *command)
    assert result["metrics"]["test/accuracy"] == 0.47
    report = report_of(output)
    assert {genre: report[genre]["support"] for genre in SUPPORTS} == SUPPORTS
    assert ",duplicate:5%" in result["printed"]


@pytest.mark.slow
@pytest.mark.parametrize(("row", "low", "high"), [("mlp", 0.57, 0.62), ("cnn1d", 0.48, 0.58)])
def test_feature_rows_come_out_near_the_notebooks(workspace, gtzan_root, capsys, row, low, high):
    command = ["data=gtzan", f"experiment=notebook/features_{row}", "tracking.log_model=false"]
    result, _ = run(capsys, *command)
    assert low <= round(result["metrics"]["test/accuracy"], 2) <= high
    assert "scaler" in result["tags"]["leak"]


@pytest.mark.slow
def test_networks_see_pictures_as_the_notebooks_did(workspace, gtzan_root, capsys):
    command = ["data=gtzan", "experiment=notebook/images_cnn2d", "trainer.epochs=1"]
    result, _ = run(capsys, *command, "tracking.log_model=false")
    assert result["metrics"]["n_parameters"] == 11_518_674
    assert result["tags"]["leak"].startswith("test_as_validation+scrambled+artist")
    assert "FAULTS on purpose: scrambled" in result["printed"]
    assert (result["metrics"]["n_train"], result["metrics"]["n_test"]) == (799, 200)

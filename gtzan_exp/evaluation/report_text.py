"""A classification report as text, from its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COLUMNS = ("precision", "recall", "f1-score", "support")
_ACCURACY, _AVERAGES = "accuracy", ("macro avg", "weighted avg")


def report_text(report: Mapping[str, Any]) -> str:
    """Return the text of `sklearn.metrics.classification_report` from the numbers that it gave.

    scikit-learn would measure everything once more.

    Parameters
    ----------
    report : mapping
        From ``classification_report(..., output_dict=True)``, with the accuracy.
    """
    genres = [name for name in report if name not in (_ACCURACY, *_AVERAGES)]
    width = max(map(len, (*genres, *_AVERAGES)))

    def line(name: str, values: Mapping[str, float]) -> str:
        shares = "".join(f" {values[column]:>9.2f}" for column in _COLUMNS[:-1])
        return f"{name:>{width}s} {shares} {values['support']:>9.0f}\n"

    head = f"{'':>{width}s} " + "".join(f" {column:>9}" for column in _COLUMNS) + "\n\n"
    averages = [line(name, report[name]) for name in _AVERAGES]
    total = report[_AVERAGES[0]]["support"]
    accuracy = f"{_ACCURACY:>{width}s}  {'':>9} {'':>9} {report[_ACCURACY]:>9.2f} {total:>9.0f}\n"
    return "".join(
        [head, *(line(name, report[name]) for name in genres), "\n", accuracy, *averages]
    )

"""Plots of a run: confusion matrix, calibration, learning curves; `path` is the PNG to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gtzan_exp.evaluation.evaluate import BINS, calibration_error, reliability
from gtzan_exp.evaluation.intervals import wilson
from gtzan_exp.report.canvas import INK, MUTED, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE = "#3f90da"
_PARTS = {"train": ("training", _BLUE), "val": ("validation", "#bd1f01"), "test": ("test", INK)}
_CELL, _LETTER = 0.36, 0.075  # inches


def confusion_matrix(
    predictions: pd.DataFrame, classes: Sequence[str], path: Path, *, title: str
) -> None:
    """Plot the confusion matrix of predictions; see `draw_confusion`."""
    side = _CELL * len(classes) + _LETTER * max(map(len, classes))
    with canvas(path, size=(side + 1.1, side + 1.3), title=title) as figure:
        draw_confusion(figure.subplots(), predictions, classes)


def draw_confusion(axes: Axes, predictions: pd.DataFrame, classes: Sequence[str]) -> None:
    """Draw a confusion matrix of counts into `axes`, shaded by the share of their row."""
    from sklearn import metrics

    counts = metrics.confusion_matrix(predictions["true"], predictions["predicted"], labels=classes)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        color = "white" if shares[row, column] > 0.5 else INK
        text = axes.text(column, row, counts[row, column], color=color, fontsize=8)
        text.set(ha="center", va="center", in_layout=False)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="predicted genre", ylabel="true genre")


def reliability_diagram(predictions: pd.DataFrame, path: Path, *, title: str) -> None:
    """Plot the accuracy of predictions against their confidence; see `reliability`."""
    bins = reliability(predictions)
    bounds = [wilson(p, n) for p, n in zip(bins["accuracy"], bins["n"], strict=True)]
    below, above = (np.abs(np.array(bounds).T - bins["accuracy"].to_numpy())).tolist()
    with canvas(path, size=(4.4, 4.6), title=title) as figure:
        axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":", label="as often as it says")
        label = f"measured, error {calibration_error(bins):.3f}"
        options = {"fmt": "o-", "color": _BLUE, "ms": 4, "lw": 1.8, "elinewidth": 1}
        axes.errorbar(bins["confidence"], bins["accuracy"], (below, above), label=label, **options)
        axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right, 95 %")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="upper left")
        counts.bar(bins["low"], bins["n"], 1 / BINS, align="edge", color=MUTED)
        counts.set(xlabel="probability of the predicted genre", ylabel="rows")


def learning_curves(
    history: dict[str, list[float]], best_epoch: int | None, path: Path, *, title: str
) -> None:
    """Plot the metrics of a Keras history by epoch, and `best_epoch`, counted from 1."""
    found = {key.removeprefix("val_") for key in history}
    names = sorted(found, key=lambda name: (name != "loss", name))
    with canvas(path, size=(4.6 * len(names), 3.4), title=title) as figure:
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            for key, part in ((name, "train"), (f"val_{name}", "val")):
                if key in history:
                    label, color = _PARTS[part]
                    epochs = range(1, len(history[key]) + 1)
                    axes.plot(epochs, history[key], color=color, label=label, lw=1.8)
            if best_epoch is not None:
                kept = f"epoch {best_epoch} kept"
                axes.axvline(best_epoch, color=MUTED, lw=1, ls=":", label=kept)
            axes.set(xlabel="epoch", ylabel="cross-entropy (nats)" if name == "loss" else name)
            axes.grid(axis="y", alpha=0.25)
            axes.legend(fontsize=8)


def learning_curve(points: Mapping[int, Mapping[str, float]], path: Path, *, title: str) -> None:
    """Plot ``<part>/accuracy`` and ``<part>/macro_f1`` by the number of training tracks."""
    with canvas(path, size=(9.2, 3.6), title=title) as figure:
        columns = figure.subplots(1, 2, sharey=True)
        for axes, key in zip(columns, ("accuracy", "macro_f1"), strict=True):
            for part, (label, color) in _PARTS.items():
                values = [metrics.get(f"{part}/{key}") for metrics in points.values()]
                if None not in values:
                    axes.plot(list(points), values, "o-", color=color, label=label, lw=1.8, ms=4)
            axes.set(xlabel="training tracks", ylabel=key.replace("macro_f1", "macro-F1"))
            axes.set(xlim=(0, None), ylim=(0, 1.02))
            axes.tick_params(labelleft=True)
            axes.grid(axis="y", alpha=0.25)
        columns[1].legend(fontsize=8, loc="lower right")

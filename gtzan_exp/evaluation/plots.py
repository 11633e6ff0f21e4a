"""Pictures of a run: the confusion matrix, learning by epoch and by amount of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gtzan_exp.evaluation.matrix_axes import matrix_axes
from gtzan_exp.style import INK, MUTED, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_TRAIN, _VALIDATION, _TEST = "#3f90da", "#bd1f01", INK


def confusion_matrix(
    predictions: pd.DataFrame, classes: Sequence[str], path: Path, *, title: str
) -> None:
    """Draw the confusion matrix of a table of predictions.

    Cells show counts and are shaded by the share of their row, so that genres of unequal size
    compare.

    Parameters
    ----------
    predictions : pandas.DataFrame
        With the columns ``true`` and ``predicted``.
    classes : sequence of str
        Rows and columns, in this order.
    path : Path
        The PNG to write.
    title : str
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(style()):
        figure = Figure()
        sizes = {"fontsize": 10, "title_size": 11}
        axes, bar = matrix_axes(figure, classes, title, **sizes)
        image = draw_confusion(axes, predictions, classes)
        axes.set_title(title, fontsize=sizes["title_size"], y=1)
        figure.colorbar(image, cax=bar, label="share of the true genre")
        figure.savefig(path)


def draw_confusion(
    axes: Axes, predictions: pd.DataFrame, classes: Sequence[str], *, fontsize: float = 9
) -> AxesImage:
    """Draw a confusion matrix as `confusion_matrix` does into `axes`, and return its image."""
    from sklearn import metrics

    counts = metrics.confusion_matrix(predictions["true"], predictions["predicted"], labels=classes)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*counts.nonzero(), strict=True):
        color = "white" if shares[row, column] > 0.5 else INK
        text = str(counts[row, column])
        place = {"ha": "center", "va": "center", "clip_on": False}
        axes.text(column, row, text, color=color, fontsize=fontsize, **place)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted genre", ylabel="true genre")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return image


def learning_curves(
    history: dict[str, list[float]], best_epoch: int | None, path: Path, *, title: str
) -> None:
    """Draw loss, and accuracy when there is one, by epoch.

    Parameters
    ----------
    history : dict of str to list of float
        ``loss`` and maybe ``accuracy``, ``val_loss``, ``val_accuracy``.
    best_epoch : int or None
        The epoch, counted from 1, to mark.
    path : Path
        The PNG to write.
    title : str
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    names = [name for name in ("loss", "accuracy") if name in history]
    with rc_context(style()):
        figure = Figure(figsize=(4.6 * len(names), 3.4), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            for key, label, color in (
                (name, "training", _TRAIN),
                (f"val_{name}", "validation", _VALIDATION),
            ):
                if key in history:
                    epochs = range(1, len(history[key]) + 1)
                    axes.plot(epochs, history[key], color=color, label=label, lw=1.8)
            if best_epoch is not None:
                kept = f"epoch {best_epoch} kept"
                axes.axvline(best_epoch, color=MUTED, lw=1, ls=":", label=kept)
            axes.set(xlabel="epoch", ylabel="cross-entropy (nats)" if name == "loss" else name)
            axes.grid(axis="y", alpha=0.25)
            axes.legend(fontsize=8)
        figure.savefig(path)


def learning_curve(points: Mapping[int, Mapping[str, float]], path: Path, *, title: str) -> None:
    """Draw accuracy and macro-F1 of each part by the number of training tracks.

    Parameters
    ----------
    points : mapping of int to mapping of str to float
        Number of training tracks, and the metrics ``<part>/accuracy`` and ``<part>/macro_f1`` of a
        model that was trained on them.
    path : Path
        The PNG to write.
    title : str
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    parts = (("train", "training", _TRAIN), ("val", "validation", _VALIDATION))
    with rc_context(style()):
        figure = Figure(figsize=(9.2, 3.6), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        columns = figure.subplots(1, 2, sharey=True)
        for axes, key in zip(columns, ("accuracy", "macro_f1"), strict=True):
            for part, label, color in (*parts, ("test", "test", _TEST)):
                values = [metrics.get(f"{part}/{key}") for metrics in points.values()]
                if None not in values:
                    axes.plot(list(points), values, "o-", color=color, label=label, lw=1.8, ms=4)
            axes.set(xlabel="training tracks", ylabel=key.replace("macro_f1", "macro-F1"))
            axes.set(xlim=(0, None), ylim=(0, 1.02))
            axes.tick_params(labelleft=True)
            axes.grid(axis="y", alpha=0.25)
        columns[1].legend(fontsize=8, loc="lower right")
        figure.savefig(path)

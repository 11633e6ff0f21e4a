"""The confusion matrix as a picture; of many with the same names only the cells are drawn anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gtzan_exp.evaluation.matrix_axes import matrix_axes
from gtzan_exp.style import INK, style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

_NAME_SIZE, _COUNT_SIZE, _TITLE_SIZE = 10, 9, 11  # points


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
    from PIL import Image

    with rc_context(style()):
        # Digits are all of one width, so titles that differ in digits alone fit the same frame.
        frame = _frame(tuple(classes), re.sub("[0-9]", "0", title))
        frame.canvas.restore_region(frame.empty)
        heading = frame.axes.set_title(title, fontsize=_TITLE_SIZE, y=1)
        cells = _cells(frame.axes, predictions, classes, fontsize=_COUNT_SIZE)
        for artist in (*cells, heading):
            frame.axes.draw_artist(artist)
        pixels = np.asarray(frame.canvas.buffer_rgba())[..., :3]
        for artist in cells:
            artist.remove()
        dpi = frame.canvas.figure.dpi
        Image.fromarray(pixels).save(path, dpi=(dpi, dpi), compress_level=3)


def draw_confusion(
    axes: Axes, predictions: pd.DataFrame, classes: Sequence[str], *, fontsize: float
) -> None:
    """Draw a confusion matrix as `confusion_matrix` does into `axes`."""
    _name_axes(axes, classes)
    _cells(axes, predictions, classes, fontsize=fontsize)


@dataclass(frozen=True)
class _Frame:
    """All of a picture but its title and its cells, as pixels."""

    canvas: FigureCanvasAgg
    axes: Axes
    empty: Any


@lru_cache(maxsize=1)
def _frame(classes: tuple[str, ...], title: str) -> _Frame:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    figure = Figure()
    canvas = FigureCanvasAgg(figure)
    sizes = {"fontsize": _NAME_SIZE, "title_size": _TITLE_SIZE}
    axes, bar = matrix_axes(figure, classes, title, **sizes)
    _name_axes(axes, classes)
    figure.colorbar(ScalarMappable(cmap="Blues"), cax=bar, label="share of the true genre")
    canvas.draw()
    return _Frame(canvas, axes, canvas.copy_from_bbox(figure.bbox))


def _name_axes(axes: Axes, classes: Sequence[str]) -> None:
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted genre", ylabel="true genre")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set(xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5), aspect="equal")


def _cells(
    axes: Axes, predictions: pd.DataFrame, classes: Sequence[str], *, fontsize: float
) -> list[Artist]:
    """Add the shades and the counts to named axes, and return them in the order of drawing."""
    from sklearn import metrics

    counts = metrics.confusion_matrix(predictions["true"], predictions["predicted"], labels=classes)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    drawn: list[Artist] = [axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)]
    for row, column in zip(*counts.nonzero(), strict=True):
        color = "white" if shares[row, column] > 0.5 else INK
        place = {"ha": "center", "va": "center", "clip_on": False}
        text = str(counts[row, column])
        drawn.append(axes.text(column, row, text, color=color, fontsize=fontsize, **place))
    return drawn

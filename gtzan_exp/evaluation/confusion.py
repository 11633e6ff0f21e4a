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

from gtzan_exp.report.canvas import INK, style

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

_NAME_SIZE, _COUNT_SIZE, _TITLE_SIZE = 10, 9, 11  # points
_GAP, _LINE = 0.07, 0.2  # inches
_BAR, _BAR_SHARE, _BAR_TEXT = 0.2, 0.75, 0.65


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


def matrix_axes(
    figure: Figure, names: Sequence[str], title: str, *, fontsize: float, title_size: float
) -> tuple[Axes, Axes]:
    """Give an empty figure its size, and return the axes of a square matrix and of its bar.

    A layout engine would draw the figure once more to see how large the texts are; their widths
    are known from the font. Columns are named aslant, at 45 degrees, and both axes have a label.

    Parameters
    ----------
    figure : Figure
    names : sequence of str
        Of the rows, and of the columns.
    title : str
        Stands above the left edge of the matrix; it may have several lines.
    fontsize, title_size : float
        In points.
    """
    side = 1.4 + 0.38 * len(names)
    widths = [_width(name, fontsize) for name in names]
    aslant = [0.5**0.5 * (width + _LINE) for width in widths]
    beyond = max(length - (i + 0.5) * side / len(names) for i, length in enumerate(aslant))
    beside, below = max(widths) + 2 * _GAP, max(aslant) + 2 * _GAP
    left = _GAP + max(_LINE + beside, beyond)
    bottom = _GAP + _LINE + below
    bar_left = left + side + 3 * _GAP
    lines = title.split("\n")
    title_end = left + max(_width(line, title_size) for line in lines)
    width = max(bar_left + _BAR + _BAR_TEXT, title_end) + _GAP
    height = bottom + side + len(lines) * 1.25 * title_size / 72 + 4 * _GAP
    figure.set_size_inches(width, height)

    def axes(x: float, y: float, wide: float, high: float) -> Axes:
        return figure.add_axes((x / width, y / height, wide / width, high / height))

    matrix = axes(left, bottom, side, side)
    matrix.xaxis.set_label_coords(0.5, -below / side)
    matrix.yaxis.set_label_coords(-beside / side, 0.5)
    bar = axes(bar_left, bottom + side * (1 - _BAR_SHARE) / 2, _BAR, side * _BAR_SHARE)
    return matrix, bar


def _width(text: str, fontsize: float) -> float:
    """Return the width of a text in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=fontsize)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72

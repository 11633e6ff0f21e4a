"""The places of a matrix, its names, its title and its bar in a picture, from the texts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GAP, _LINE = 0.07, 0.2
_BAR, _BAR_SHARE, _BAR_TEXT = 0.2, 0.75, 0.65


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

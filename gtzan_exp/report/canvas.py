"""Pictures in the style of the package: a figure written as PNG, and its description."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1f2328"
MUTED = "#59636e"
_LETTER = 0.088  # inches, of a title
_STYLE = Path(__file__).with_name("figure.mplstyle")


@dataclass(frozen=True)
class Picture:
    """A PNG on disk."""

    path: Path
    alt: str  # alternative text
    # For a picture over time: start and end of its time axis as shares of the width, and its length
    # in seconds. A sound of the same `owner` that is played moves a cursor along it.
    span: tuple[float, float, float] | None = None
    owner: str = ""


@contextmanager
def canvas(path: Path, *, size: tuple[float, float], title: str = "") -> Iterator[Figure]:
    """Yield an empty figure in the style of the package and write it to the PNG `path` at the end.

    `size` is width and height in inches; it is wider where the title above all axes needs it.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = max(size[0], _LETTER * max(map(len, title.split("\n"))))
    with rc_context(fname=_STYLE):
        figure = Figure(figsize=(width, size[1]), layout="constrained")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        yield figure
        FigureCanvasAgg(figure).print_png(path)  # `savefig` would repeat the layout

"""A figure that becomes a PNG, and what a page has to know of it."""

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
DPI = 180


@dataclass(frozen=True)
class Picture:
    """A PNG on disk.

    Parameters
    ----------
    path : Path
    alt : str
        What is to be seen, for those who do not see it.
    """

    path: Path
    alt: str


def style() -> dict[str, object]:
    """Return the matplotlib settings of every picture, for `matplotlib.rc_context`."""
    return {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "axes.titlesize": 12,
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": INK,
        "text.parse_math": False,  # names may hold a dollar sign
        "xtick.color": INK,
        "ytick.color": INK,
        "figure.dpi": 110,
        "figure.facecolor": "white",
        "legend.frameon": False,
    }


@contextmanager
def canvas(path: Path, *, size: tuple[float, float]) -> Iterator[Figure]:
    """Yield an empty figure in the product's style and write it as a PNG in the end.

    Parameters
    ----------
    path : Path
        The PNG to write.
    size : (float, float)
        Width and height in inches.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(style()):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        figure.savefig(path, dpi=DPI)

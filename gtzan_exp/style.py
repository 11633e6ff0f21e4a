"""The look that every picture of the product shares."""

from __future__ import annotations

INK = "#1f2328"
MUTED = "#59636e"


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

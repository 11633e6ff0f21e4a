"""The plot of cost against size.

python benchmarks/scaling/picture.py docs/scale.csv docs/scale.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from gtzan_exp.report.canvas import MUTED, canvas

LINES = {
    ("logreg", "gtzan-exp"): ("logreg, rows of 57 features", "#3f90da", "o"),
    ("logreg", "plain script"): ("logreg by a plain script", "#3f90da", "o"),
    ("xgboost", "gtzan-exp"): ("xgboost, rows of 57 features", "#832db6", "D"),
    ("xgboost", "plain script"): ("xgboost by a plain script", "#832db6", "D"),
    ("cnn2d", "gtzan-exp"): ("cnn2d, pictures of 70 x 100 pixels", "#ffa90e", "s"),
}


def draw(table: pd.DataFrame, path: Path, *, budget: float) -> None:
    """Draw time and memory against size, both on logarithmic axes.

    Parameters
    ----------
    table : pandas.DataFrame
        The columns ``model``, ``program``, ``size``, ``seconds`` and ``resident_gib``.
    path : Path
        The PNG to write.
    budget : float
        A line in the panel of memory, in GiB.
    """
    title = "Cost against size: whole runs on synthetic data"
    with canvas(path, size=(10.4, 5.2), title=title) as figure:
        time, memory = figure.subplots(1, 2)
        _lines(time, table, "seconds")
        _lines(memory, table.assign(resident=table["resident_gib"].clip(lower=1e-3)), "resident")
        time.set_title("Time of a whole run, seconds")
        memory.set_title("Peak memory beyond the libraries, GiB")
        memory.axhline(budget, color="#bd1f01", linewidth=1.2)
        memory.annotate(
            f"budget: {budget:g} GiB",
            (0, budget),
            xycoords=("axes fraction", "data"),
            xytext=(4, 4),
            textcoords="offset points",
            color="#bd1f01",
        )
        handles, labels = time.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)


def _lines(axes: Axes, table: pd.DataFrame, column: str) -> None:
    for (model, program), (label, color, marker) in LINES.items():
        line = table[(table["model"] == model) & (table["program"] == program)]
        if line.empty:
            continue
        plain = program != "gtzan-exp"
        axes.plot(
            line["size"],
            line[column],
            color=color,
            marker=marker,
            markersize=6 if plain else 8,
            markerfacecolor="white" if plain else color,
            markeredgecolor=color if plain else "white",
            linestyle=(0, (4, 2)) if plain else "-",
            linewidth=1.2 if plain else 2.4,
            label=label,
            zorder=2 if plain else 3,
        )
    axes.set(xscale="log", yscale="log", xlabel="rows or pictures")
    axes.grid(color=MUTED, alpha=0.2, linewidth=0.8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.tick_params(length=0)


if __name__ == "__main__":
    draw(pd.read_csv(sys.argv[1]), Path(sys.argv[2]), budget=2.0)

"""Plots of a data set: of its table of features and of its images.

Each function writes the PNG `path`; `data` is the name of the data, for the title.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from gtzan_exp.basics.genres import genre_colors
from gtzan_exp.data.contracts import Dataset
from gtzan_exp.explore.feature_numbers import Components
from gtzan_exp.report.canvas import INK, MUTED, Picture, canvas

WIDTH = 5.8
MAX_POINTS = 3000  # scatter plots show at most so many rows, evenly spaced
SAMPLES = 5  # images of each genre in the grid
_MARKERS = "osDv^P<X>h"
_LINE = "#3f90da"
_HERTZ = ("spectral_centroid", "spectral_bandwidth", "rolloff")
_BARE = {"xticks": [], "yticks": [], "frame_on": False}
_BLOCK = 64


def class_balance(
    balance: pd.DataFrame, artists: pd.DataFrame, path: Path, *, data: str
) -> Picture:
    """Draw how many tracks each genre has, with a part of its bar for each known artist."""
    genres, said = list(balance["genre"]), balance["tracks"].astype(str)
    if "artists" in balance:
        said += " of " + balance["artists"].astype(str) + " artists"
    with canvas(path, size=(WIDTH, 1.1 + 0.27 * len(genres))) as figure:
        axes = figure.subplots()
        colors = list(genre_colors(genres).values())
        bars = axes.barh(genres, balance["tracks"], color=colors)
        for genre, sizes in artists.groupby("genre")["tracks"]:
            row = genres.index(genre)
            axes.vlines(sizes.cumsum()[:-1], row - 0.4, row + 0.4, color="white", lw=0.7)
        axes.bar_label(bars, said, padding=4, fontsize=9)
        axes.invert_yaxis()
        axes.set(xlabel="number of tracks", title=f"Tracks of each genre, {data}")
        axes.margins(x=0.2)
    lines = balance["genre"] + " " + said
    return Picture(path, f"Number of tracks of each genre: {', '.join(lines)}.")


def correlation(matrix: pd.DataFrame, path: Path, *, data: str) -> Picture:
    """Draw the lower triangle of a correlation matrix as a heat map."""
    size = len(matrix)
    # Without the diagonal, the first row and the last column would be empty.
    shown = np.ma.masked_invalid(matrix.to_numpy()[1:, :-1])
    shown[np.triu_indices(size - 1, k=1)] = np.ma.masked
    names = [name.removesuffix("_mean") for name in matrix.columns]
    places = np.arange(size - 1) + 0.5
    with canvas(path, size=(2.2 + 0.2 * size, 1.4 + 0.2 * size)) as figure:
        axes = figure.subplots()
        mesh = axes.pcolormesh(shown, cmap="RdBu_r", vmin=-1, vmax=1, edgecolor="white", lw=0.8)
        axes.set_xticks(places, names[:-1], rotation=90, fontsize=9)
        axes.set_yticks(places, names[1:], fontsize=9)
        axes.set(aspect="equal", title=f"Correlation of the mean features, {data}")
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        inset = axes.inset_axes((0.62, 0.94, 0.36, 0.022))
        bar = figure.colorbar(
            mesh, cax=inset, orientation="horizontal", ticks=np.linspace(-1, 1, 5)
        )
        bar.set_label("Pearson correlation")
    return Picture(
        path,
        f"Heat map of the correlations between {size} features, lower triangle only, blue for "
        "negative and red for positive; the strongest pairs are in the table.",
    )


def explained_variance(components: Components, path: Path, *, data: str) -> Picture:
    """Draw the cumulative explained variance over the number of components."""
    cumulative = components.cumulative
    counts = np.arange(1, len(cumulative) + 1)
    marks = {level: int(np.searchsorted(cumulative, level)) + 1 for level in (80, 90, 95, 99)}
    with canvas(path, size=(WIDTH, 3.2)) as figure:
        axes = figure.subplots()
        axes.plot(counts, cumulative, color=_LINE, lw=1.8, marker="o", ms=3.5)
        for level, count in marks.items():
            place, said = (count, cumulative[count - 1]), f"{level} %: {count}"
            axes.vlines(count, 0, place[1], color=MUTED, lw=0.8, ls=":")
            axes.annotate(said, place, (5, -12), textcoords="offset points", fontsize=9)
        axes.set(xlim=(0, len(cumulative) + 1), ylim=(0, 104), xlabel="number of components")
        axes.set(ylabel="cumulative explained variance (%)", title=f"Principal components, {data}")
        axes.grid(alpha=0.25)
    said = ", ".join(f"{count} components explain {level} %" for level, count in marks.items())
    return Picture(path, f"Cumulative explained variance of {len(cumulative)} components: {said}.")


def scatter_3d(
    components: Components, labels: np.ndarray, classes: Sequence[str], path: Path, *, data: str
) -> Picture:
    """Draw the rows in their first three principal components, coloured and marked by genre."""
    with canvas(path, size=(WIDTH, 4.6), title=f"Three principal components, {data}") as figure:
        axes = figure.add_subplot(projection="3d")
        count = _points(axes, components.scores, labels, classes)
        for axis, number in zip((axes.xaxis, axes.yaxis, axes.zaxis), "123", strict=True):
            axis.set_major_locator(MaxNLocator(4))
            axis.set_tick_params(labelsize=8, pad=1)
            axis.set_label_text(f"PC {number}")
        axes.set_box_aspect((1, 1, 0.85), zoom=0.86)
        figure.legend(loc="outside right center", fontsize=9, handletextpad=0.2)
    return Picture(
        path,
        f"Scatter plot of {count} rows in their first three principal components, "
        f"{components.cumulative[2]:.1f} % of the variance, a colour and a marker per genre; the "
        "genres overlap.",
    )


def scatter_2d(
    components: Components, labels: np.ndarray, classes: Sequence[str], path: Path, *, data: str
) -> Picture:
    """Draw the rows in components 1 and 2, and in 1 and 3, coloured and marked by genre."""
    shares = np.diff(components.cumulative[:3], prepend=0.0)
    with canvas(path, size=(WIDTH, 4.1), title=f"Pairs of principal components, {data}") as figure:
        for axes, other in zip(figure.subplots(1, 2, sharex=True), (1, 2), strict=True):
            count = _points(axes, components.scores[:, (0, other)], labels, classes)
            axes.set_xlabel(f"PC 1 ({shares[0]:.1f} %)")
            axes.set_ylabel(f"PC {other + 1} ({shares[other]:.1f} %)")
        look = {"fontsize": 9, "handletextpad": 0.2, "columnspacing": 1.2, "ncols": 5}
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", **look)
    return Picture(
        path,
        f"Two scatter plots of {count} rows: component 1 against 2 and component 1 against 3, "
        "a colour and a marker per genre.",
    )


def distribution(
    values: pd.Series, labels: np.ndarray, classes: Sequence[str], path: Path
) -> Picture:
    """Draw a box plot of one feature, a box per genre."""
    groups = [values[labels == genre].to_numpy() for genre in classes]
    name, unit = str(values.name), unit_of(str(values.name))
    look: dict[str, Any] = {"whiskerprops": {"color": MUTED}, "capprops": {"color": MUTED}}
    look["flierprops"] = {"marker": "o", "ms": 2, "mfc": MUTED, "mec": "none", "alpha": 0.6}
    look["medianprops"] = {"color": INK, "lw": 1.4}
    with canvas(path, size=(4.6, 1.1 + 0.24 * len(classes))) as figure:
        axes = figure.subplots()
        boxes = axes.boxplot(
            groups, orientation="horizontal", patch_artist=True, widths=0.65, **look
        )
        axes.set_yticklabels(classes)
        for box, color in zip(boxes["boxes"], genre_colors(classes).values(), strict=True):
            box.set(facecolor=color, edgecolor=MUTED)
        axes.invert_yaxis()
        axes.set_xlabel(f"{name} ({unit})" if unit else name)
        axes.grid(axis="x", alpha=0.25)
    medians = [float(np.median(group)) for group in groups]
    low, high = int(np.argmin(medians)), int(np.argmax(medians))
    return Picture(
        path,
        f"Box plots of {name} by genre; the medians go from {medians[low]:.4g} ({classes[low]}) to "
        f"{medians[high]:.4g} ({classes[high]}){f' {unit}' if unit else ''}.",
    )


def image_grid(images: Dataset, path: Path, *, data: str) -> Picture:
    """Draw the first images of each genre, a row per genre."""
    classes = images.classes
    size = (WIDTH, 0.5 + 0.74 * len(classes))
    with canvas(path, size=size, title=f"Images, {data}") as figure:
        grid = figure.subplots(len(classes), SAMPLES, squeeze=False, subplot_kw=_BARE)
        for row, genre in zip(grid, classes, strict=True):
            chosen = np.flatnonzero(images.labels == genre)[:SAMPLES]
            for axes, pixels in zip(row, _unit_pixels(images, chosen), strict=False):
                axes.imshow(pixels, aspect="auto")
            row[0].set_ylabel(genre, rotation=0, ha="right", va="center")
    return Picture(
        path, f"The first {SAMPLES} images of each of {len(classes)} genres, a row per genre."
    )


def mean_images(images: Dataset, path: Path, *, data: str) -> Picture:
    """Draw the mean of all the images of each genre."""
    classes = images.classes
    columns = min(5, len(classes))
    lines = -(-len(classes) // columns)
    size = (WIDTH, 0.5 + 1.2 * lines)
    with canvas(path, size=size, title=f"Mean image of each genre, {data}") as figure:
        grid = figure.subplots(lines, columns, squeeze=False, subplot_kw=_BARE)
        for axes, genre in zip(grid.ravel(), classes, strict=False):
            rows = np.flatnonzero(images.labels == genre)
            blocks = np.split(rows, range(_BLOCK, len(rows), _BLOCK))
            total = np.sum([_unit_pixels(images, block).sum(axis=0) for block in blocks], axis=0)
            axes.imshow(total / len(rows), aspect="auto")
            axes.set_title(genre)
    return Picture(path, f"The mean image of each of {len(classes)} genres.")


def unit_of(column: str) -> str:
    """Return the unit of a column of the published table, or an empty text."""
    name, _, moment = column.rpartition("_")
    if name in _HERTZ:
        return "Hz²" if moment == "var" else "Hz"
    return {"tempo": "beats/min", "length": "samples"}.get(column, "")


def _points(axes: Axes, scores: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> int:
    """Draw at most `MAX_POINTS` rows as points, and return their number."""
    rows = np.unique(np.linspace(0, len(scores) - 1, min(len(scores), MAX_POINTS)).astype(int))
    look: dict[str, Any] = {"s": 18, "alpha": 0.85, "linewidth": 0.3, "edgecolor": INK}
    for i, (genre, color) in enumerate(genre_colors(classes).items()):
        points = scores[rows][labels[rows] == genre]
        marker = _MARKERS[i % len(_MARKERS)]
        axes.scatter(*points.T, label=genre, color=color, marker=marker, **look)
    return len(rows)


def _unit_pixels(images: Dataset, rows: np.ndarray) -> np.ndarray:
    return np.asarray(images.take(rows)) / images.X.peak

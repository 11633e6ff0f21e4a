"""Pictures of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gtzan_exp.basics.genres import genre_colors
from gtzan_exp.compare.outcomes import Outcome
from gtzan_exp.compare.text import label, protocol_title
from gtzan_exp.evaluation.plots import confusion_matrix
from gtzan_exp.report.canvas import MUTED, Picture, canvas, heat_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osDv^P<X>"
_WIDE = 80
_LONG = 46
_ROOM = 0.02
_NARROW, _DECADES = 5, 100

Curves = Mapping[str, Mapping[str, list[tuple[int, float]]]]
"""By the name of a run, and by ``loss``, ``val_loss``, ...: (epoch, value)."""


def intervals(table: pd.DataFrame, path: Path, *, data: str) -> Picture:
    """Draw the accuracy of each line of a summary with its interval, protocol by protocol."""
    looks = _looks(table["view"])
    protocols = table.groupby("protocol", sort=True)
    places, names = [], []
    size = (7.2, 1.3 + 0.25 * (len(table) + 2.2 * len(protocols)))
    with canvas(path, size=size) as figure:
        axes = figure.subplots()
        heading: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
        place = 0.0
        for _, lines in protocols:
            leaks = f"leak: {' / '.join(dict.fromkeys(lines['leak']))}"
            title = _short(protocol_title(lines.iloc[0], table), _WIDE)
            axes.text(0, place, title, fontsize=9, weight="bold", **heading)
            axes.text(0, place + 0.65, _short(leaks, _WIDE), fontsize=8, color=MUTED, **heading)
            place += 0.6
            for _, line in lines.iterrows():
                place += 1
                places.append(place)
                names.append(_short(f"{line['model']}, {line['view']}"))
                color, marker = looks[line["view"]]
                if pd.notna(line["low"]):
                    style = ":" if line["interval"] == "range" else "-"
                    axes.plot((line["low"], line["high"]), (place, place), style, color=color, lw=2)
                axes.plot(line["accuracy"], place, marker, color=color, ms=6, mec="white", mew=0.6)
            place += 1.6
        axes.set_yticks(places, names, fontsize=9)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(places[-1] + 0.8, -0.9)
        low, high = axes.get_xlim()
        axes.set_xlim(max(low, -_ROOM), min(high, 1 + _ROOM))
        axes.set(xlabel="test accuracy", title=f"Accuracy and its interval, {data}")
        axes.grid(axis="x", alpha=0.3)
        _legend(axes, looks)
    said = "; ".join(
        f"{label(line)} on {line['split']} {line['accuracy']:.3f}" for _, line in table.iterrows()
    )
    return Picture(path, f"Accuracies with intervals: {said}.")


def genres(accuracies: pd.DataFrame, table: pd.DataFrame, path: Path, *, data: str) -> Picture:
    """Draw the share that each line gets right of each genre, from `by_genre`, as a heat map."""
    lines = table.loc[accuracies.index]
    names = [
        _short(f"{line['model']}, {line['view']}: {protocol_title(line, table)}")
        for _, line in lines.iterrows()
    ]
    values = accuracies.to_numpy(dtype=float)
    texts = np.array([["" if v != v else f"{100 * v:.0f}" for v in row] for row in values])
    size = (3.3 + 0.46 * values.shape[1], 1.6 + 0.26 * values.shape[0])
    with canvas(path, size=size, title=f"Right of each genre (%), {data}") as figure:
        axes = figure.subplots()
        heat_map(axes, values, texts, rows=names, columns=list(accuracies))
        for row in np.flatnonzero(lines["protocol"].diff()[1:]):
            axes.axhline(row + 0.5, color="white", lw=4)
    means = ", ".join(f"{name} {mean:.0%}" for name, mean in accuracies.mean().items())
    return Picture(path, f"Accuracy by genre, mean over the runs: {means}.")


def confusion(outcome: Outcome, classes: Sequence[str], title: str, path: Path) -> Picture:
    """Draw the confusion matrix of a run, over tracks."""
    confusion_matrix(outcome.tracks, classes, path, title=title)
    right = outcome.tracks["right"]
    return Picture(path, f"Confusion matrix of {title}: {right.sum()} of {len(right)} right.")


def fit_times(lines: pd.DataFrame, title: str, path: Path) -> Picture:
    """Draw accuracy over fit time of the lines of one protocol."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    looks = _looks(lines["view"])
    with canvas(path, size=(5.0, 3.6)) as figure:
        axes = figure.subplots()
        for _, line in lines.iterrows():
            color, marker = looks[line["view"]]
            place = max(line["fit_s"], 1e-3), line["accuracy"]
            axes.plot(*place, marker, color=color, ms=7)
            name = _short(line["model"])
            axes.annotate(name, place, (6, 4), textcoords="offset points", fontsize=8)
        axes.set_xscale("log")
        axes.margins(x=0.25, y=0.15)
        low, high = axes.get_xlim()
        few = LogLocator(subs=(1, 2, 5) if high < _DECADES * low else (1,))
        axes.xaxis.set_major_locator(few if high > _NARROW * low else MaxNLocator(4))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="fit time (s, mean of the runs)", ylabel="test accuracy", title=title)
        axes.grid(alpha=0.25)
        _legend(axes, looks)
    said = ", ".join(
        f"{label(line)} {line['fit_s']:.2g} s {line['accuracy']:.3f}"
        for _, line in lines.iterrows()
    )
    return Picture(path, f"Fit time and accuracy, {title}: {said}.")


def curves(histories: Curves, kind: str, path: Path) -> Picture:
    """Draw ``loss`` or ``accuracy`` by epoch of networks: validation solid, training dotted."""
    colors = genre_colors(tuple(histories))
    with canvas(path, size=(6.4, 4.0)) as figure:
        axes = figure.subplots()
        for name, history in histories.items():
            drawn = [key for key in (f"val_{kind}", kind) if history.get(key)]
            for key in drawn:
                epochs, values = zip(*history[key], strict=True)
                axes.plot(epochs, values, ":" if key == kind else "-", color=colors[name], lw=1.8)
            if drawn:
                axes.plot([], [], "-", color=colors[name], label=_short(name))
        axes.plot([], [], ":", color=MUTED, label="the same on training")
        unit = "cross-entropy (nats)" if kind == "loss" else kind
        axes.set(xlabel="epoch", ylabel=unit, title=f"{kind.capitalize()} on validation, by epoch")
        axes.grid(alpha=0.25)
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return Picture(path, f"Learning curves ({kind}) of {', '.join(histories)}.")


def _looks(views: pd.Series) -> dict[str, tuple[str, str]]:
    """Return a colour and a marker for each view."""
    names = sorted(views.unique())
    colors = genre_colors(names)
    return {name: (colors[name], _MARKERS[i % len(_MARKERS)]) for i, name in enumerate(names)}


def _legend(axes: Axes, looks: dict[str, tuple[str, str]]) -> None:
    for view, (color, marker) in looks.items():
        axes.plot([], [], f"{marker}-", color=color, label=_short(view))
    axes.figure.legend(loc="outside lower center", ncols=4, fontsize=9)


def _short(text: str, most: int = _LONG) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

"""Charts of a comparison."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair
import numpy as np
import pandas as pd

from gtzan_exp.compare.outcomes import Outcome
from gtzan_exp.compare.text import label
from gtzan_exp.report.chart import Chart
from gtzan_exp.report.page import records

Curves = Mapping[str, Mapping[str, list[tuple[int, float]]]]
"""By the name of a run, and by ``loss``, ``val_loss``, ...: (epoch, value)."""

_LABELS = 270  # maximum width of the names of lines, in pixels
_DOTS, _HEAT = 22, 24  # height of a line, in pixels
_KEY = "\u241f"  # separates the number of a row, which makes it unique, from its name
_NOT_ZERO = altair.Scale(zero=False)


def intervals(table: pd.DataFrame) -> Chart:
    """Return the accuracy of each line of a summary with its interval, protocol by protocol."""
    points = table.sort_values("protocol", kind="stable").assign(protocol=table["title"])
    kinds = (" (" + points["interval"] + ")").where(points["interval"] != "", "")
    tooltip = ["protocol", "name", "value", "interval", "leak"]
    return _dots(points.assign(kind=kinds, value=points["accuracy"]), "test accuracy", tooltip)


def drops(found: pd.DataFrame) -> Chart:
    """Return what each model loses from one protocol to another, from `outcomes.drops`."""
    points = found.assign(protocol=found["from"] + " to " + found["to"], kind="")
    tooltip = ["name", "value", "interval"]
    return _dots(points.assign(value=found["drop"]), "accuracy lost", tooltip)


def _dots(lines: pd.DataFrame, quantity: str, tooltip: list[str]) -> Chart:
    """Return a chart of values with intervals, one per line, below the names of protocols."""
    bounds = lines[["value", "low", "high", "kind"]].itertuples(index=False)
    said = ["{:.2f} [{:.2f}, {:.2f}]{}".format(*each) for each in bounds]
    lines = lines.assign(name=label(lines))
    lines["interval"] = pd.Series(said, lines.index).where(lines["low"].notna(), "unknown")
    parts = []
    for protocol, own in lines.groupby("protocol", sort=False):
        parts += [pd.DataFrame({"name": [protocol], "is_heading": True}), own]
    rows = pd.concat(parts, ignore_index=True)
    rows["row"] = _unique(rows["name"])
    headings = rows.loc[rows["is_heading"].notna(), "row"].tolist()
    bold = {"test": f"indexof({json.dumps(headings)}, datum.value) >= 0", "value": "bold"}
    axis = altair.Axis(
        labelExpr=f"split(datum.value, '{_KEY}')[1]",
        labelFontWeight={"condition": bold, "value": "normal"},
        labelLimit=_LABELS,
        ticks=False,
        domain=False,
        title=None,
    )
    base = _chart(rows[["row", "view", "low", "high", *tooltip]])
    base = base.encode(y=altair.Y("row:N", sort=rows["row"].tolist(), axis=axis))
    points = base.transform_filter("isValid(datum.value)")
    hue = altair.Color("view:N", title=None, scale=altair.Scale(scheme="tableau10"))
    value = altair.Tooltip("value:Q", format=".3f", title=quantity)
    hover = [value if name == "value" else f"{name}:N" for name in tooltip]
    low = altair.X("low:Q", title=quantity, scale=altair.Scale(zero=False, nice=True))
    bars = points.mark_rule(strokeWidth=3, opacity=0.6).encode(
        x=low, x2="high:Q", color=hue, tooltip=hover
    )
    dots = points.mark_point(filled=True, size=80, opacity=1).encode(
        x=altair.X("value:Q", title=quantity), color=hue, tooltip=hover
    )
    frame = base.mark_point(opacity=0)  # keeps the rows of the headings
    chart = altair.layer(frame, bars, dots).properties(width="container", height=_DOTS * len(rows))
    alt = "; ".join(lines["protocol"] + ", " + lines["name"] + " " + lines["interval"])
    return Chart.of(chart, f"{quantity}, with intervals: {alt}.")


def genres(accuracies: pd.DataFrame, table: pd.DataFrame) -> Chart:
    """Return a heat map of the accuracy of each line on each genre, from `by_genre`."""
    lines = table.loc[accuracies.index]
    names = _unique(label(lines) + ": " + lines["title"])
    cells = accuracies.set_axis(names).rename_axis("row").reset_index()
    cells = cells.melt("row", var_name="genre", value_name="share").dropna()
    cells["text"] = (100 * cells["share"]).map("{:.0f}".format)
    means = ", ".join(f"{name} {mean:.0%}" for name, mean in accuracies.mean().items())
    alt = f"Accuracy by genre, mean over the runs: {means}."
    return Chart.of(_heat(cells, "genre", list(accuracies), "row", names, "right"), alt)


def confusion(outcome: Outcome, classes: list[str], title: str) -> Chart:
    """Return the confusion matrix of a run, over tracks."""
    counts = outcome.tracks.groupby(["true", "predicted"]).size()
    shares = counts / counts.groupby("true").transform("sum")
    cells = pd.DataFrame({"text": counts.map(str), "share": shares}).reset_index()
    right = outcome.tracks["right"]
    alt = f"Confusion matrix of {title}: {right.sum()} of {len(right)} right."
    return Chart.of(_heat(cells, "predicted", classes, "true", classes, "share"), alt, title)


def _heat(
    cells: pd.DataFrame, x: str, columns: list[str], y: str, rows: Sequence[str], quantity: str
) -> altair.TopLevelMixin:
    """Return a heat map of shares, 0 to 1, with a text in each cell."""
    axis = altair.Axis(labelExpr=f"peek(split(datum.value, '{_KEY}'))", labelLimit=_LABELS)
    base = _chart(cells).encode(
        x=altair.X(f"{x}:N", scale=altair.Scale(domain=columns), axis=altair.Axis(labelAngle=-45)),
        y=altair.Y(f"{y}:N", scale=altair.Scale(domain=list(rows)), axis=axis, title=None),
    )
    shade = altair.Scale(domain=[0, 1], range=["#deebf7", "#08519c"])
    share = altair.Tooltip("share:Q", format=".0%", title=quantity)
    hover = [f"{y}:N", f"{x}:N", altair.Tooltip("text:N", title="shown"), share]
    ink = altair.condition("datum.share > 0.5", altair.value("white"), altair.value("#1f2328"))
    text = base.mark_text(fontSize=11).encode(text="text:N", tooltip=hover, color=ink)
    rectangles = base.mark_rect().encode(
        color=altair.Color("share:Q", scale=shade, legend=None), tooltip=hover
    )
    return altair.layer(rectangles, text).properties(width="container", height=_HEAT * len(rows))


def fit_times(table: pd.DataFrame) -> Chart:
    """Return accuracy against fit time, all lines on the same axes."""
    rows = table.assign(name=label(table), protocol=table["title"])
    rows["seconds"] = rows["fit_s"].clip(lower=1e-3)
    said = [
        f"{row['name']} {row['seconds']:.2g} s {row['accuracy']:.3f}" for _, row in rows.iterrows()
    ]
    seconds = altair.Tooltip("seconds:Q", format=".3g")
    hover: list[Any] = ["name:N", "protocol:N", seconds, altair.Tooltip("accuracy:Q", format=".3f")]
    scale = altair.Scale(type="log", nice=False, padding=20)
    x = altair.X("seconds:Q", scale=scale, title="fit time (s, mean of the runs)")
    base = _chart(rows[["seconds", "accuracy", "low", "high", "name", "protocol"]]).encode(
        x=x, color=altair.Color("protocol:N", title=None), tooltip=hover
    )
    y = altair.Y("low:Q", scale=_NOT_ZERO, title="test accuracy")
    bars = base.mark_rule(opacity=0.5).encode(y=y, y2="high:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        y="accuracy:Q", shape=altair.Shape("name:N", title=None)
    )
    chart = altair.layer(bars, dots).properties(width="container", height=300)
    return Chart.of(chart, f"Fit time and accuracy: {', '.join(said)}.")


def curves(histories: Curves, kind: str) -> Chart:
    """Return ``loss`` or ``accuracy`` by epoch of networks, on validation and on training."""
    rows = [
        (name, epoch, value, part)
        for name, history in histories.items()
        for part, key in (("validation", f"val_{kind}"), ("training", kind))
        for epoch, value in history.get(key, ())
        if np.isfinite(value)
    ]
    unit = "cross-entropy (nats)" if kind == "loss" else kind
    axis = altair.Axis(tickMinStep=1, format="d")
    number = altair.Tooltip("value:Q", format=".3f", title=unit)
    legend = altair.Legend(symbolType="stroke")
    parts = ["validation", "training"]
    lines = _chart(pd.DataFrame(rows, columns=["run", "epoch", "value", "part"]))
    chart = lines.mark_line(point={"size": 20}).encode(
        x=altair.X("epoch:Q", axis=axis, scale=altair.Scale(zero=False, nice=False)),
        y=altair.Y("value:Q", title=unit, scale=_NOT_ZERO),
        color=altair.Color("run:N", title=None),
        strokeDash=altair.StrokeDash("part:N", title=None, sort=parts, legend=legend),
        tooltip=["run:N", "part:N", altair.Tooltip("epoch:Q", format="d"), number],
    )
    alt = f"Learning curves ({kind}) of {', '.join(histories)}."
    chart = chart.properties(width="container", height=260)
    return Chart.of(chart, alt, f"{kind.capitalize()} by epoch")


def _unique(names: pd.Series) -> list[str]:
    return [f"{number:04}{_KEY}{name}" for number, name in enumerate(names)]


def _chart(rows: pd.DataFrame) -> altair.Chart:
    return altair.Chart(altair.Data(values=records(rows)))

"""Charts of a comparison."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair
import numpy as np
import pandas as pd

from gtzan_exp.compare.outcomes import Outcome
from gtzan_exp.compare.text import label, protocol_title
from gtzan_exp.report.chart import Chart

Curves = Mapping[str, Mapping[str, list[tuple[int, float]]]]
"""By the name of a run, and by ``loss``, ``val_loss``, ...: (epoch, value)."""

_LABELS = 270  # maximum width of the names of lines, in pixels
_DOTS, _HEAT = 22, 24  # height of a line, in pixels
_KEY = "\u241f"  # separates the number of a row, which makes it unique, from its name


def intervals(table: pd.DataFrame) -> Chart:
    """Return the accuracy of each line of a summary with its interval, protocol by protocol."""
    rows: list[dict[str, Any]] = []
    for _, lines in table.groupby("protocol", sort=True):
        leaks = " / ".join(dict.fromkeys(lines["leak"]))
        title = protocol_title(lines.iloc[0], table)
        rows.append({"name": title, "leak": leaks, "heading": True})
        for _, line in lines.iterrows():
            bounds = {name: _number(line[name]) for name in ("low", "high")}
            place = {"leak": line["leak"], "protocol": title, "view": line["view"]}
            kind = str(line["interval"])
            rows.append({"name": label(line), "value": line["accuracy"], **bounds, **place})
            rows[-1]["interval"] = f"{_range(rows[-1])} ({kind})" if kind else "unknown"
    said = "; ".join(
        f"{label(line)} on {line['split']} {line['accuracy']:.3f}" for _, line in table.iterrows()
    )
    tooltip = ["protocol", "name", "value", "interval", "leak"]
    return _dots(rows, "test accuracy", tooltip, f"Accuracies with intervals: {said}.")


def drops(found: pd.DataFrame) -> Chart:
    """Return what each model loses from one protocol to another, from `outcomes.drops`."""
    rows: list[dict[str, Any]] = []
    for (start, end), lines in found.groupby(["from", "to"], sort=False):
        rows.append({"name": f"{start} to {end}", "heading": True})
        for _, line in lines.iterrows():
            bounds = {name: _number(line[name]) for name in ("low", "high")}
            rows.append({"name": label(line), "value": line["drop"], **bounds})
            rows[-1] |= {"view": line["view"], "interval": _range(rows[-1])}
    said = "; ".join(f"{row['name']} {row.get('interval', '')}".strip() for row in rows)
    tooltip = ["name", "value", "interval"]
    return _dots(rows, "accuracy lost", tooltip, f"Drops with intervals: {said}.")


def _dots(rows: list[dict[str, Any]], quantity: str, tooltip: list[str], alt: str) -> Chart:
    """Return a chart of values with intervals, one per line, below headings."""
    for number, row in enumerate(rows):
        row["row"] = f"{number:04}{_KEY}{row['name']}"
    headings = [row["row"] for row in rows if row.get("heading")]
    bold = {"test": f"indexof({json.dumps(headings)}, datum.value) >= 0", "value": "bold"}
    axis = altair.Axis(
        labelExpr=f"split(datum.value, '{_KEY}')[1]",
        labelFontWeight={"condition": bold, "value": "normal"},
        labelLimit=_LABELS,
        ticks=False,
        domain=False,
        title=None,
    )
    order = [row["row"] for row in rows]
    scale = altair.Scale(zero=False, nice=True)
    base = _chart(rows).encode(y=altair.Y("row:N", sort=order, axis=axis))
    points = base.transform_filter("isValid(datum.value)")
    hue = altair.Color("view:N", title=None, scale=altair.Scale(scheme="tableau10"))
    value = altair.Tooltip("value:Q", format=".3f", title=quantity)
    hover = [value if name == "value" else f"{name}:N" for name in tooltip]
    bars = points.mark_rule(strokeWidth=3, opacity=0.6).encode(
        x=altair.X("low:Q", title=quantity, scale=scale), x2="high:Q", color=hue, tooltip=hover
    )
    dots = points.mark_point(filled=True, size=80, opacity=1).encode(
        x=altair.X("value:Q", title=quantity), color=hue, tooltip=hover
    )
    frame = base.mark_point(opacity=0)  # keeps the rows of the headings
    chart = altair.layer(frame, bars, dots).properties(width="container", height=_DOTS * len(rows))
    return Chart.of(chart, alt)


def genres(accuracies: pd.DataFrame, table: pd.DataFrame) -> Chart:
    """Return a heat map of the accuracy of each line on each genre, from `by_genre`."""
    lines = table.loc[accuracies.index]
    names = [
        f"{number:04}{_KEY}{label(line)}: {protocol_title(line, table)}"
        for number, (_, line) in enumerate(lines.iterrows())
    ]
    cells = [
        {"row": name, "genre": genre, "share": value, "text": f"{100 * value:.0f}"}
        for name, (_, values) in zip(names, accuracies.iterrows(), strict=True)
        for genre, value in values.items()
        if pd.notna(value)
    ]
    means = ", ".join(f"{name} {mean:.0%}" for name, mean in accuracies.mean().items())
    alt = f"Accuracy by genre, mean over the runs: {means}."
    return Chart.of(_heat(cells, "genre", list(accuracies), "row", names, "right"), alt)


def confusion(outcome: Outcome, classes: Sequence[str], title: str) -> Chart:
    """Return the confusion matrix of a run, over tracks."""
    counts = pd.crosstab(outcome.tracks["true"], outcome.tracks["predicted"])
    cells = [
        {"true": true, "predicted": said, "text": str(count), "share": count / row.sum()}
        for true, row in counts.iterrows()
        for said, count in row.items()
        if count
    ]
    right = outcome.tracks["right"]
    alt = f"Confusion matrix of {title}: {right.sum()} of {len(right)} right."
    names = list(classes)
    return Chart.of(_heat(cells, "predicted", names, "true", names, "share"), alt, title)


def _heat(
    cells: list[dict[str, Any]], x: str, columns: list[str], y: str, rows: list[str], quantity: str
) -> altair.TopLevelMixin:
    """Return a heat map of shares, 0 to 1, with a text in each cell."""
    axis = altair.Axis(labelExpr=f"peek(split(datum.value, '{_KEY}'))", labelLimit=_LABELS)
    base = _chart(cells).encode(
        x=altair.X(f"{x}:N", scale=altair.Scale(domain=columns), axis=altair.Axis(labelAngle=-45)),
        y=altair.Y(f"{y}:N", scale=altair.Scale(domain=rows), axis=axis, title=None),
    )
    shade = altair.Color(
        "share:Q", scale=altair.Scale(domain=[0, 1], range=["#deebf7", "#08519c"]), legend=None
    )
    share = altair.Tooltip("share:Q", format=".0%", title=quantity)
    hover = [f"{y}:N", f"{x}:N", altair.Tooltip("text:N", title="shown"), share]
    text = base.mark_text(fontSize=11).encode(
        text="text:N",
        tooltip=hover,
        color=altair.condition("datum.share > 0.5", altair.value("white"), altair.value("#1f2328")),
    )
    rectangles = base.mark_rect().encode(color=shade, tooltip=hover)
    return altair.layer(rectangles, text).properties(width="container", height=_HEAT * len(rows))


def fit_times(table: pd.DataFrame) -> Chart:
    """Return accuracy against fit time, all lines on the same axes."""
    rows = [
        {
            "seconds": max(float(line["fit_s"]), 1e-3),
            "accuracy": line["accuracy"],
            "low": _number(line["low"]),
            "high": _number(line["high"]),
            "name": label(line),
            "protocol": protocol_title(line, table),
        }
        for _, line in table.iterrows()
    ]
    said = ", ".join(f"{row['name']} {row['seconds']:.2g} s {row['accuracy']:.3f}" for row in rows)
    seconds = altair.Tooltip("seconds:Q", format=".3g")
    hover: list[Any] = ["name:N", "protocol:N", seconds, altair.Tooltip("accuracy:Q", format=".3f")]
    scale = altair.Scale(type="log", nice=False, padding=20)
    x = altair.X("seconds:Q", scale=scale, title="fit time (s, mean of the runs)")
    base = _chart(rows).encode(x=x, color=altair.Color("protocol:N", title=None), tooltip=hover)
    y = altair.Scale(zero=False)
    bars = base.mark_rule(opacity=0.5).encode(
        y=altair.Y("low:Q", scale=y, title="test accuracy"), y2="high:Q"
    )
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        y="accuracy:Q", shape=altair.Shape("name:N", title=None)
    )
    chart = altair.layer(bars, dots).properties(width="container", height=300)
    return Chart.of(chart, f"Fit time and accuracy: {said}.")


def curves(histories: Curves, kind: str) -> Chart:
    """Return ``loss`` or ``accuracy`` by epoch of networks, on validation and on training."""
    rows = [
        {"run": name, "epoch": int(epoch), "value": value, "part": part}
        for name, history in histories.items()
        for part, key in (("validation", f"val_{kind}"), ("training", kind))
        for epoch, value in history.get(key) or ()
        if np.isfinite(value)
    ]
    unit = "cross-entropy (nats)" if kind == "loss" else kind
    axis = altair.Axis(tickMinStep=1, format="d")
    number = altair.Tooltip("value:Q", format=".3f", title=unit)
    legend = altair.Legend(symbolType="stroke")
    parts = ["validation", "training"]
    lines = _chart(rows).mark_line(point={"size": 20})
    chart = lines.encode(
        x=altair.X("epoch:Q", axis=axis, scale=altair.Scale(zero=False, nice=False)),
        y=altair.Y("value:Q", title=unit, scale=altair.Scale(zero=False)),
        color=altair.Color("run:N", title=None),
        strokeDash=altair.StrokeDash("part:N", title=None, sort=parts, legend=legend),
        tooltip=["run:N", "part:N", altair.Tooltip("epoch:Q", format="d"), number],
    ).properties(width="container", height=260)
    alt = f"Learning curves ({kind}) of {', '.join(histories)}."
    return Chart.of(chart, alt, f"{kind.capitalize()} by epoch")


def _range(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return "unknown"
    return f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _chart(rows: Sequence[Mapping[str, Any]]) -> altair.Chart:
    """Return an empty chart of rows, with NumPy scalars converted to Python numbers."""
    values = [
        {key: v.item() if isinstance(v, np.generic) else v for key, v in row.items()}
        for row in rows
    ]
    return altair.Chart(altair.Data(values=values))

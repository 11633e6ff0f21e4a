"""Interactive charts of a page, with values on hover, in light and dark mode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair

_INK, _LINE = "currentColor", "var(--line)"
_PAPER = {_INK: "#1f2328", _LINE: "#d1d9e0"}


@dataclass(frozen=True)
class Chart:
    """A chart on the page."""

    spec: Mapping[str, Any]  # a Vega-Lite specification
    alt: str  # alternative text
    title: str = ""  # shown above the chart

    @classmethod
    def of(cls, chart: altair.TopLevelMixin, alt: str, title: str = "") -> Chart:
        """Return an Altair chart in the style of the page."""
        look = {"labelColor": _INK, "titleColor": _INK}
        lines = {"gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE}
        config = {
            "background": "transparent",
            "font": "system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif",
            "view": {"stroke": None},
            "axis": {**look, **lines, "labelFontSize": 12, "titleFontWeight": "normal"}
            | {"labelFlush": False, "labelSeparation": 6},
            "legend": {**look, "orient": "bottom", "columns": 2, "labelLimit": 320}
            | {"symbolBaseFillColor": _INK, "symbolBaseStrokeColor": _INK},
            "text": {"color": _INK},
        }
        return cls({**chart.to_dict(), "config": config}, alt, title)

    def write_png(self, path: Path, *, width: int) -> None:
        """Write the chart as a PNG on white, `width` points wide."""
        import vl_convert

        text = json.dumps({**self.spec, "width": width, "background": "white"})
        for name, color in _PAPER.items():
            text = text.replace(f'"{name}"', f'"{color}"')
        path.write_bytes(vl_convert.vegalite_to_png(text, scale=2))

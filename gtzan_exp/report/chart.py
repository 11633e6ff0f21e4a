"""Interactive charts of a page, with values on hover, in light and dark mode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair

_PAPER = {"currentColor": "#1f2328", "var(--line)": "#d1d9e0"}


@dataclass(frozen=True)
class Chart:
    """A chart on the page."""

    spec: Mapping[str, Any]  # a Vega-Lite specification
    alt: str  # alternative text
    title: str = ""  # shown above the chart

    @classmethod
    def of(cls, chart: altair.TopLevelMixin, alt: str, title: str = "") -> Chart:
        """Return an Altair chart in the style of the page."""
        config = json.loads(Path(__file__).with_name("chart.json").read_text(encoding="utf-8"))
        return cls({**chart.to_dict(), "config": config}, alt, title)

    def write_png(self, path: Path, *, width: int) -> None:
        """Write the chart as a PNG on white, `width` points wide."""
        import vl_convert

        text = json.dumps({**self.spec, "width": width, "background": "white"})
        for name, color in _PAPER.items():
            text = text.replace(f'"{name}"', f'"{color}"')
        path.write_bytes(vl_convert.vegalite_to_png(text, scale=2))

"""A report in a folder: one HTML file that needs nothing else, and its numbers as JSON."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.report.canvas import Picture

_LONG = 16
_SYNTHETIC = (
    "SYNTHETIC, not GTZAN: this audio was generated so that everything can be tried. What is shown "
    "here says nothing about music, nor how good anything is."
)
_PAGE_REM = 72

_STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --card: #f6f8fa; --ink: #1f2328;
  --muted: #59636e; --line: #d1d9e0; --warn: #fff1e5; --warn-line: #bc4c00; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --card: #151b23; --ink: #e6edf3; --muted: #9198a1; --line: #3d444d;
    --warn: #3a1d0b; --warn-line: #f0883e; }
  figure img { filter: brightness(0.9); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 72rem; background: var(--page);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans",
  sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 0.5rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 0.5rem; padding-top: 0.75rem;
  border-top: 1px solid var(--line); }
p { margin: 0.5rem 0; max-width: 46rem; }
.warn { background: var(--warn); border-left: 4px solid var(--warn-line); padding: 0.5rem 0.75rem; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.1rem 1rem;
  margin: 0.75rem 0; }
.facts dt { color: var(--muted); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.pictures { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--least)), 1fr)); }
.pictures.single { grid-template-columns: minmax(0, 46rem); }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; background: #ffffff; border-radius: 6px;
  border: 1px solid var(--line); padding: 4px; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding-bottom: 0.25rem; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: left; vertical-align: top;
  overflow-wrap: normal; border-bottom: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
@media (max-width: 30rem) { table { font-size: 0.8rem; } th, td { padding-right: 0.6rem; } }
summary { cursor: pointer; color: var(--muted); margin: 0.5rem 0; }
"""


@dataclass(frozen=True)
class Table:
    """A table on the page.

    Parameters
    ----------
    caption : str
    frame : pandas.DataFrame
        Its index is not shown.
    decimals : int, optional
        Digits after the point of fractions; six significant ones when omitted.
    """

    caption: str
    frame: pd.DataFrame
    decimals: int | None = None


@dataclass(frozen=True)
class Section:
    """A heading with what belongs to it.

    Parameters
    ----------
    title : str
    text : str
        Paragraphs, with an empty line between them.
    pictures : sequence of Picture
        Side by side where the screen is wide enough.
    tables : sequence of Table
        Long ones are folded.
    columns : int
        At most so many pictures side by side.
    """

    title: str
    text: str = ""
    pictures: Sequence[Picture] = field(default=())
    tables: Sequence[Table] = field(default=())
    columns: int = 3


def free_folder(path: Path) -> Path:
    """Return `path` in full; it is not made yet.

    Raises
    ------
    ConfigError
        It is a file, or a folder that is not empty.
    """
    folder = path.expanduser().absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        what = "not empty" if folder.is_dir() else "not a folder"
        raise ConfigError(Mistake("output", what, "a new or an empty folder", str(folder)))
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in.

    Raises
    ------
    ConfigError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        allowed = "a folder that can be made"
        raise ConfigError(Mistake("output", "cannot be made", allowed, str(error))) from error


def write_page(
    path: Path,
    *,
    title: str,
    synthetic: bool,
    facts: Mapping[str, Any],
    sections: Sequence[Section],
    numbers: Mapping[str, Any],
) -> None:
    """Write a page, and what it says in numbers beside it.

    Parameters
    ----------
    path : Path
        The HTML file; the numbers have the suffix ``.json``.
    title : str
    synthetic : bool
        Nobody must miss that what is shown was generated.
    facts : mapping
        Names and values, under the title.
    sections : sequence of Section
    numbers : mapping
        What JSON can hold; anything else becomes text.
    """
    items = (f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in facts.items())
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="warn">{_SYNTHETIC}</p>' if synthetic else "",
        f'<dl class="facts">{"".join(items)}</dl>',
        *map(_section, sections),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    start = f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>'
    path.write_text("\n".join([start, *body, "</main></body></html>\n"]), encoding="utf-8")
    text = json.dumps({"synthetic": synthetic, **numbers}, indent=1, allow_nan=False, default=str)
    path.with_suffix(".json").write_text(text, encoding="utf-8")


def _section(section: Section) -> str:
    parts = [f"<section><h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(text)}</p>" for text in section.text.split("\n\n") if text]
    if section.pictures:
        layout = "pictures" if len(section.pictures) > 1 else "pictures single"
        # As wide as leaves no room for one more in the widest page.
        least = f"--least: {_PAGE_REM / (section.columns + 1) + 2:g}rem"
        parts += [
            f'<div class="{layout}" style="{least}">',
            *map(_figure, section.pictures),
            "</div>",
        ]
    parts += map(_table, section.tables)
    return "\n".join([*parts, "</section>"])


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.path.read_bytes()).decode()
    alt = escape(picture.alt, quote=True)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{alt}"></figure>'


def _table(table: Table) -> str:
    caption = escape(table.caption)
    if table.frame.empty:
        return f"<p>{caption}: none.</p>"
    columns = [_cells(str(name), column, table.decimals) for name, column in table.frame.items()]
    head, *rows = (f"<tr>{''.join(cells)}</tr>" for cells in zip(*columns, strict=True))
    long = len(rows) > _LONG
    inner = "" if long else f"<caption>{caption}</caption>"
    content = f"{inner}<thead>{head}</thead><tbody>{''.join(rows)}</tbody>"
    html = f'<div class="scroll"><table>{content}</table></div>'
    if not long:
        return html
    return f"<details><summary>{caption} ({len(rows):,} lines)</summary>{html}</details>"


def _cells(name: str, column: pd.Series, decimals: int | None) -> list[str]:
    """Return the name and the values of a column as HTML."""
    if is_bool_dtype(column) or not is_numeric_dtype(column):
        texts = ["yes" if v is True else "no" if v is False else str(v) for v in column]
        return [f"<th>{_breakable(name)}</th>", *(f"<td>{_breakable(text)}</td>" for text in texts)]
    form = "," if not is_float_dtype(column) else ".6g" if decimals is None else f",.{decimals}f"
    head = f'<th class="number">{escape(name)}</th>'
    return [head, *(f'<td class="number">{value:{form}}</td>' for value in column)]


def _breakable(text: str) -> str:
    """Return HTML that may break the line after ``_`` and ``/``, so that tables fit a phone."""
    return re.sub("([_/])", r"\1<wbr>", escape(text))

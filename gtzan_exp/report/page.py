"""A report in a folder: one self-contained HTML file, and its numbers as JSON."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.report.canvas import Picture
from gtzan_exp.report.chart import Chart

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Sound:
    """A sound on the page."""

    title: str
    owner: str  # playing it moves the cursors of the pictures of the same owner
    mp3: bytes

    @classmethod
    def of(cls, title: str, owner: str, y: np.ndarray, sample_rate: int) -> Self:
        """Return a wave, shape (samples,), as a sound."""
        import soundfile

        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", sample_rate, 1, format="MP3") as written:
            for start in range(0, len(y), _BLOCK):
                written.write(np.clip(y[start : start + _BLOCK], -1, 1))
        return cls(title, owner, file.getvalue())


@dataclass(frozen=True)
class Table:
    """A table on the page."""

    caption: str
    frame: pd.DataFrame  # its index is not shown
    decimals: int | None = None  # decimal places of floats; six significant digits when omitted
    tool: bool = False  # can be sorted and filtered on the page; else a long one is collapsed
    code: Sequence[str] = ()  # columns that are commands
    links: Mapping[str, Sequence[str | None]] = field(default_factory=dict)  # of values, or None

    @property
    def head(self) -> list[tuple[str, bool]]:
        """The names of the columns, and whether they are numeric."""
        return [(str(name), _is_number(column)) for name, column in self.frame.items()]

    @property
    def rows(self) -> list[tuple[dict[str, Any], ...]]:
        """The cells: their ``text``, and maybe ``value``, ``number``, ``code``, ``link``."""
        return list(zip(*(self._cells(str(name)) for name in self.frame), strict=True))

    def _cells(self, name: str) -> list[dict[str, Any]]:
        column = self.frame[name]
        if _is_number(column):
            whole = not is_float_dtype(column)
            form = "," if whole else ".6g" if self.decimals is None else f",.{self.decimals}f"
            texts = ["" if pd.isna(value) else f"{value:{form}}" for value in column]
            pairs = zip(texts, column, strict=True)
            return [
                {"text": text, "value": text and value, "number": True} for text, value in pairs
            ]
        links = self.links.get(name) or [None] * len(column)
        texts = ["yes" if v is True else "no" if v is False else str(v) for v in column]
        code = name in self.code
        pairs = zip(texts, links, strict=True)
        return [{"text": text, "link": link, "code": code} for text, link in pairs]


@dataclass(frozen=True)
class Section:
    """A section of the page."""

    title: str
    text: str = ""  # paragraphs, separated by an empty line
    pictures: Sequence[Picture | Chart] = field(default=())  # side by side where there is room
    tables: Sequence[Table] = field(default=())
    columns: int = 3  # at most so many pictures side by side
    sounds: Sequence[Sound] = field(default=())  # before the pictures


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a page says, and what its run records."""

    title: str
    synthetic: bool
    facts: Mapping[str, str]  # shown at the top of the page
    tags: Mapping[str, str] = field(default_factory=dict)  # of the run, as are the metrics
    metrics: Mapping[str, float]
    numbers: Mapping[str, Any]  # plain data: the content of all tables of the page
    write: Callable[[Path], list[Section]]  # writes pictures and tables into a folder
    lead: str = ""  # a sentence below the title


def markdown_cell(text: str) -> str:
    """Return text as a cell of a table in Markdown, in one line, that shows what it says."""
    return escape(text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " "), quote=False)


def records(frame: pd.DataFrame) -> list[Mapping[Hashable, Any]]:
    """Return rows as plain data, with None for missing values."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def free_folder(path: Path) -> Path:
    """Return the absolute `path` of no file and no folder with content, without making it."""
    folder = path.expanduser().absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        what = "not empty" if folder.is_dir() else "not a folder"
        raise ConfigError(Mistake("output", what, "a new or an empty folder", str(folder)))
    return folder


def write_page(path: Path, report: Report, run_id: str) -> None:
    """Write a page and its files into a new folder, and its numbers as JSON beside it.

    Values that JSON lacks become text.
    """
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        allowed = "a folder that can be made"
        raise ConfigError(Mistake("output", "cannot be made", allowed, str(error))) from error
    sections = report.write(path.parent)
    environment = Environment(
        loader=PackageLoader("gtzan_exp.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["chart"] = lambda picture: isinstance(picture, Chart)
    environment.filters["breakable"] = lambda text: Markup(
        re.sub("([_/])", r"\1<wbr>", escape(text))
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode()
    environment.filters["safe_json"] = lambda spec: Markup(  # cannot close the script around it
        json.dumps(spec, allow_nan=False).replace("<", "\\u003c")
    )
    charts = any(isinstance(picture, Chart) for part in sections for picture in part.pictures)
    html = environment.get_template("page.html").render(
        report=report,
        facts={**report.facts, "run": run_id},
        sections=sections,
        vega=Markup(_vega()) if charts else "",
    )
    path.write_text(html, encoding="utf-8")
    numbers = {"synthetic": report.synthetic, "run_id": run_id, **report.numbers}
    text = json.dumps(numbers, indent=1, allow_nan=False, default=str)
    path.with_suffix(".json").write_text(text, encoding="utf-8")


@cache
def _vega() -> str:
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")


def _is_number(column: pd.Series) -> bool:
    return is_numeric_dtype(column) and not is_bool_dtype(column)

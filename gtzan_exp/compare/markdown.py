"""A comparison as files: ``compare.csv`` with all columns, ``compare.md`` to read."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pandas as pd

from gtzan_exp.compare.run_columns import unfinished
from gtzan_exp.compare.summary import over_draws, summary
from gtzan_exp.compare.text import notes, readable, rest_line, terminal_text


def as_markdown(table: pd.DataFrame) -> str:
    """Return the table to read as Markdown."""
    shown = readable(table)
    rows = [list(shown), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def write_tables(
    table: pd.DataFrame, draws: pd.DataFrame, rest: pd.DataFrame, folder: Path, *, title: str
) -> None:
    """Write what `summary`, `over_draws` and `unfinished` gave into a folder."""
    table.to_csv(folder / "compare.csv", index=False)
    parts = [f"# {title}"]
    if not table.empty:
        parts += [as_markdown(table), *notes(table)]
    if not draws.empty:
        parts += ["## Over draws of the split", as_markdown(draws)]
    if not rest.empty:
        parts += ["## Failed, killed and unfinished runs"]
        parts += ["\n".join(f"- {_cell(rest_line(run))}" for _, run in rest.iterrows())]
    (folder / "compare.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def write_summary(runs: pd.DataFrame, folder: Path, *, title: str) -> str:
    """Write the tables of recorded runs into a folder; return what a terminal shows of them."""
    table, draws, rest = summary(runs), over_draws(runs), unfinished(runs)
    write_tables(table, draws, rest, folder, title=title)
    return terminal_text(table, draws, rest)


def _cell(text: str) -> str:
    return escape(text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " "), quote=False)

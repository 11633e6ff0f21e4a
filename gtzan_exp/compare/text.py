"""A comparison as text: for a terminal, as ``compare.csv`` with all columns, as ``compare.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from gtzan_exp.compare.run_columns import UNKNOWN_ARTIST, unfinished
from gtzan_exp.compare.summary import clash, over_draws, summary, telling_options
from gtzan_exp.report.page import markdown_cell as cell

_FORMATS = {"runs": "{}", "draws": "{}", "fit_s": "{:.1f}"}  # others have three decimals
_COLUMNS = ("split", "data", "leak", "view", "model", "draws", "runs", "best", "accuracy")
DRAWS, REST = "Over draws of the split", "Failed, killed and unfinished runs"


@dataclass(frozen=True)
class Tables:
    """The tables of a comparison, which `summary`, `over_draws` and `unfinished` return."""

    lines: pd.DataFrame
    draws: pd.DataFrame
    rest: pd.DataFrame

    @classmethod
    def of(cls, runs: pd.DataFrame, metrics: Sequence[str] = ()) -> Tables:
        return cls(summary(runs, metrics), over_draws(runs), unfinished(runs))

    def text(self) -> str:
        """Return the tables, their notes, and the runs that are in no table, for a terminal."""
        parts = [as_text(self.lines), *notes(self.lines)]
        if not self.draws.empty:
            parts += [f"{DRAWS}:", as_text(self.draws)]
        return "\n\n".join(filter(None, [*parts, "\n".join(self._left_out())]))

    def write(self, folder: Path, *, title: str) -> None:
        """Write ``compare.csv`` and ``compare.md`` into a folder."""
        self.lines.to_csv(folder / "compare.csv", index=False)
        parts = [f"# {title}", _markdown(self.lines), *notes(self.lines)]
        if not self.draws.empty:
            parts += [f"## {DRAWS}", _markdown(self.draws)]
        if not self.rest.empty:
            parts += [f"## {REST}", "\n".join(f"- {cell(line)}" for line in self._left_out())]
        text = "\n\n".join(filter(None, parts))
        (folder / "compare.md").write_text(f"{text}\n", encoding="utf-8")

    def _left_out(self) -> list[str]:
        lines = []
        for run in self.rest.to_dict("records"):
            status = run["status"]
            if status == "FINISHED":
                hidden = pd.notna(run.get("val/accuracy"))
                status += " on validation alone" if hidden else " without test/accuracy"
            name = "".join(letter if letter.isprintable() else "?" for letter in run["name"])
            lines.append(f"{status}: {name} ({run['run_id']})")
        return lines


def label(lines: Any) -> Any:
    """Return the short name of a line, or of each of several, within its protocol."""
    return lines["view"] + " " + lines["model"]


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns to read; `best` and `published` only where they add something."""
    bounds = [_interval_text(line) for line in table.to_dict("records")]
    found = table.assign(split=table["split"] + telling_options(table), interval=bounds)
    if "runs" in table:
        found["data"] = table["data_set"].map(str)
        found["published"] = (table["published"] + " " + table["published_is"]).str.rstrip()
        telling = {
            "data": clash(table, ["protocol"], "data_set"),
            "best": (table["runs"] > 1).any(),
            "published": (found["published"] != "").any(),
        }
        found = found.drop(columns=[name for name, tells in telling.items() if not tells])
    further = [name for name in table if name.startswith("test/")]
    names = [*_COLUMNS, "interval", "published", "macro_f1", *further, "fit_s", "on"]
    found = found[[name for name in names if name in found]]
    return found.rename(columns=lambda name: name.removeprefix("test/"))


def _interval_text(line: Mapping[Any, Any]) -> str:
    if pd.isna(line["low"]):
        return "unknown"
    kinds = {"range": " range", "seeds": f" {line.get('seeds')} seeds"}
    return f"{line['low']:.2f}-{line['high']:.2f}{kinds.get(str(line.get('interval')), '')}"


def _texts(shown: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `readable` with numbers as text."""
    found = shown.astype(object)
    for name in shown.select_dtypes("number"):
        form = _FORMATS.get(name, "{:.3f}").format
        found[name] = ["" if pd.isna(value) else form(value) for value in shown[name]]
    return found


def as_text(table: pd.DataFrame) -> str:
    """Return the table for a terminal, with aligned columns; "" without a line.

    What all lines of a protocol share is printed once above them. Where they do not fit 80 columns,
    the least telling columns are left out.
    """
    if table.empty:
        return ""
    shown = readable(table)
    texts = _texts(shown)
    titles = ["protocol"] if "protocol" in table else ["split", "split_options"]
    numbers = table.groupby(titles, sort=False).ngroup().to_numpy()
    alike = texts.groupby(numbers).nunique().max() == 1
    common = ["split", *(name for name in ("data", "leak", "on") if alike.get(name, False))]
    columns = {}
    for name in shown.columns.drop(common):
        column = [name, *texts[name]]
        width = max(map(len, column))
        # Names of numeric columns are longer than their numbers, so one space separates them.
        is_number = is_numeric_dtype(shown[name])
        columns[name] = [f"{t:>{width}}" if is_number else f" {t:<{width}}" for t in column]
    for spare in ("fit_s", "macro_f1", "best"):
        if sum(len(column[0]) + 1 for column in columns.values()) > 80:
            columns.pop(spare, None)
    head, *lines = (f" {' '.join(line)}".rstrip() for line in zip(*columns.values(), strict=True))
    found = [head]
    for rows in pd.RangeIndex(len(texts)).groupby(numbers).values():
        first = texts.iloc[rows[0]]
        found.append("; ".join([first["split"], *(f"{name} {first[name]}" for name in common[1:])]))
        found += [lines[row] for row in rows]
    return "\n".join(found)


def notes(table: pd.DataFrame) -> list[str]:
    """Return the notes that a table needs, a sentence or two each."""
    if table.empty:
        return []
    found = []
    for _, lines in table.groupby("protocol"):
        title = lines["title"].iloc[0]
        if len(set(lines["data_set"])) > 1:
            found.append(
                f'{title}: the data is not the same. Lines with different "data" are no ranking, '
                "and there are no tests between them."
            )
        if len(set(lines["test_fingerprint"])) > 1:
            what = "folds" if lines["cross_validated"].any() else "test parts"
            sizes = dict(zip(lines["on"], lines["n_test"], strict=True))
            parts = ", ".join(f"{on} of {n:.0f} tracks" for on, n in sizes.items())
            found.append(
                f'{title}: the {what} are not identical ({parts}). Lines with different "on" are '
                "no ranking; tests between models use the tracks common to both."
            )
        elif len(set(lines["split_fingerprint"])) > 1:
            found.append(f"{title}: same test tracks, but the training parts are not identical.")
        found += [f"{title}: {doubt}." for doubt in dict.fromkeys(lines["doubts"]) if doubt]
    changed = table[(table["codes"] > 1) & (table["seeds"] > 0)]
    if not changed.empty:
        names = ", ".join(label(changed) + " (" + changed["split"] + ")")
        found.append(
            f"The code changed between the runs of {names}; of each seed the newest run counts."
        )
    if table["leak"].str.endswith(UNKNOWN_ARTIST).any():
        found.append(f"{UNKNOWN_ARTIST}: no list of artists came with the data or the split.")
    if "seen" in table:
        parts = table.groupby("on", sort=False)["seen"].first()
        seen = ", ".join(f"{count} on {on}" for on, count in parts.items())
        found.append(f"Finished runs by test part: {seen}. The best of many is optimistic.")
    if (table["interval"] == "range").any():
        found.append(
            'range: lowest and highest of runs that differ in options, no interval; "best" was '
            "selected on the test part, so it is optimistic."
        )
    return found


def _markdown(table: pd.DataFrame) -> str:
    if table.empty:
        return ""
    shown = _texts(readable(table))
    rows = [list(shown), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(cell, row)) + " |" for row in rows)

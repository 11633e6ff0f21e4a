"""A comparison as text: for a terminal, as ``compare.csv`` with all columns, as ``compare.md``."""

from pathlib import Path

import pandas as pd

from gtzan_exp.compare.run_columns import UNKNOWN_ARTIST, unfinished
from gtzan_exp.compare.summary import clash, over_draws, summary
from gtzan_exp.report.markdown import cell

_FORMATS = {"accuracy": "{:.3f}", "best": "{:.3f}", "macro_f1": "{:.3f}", "fit_s": "{:.1f}"}


def label(line: pd.Series) -> str:
    """Return the short name of a line within its protocol."""
    return f"{line['view']} {line['model']}"


def protocol_title(line: pd.Series, table: pd.DataFrame) -> str:
    """Return the name of a line's protocol, unique among those of the same split."""
    split, *options = _title(line, table)
    leaks = [f"leaking {line['on_purpose']}"] if line["on_purpose"] else []
    return ", ".join([split, *leaks, *options])


def _title(line: pd.Series, table: pd.DataFrame) -> list[str]:
    """Return the split of a line, and the options that some other line of that split lacks."""
    same_split = table.loc[table["split"] == line["split"], "split_options"]
    others = [set(text.split(", ")) for text in same_split.unique()]
    own = [option for option in line["split_options"].split(", ") if option]
    return [line["split"], *(option for option in own if any(option not in o for o in others))]


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns to read, as text; `best` and `published` only where they add something."""
    shown = table[["split", "leak", "view", "model"]].copy()
    if "split_options" in table:
        shown["split"] = [", ".join(_title(line, table)) for _, line in table.iterrows()]
    if "data_set" in table and clash(table, ["protocol"], "data_set"):
        shown.insert(1, "data", table["data_set"].map(str))
    count = "draws" if "draws" in table else "runs"
    shown[count] = table[count].map(str)
    if "draws" not in table and (table["runs"] > 1).any():
        shown["best"] = table["best"].map(_FORMATS["best"].format)
    shown["accuracy"] = table["accuracy"].map(_FORMATS["accuracy"].format)
    shown["interval"] = [_interval_text(line) for _, line in table.iterrows()]
    if "published" in table and (table["published"] != "").any():
        shown["published"] = (table["published"] + " " + table["published_is"]).str.rstrip()
    further = [name for name in table if name.startswith("test/")]
    for name in ("macro_f1", *further, "fit_s"):
        if name in table:
            text = _FORMATS.get(name, "{:.3f}").format
            values = table[name].map(text, na_action="ignore").fillna("")
            shown[name.removeprefix("test/")] = values
    shown["on"] = table["on"]
    return shown


def _interval_text(line: pd.Series) -> str:
    if pd.isna(line["low"]):
        return "unknown"
    kinds = {"range": " range", "seeds": f" {line.get('seeds')} seeds"}
    return f"{line['low']:.2f}-{line['high']:.2f}{kinds.get(line.get('interval'), '')}"


def as_text(table: pd.DataFrame) -> str:
    """Return the table for a terminal, with aligned columns.

    What all lines of a protocol share is printed once above them. Where they do not fit 80 columns,
    the least telling columns are left out.
    """
    shown = readable(table)
    titles = ["protocol"] if "protocol" in table else ["split", "split_options"]
    numbers = table.groupby(titles, sort=False).ngroup()
    alike = shown.groupby(numbers).nunique().max() == 1
    common = ["split", *(name for name in ("data", "leak", "on") if alike.get(name, False))]
    columns = {}
    for name in shown.columns.drop(common):
        column = [name, *shown[name]]
        width = max(map(len, column))
        numeric = name in _FORMATS or name in ("runs", "draws") or f"test/{name}" in table
        # Names of numeric columns are longer than their numbers, so one space separates them.
        columns[name] = [f"{t:>{width}}" if numeric else f" {t:<{width}}" for t in column]
    for spare in ("fit_s", "macro_f1", "best"):
        if sum(len(column[0]) + 1 for column in columns.values()) > 80:
            columns.pop(spare, None)
    head, *lines = (f" {' '.join(line)}".rstrip() for line in zip(*columns.values(), strict=True))
    found = [head]
    for _, rows in numbers.reset_index(drop=True).groupby(numbers.to_numpy(), sort=False):
        first = shown.iloc[rows.index[0]]
        found.append("; ".join([first["split"], *(f"{name} {first[name]}" for name in common[1:])]))
        found += [lines[row] for row in rows.index]
    return "\n".join(found)


def notes(table: pd.DataFrame) -> list[str]:
    """Return the notes that a table needs, a sentence or two each."""
    found = []
    for _, lines in table.groupby("protocol"):
        first = lines.iloc[0]
        title = protocol_title(first, table)
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
        names = ", ".join(f"{label(line)} ({line['split']})" for _, line in changed.iterrows())
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


def terminal_text(table: pd.DataFrame, draws: pd.DataFrame, rest: pd.DataFrame) -> str:
    """Return the tables, their notes, and the runs that are in no table."""
    parts: list[str] = []
    if not table.empty:
        parts.append(as_text(table))
        parts += notes(table)
    if not draws.empty:
        parts += ["Over draws of the split:", as_text(draws)]
    if not rest.empty:
        parts.append("\n".join(rest_line(run) for _, run in rest.iterrows()))
    return "\n\n".join(parts)


def rest_line(run: pd.Series) -> str:
    judged = "on validation alone" if pd.notna(run.get("val/accuracy")) else "without test/accuracy"
    status = f"FINISHED {judged}" if run["status"] == "FINISHED" else run["status"]
    name = "".join(letter if letter.isprintable() else "?" for letter in run["name"])
    return f"{status}: {name} ({run['run_id']})"


def as_markdown(table: pd.DataFrame) -> str:
    shown = readable(table)
    rows = [list(shown), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(cell, row)) + " |" for row in rows)


def write_tables(
    table: pd.DataFrame, draws: pd.DataFrame, rest: pd.DataFrame, folder: Path, *, title: str
) -> None:
    """Write the results of `summary`, `over_draws` and `unfinished` into a folder."""
    table.to_csv(folder / "compare.csv", index=False)
    parts = [f"# {title}"]
    if not table.empty:
        parts += [as_markdown(table), *notes(table)]
    if not draws.empty:
        parts += ["## Over draws of the split", as_markdown(draws)]
    if not rest.empty:
        parts += ["## Failed, killed and unfinished runs"]
        parts += ["\n".join(f"- {cell(rest_line(run))}" for _, run in rest.iterrows())]
    (folder / "compare.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def write_summary(runs: pd.DataFrame, folder: Path, *, title: str) -> tuple[str, str]:
    """Write the tables of recorded runs into a folder; return them in short, and with notes."""
    table, draws, rest = summary(runs), over_draws(runs), unfinished(runs)
    write_tables(table, draws, rest, folder, title=title)
    return "" if table.empty else as_text(table), terminal_text(table, draws, rest)

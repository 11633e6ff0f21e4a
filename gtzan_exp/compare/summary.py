"""One line per cell and protocol, as a frame with everything and as a table to read."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from gtzan_exp.compare.statistics import over_seeds
from gtzan_exp.evaluation.aggregate import corrected_interval
from gtzan_exp.evaluation.intervals import wilson

_CELL = ["view", "model", "split", "leak", "data_fingerprint", "split_fingerprint"]
_PLACES = ("data_place", "split_files", "split_place")
_OPTIONS = ("options", "split_options", "data_options", "view_options", *_PLACES)
_TAGS = (*_CELL, "data", *_OPTIONS, "test_fingerprint", "config_hash", "seeds", "code")
_ACCURACY, _MACRO_F1 = "test/accuracy", "test/macro_f1"
_LEAK = "leak/"
_NEAR = "leak/near_duplicate"
_UNKNOWN = "artist ?"
_VIEW = ["view", "view_options"]
_DRAW = r"(?:^|, )seed=\d+"
_FORMATS = {"accuracy": "{:.3f}", "best": "{:.3f}", "macro_f1": "{:.3f}", "fit_s": "{:.1f}"}
PROTOCOL = ["data", "split", "on_purpose", "split_options"]
"""The columns of `summary` that lines must share to be compared."""


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one line per cell, best mean accuracy first within each protocol.

    Finished runs of one cell, split and data are one line; they differ in seeds or options. Runs
    on other splits or other data are other lines, so that unlike is never averaged. Where rows are
    segments of tracks, accuracy and macro F1 are those of tracks if they were recorded.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `gtzan_exp.tracking.query.recorded_runs`.

    Returns
    -------
    pandas.DataFrame
        ``split``, ``leak`` (each kind with the share of the test part that it reaches, where that
        was measured; ``duplicate`` counts near duplicates too; ``artist ?`` where nobody knows the
        artists), ``view``, ``model``, ``runs``,
        ``seeds`` (of each the newest run counts; 0: the runs differ in options), ``codes`` (so many
        states of the code made the runs),
        ``best`` (chosen on the test part, so too good when there are several), ``accuracy``
        (mean), ``low``, ``high`` (their range where runs differ in options, a 95 % interval
        otherwise), ``interval`` (its kind: ``wilson``, ``folds``, ``seeds`` or ``range``),
        ``macro_f1`` and ``fit_s`` (means, seconds), ``on`` (start of the fingerprint of the test
        part), ``published`` (of the tag) and what identifies the line: ``protocol`` (a number),
        ``data_set`` (a number; another one: other data, or data of which that is not known),
        ``run_id`` and ``name`` of the newest run, the fingerprints, ``leak/<kind>``.
    """
    runs = with_defaults(runs)
    finished = runs[is_finished(runs)]
    groups = finished.groupby(_CELL, dropna=False, sort=False)
    table = pd.DataFrame([_line(group) for _, group in groups])
    if table.empty:
        return table
    data = ["data", "data_options"]
    copies = _told_apart(table, data, _VIEW, "data_fingerprint", ["data_place"])
    table["data_set"] = table.assign(copies=copies).groupby([*data, "copies"]).ngroup() + 1
    table["split_options"] = _with_files(table)
    table = table.sort_values(
        [*PROTOCOL, "accuracy", "view", "model"], ascending=[*[True] * 4, False, True, True]
    ).reset_index(drop=True)
    table.insert(0, "protocol", table.groupby(PROTOCOL, sort=False).ngroup() + 1)
    return table


def _with_files(table: pd.DataFrame) -> pd.Series:
    """Return the options of the splits, with files added whose lists of tracks are not the same."""
    read = table[table["split_place"] != ""]
    read = read.assign(split_fingerprint="fingerprint=" + read["split_fingerprint"])
    same = [*_VIEW, "data_fingerprint"]
    apart = _told_apart(
        read, PROTOCOL, same, "split_fingerprint", ["split_files", "split_place"]
    ).reindex(table.index, fill_value="")
    both = zip(table["split_options"], apart, strict=True)
    return pd.Series([", ".join(filter(None, texts)) for texts in both], index=table.index)


def _told_apart(
    table: pd.DataFrame, within: list[str], same: list[str], differing: str, by: list[str]
) -> pd.Series:
    """Return what tells lines apart that share `within` and `same`, and are `differing`.

    It is the first of the columns `by` within whose values they do not differ, at last `differing`
    itself, and an empty text where they never do; lines that are not `differing` have it in common.
    Lines that share `within` alone may differ: two views of the same data have two fingerprints.
    """
    found = pd.Series("", index=table.index)
    for _, lines in table.groupby(within):
        if _clash(lines, same, differing):
            keys = (key for key in by if not _clash(lines, [key, *same], differing))
            key = next(keys, differing)
            found[lines.index] = lines.groupby(differing)[key].transform("min")
    return found


def _clash(lines: pd.DataFrame, same: list[str], differing: str) -> bool:
    return any(len(set(values)) > 1 for _, values in lines.groupby(same)[differing])


def is_finished(runs: pd.DataFrame) -> pd.Series:
    """Return which runs have ended well and left a test accuracy."""
    return (runs["status"] == "FINISHED") & runs[_ACCURACY].notna()


def with_defaults(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the columns that older ones, or a user's own, may lack."""
    runs = runs.copy()
    for column in ("run_id", "name", "synthetic", *_TAGS):
        if column not in runs:
            runs[column] = ""
        runs[column] = runs[column].fillna("").astype(str)
    for column in (_ACCURACY, _MACRO_F1, "fit_seconds", "n_test", "n_train"):
        if column not in runs:
            runs[column] = np.nan
    for column in [name for name in runs if name.startswith(_LEAK)]:
        runs[column] = pd.to_numeric(runs[column], errors="coerce")  # a tag may have such a name
    unknown = runs["test_fingerprint"] == ""
    runs.loc[unknown, "test_fingerprint"] = runs.loc[unknown, "split_fingerprint"]
    runs["on_purpose"] = _on_purpose(runs)
    return runs


def over_draws(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one line per cell that was run on several draws of the same split.

    ``draws`` counts them, ``on`` is what they were (lines with the same ``on`` are comparable),
    ``accuracy`` is the mean. ``low`` and ``high`` are corrected for overlapping training parts
    (Nadeau and Bengio 2003); cross-validations that are repeated keep the mean of their own
    intervals at least.
    """
    runs = with_defaults(runs)
    finished = runs[is_finished(runs) & runs["split_options"].str.contains(_DRAW)]
    finished = finished.assign(drawn=finished["split_options"].str.replace(_DRAW, "", regex=True))
    cell = ["view", "model", "split", "on_purpose", "data_fingerprint", "split_place"]
    cell += ["options", "drawn"]
    lines = []
    for _, group in finished.groupby(cell, sort=False):
        draws = group.drop_duplicates("split_fingerprint")
        if len(draws) < 2:
            continue
        values = draws[_accuracy_of(group)].to_numpy(dtype=float)
        singles = np.array([interval(run) for _, run in draws.iterrows()])
        if _folded(group):
            low, high = over_seeds(values, _around(values, singles))
        else:
            share = (draws["n_test"] / draws["n_train"]).mean()
            low, high = np.clip(corrected_interval(values, float(share)), 0, 1)
        first = group.iloc[0]
        lines.append(
            {
                **{name: first[name] for name in ("split", "view", "model")},
                "split_options": first["drawn"],
                "leak": _leak(draws),
                "draws": len(draws),
                "accuracy": values.mean(),
                "low": low,
                "high": high,
                "macro_f1": draws[_macro_f1_of(group)].mean(),
                "on": "+".join(sorted(text[:6] for text in draws["test_fingerprint"])),
            }
        )
    table = pd.DataFrame(lines)
    order = ["split", "on", "accuracy"]
    return table if table.empty else table.sort_values(order, ascending=[True, True, False])


def interval(run: pd.Series) -> tuple[float, float]:
    """Return the 95 % interval of the test accuracy of one run.

    The corrected interval over the folds of a cross-validation, or Wilson's over the tracks of a
    single test part; not a number when its size is not recorded.
    """
    name = "test/track_accuracy" if pd.notna(run.get("test/track_accuracy")) else _ACCURACY
    low, high = run.get(f"ci_low/{name}"), run.get(f"ci_high/{name}")
    if pd.notna(low) and pd.notna(high):
        return max(0.0, low), min(1.0, high)
    n = run.get("n_test_tracks")
    n = run.get("n_test") if pd.isna(n) else n
    return wilson(run[name], n) if pd.notna(n) else (float("nan"), float("nan"))


def label(line: pd.Series) -> str:
    """Return the short name of a line within its protocol."""
    return f"{line['view']} {line['model']}"


def as_text(table: pd.DataFrame) -> str:
    """Return the table to read in a terminal, with aligned columns."""
    shown = readable(table)
    columns = []
    for name in shown:
        column = [name, *shown[name]]
        width = max(map(len, column))
        numeric = name in _FORMATS or name in ("runs", "draws")
        # The names of columns with numbers are longer than the numbers, so one space divides them.
        columns.append([f"{t:>{width}}" if numeric else f" {t:<{width}}" for t in column])
    lines = zip(*columns, strict=True)
    return "\n".join(" ".join(line)[1:].rstrip() for line in lines)


def as_markdown(table: pd.DataFrame) -> str:
    """Return the table to read as Markdown."""
    shown = readable(table)
    rows = [list(shown), ["---"] * shown.shape[1], *shown.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that people read, as text; `best` and `published` where they say more."""
    several = "draws" not in table and bool((table["runs"] > 1).any())
    published = "published" in table and bool((table["published"] != "").any())
    shown = table[["split", "leak", "view", "model"]].copy()
    if "split_options" in table:
        shown["split"] = [", ".join(_title(line, table)) for _, line in table.iterrows()]
    if "data_set" in table and _clash(table, ["protocol"], "data_set"):
        shown.insert(1, "data", table["data_set"].map(str))
    if "draws" in table:
        shown["draws"] = table["draws"].map(str)
    else:
        shown["runs"] = table["runs"].map(str)
    if several:
        shown["best"] = table["best"].map(_FORMATS["best"].format)
    shown["accuracy"] = table["accuracy"].map(_FORMATS["accuracy"].format)
    shown["interval"] = [_interval_text(line) for _, line in table.iterrows()]
    if published:
        shown["published"] = table["published"]
    for name in ("macro_f1", "fit_s"):
        if name in table:
            shown[name] = table[name].map(_FORMATS[name].format)
    shown["on"] = table["on"]
    return shown


def write_tables(
    table: pd.DataFrame, draws: pd.DataFrame, rest: pd.DataFrame, folder: Path, *, title: str
) -> None:
    """Write ``compare.csv``, with all columns in full, and ``compare.md``.

    Parameters
    ----------
    table : pandas.DataFrame
        From `summary`.
    draws : pandas.DataFrame
        From `over_draws`.
    rest : pandas.DataFrame
        From `unfinished`.
    folder : Path
    title : str
        First line of the Markdown.
    """
    table.to_csv(folder / "compare.csv", index=False)
    parts = [f"# {title}"]
    if not table.empty:
        parts += [as_markdown(table), *notes(table)]
    if not draws.empty:
        parts += ["## Over draws of the split", as_markdown(draws)]
    if not rest.empty:
        parts += ["## Failed, killed and unfinished runs"]
        parts += ["\n".join(f"- {_cell(_rest_line(run))}" for _, run in rest.iterrows())]
    (folder / "compare.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def notes(table: pd.DataFrame) -> list[str]:
    """Return what must be said beside the numbers of a table, a sentence or two each."""
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
    changed = table[(table["codes"] > 1) & (table["seeds"] > 0)]
    if not changed.empty:
        names = ", ".join(f"{label(line)} ({line['split']})" for _, line in changed.iterrows())
        found.append(
            f"The code changed between the runs of {names}; of each seed the newest run counts."
        )
    if table["leak"].str.endswith(_UNKNOWN).any():
        found.append(f"{_UNKNOWN}: no list of artists came with the data or the split.")
    if (table["interval"] == "range").any():
        found.append(
            'range: lowest and highest of runs that differ in options, no interval; "best" was '
            "chosen on the test part and is too good."
        )
    return found


def protocol_title(line: pd.Series, table: pd.DataFrame) -> str:
    """Return the name of a line's protocol, with what tells it from others of the same split."""
    split, *options = _title(line, table)
    leaks = [f"leaking {line['on_purpose']}"] if line["on_purpose"] else []
    return ", ".join([split, *leaks, *options])


def _title(line: pd.Series, table: pd.DataFrame) -> list[str]:
    """Return the split of a line, and those of its options that other lines of it lack."""
    others = set(table.loc[table["split"] == line["split"], "split_options"])
    others = [set(text.split(", ")) for text in others]
    own = [option for option in line["split_options"].split(", ") if option]
    return [line["split"], *(option for option in own if any(option not in o for o in others))]


def _line(group: pd.DataFrame) -> dict[str, object]:
    newest = group.iloc[0]
    name = _accuracy_of(group)
    accuracy = group[name]
    same_options = len(set(group["options"])) == 1 and newest["options"] != ""
    distinct = group.drop_duplicates("config_hash") if newest["config_hash"] else group
    if same_options:
        distinct = group.drop_duplicates("seeds")
    values = distinct[name].to_numpy(dtype=float)
    if len(group) == 1 or len(distinct) == 1:
        (low, high), kind = interval(newest), "folds" if _folded(group) else "wilson"
    elif same_options:
        singles = np.array([interval(run) for _, run in distinct.iterrows()])
        single = _around(values, singles)
        if not _folded(group) and pd.notna(_tracks_of(newest)):
            single = wilson(float(values.mean()), _tracks_of(newest))
        (low, high), kind = over_seeds(values, single), "seeds"
    else:
        (low, high), kind = (accuracy.min(), accuracy.max()), "range"
    best = group.loc[accuracy.idxmax()]
    shares = {key: group[key].mean() for key in group if key.startswith(_LEAK)}
    published = dict.fromkeys(group.get("published", pd.Series(dtype=str)).dropna())
    sources = dict.fromkeys(group.get("published_by", pd.Series(dtype=str)).dropna())
    return {
        "data": newest["data"],
        "split": newest["split"],
        "leak": _leak(group),
        "view": newest["view"],
        "model": newest["model"],
        "runs": len(group),
        "seeds": len(distinct) if same_options or len(distinct) == 1 else 0,
        "codes": len(set(group["code"])),
        "best": best[name],
        "accuracy": values.mean() if kind != "range" else accuracy.mean(),
        "low": low,
        "high": high,
        "interval": kind,
        "macro_f1": distinct[_macro_f1_of(group)].mean(),
        "fit_s": group["fit_seconds"].mean(),
        "cross_validated": _folded(group),
        "of": "tracks" if name != _ACCURACY else "rows",
        "n_test": _tracks_of(newest),
        "published": "/".join(map(str, published)),
        "published_by": "/".join(map(str, sources)),
        "on": newest["test_fingerprint"][:6],
        "on_purpose": newest["on_purpose"],
        **{name: newest[name] for name in _OPTIONS[1:]},
        **{name: newest[name] for name in ("run_id", "name", *_CELL[-2:], "test_fingerprint")},
        "best_run_id": best["run_id"],
        **shares,
    }


def _on_purpose(runs: pd.DataFrame) -> list[str]:
    """Return the leaks that the protocols let through on purpose: those that are not measured."""
    kinds = {kind for tag in runs["leak"].unique() for kind in tag.split("+")} - {"", "none"}
    measured = {
        kind: runs[f"{_LEAK}{kind}"].notna().tolist() for kind in kinds if f"{_LEAK}{kind}" in runs
    }
    return [
        ", ".join(
            kind
            for kind in tag.split("+")
            if kind in kinds and not (kind in measured and measured[kind][row])
        )
        for row, tag in enumerate(runs["leak"])
    ]


def _accuracy_of(group: pd.DataFrame) -> str:
    tracks = group.get("test/track_accuracy")
    return _ACCURACY if tracks is None or tracks.isna().any() else "test/track_accuracy"


def _macro_f1_of(group: pd.DataFrame) -> str:
    tracks = group.get("test/track_macro_f1")
    return _MACRO_F1 if tracks is None or tracks.isna().any() else "test/track_macro_f1"


def _folded(group: pd.DataFrame) -> bool:
    low = group.get(f"ci_low/{_ACCURACY}")
    return low is not None and bool(low.notna().all())


def _tracks_of(run: pd.Series) -> float:
    tracks = run.get("n_test_tracks")
    return float(run["n_test"] if pd.isna(tracks) else tracks)


def _around(values: np.ndarray, singles: np.ndarray) -> tuple[float, float]:
    """Return the mean of single intervals, moved to the mean of the values."""
    below, above = (singles - values[:, None]).mean(axis=0) + values.mean()
    return float(below), float(above)


def _leak(group: pd.DataFrame) -> str:
    kinds = [_with_share(kind, group) for kind in group.iloc[0]["leak"].split("+")]
    if _measured("track", group) and not _measured("artist", group):
        kinds = [*(kind for kind in kinds if kind != "none"), _UNKNOWN]
    return ", ".join(kinds)


def _measured(kind: str, group: pd.DataFrame) -> bool:
    """Return whether the audit of some run could know a kind of leak."""
    share = group.get(f"{_LEAK}{kind}")
    return share is not None and bool(share.notna().any())


def _with_share(kind: str, group: pd.DataFrame) -> str:
    if not _measured(kind, group):
        return kind
    share = group[f"{_LEAK}{kind}"]
    if kind == "duplicate" and _NEAR in group:
        share = share + group[_NEAR].fillna(0)
    return f"{kind} {share.mean():.0%}"


def _interval_text(line: pd.Series) -> str:
    if pd.isna(line["low"]):
        return "unknown"
    kinds = {"range": " range", "seeds": f" {line.get('seeds')} seeds"}
    return f"{line['low']:.2f}-{line['high']:.2f}{kinds.get(line.get('interval'), '')}"


def _cell(text: str) -> str:
    return escape(text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " "), quote=False)


def write_summary(runs: pd.DataFrame, folder: Path, *, title: str) -> str:
    """Write the tables of runs into a folder and return the one to read in a terminal.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `gtzan_exp.tracking.query.recorded_runs`.
    folder : Path
    title : str
    """
    table, draws, rest = summary(runs), over_draws(runs), unfinished(runs)
    write_tables(table, draws, rest, folder, title=title)
    return terminal_text(table, draws, rest)


def terminal_text(table: pd.DataFrame, draws: pd.DataFrame, rest: pd.DataFrame) -> str:
    """Return the tables, their notes, and every run that is in none of them."""
    parts: list[str] = []
    if not table.empty:
        parts.append(as_text(table))
        parts += notes(table)
    if not draws.empty:
        parts += ["Over draws of the split:", as_text(draws)]
    if not rest.empty:
        parts.append("\n".join(_rest_line(run) for _, run in rest.iterrows()))
    return "\n\n".join(parts)


def unfinished(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that are in no line: failed, killed, still running, or without a result."""
    runs = with_defaults(runs)
    return runs[~is_finished(runs)]


def _rest_line(run: pd.Series) -> str:
    status = "FINISHED without test/accuracy" if run["status"] == "FINISHED" else run["status"]
    name = "".join(letter if letter.isprintable() else "?" for letter in run["name"])
    return f"{status}: {name} ({run['run_id']})"

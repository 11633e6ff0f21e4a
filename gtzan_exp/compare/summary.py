"""The lines of a comparison, one per cell and protocol, and their statistics."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gtzan_exp.compare.run_columns import (
    ACCURACY,
    CELL,
    LEAK,
    OPTIONS,
    finished,
    interval,
    interval_kind,
    is_folded,
    leak_text,
    metric_of,
    tracks_of,
)
from gtzan_exp.compare.statistics import over_seeds
from gtzan_exp.evaluation.intervals import corrected_interval, wilson

_VIEW = ["view", "view_options"]
_SAME_DECIMALS = 9
_DRAW = r"(?:^|, )seed=\d+"
_OF_NEWEST = ["run_id", "name", "overrides", "doubts", "on_purpose", *CELL[-2:], *OPTIONS[1:]]
_OF_NEWEST += ["test_fingerprint"]
PROTOCOL = ["data", "split", "on_purpose", "split_options"]
"""The columns of `summary` that lines must share to be compared."""


def summary(runs: pd.DataFrame, metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Return one line per cell, best mean accuracy first within each protocol.

    Finished runs of one cell, split and data are one line; they differ in seeds or options. Runs on
    different splits or data are never averaged. Where rows are segments of tracks, accuracy and
    macro F1 are those of tracks if they were recorded. `runs` are from
    `gtzan_exp.tracking.query.recorded_runs`; `metrics` are further ones of the test part, such as
    ``ece`` for a column ``test/ece``.

    Columns: ``split``, ``leak`` (each kind with its measured share of the test part; ``duplicate``
    includes near duplicates; ``artist ?`` where artists are unknown), ``view``, ``model``,
    ``runs``, ``seeds`` (the newest run of each counts; 1 where they change nothing; 0 where runs
    differ in options), ``codes`` (number of versions of the code), ``best`` (selected on the test
    part, so optimistic), ``accuracy`` (mean), ``low``, ``high`` (a 95 % interval, or the range of
    runs that differ in options), ``interval`` (``artists``, ``wilson``, ``folds``, ``seeds`` or
    ``range``), ``macro_f1`` and ``fit_s`` (means, seconds), ``on`` (start of the fingerprint of the
    test part), ``published`` (the tag), ``published_is`` (``inside`` or ``outside`` of the range of
    the runs, to its own digits; empty where it is no number) and what identifies the line:
    ``protocol`` (a number, and a ``title``), ``data_set`` (a number; data that may differ has
    another one), ``run_id``, ``name``, ``overrides`` and ``doubts`` of the newest run, the
    fingerprints, ``leak/<kind>``.
    """
    groups = finished(runs).groupby(CELL, dropna=False, sort=False)
    table = pd.DataFrame([_line(group, metrics) for _, group in groups])
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
    leaks = (", leaking " + table["on_purpose"]).where(table["on_purpose"] != "", "")
    table["title"] = table["split"] + leaks + telling_options(table)
    return table


def telling_options(table: pd.DataFrame) -> pd.Series:
    """Return the options of each split that some other line of that split lacks, as text."""

    def telling(texts: pd.Series) -> pd.Series:
        options = texts.str.split(", ")
        common = {"", *set.intersection(*map(set, options))}
        return options.map(lambda own: "".join(f", {o}" for o in own if o not in common))

    return table.groupby("split")["split_options"].transform(telling)


def _with_files(table: pd.DataFrame) -> pd.Series:
    """Return the options of the splits, with the names of files whose lists of tracks differ."""
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
    """Return a text that tells apart lines of equal `within` and `same`, but unequal `differing`.

    It is the first of `by` that does, else `differing` itself; "" where nothing differs.
    """
    found = pd.Series("", index=table.index)
    for _, lines in table.groupby(within):
        if clash(lines, same, differing):
            keys = (key for key in by if not clash(lines, [key, *same], differing))
            key = next(keys, differing)
            found[lines.index] = lines.groupby(differing)[key].transform("min")
    return found


def clash(lines: pd.DataFrame, same: list[str], differing: str) -> bool:
    """Return whether lines that share `same` have several values of `differing`."""
    return any(len(set(values)) > 1 for _, values in lines.groupby(same)[differing])


def over_draws(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one line per cell that was run on several draws of the same split.

    ``draws`` is their number, ``on`` identifies them (lines with the same ``on`` are comparable),
    ``accuracy`` is the mean. Its interval is `corrected_interval`, or that of repeated
    cross-validations `over_seeds`.
    """
    drawn = finished(runs)
    drawn = drawn[drawn["split_options"].str.contains(_DRAW)]
    drawn = drawn.assign(drawn=drawn["split_options"].str.replace(_DRAW, "", regex=True))
    cell = ["view", "model", "split", "on_purpose", "data_fingerprint", "split_place"]
    cell += ["options", "drawn"]
    lines = []
    for _, group in drawn.groupby(cell, sort=False):
        draws = group.drop_duplicates("split_fingerprint")
        if len(draws) < 2:
            continue
        values = draws[metric_of(group, "accuracy")].to_numpy(dtype=float)
        if is_folded(group):
            low, high = over_seeds(values, _around(values, draws))
        else:
            share = (draws["n_test"] / draws["n_train"]).mean()
            found = corrected_interval(values, float(share))
            low, high = max(0.0, found.low), min(1.0, found.high)
        first = group.iloc[0]
        lines.append(
            {
                **{name: first[name] for name in ("split", "view", "model")},
                "split_options": first["drawn"],
                "leak": leak_text(draws),
                "draws": len(draws),
                "accuracy": values.mean(),
                "low": low,
                "high": high,
                "macro_f1": draws[metric_of(group, "macro_f1")].mean(),
                "on": "+".join(sorted(text[:6] for text in draws["test_fingerprint"])),
            }
        )
    table = pd.DataFrame(lines)
    order = ["split", "on", "accuracy"]
    return table if table.empty else table.sort_values(order, ascending=[True, True, False])


def _line(group: pd.DataFrame, metrics: Sequence[str]) -> dict[str, object]:
    newest = group.iloc[0]
    name = metric_of(group, "accuracy")
    accuracy = group[name]
    same_options = len(set(group["options"])) == 1 and newest["options"] != ""
    distinct = group.drop_duplicates("config_hash") if newest["config_hash"] else group
    if same_options:
        distinct = _distinct_seeds(group)
    values = distinct[name].to_numpy(dtype=float)
    if len(group) == 1 or len(distinct) == 1:
        (low, high), kind = interval(newest), interval_kind(distinct)
    elif same_options:
        single = _around(values, distinct)
        if interval_kind(distinct) == "wilson" and pd.notna(tracks_of(newest)):
            single = wilson(float(values.mean()), tracks_of(newest))
        (low, high), kind = over_seeds(values, single), "seeds"
    else:
        (low, high), kind = (accuracy.min(), accuracy.max()), "range"
    best = group.loc[accuracy.idxmax()]
    published = _told(group, "published")
    return {
        **newest[["data", "split", "view", "model"]],
        "leak": leak_text(group),
        "runs": len(group),
        "seeds": len(distinct) if same_options or len(distinct) == 1 else 0,
        "codes": len(set(group["code"])),
        "best": best[name],
        "accuracy": values.mean() if kind != "range" else accuracy.mean(),
        "low": low,
        "high": high,
        "interval": kind,
        "macro_f1": distinct[metric_of(group, "macro_f1")].mean(),
        **{f"test/{metric}": distinct[metric_of(group, metric)].mean() for metric in metrics},
        "fit_s": group["fit_seconds"].mean(),
        "cross_validated": is_folded(group),
        "of": "tracks" if name != ACCURACY else "rows",
        "n_test": tracks_of(newest),
        "published": "/".join(published),
        "published_is": "/".join(_place(text, accuracy) for text in published),
        "published_by": "/".join(_told(group, "published_by")),
        "on": newest["test_fingerprint"][:6],
        "best_run_id": best["run_id"],
        **newest[_OF_NEWEST],
        **{key: group[key].mean() for key in group if key.startswith(LEAK)},
    }


def _told(group: pd.DataFrame, tag: str) -> list[str]:
    """Return the distinct values of a tag that runs may lack."""
    return list(map(str, group[tag].dropna().unique())) if tag in group else []


def _place(published: str, accuracy: pd.Series) -> str:
    """Return whether a published accuracy is ``inside`` or ``outside`` of the range of runs."""
    try:
        number = float(published)
    except ValueError:
        return ""
    half_a_digit = 0.5 * 10.0 ** -len(published.partition(".")[2])
    nearest = min(max(number, accuracy.min()), accuracy.max())
    return "inside" if abs(number - nearest) <= half_a_digit + 1e-9 else "outside"


def _distinct_seeds(group: pd.DataFrame) -> pd.DataFrame:
    """Return the newest run of each seed, or one run where all test metrics are equal."""
    distinct = group.drop_duplicates("seeds")
    results = [name for name in group if name.startswith("test/")]
    nothing_changed = len(distinct[results].round(_SAME_DECIMALS).drop_duplicates()) == 1
    return distinct.head(1) if nothing_changed else distinct


def _around(values: np.ndarray, runs: pd.DataFrame) -> tuple[float, float]:
    """Return the mean of the intervals of runs, centred on the mean of their values."""
    singles = np.array([interval(run) for _, run in runs.iterrows()])
    below, above = (singles - values[:, None]).mean(axis=0) + values.mean()
    return float(below), float(above)

"""Recorded runs side by side: one line per cell and protocol."""

from __future__ import annotations

import pandas as pd

_CELL = ["view", "model", "split", "leak", "data_fingerprint", "split_fingerprint"]
_MEANS = {"test/accuracy": "accuracy", "test/macro_f1": "macro_f1", "fit_seconds": "fit_s"}
_LEAK = "leak/"


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one line per cell, best mean accuracy first within each split.

    Finished runs of one cell, split and data are one line; they differ in seeds or options. Runs
    on other splits or other data are other lines, so that unlike is never averaged.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `gtzan_exp.tracking.query.recorded_runs`.

    Returns
    -------
    pandas.DataFrame
        ``split``, ``leak`` (each kind with the share of the test part that it reaches, where that
        was measured), ``view``, ``model``, ``runs``, ``accuracy`` (mean), ``interval`` (of 95 % for
        one run; lowest to highest for several), ``macro_f1`` and ``fit_s`` (means, seconds), ``on``
        (start of the split's fingerprint).
    """
    finished = runs[(runs["status"] == "FINISHED") & runs["test/accuracy"].notna()]
    lines = [_line(group) for _, group in finished.groupby(_CELL, dropna=False, sort=False)]
    table = pd.DataFrame(lines)
    order = ["split", "on", "accuracy"]
    return table.sort_values(order, ascending=[True, True, False]).reset_index(drop=True)


def interval(run: pd.Series) -> tuple[float, float]:
    """Return the 95 % interval of the test accuracy of one run.

    The corrected interval over the folds of a cross-validation, or E. B. Wilson's interval
    (J. Am. Stat. Assoc. 22, 1927) for a single test part; not a number when its size is not
    recorded.
    """
    low, high = run.get("ci_low/test/accuracy"), run.get("ci_high/test/accuracy")
    if pd.notna(low) and pd.notna(high):
        return float(low), float(high)
    if pd.isna(run.get("n_test")):
        return float("nan"), float("nan")
    from scipy.stats import binomtest

    n = int(run["n_test"])
    found = binomtest(round(run["test/accuracy"] * n), n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def as_text(table: pd.DataFrame) -> str:
    """Return a table with aligned columns: text to the left, numbers to the right."""
    formats = {"accuracy": "{:.3f}", "macro_f1": "{:.3f}", "fit_s": "{:.1f}"}
    columns = []
    for name in table:
        column = [name, *(formats.get(name, "{}").format(value) for value in table[name])]
        width = max(map(len, column))
        numeric = pd.api.types.is_numeric_dtype(table[name])
        columns.append([text.rjust(width) if numeric else text.ljust(width) for text in column])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _line(group: pd.DataFrame) -> dict[str, object]:
    first = group.iloc[0]
    accuracy = group["test/accuracy"]
    if len(group) == 1:
        low, high = interval(first)
        spread = f"{low:.2f}-{high:.2f}"
    else:
        spread = f"{accuracy.min():.2f}-{accuracy.max():.2f} range"
    return {
        "split": first["split"],
        "leak": ", ".join(_with_share(kind, group) for kind in first["leak"].split("+")),
        "view": first["view"],
        "model": first["model"],
        "runs": len(group),
        "accuracy": accuracy.mean(),
        "interval": spread,
        **{name: group[key].mean() for key, name in _MEANS.items() if name != "accuracy"},
        "on": first["split_fingerprint"][:6],
    }


def _with_share(kind: str, group: pd.DataFrame) -> str:
    share = group.get(f"{_LEAK}{kind}")
    return kind if share is None or share.isna().all() else f"{kind} {share.mean():.0%}"

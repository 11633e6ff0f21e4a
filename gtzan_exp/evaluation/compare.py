"""Recorded runs side by side: one line per cell and protocol."""

from __future__ import annotations

import pandas as pd

_CELL = ["view", "model", "split", "leak", "data_fingerprint", "split_fingerprint"]
_METRICS = {"test/accuracy": "accuracy", "test/macro_f1": "macro_f1", "fit_seconds": "fit_s"}


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one line per cell, best mean accuracy first within each protocol.

    Finished runs of one cell, split and data are one line; they differ in seeds or options. Runs
    on other splits or other data are other lines, so that unlike is never averaged.

    Parameters
    ----------
    runs : pandas.DataFrame
        From `gtzan_exp.tracking.query.recorded_runs`.

    Returns
    -------
    pandas.DataFrame
        ``view``, ``model``, ``split``, ``leak``, ``runs``, ``accuracy`` and ``macro_f1`` (means),
        ``best`` (highest accuracy), ``fit_s`` (mean seconds), ``on`` (split fingerprint).
    """
    finished = runs[(runs["status"] == "FINISHED") & runs["test/accuracy"].notna()]
    groups = finished.groupby(_CELL, dropna=False)
    table = groups[list(_METRICS)].mean().rename(columns=_METRICS)
    table["runs"] = groups.size()
    table["best"] = groups["test/accuracy"].max()
    table = table.reset_index().rename(columns={"split_fingerprint": "on"})
    table = table.sort_values(["split", "leak", "accuracy"], ascending=[True, True, False])
    columns = ["view", "model", "split", "leak", "runs", "accuracy", "best", "macro_f1", "fit_s"]
    table["on"] = table["on"].str[:6]
    return table[[*columns, "on"]].reset_index(drop=True)


def as_text(table: pd.DataFrame) -> str:
    """Return a table with aligned columns: text to the left, numbers to the right."""
    formats = {"accuracy": "{:.3f}", "best": "{:.3f}", "macro_f1": "{:.3f}", "fit_s": "{:.1f}"}
    cells = {
        name: [name, *(formats.get(name, "{}").format(value) for value in table[name])]
        for name in table
    }
    columns = []
    for name, column in cells.items():
        width = max(map(len, column))
        numeric = pd.api.types.is_numeric_dtype(table[name])
        columns.append([text.rjust(width) if numeric else text.ljust(width) for text in column])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))

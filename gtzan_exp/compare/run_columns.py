"""What a comparison takes from recorded runs: accuracy, interval and leaks."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gtzan_exp.evaluation.audit import PRETRAINING
from gtzan_exp.evaluation.intervals import wilson

CELL = ["view", "model", "split", "leak", "data_fingerprint", "split_fingerprint"]
_PLACES = ("data_place", "split_files", "split_place")
OPTIONS = ("options", "split_options", "data_options", "view_options", *_PLACES)
_TAGS = (*CELL, "data", *OPTIONS, "test_fingerprint", "config_hash", "seeds", "code", "doubts")
ACCURACY, _OF_TRACKS = "test/accuracy", "test/track_accuracy"
LEAK = "leak/"
_NEAR = "leak/near_duplicate"
UNKNOWN_ARTIST = "artist ?"


def with_defaults(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with defaults for columns that older runs, or a user's own, lack."""
    texts = ["run_id", "name", "synthetic", "overrides", *_TAGS]
    numbers = [ACCURACY, "test/macro_f1", "fit_seconds", "n_test", "n_train", "n_test_tracks"]
    numbers += ["n_tested_artists", f"std/{ACCURACY}", _OF_TRACKS]
    runs = runs.reindex(columns=list(dict.fromkeys([*runs, *texts, *numbers])))
    runs[texts] = runs[texts].astype(object).fillna("").astype(str)
    leaks = [name for name in runs if name.startswith(LEAK)]
    runs[leaks] = runs[leaks].apply(pd.to_numeric, errors="coerce")  # a tag may have such a name
    unknown = runs["test_fingerprint"] == ""
    runs.loc[unknown, "test_fingerprint"] = runs.loc[unknown, "split_fingerprint"]
    tags = runs[["leak", *leaks]].to_dict("records")
    runs["on_purpose"] = [", ".join(_on_purpose(run)) for run in tags]
    return runs


def _on_purpose(run: Mapping[Hashable, Any]) -> list[str]:
    """Return the leaks that the protocol permits: those that are not measured, nor pretraining."""
    kinds = [kind for kind in run["leak"].split("+") if not kind.startswith(PRETRAINING)]
    return [
        kind for kind in kinds if kind not in ("", "none") and pd.isna(run.get(f"{LEAK}{kind}"))
    ]


def finished(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that have ended well and left a test accuracy."""
    runs = with_defaults(runs)
    return runs[(runs["status"] == "FINISHED") & runs[ACCURACY].notna()]


def unfinished(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs without a line: failed, killed, still running, or without a result."""
    return with_defaults(runs).drop(index=finished(runs).index)


def interval(run: pd.Series) -> tuple[float, float]:
    """Return the 95 % interval of the test accuracy of one run.

    As recorded; for an older run of a single test part Wilson's over its tracks, or NaN.
    """
    name = _OF_TRACKS if pd.notna(run[_OF_TRACKS]) else ACCURACY
    low, high = run.get(f"ci_low/{name}"), run.get(f"ci_high/{name}")
    if pd.notna(low) and pd.notna(high):
        return max(0.0, low), min(1.0, high)
    n = tracks_of(run)
    return wilson(run[name], n) if pd.notna(n) else (np.nan, np.nan)


def metric_of(group: pd.DataFrame, name: str) -> str:
    """Return the column of a test metric: that over tracks, where all runs recorded it."""
    of_tracks = f"test/track_{name}"
    return of_tracks if of_tracks in group and group[of_tracks].notna().all() else f"test/{name}"


def is_folded(group: pd.DataFrame) -> bool:
    """Return whether all runs are cross-validations."""
    return bool(group[f"std/{ACCURACY}"].notna().all())


def interval_kind(group: pd.DataFrame) -> str:
    """Return what the interval of a run is: over artists, of folds, or Wilson's over tracks."""
    if group["n_tested_artists"].notna().all():
        return "artists"
    return "folds" if is_folded(group) else "wilson"


def tracks_of(run: pd.Series) -> float:
    """Return the number of tracks in the test part of a run."""
    return float(run["n_test"] if pd.isna(run["n_test_tracks"]) else run["n_test_tracks"])


def leak_text(group: pd.DataFrame) -> str:
    """Return the kinds of leak in the runs of one cell, with the shares that were measured."""
    kinds = [_with_share(kind, group) for kind in group.iloc[0]["leak"].split("+")]
    if _measured("track", group) and not _measured("artist", group):
        kinds = [*(kind for kind in kinds if kind != "none"), UNKNOWN_ARTIST]
    return ", ".join(kinds)


def of_protocol(text: str) -> str:
    """Return the text of leaks without those of pretraining."""
    kinds = [kind for kind in text.split(", ") if not kind.startswith(PRETRAINING)]
    return ", ".join(kinds) or "none"


def _measured(kind: str, group: pd.DataFrame) -> bool:
    share = group.get(f"{LEAK}{kind}")
    return share is not None and bool(share.notna().any())


def _with_share(kind: str, group: pd.DataFrame) -> str:
    if not _measured(kind, group):
        return kind
    share = group[f"{LEAK}{kind}"]
    if kind == "duplicate" and _NEAR in group:
        share = share + group[_NEAR].fillna(0)
    return f"{kind} {share.mean():.0%}"

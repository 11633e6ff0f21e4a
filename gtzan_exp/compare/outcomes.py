"""Predictions of the compared runs by track, and the tests that they allow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
import pandas as pd

from gtzan_exp.compare.statistics import holm, mcnemar
from gtzan_exp.compare.text import label
from gtzan_exp.evaluation.aggregate import part_sizes, share_of_test
from gtzan_exp.evaluation.evaluate import by_track
from gtzan_exp.evaluation.intervals import Answers, corrected_interval, difference

FEWEST = 2  # A track counts as one that all get wrong if at least so many runs tested it


@dataclass(frozen=True)
class Outcome:
    """The test part of a run, track by track."""

    line: pd.Series  # the line of `gtzan_exp.compare.summary.summary` that the run stands for
    # ``fold`` (1 for a single test part), ``track``, ``artist`` where that is known, ``true``,
    # ``predicted`` (by the mean probabilities of segments) and ``right``
    tracks: pd.DataFrame
    share: float  # ratio of test tracks to training tracks, mean over folds

    @classmethod
    def read(cls, line: pd.Series, predictions: pd.DataFrame) -> Self:
        """Return the outcome that a table of recorded predictions holds."""
        if "fold" not in predictions:
            predictions = predictions.assign(fold=1)
        counts = part_sizes(predictions)
        if not line["cross_validated"] and len(counts) > 1:  # a learning curve: its last point
            predictions = predictions[predictions["fold"] == counts["train"].idxmax()]
        test = predictions[predictions["part"] == "test"]
        columns = ["fold", "track", "artist", "true", "predicted"]
        tracks = by_track(test).reindex(columns=columns).dropna(axis="columns", how="all")
        tracks["right"] = tracks["true"] == tracks["predicted"]
        return cls(line, tracks, share_of_test(counts))

    @property
    def folds(self) -> int:
        return self.tracks["fold"].nunique()

    @property
    def repeats(self) -> bool:
        """Whether a track is in more than one test part."""
        return bool(self.tracks["track"].duplicated().any())


def by_genre(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return the accuracy of each run, a row of the summary, on the tracks of each genre."""
    rows = {o.line.name: o.tracks.groupby("true")["right"].mean() for o in outcomes}
    return pd.DataFrame(rows).T


def pairs(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Test each pair of runs of the same protocol.

    Where artists are known, the test is clustered by artist (`difference`). Elsewhere it is
    McNemar's over the common tracks of one test part, or, on the same folds, the corrected
    resampled t test. Runs on different data are not tested. p values are corrected by Holm's method
    over the pairs of a protocol.

    Columns: ``protocol``, ``a``, ``b`` (with the start of the run's id where a protocol has several
    of that name), ``difference`` (of the accuracies on the common tracks) with its 95 % interval
    ``low`` to ``high``, ``tracks`` (how many are common), ``only_a``, ``only_b`` (tracks that one
    alone gets right), ``test``, ``p``, ``p_holm``, ``note``.
    """
    tables = []
    for number in dict.fromkeys(o.line["protocol"] for o in outcomes):
        members = [o for o in outcomes if o.line["protocol"] == number]
        if len(members) < 2:
            continue
        labels = Counter(label(member.line) for member in members)
        table = pd.DataFrame([_pair(a, b, labels) for a, b in combinations(members, 2)])
        table.insert(0, "protocol", number)
        table.insert(table.columns.get_loc("p") + 1, "p_holm", holm(table["p"]))
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def drops(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return the accuracy that a model loses from one protocol to another, where artists are known.

    Each pair of runs of one model and view on the same data is a line, the more accurate one first.
    An artist that both tested is one cluster (`difference`): the interval allows for the overlap.
    Columns: ``model``, ``view``, ``from``, ``to`` (titles of protocols), ``before``, ``after``
    (accuracies under them), ``drop`` with its 95 % interval ``low`` to ``high``, ``p``.
    """
    lines = []
    for a, b in combinations(outcomes, 2):
        cell = ["data_set", "model", "view"]
        if list(a.line[cell]) != list(b.line[cell]) or a.line["protocol"] == b.line["protocol"]:
            continue
        if "artist" not in a.tracks or "artist" not in b.tracks:
            continue
        ends = sorted((a, b), key=lambda outcome: -outcome.tracks["right"].mean())
        found = difference(*(Answers.of(one.tracks, one.share) for one in ends))
        (start, before), (end, after) = (one.line[["title", "accuracy"]] for one in ends)
        lines.append(
            {
                **a.line[cell[1:]],
                **{"from": start, "to": end, "before": before, "after": after},
                **{"drop": found.value, "low": found.low, "high": found.high, "p": found.p},
            }
        )
    return pd.DataFrame(lines)


def always_wrong(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return the tracks that no run which tested them gets right, the most tested first.

    Tracks of different data are different tracks, even with the same name. Columns: ``data``,
    ``track``, ``true``, ``said`` (by most of the runs), ``votes`` (how many said so), ``runs``
    (that tested it, each counted once).
    """
    columns = ["data", "track", "true", "said", "votes", "runs"]
    if not outcomes:
        return pd.DataFrame(columns=columns)
    tested = pd.concat(
        o.tracks.assign(run=o.line["run_id"], data=o.line["data"], data_set=o.line["data_set"])
        for o in outcomes
    )
    is_known = tested.groupby(["data_set", "track"])["right"].transform("any")
    wrong = tested[~is_known].drop_duplicates(["run", "track", "predicted"])
    lines = []
    for (data, _, track, true), rows in wrong.groupby(["data", "data_set", "track", "true"]):
        runs = rows["run"].nunique()
        if runs < FEWEST:
            continue
        votes = rows.groupby("predicted")["run"].nunique()
        lines.append((data, track, true, votes.idxmax(), int(votes.max()), runs))
    table = pd.DataFrame(lines, columns=columns)
    return table.sort_values(
        ["runs", "votes", "track"], ascending=[False, False, True], ignore_index=True
    )


def _pair(a: Outcome, b: Outcome, labels: Mapping[str, int]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, line in (("a", a.line), ("b", b.line)):
        is_unique = labels[label(line)] == 1
        found[name] = label(line) if is_unique else f"{label(line)} ({line['run_id'][:6]})"
    found |= dict.fromkeys(("difference", "low", "high"), np.nan)
    found |= {"tracks": 0, "only_a": 0, "only_b": 0, "test": "none", "p": np.nan}
    if a.line["data_set"] != b.line["data_set"]:
        return found | {"note": "the data is not the same: no test"}
    cells = [set(map(tuple, one.tracks[["fold", "track"]].to_numpy())) for one in (a, b)]
    same_folds = a.folds == b.folds > 1 and cells[0] == cells[1]
    if not same_folds and (a.repeats or b.repeats):
        return found | {"note": "folds differ, and tracks are tested more than once: no test"}
    keys = ["fold", "track"] if same_folds else ["track"]
    both = a.tracks.merge(b.tracks, on=keys, suffixes=("_a", "_b"))
    if both.empty:
        return found | {"note": "no test track in common: no test"}
    cluster = "artist_a" if "artist_a" in both else "track"
    share = {"fold": both["fold"].to_numpy(), "share": a.share} if same_folds else {}
    artists, rights = both[cluster].to_numpy(dtype=str), both[["right_a", "right_b"]]
    tested = difference(*(Answers(rights[n].to_numpy(), artists, **share) for n in rights))
    low, high, p, test = tested.low, tested.high, tested.p, "artists"
    note = "" if same_folds else _note(a, b, len(both))
    if cluster == "track" and same_folds:
        means = rights.groupby(both["fold"]).mean()
        tested = corrected_interval((means["right_a"] - means["right_b"]).to_numpy(), a.share)
        low, high, p, test = tested.low, tested.high, tested.p, "corrected t"
        if np.isnan(p):
            low, high, note = p, p, "the same difference in each fold: no interval and no p"
    elif cluster == "track":
        p, test = mcnemar(*rights.to_numpy().T), "McNemar"
    low, high = np.clip([low, high], -1, 1)
    alone = rights[rights["right_a"] != rights["right_b"]].sum()
    return found | {
        **{"difference": tested.value, "low": low, "high": high},
        **{"tracks": both["track"].nunique(), "only_a": int(alone.iloc[0])},
        **{"only_b": int(alone.iloc[1]), "test": test, "p": p, "note": note},
    }


def _note(a: Outcome, b: Outcome, common: int) -> str:
    notes = []
    sizes = a.tracks["track"].nunique(), b.tracks["track"].nunique()
    if sizes != (common, common):
        notes.append(f"test parts of {sizes[0]} and {sizes[1]} tracks are not identical")
    if a.folds > 1 or b.folds > 1:
        notes.append("folds differ, so their overlap is not corrected for and p is too small")
    elif a.line["split_fingerprint"] != b.line["split_fingerprint"]:
        notes.append("training parts are not identical")
    return "; ".join(notes)

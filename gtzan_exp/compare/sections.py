"""The page of a comparison: what is shown, in which order, and what is said of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from gtzan_exp.compare import charts
from gtzan_exp.compare.outcomes import Outcome, always_wrong, by_genre, drops, pairs
from gtzan_exp.compare.run_columns import of_protocol
from gtzan_exp.compare.text import label, notes, protocol_title, readable
from gtzan_exp.report.page import Section, Table

MOST_LINES = 60  # predictions are read for at most so many lines; the tables have all of them
MOST_MATRICES = 12
MOST_CURVES = 10
MOST_WRONG = 15
_PNG_WIDTH = 560
_UNBROKEN = "\u2011"

_INTERVALS = (
    "Intervals are of 95 %. Where artists are known they hold for new artists: an error that is "
    "robust to what an artist's tracks have in common. Elsewhere they are Wilson's over the tracks "
    "of a single test part, or corrected for overlapping training parts of folds (Nadeau and "
    "Bengio 2003). Over seeds, the interval of their mean and that of the test part are added up."
)
_LEAKS = (
    "leak: the share of the test tracks that training knows in another way (their artist, the same "
    'recording; "?": unknown). Numbers under different protocols are no ranking. on: the test '
    "part; lines with the same one were tested on the same tracks."
)


def shown(table: pd.DataFrame, most: int = MOST_LINES) -> pd.DataFrame:
    """Return the lines for charts and tests: the best few of each protocol."""
    if len(table) <= most:
        return table
    places = table.groupby("protocol").cumcount()
    return table.loc[places.sort_values(kind="stable").index[:most].sort_values()]


@dataclass(frozen=True)
class CompareReport:
    """The report on recorded runs."""

    data: str  # name of the data, as it is to be shown
    table: pd.DataFrame  # from `summary`, `draws` from `over_draws`, `rest` from `unfinished`
    draws: pd.DataFrame
    rest: pd.DataFrame
    outcomes: Sequence[Outcome]  # of the lines that are shown and have predictions
    curves: charts.Curves  # learning curves by line label, see `gtzan_exp.compare.charts.Curves`

    @cached_property
    def pairs(self) -> pd.DataFrame:
        return pairs(self.outcomes)

    @cached_property
    def drops(self) -> pd.DataFrame:
        return drops(self.outcomes)

    @cached_property
    def _titles(self) -> dict[int, str]:
        """The titles of the protocols, by their numbers."""
        first = self.table.drop_duplicates("protocol")
        return {line["protocol"]: protocol_title(line, self.table) for _, line in first.iterrows()}

    @cached_property
    def wrong(self) -> pd.DataFrame:
        return always_wrong(self.outcomes)

    @cached_property
    def genres(self) -> pd.DataFrame:
        return by_genre(self.outcomes)

    def numbers(self) -> dict[str, Any]:
        """Return the contents of all tables of the page, as plain data."""
        names = ["run_id", "split", "view", "model"]
        genres = self.table.reindex(columns=names).loc[self.genres.index]
        return {
            "lines": _records(self.table),
            "over_draws": _records(self.draws),
            "pairs": _records(self.pairs),
            "drops": _records(self.drops),
            "by_genre": _records(genres.join(self.genres)),
            "always_wrong": _records(self.wrong),
            "not_compared": _records(self.rest[["run_id", "name", "status"]]),
            "notes": notes(self.table) if len(self.table) else [],
        }

    def lead(self) -> str:
        """Return a sentence on what keeping artists apart costs, empty where no run tells."""
        if self.drops.empty:
            return ""
        told = self.table.drop_duplicates("split").set_index("split")["leak"].map(of_protocol)
        safe = self.drops["to"].map(told).eq("none") & ~self.drops["from"].map(told).eq("none")
        found = self.drops[safe & (self.drops["low"] > 0)]
        if found.empty:
            return ""
        line = found.loc[found["drop"].idxmax()]
        return (
            f"Keeping artists apart costs {line['drop']:.2f} [{line['low']:.2f}, "
            f"{line['high']:.2f}]: {line['model']} on {line['view']} falls from "
            f"{line['before']:.2f} ({line['from']}) to {line['after']:.2f} ({line['to']})."
        )

    def write(self, folder: Path, address: Callable[[str], str]) -> list[Section]:
        """Return the sections, and write the first chart as a PNG; `address` is a run's page."""
        sections = []
        if not self.table.empty:
            sections += [self._summary(folder, address), *self._notes()]
            if not self.drops.empty:
                sections.append(self._drops())
            if not self.draws.empty:
                sections.append(self._draws())
            if not self.pairs.empty:
                sections.append(self._pairs())
            if self.outcomes:
                sections += [self._genres(), self._confusion(), self._wrong()]
            if any(self.curves.values()):
                sections.append(self._curves())
            sections.append(self._fit_times())
        reading = Section("How to read the numbers", f"{_INTERVALS}\n\n{_LEAKS}")
        return [*sections, self._rest(), reading]

    def _summary(self, folder: Path, address: Callable[[str], str]) -> Section:
        chart = charts.intervals(shown(self.table))
        chart.write_png(folder / "accuracy.png", width=_PNG_WIDTH)
        links = {"run": [address(run_id) for run_id in self.table["run_id"]]}
        table = Table("All lines", _numbers(self.table), 3, True, ("repeat",), links)
        text = "Test accuracy and its 95 % interval."
        return Section("Accuracy by protocol", text, [chart], [table])

    def _notes(self) -> list[Section]:
        text = "\n\n".join([*notes(self.table), *self._left_out()])
        return [Section("Notes on these lines", text)] if text else []

    def _left_out(self) -> list[str]:
        """Return notes on what the sections after the tables leave out."""
        lines = shown(self.table)
        found = []
        if len(lines) < len(self.table):
            found.append(
                f"Pictures and tests are of {len(lines)} of the {len(self.table)} lines, the best "
                "few of each protocol; models=, views= and splits= choose others."
            )
        silent = lines.drop(index=[outcome.line.name for outcome in self.outcomes])
        if len(silent):
            names = ", ".join(line_title(line) for _, line in silent.iterrows())
            found.append(f"No predictions were found of these, so they are not tested: {names}.")
        return found

    def _drops(self) -> Section:
        text = (
            "What the same model loses from one protocol to another. The 95 % interval and the "
            "test count an artist that both tested once."
        )
        found = self.drops.round(4)
        for place, end in enumerate(("from", "to")):
            found[end] = found["protocols"].str[place].map(self._titles)
        table = Table("Drops", found.drop(columns="protocols"), decimals=3)
        return Section("From protocol to protocol", text, [charts.drops(found)], [table])

    def _draws(self) -> Section:
        text = (
            "The same options on several draws of the split. The interval is corrected for "
            "training parts that overlap (Nadeau and Bengio 2003); lines with the same draws in "
            "the column on are comparable."
        )
        return Section(
            "Over draws of the split", text, tables=[Table("Draws", readable(self.draws))]
        )

    def _pairs(self) -> Section:
        tables = []
        for number, found in self.pairs.groupby("protocol"):
            tables.append(Table(self._titles[number], _pair_texts(found)))
        text = (
            "Of each line the newest run, never the best. Where artists are known: a t test over "
            "artists. Elsewhere, on one test part, the exact McNemar test on the tracks that one "
            "of the two alone gets right; on the same folds the corrected resampled t test "
            "(Nadeau and Bengio 2003). Where two models are equally good, p is rarely below 0.05, "
            "and p (Holm) is rarely so for any of the pairs of a protocol."
        )
        return Section("Tests between models", text, tables=tables)

    def _genres(self) -> Section:
        chart = charts.genres(self.genres, self.table)
        lines = readable(self.table).loc[self.genres.index, ["split", "view", "model", "on"]]
        table = Table("Share of tracks that are right", lines.join(self.genres), decimals=3)
        text = "Tracks of each genre that the newest run of each line gets right, in percent."
        return Section("Accuracy by genre", text, [chart], [table])

    def _confusion(self) -> Section:
        lines = self.table.loc[[outcome.line.name for outcome in self.outcomes]]
        names = set(shown(lines, MOST_MATRICES).index)
        chosen = [outcome for outcome in self.outcomes if outcome.line.name in names]
        classes = sorted(
            {name for o in chosen for column in ("true", "predicted") for name in o.tracks[column]}
        )
        drawn = []
        for outcome in chosen:
            title = f"{label(outcome.line)}\n{protocol_title(outcome.line, self.table)}"
            drawn.append(charts.confusion(outcome, classes, title))
        left_out = len(self.outcomes) - len(chosen)
        text = "Number of tracks; shaded by the share of the true genre."
        if left_out:
            text += f" The best lines of each protocol; {left_out} are left out (models=, views= "
            text += "and splits= choose)."
        return Section("Confusion matrices", text, drawn)

    def _wrong(self) -> Section:
        columns = {
            "track": "track",
            "true": "genre in the data",
            "said": "most predict",
            "votes": "runs that do",
            "runs": "runs that tested it",
        }
        text = (
            "Every run that had the track in its test part gets it wrong; tracks that fewer than "
            "two runs tested are left out. Where most agree on another genre, the label itself may "
            "be wrong."
        )
        frame = self.wrong[list(columns)].rename(columns=columns)
        tables = [Table("Those that most runs tested", frame.head(MOST_WRONG))]
        if len(frame) > MOST_WRONG:
            tables.append(Table("All of them", frame))
        return Section("Tracks that all get wrong", text, tables=tables)

    def _curves(self) -> Section:
        drawn = [
            charts.curves(self.curves, kind)
            for kind in ("loss", "accuracy")
            if any(f"val_{kind}" in h or kind in h for h in self.curves.values())
        ]
        text = f"Networks, the newest run of each line, {MOST_CURVES} at most."
        return Section("Learning curves", text, drawn, columns=2)

    def _fit_times(self) -> Section:
        lines = shown(self.table)
        timed = lines[lines["fit_s"].notna()]
        text = "Seconds to fit, of one fold where there are folds, on the machine of each run."
        drawn = [charts.fit_times(timed)] if len(timed) else []
        return Section("Fit time against accuracy", text, drawn)

    def _rest(self) -> Section:
        columns = ["status", "name", "started", "run_id"]
        frame = self.rest[columns].copy()
        frame["started"] = frame["started"].map(lambda moment: f"{moment:%Y-%m-%d %H:%M}")
        text = "They are in none of the tables above." if len(frame) else "None."
        tables = [Table("Runs", frame.reset_index(drop=True))] if len(frame) else []
        return Section("Failed, killed and unfinished runs", text, tables=tables)


def _numbers(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the readable columns with numeric values, and the command to repeat each line."""
    texts = readable(lines)
    for name in ("runs", "best", "accuracy", "macro_f1", "fit_s"):
        if name in texts:
            texts[name] = lines[name]
    texts["interval"] = texts["interval"].str.replace("-", _UNBROKEN)
    texts["run"] = lines["run_id"].str[:8]
    if "overrides" in lines:
        texts["repeat"] = "gtzan-exp " + lines["overrides"].fillna("")
    first = ["split", "view", "model", "accuracy", "interval", "leak"]
    return texts[[*first, *(name for name in texts if name not in first)]]


def _pair_texts(found: pd.DataFrame) -> pd.DataFrame:
    ranges = [
        "" if pd.isna(low) else f"{low:+.2f}\u00a0to\u00a0{high:+.2f}"
        for low, high in zip(found["low"], found["high"], strict=True)
    ]
    return pd.DataFrame(
        {
            "a": found["a"],
            "b": found["b"],
            "a - b": found["difference"].map("{:+.3f}".format, na_action="ignore").fillna(""),
            "95 %": ranges,
            **{name.replace("_", " "): found[name] for name in ("tracks", "only_a", "only_b")},
            "test": found["test"],
            "p": found["p"].map(_p),
            "p (Holm)": found["p_holm"].map(_p),
            "note": found["note"],
        }
    )


def _p(value: float) -> str:
    if pd.isna(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _records(frame: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Return rows as plain data, with None for missing values."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def line_title(line: pd.Series) -> str:
    """Return the name of a line, unique over all protocols."""
    return f"{label(line)}, {line['split']} ({line['on']})"

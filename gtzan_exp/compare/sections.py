"""The page of a comparison: what is shown, in which order, and what is said of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from gtzan_exp.compare import charts
from gtzan_exp.compare.outcomes import Outcome, always_wrong, by_genre, drops, pairs
from gtzan_exp.compare.run_columns import of_protocol
from gtzan_exp.compare.text import DRAWS, REST, Tables, label, notes, readable
from gtzan_exp.report.page import Section, Table, records

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

    tables: Tables
    outcomes: Sequence[Outcome]  # of the lines that are shown and have predictions
    curves: charts.Curves  # by `line_title`

    @cached_property
    def found(self) -> dict[str, pd.DataFrame]:
        """What the outcomes tell, by name."""
        return {
            "pairs": pairs(self.outcomes),
            "drops": drops(self.outcomes),
            "by_genre": by_genre(self.outcomes),
            "always_wrong": always_wrong(self.outcomes),
        }

    def numbers(self) -> dict[str, Any]:
        """Return the contents of all tables of the page, as plain data."""
        lines, rest = self.tables.lines, self.tables.rest[["run_id", "name", "status"]]
        genres = self.found["by_genre"]
        names = ["run_id", "split", "view", "model"]
        genres = lines.reindex(columns=names).loc[genres.index].join(genres)
        frames = {"lines": lines, "over_draws": self.tables.draws, **self.found}
        frames |= {"by_genre": genres, "not_compared": rest}
        return {**{name: records(frame) for name, frame in frames.items()}, "notes": notes(lines)}

    def lead(self) -> str:
        """Return a sentence on what keeping artists apart costs, empty where no run tells."""
        found = self.found["drops"]
        if found.empty:
            return ""
        told = self.tables.lines.drop_duplicates("title").set_index("title")["leak"]
        is_safe = told.map(of_protocol) == "none"
        apart = found["to"].map(is_safe) & ~found["from"].map(is_safe)
        found = found[apart & (found["low"] > 0)]
        if found.empty:
            return ""
        line = found.loc[found["drop"].idxmax()]
        return (
            f"Keeping artists apart costs {line['drop']:.2f} [{line['low']:.2f}, "
            f"{line['high']:.2f}]: {line['model']} on {line['view']} falls from "
            f"{line['before']:.2f} ({line['from']}) to {line['after']:.2f} ({line['to']})."
        )

    def write(self, folder: Path, *, heading: str, address: Callable[[str], str]) -> list[Section]:
        """Write the tables, and the first chart as a PNG; return the sections.

        `heading` is that of the Markdown, `address` gives the page of a run.
        """
        self.tables.write(folder, title=heading)
        for name in ("pairs", "always_wrong"):
            self.found[name].to_csv(folder / f"{name}.csv", index=False)
        sections = []
        if not self.tables.lines.empty:
            sections += [self._summary(folder, address), *self._notes()]
            if not self.found["drops"].empty:
                sections.append(self._drops())
            if not self.tables.draws.empty:
                sections.append(self._draws())
            if not self.found["pairs"].empty:
                sections.append(self._pairs())
            if self.outcomes:
                sections += [self._genres(), self._confusion(), self._wrong()]
            if any(self.curves.values()):
                sections.append(self._curves())
            sections.append(self._fit_times())
        reading = Section("How to read the numbers", f"{_INTERVALS}\n\n{_LEAKS}")
        return [*sections, self._rest(), reading]

    def _summary(self, folder: Path, address: Callable[[str], str]) -> Section:
        lines = self.tables.lines
        chart = charts.intervals(shown(lines))
        chart.write_png(folder / "accuracy.png", width=_PNG_WIDTH)
        frame = readable(lines)
        frame["interval"] = frame["interval"].str.replace("-", _UNBROKEN)
        frame["run"] = lines["run_id"].str[:8]
        frame["repeat"] = "gtzan-exp " + lines["overrides"]
        first = ["split", "view", "model", "accuracy", "interval", "leak"]
        frame = frame[[*first, *frame.columns.drop(first)]]
        links = {"run": list(map(address, lines["run_id"]))}
        table = Table("All lines", frame, 3, True, ("repeat",), links)
        text = "Test accuracy and its 95 % interval."
        return Section("Accuracy by protocol", text, [chart], [table])

    def _notes(self) -> list[Section]:
        """Return the notes, and what the sections after the tables leave out."""
        found, lines = notes(self.tables.lines), shown(self.tables.lines)
        if len(lines) < len(self.tables.lines):
            found.append(
                f"Pictures and tests are of {len(lines)} of the {len(self.tables.lines)} lines, "
                "the best few of each protocol; models=, views= and splits= choose others."
            )
        silent = lines.drop(index=[outcome.line.name for outcome in self.outcomes])
        if len(silent):
            names = ", ".join(line_title(silent))
            found.append(f"No predictions were found of these, so they are not tested: {names}.")
        return [Section("Notes on these lines", "\n\n".join(found))] if found else []

    def _drops(self) -> Section:
        text = (
            "What the same model loses from one protocol to another. The 95 % interval and the "
            "test count an artist that both tested once."
        )
        found = self.found["drops"]
        table = Table("Drops", found, decimals=3)
        return Section("From protocol to protocol", text, [charts.drops(found)], [table])

    def _draws(self) -> Section:
        text = (
            "The same options on several draws of the split. The interval is corrected for "
            "training parts that overlap (Nadeau and Bengio 2003); lines with the same draws in "
            "the column on are comparable."
        )
        draws = Table("Draws", readable(self.tables.draws), decimals=3)
        return Section(DRAWS, text, tables=[draws])

    def _pairs(self) -> Section:
        text = (
            "Of each line the newest run, never the best. Where artists are known: a t test over "
            "artists. Elsewhere, on one test part, the exact McNemar test on the tracks that one "
            "of the two alone gets right; on the same folds the corrected resampled t test "
            "(Nadeau and Bengio 2003). Where two models are equally good, p is rarely below 0.05, "
            "and p (Holm) is rarely so for any of the pairs of a protocol."
        )
        found = self.found["pairs"].rename(columns={"p_holm": "p (Holm)", "difference": "a - b"})
        for name in ("p", "p (Holm)"):
            found[name] = found[name].map(_p)
        titles = dict(self.tables.lines[["protocol", "title"]].to_numpy())
        tables = [
            Table(titles[number], own.drop(columns="protocol"), decimals=3)
            for number, own in found.groupby("protocol")
        ]
        return Section("Tests between models", text, tables=tables)

    def _genres(self) -> Section:
        genres = self.found["by_genre"]
        chart = charts.genres(genres, self.tables.lines)
        lines = readable(self.tables.lines).loc[genres.index, ["split", "view", "model", "on"]]
        table = Table("Share of tracks that are right", lines.join(genres), decimals=3)
        text = "Tracks of each genre that the newest run of each line gets right, in percent."
        return Section("Accuracy by genre", text, [chart], [table])

    def _confusion(self) -> Section:
        lines = self.tables.lines.loc[[outcome.line.name for outcome in self.outcomes]]
        names = shown(lines, MOST_MATRICES).index
        chosen = [outcome for outcome in self.outcomes if outcome.line.name in names]
        both = pd.concat([outcome.tracks[["true", "predicted"]] for outcome in chosen])
        classes = sorted(set(both.to_numpy().ravel()))
        drawn = [
            charts.confusion(each, classes, f"{label(each.line)}\n{each.line['title']}")
            for each in chosen
        ]
        text = "Number of tracks; shaded by the share of the true genre."
        if left_out := len(self.outcomes) - len(chosen):
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
        frame = self.found["always_wrong"][list(columns)].rename(columns=columns)
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
        lines = shown(self.tables.lines)
        timed = lines[lines["fit_s"].notna()]
        text = "Seconds to fit, of one fold where there are folds, on the machine of each run."
        drawn = [charts.fit_times(timed)] if len(timed) else []
        return Section("Fit time against accuracy", text, drawn)

    def _rest(self) -> Section:
        frame = self.tables.rest[["status", "name", "started", "run_id"]]
        frame = frame.assign(started=frame["started"].map("{:%Y-%m-%d %H:%M}".format))
        text = "They are in none of the tables above." if len(frame) else "None."
        tables = [Table("Runs", frame)] if len(frame) else []
        return Section(REST, text, tables=tables)


def _p(value: float) -> str:
    if pd.isna(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def line_title(lines: Any) -> Any:
    """Return the name of a line, or of each of several, unique over all protocols."""
    return label(lines) + ", " + lines["split"] + " (" + lines["on"] + ")"

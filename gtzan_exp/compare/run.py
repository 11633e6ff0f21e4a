"""One comparison: read the runs, print the tables, write the page, record it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gtzan_exp.compare import table as tables
from gtzan_exp.compare.outcomes import Outcome
from gtzan_exp.compare.report import MOST_CURVES, CompareReport, line_title, shown
from gtzan_exp.compare.settings import Comparison
from gtzan_exp.errors import DataError, Mistake, nearest
from gtzan_exp.genres import labelled
from gtzan_exp.report.folder import free_folder, make_folder
from gtzan_exp.report.page import write_page
from gtzan_exp.tracking.query import recorded_curves, recorded_predictions, recorded_runs
from gtzan_exp.tracking.record import recorded_run
from gtzan_exp.tracking.store import Tracking

_SYNTHETIC = (
    "SYNTHETIC, not GTZAN: these runs are on generated audio. Their numbers show that everything "
    "works, not how good anything is."
)
_CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")


@dataclass(frozen=True)
class Compared:
    """What a comparison leaves behind.

    Parameters
    ----------
    run_id : str
        The run in MLflow.
    page : Path
        The HTML; the tables and pictures are beside it.
    """

    run_id: str
    page: Path

    def __str__(self) -> str:
        return f"run_id={self.run_id} page={self.page}"


def compare(comparison: Comparison, say: Callable[[str], None]) -> Compared | None:
    """Compare recorded runs; say the tables at once, then write and record everything.

    Parameters
    ----------
    comparison : Comparison
    say : callable
        Takes what is to be printed.

    Raises
    ------
    ConfigError
        The output folder is not empty, the filter is wrong, or the store does not answer.
    DataError
        There is no such run.
    """
    settings, tracking = comparison.settings, comparison.tracking
    folder = free_folder(settings.output) if settings.record else None
    runs = _chosen(
        recorded_runs(tracking, filter=settings.filter, sweep=settings.sweep), comparison
    )
    table, draws = tables.summary(runs), tables.over_draws(runs)
    synthetic = set(runs.get("synthetic", [])) == {"true"}
    title = labelled(tracking.experiment, synthetic)
    finished = int((runs["status"] == "FINISHED").sum())
    say(f"{finished} finished runs in {title}\n\n{tables.terminal_text(runs, table, draws)}")
    if folder is None:
        return None

    tags = {"task": "compare", "synthetic": str(synthetic).lower(), **settings.tags}
    name = settings.name or f"Compare {finished} runs"
    with recorded_run(tracking, name, comparison.params, tags) as recorder:
        make_folder(folder)
        report = _report(tracking, runs, table, draws, labelled(_data(runs), synthetic))
        tables.write_tables(table, draws, folder, title=f"{finished} finished runs in {title}")
        report.pairs.to_csv(folder / "pairs.csv", index=False)
        report.wrong.to_csv(folder / "always_wrong.csv", index=False)
        page = folder / "compare.html"
        write_page(
            page,
            title=f"Runs in {title}",
            facts={
                "store": tracking.uri,
                "runs": f"{finished} finished, {len(report.rest)} not compared",
                **{key: value for key, value in comparison.params.items() if value},
                "run": recorder.run_id,
            },
            sections=report.write(folder),
            warning=_SYNTHETIC if synthetic else "",
        )
        numbers = {"run_id": recorder.run_id, "synthetic": synthetic, **report.numbers()}
        text = json.dumps(numbers, indent=1, allow_nan=False, default=str)
        (folder / "compare.json").write_text(text, encoding="utf-8")
        recorder.metrics({"runs": len(runs), "finished": finished, "lines": len(table)})
        recorder.artifacts(folder)
    return Compared(recorder.run_id, page)


def _chosen(runs: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    settings, tracking = comparison.settings, comparison.tracking
    if runs.empty:
        wanted = "an experiment with runs (data=NAME and tracking=NAME choose it)"
        if settings.sweep or settings.filter:
            wanted = "a sweep or a filter that some recorded run belongs to"
        raise DataError(Mistake(tracking.uri, "no recorded runs", wanted, tracking.experiment))
    for option, tag in (("models", "model"), ("views", "view"), ("splits", "split")):
        names = getattr(settings, option)
        if not names:
            continue
        known = sorted(runs[tag].dropna().unique())
        mistakes = [
            Mistake(option, f"no recorded run has it{nearest(n, known)}", ", ".join(known), n)
            for n in names
            if n not in known
        ]
        if mistakes:
            raise DataError(mistakes)
        runs = runs[runs[tag].isin(names)]
        if runs.empty:
            raise DataError(Mistake(option, "no run is left", "names that occur together", ""))
    return runs


def _report(
    tracking: Tracking, runs: pd.DataFrame, table: pd.DataFrame, draws: pd.DataFrame, data: str
) -> CompareReport:
    lines = shown(table)
    predictions = recorded_predictions(tracking, [] if lines.empty else lines["run_id"])
    outcomes = [
        Outcome.read(line, predictions[line["run_id"]])
        for _, line in lines.iterrows()
        if line["run_id"] in predictions
    ]
    curves = {}
    recorded = [name for name in _CURVES if f"epoch/{name}" in runs]
    for _, line in lines.iterrows() if recorded else ():
        run = runs[runs["run_id"] == line["run_id"]].iloc[0]
        names = [name for name in recorded if pd.notna(run[f"epoch/{name}"])]
        if names and len(curves) < MOST_CURVES:
            curves[line_title(line)] = recorded_curves(tracking, line["run_id"], names)
    return CompareReport(data, table, draws, tables.unfinished(runs), outcomes, curves)


def _data(runs: pd.DataFrame) -> str:
    return ", ".join(sorted(runs["data"].dropna().unique()))

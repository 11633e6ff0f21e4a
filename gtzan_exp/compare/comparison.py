"""One comparison: its options, reading the runs, printing the tables, recording the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from omegaconf import DictConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import DataError, Mistake, counted, strangers
from gtzan_exp.basics.genres import labelled
from gtzan_exp.compare.outcomes import Outcome
from gtzan_exp.compare.run_columns import finished, with_defaults
from gtzan_exp.compare.text import Tables
from gtzan_exp.config.reading import option_names, reading
from gtzan_exp.report.page import Report, free_folder
from gtzan_exp.tracking import query
from gtzan_exp.tracking.record import RecordedPage, recorded_page
from gtzan_exp.tracking.store import Tracking

if TYPE_CHECKING:
    from gtzan_exp.compare.charts import Curves

_Text = Annotated[str, Field(min_length=1)]
_CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Which runs to compare, and where to."""

    models: tuple[_Text, ...] = ()  # only these; all when empty
    views: tuple[_Text, ...] = ()
    splits: tuple[_Text, ...] = ()
    metrics: tuple[_Text, ...] = ()  # further columns: metrics of the test part
    parent: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None  # run id of a sweep
    filter: _Text | None = None  # further conditions, in MLflow's search language
    record: bool = True  # the page and the tables as a run; otherwise only print
    output: Path  # an empty or new folder for the page and the tables
    name: _Text | None = None  # name of the run
    tags: dict[str, Any] = Field(default_factory=dict)  # tags of the run


def read_comparison(config: DictConfig) -> tuple[Tracking, CompareSettings]:
    """Return what a config describes, or raise every mistake in it."""
    with reading(config, ["tracking"], [*option_names(CompareSettings), "data", "paths"]) as found:
        return found.object("tracking"), found.settings(CompareSettings)


def compare(
    tracking: Tracking, settings: CompareSettings, say: Callable[[str], None]
) -> tuple[pd.DataFrame, RecordedPage | None]:
    """Compare recorded runs: `say` the tables at once, then write and record the page.

    Returns the lines of the comparison (see `summary`), and the page, if it is written.
    """
    folder = free_folder(settings.output) if settings.record else None
    if folder is not None:  # so that dead runs are read with their final status
        with tracking.asked() as client:
            if experiment := client.get_experiment_by_name(tracking.experiment):
                query.close_dead(client, [experiment.experiment_id])
    found = query.recorded_runs(tracking, filter=settings.filter, parent=settings.parent)
    if found.empty and not (settings.filter or settings.parent):
        names = list(query.experiments_with_runs(tracking))
        if names:
            others = f" (the newest) and {', '.join(names[1:])}" if names[1:] else ""
            say(f"There are no runs in {tracking.experiment}, but in {names[0]}{others}:")
            tracking = replace(tracking, experiment=names[0])
            return compare(tracking, settings, say)
    runs = _chosen(found, tracking, settings)
    tables = Tables.of(runs, settings.metrics)
    table = tables.lines
    if not table.empty:
        everything = query.recorded_runs(tracking) if settings.filter or settings.parent else found
        seen = finished(everything)["test_fingerprint"].value_counts()
        table["seen"] = table["test_fingerprint"].map(seen)
    synthetic = set(runs["synthetic"]) == {"true"}
    title = labelled(tracking.experiment, synthetic)
    ended = int((runs["status"] == "FINISHED").sum())
    heading = f"{counted(ended, 'finished run')} in {title}"
    say(f"{heading}\n\n{tables.text()}")
    if folder is None:
        return table, None

    from gtzan_exp.compare.sections import CompareReport, shown  # they import altair, in 0.3 s

    lines = shown(table)
    curves = _curves(tracking, runs, lines)
    content = CompareReport(tables, _outcomes(tracking, lines), curves)
    params = {name: list(getattr(settings, name)) for name in ("models", "views", "splits")}
    chosen = {name: ", ".join(names) for name, names in params.items()}
    texts = {"parent": settings.parent, "filter": settings.filter}
    given = {name: text for name, text in (chosen | texts).items() if text}
    report = Report(
        title=f"Runs in {title}",
        synthetic=synthetic,
        facts={"runs": f"{ended} finished, {len(tables.rest)} not compared", **given},
        metrics={"runs": len(runs), "finished": ended, "lines": len(table)},
        numbers=content.numbers(),
        write=partial(content.write, heading=heading, address=query.pages(tracking)),
        lead=content.lead(),
    )
    name, tags = settings.name or f"Compare {ended} runs", settings.tags
    page = recorded_page("compare", report, tracking, folder, name, params | texts, tags)
    return table, page


def _chosen(runs: pd.DataFrame, tracking: Tracking, settings: CompareSettings) -> pd.DataFrame:
    if runs.empty:
        wanted = "an experiment with runs (data=NAME and tracking=NAME choose it)"
        if settings.parent or settings.filter:
            wanted = "a sweep or a filter that some recorded run belongs to"
        raise DataError(Mistake(tracking.uri, "no recorded runs", wanted, tracking.experiment))
    runs = with_defaults(runs)
    chosen = pd.Series(True, index=runs.index)
    mistakes = []
    for option, tag in (("models", "model"), ("views", "view"), ("splits", "split")):
        names = getattr(settings, option)
        known = sorted(set(runs[tag]))
        mistakes += strangers(option, names, known, "no recorded run has it")
        if names:
            chosen &= runs[tag].isin(names)
    known = sorted(name.removeprefix("test/") for name in runs if name.startswith("test/"))
    mistakes += strangers("metrics", settings.metrics, known, "no recorded run has it")
    if mistakes:
        raise DataError(mistakes)
    if not chosen.any():
        got = f"models={settings.models} views={settings.views} splits={settings.splits}"
        allowed = "names that occur together"
        raise DataError(Mistake("models, views, splits", "no run has them all", allowed, got))
    return runs[chosen]


def _outcomes(tracking: Tracking, lines: pd.DataFrame) -> list[Outcome]:
    if lines.empty:
        return []
    predictions = query.recorded_predictions(tracking, lines["run_id"])
    return [
        Outcome.read(line, predictions[line["run_id"]])
        for _, line in lines.iterrows()
        if line["run_id"] in predictions
    ]


def _curves(tracking: Tracking, runs: pd.DataFrame, lines: pd.DataFrame) -> Curves:
    from gtzan_exp.compare.sections import MOST_CURVES, line_title

    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for _, line in lines.iterrows():
        run = runs[runs["run_id"] == line["run_id"]].iloc[0]
        names = [name for name in _CURVES if pd.notna(run.get(f"epoch/{name}"))]
        if names and len(found) < MOST_CURVES:
            found[line_title(line)] = query.recorded_curves(tracking, line["run_id"], names)
    return found

"""The options of ``gtzan-exp compare``, and what its config describes."""

from __future__ import annotations

from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated, Any

from omegaconf import DictConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.config.reading import option_names, reading
from gtzan_exp.tracking.store import Tracking

_Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Which runs to compare, and where to."""

    # models, views, splits: only runs of these; all when empty
    models: tuple[_Text, ...] = ()
    views: tuple[_Text, ...] = ()
    splits: tuple[_Text, ...] = ()
    metrics: tuple[_Text, ...] = ()  # further columns: metrics of the test part
    # run id of a sweep; only the runs of its jobs
    parent: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    filter: _Text | None = None  # further conditions, in MLflow's search language
    # write the page and the tables and record them as a run; otherwise only print
    record: bool = True
    output: Path  # an empty or new folder for the page and the tables
    name: _Text | None = None  # name of the run
    tags: dict[str, Any] = Field(default_factory=dict)  # tags of the run


@plain_dataclass(frozen=True)
class Comparison:
    """What a config of `compare` describes, checked."""

    tracking: Tracking
    settings: CompareSettings
    params: dict[str, Any]  # the options that choose runs, for the record


def read_comparison(config: DictConfig) -> Comparison:
    """Return what a config describes, or raise every mistake in it."""
    options = [*option_names(CompareSettings), "data", "paths"]
    with reading(config, ["tracking"], options) as found:
        tracking, settings = found.object("tracking"), found.settings(CompareSettings)
    chosen = ("models", "views", "splits", "parent", "filter")
    return Comparison(tracking, settings, {name: found.node.get(name) for name in chosen})

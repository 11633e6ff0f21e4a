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
    """Which runs to compare, and where to.

    Parameters
    ----------
    models, views, splits : tuple of str
        Only runs of these; all when empty.
    metrics : tuple of str
        Further columns: metrics of the test part.
    parent : str, optional
        Run id of a sweep; only the runs of its jobs.
    filter : str, optional
        Further conditions, in MLflow's search language.
    record : bool
        Write the page and the tables and record them as a run; otherwise only print.
    output : Path
        An empty or new folder for the page and the tables.
    name : str, optional
        Name of the run.
    tags : dict
        Tags of the run.
    """

    models: tuple[_Text, ...] = ()
    views: tuple[_Text, ...] = ()
    splits: tuple[_Text, ...] = ()
    metrics: tuple[_Text, ...] = ()
    parent: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    filter: _Text | None = None
    record: bool = True
    output: Path
    name: _Text | None = None
    tags: dict[str, Any] = Field(default_factory=dict)


@plain_dataclass(frozen=True)
class Comparison:
    """What a config of `compare` describes, checked.

    Parameters
    ----------
    tracking : Tracking
    settings : CompareSettings
    params : dict
        The options that choose runs, for the record.
    """

    tracking: Tracking
    settings: CompareSettings
    params: dict[str, Any]


def read_comparison(config: DictConfig) -> Comparison:
    """Return what a config describes.

    Raises
    ------
    ConfigError
        With every mistake in it.
    """
    options = [*option_names(CompareSettings), "data", "paths"]
    with reading(config, ["tracking"], options) as found:
        tracking, settings = found.object("tracking"), found.settings(CompareSettings)
    chosen = ("models", "views", "splits", "parent", "filter")
    return Comparison(tracking, settings, {name: found.node.get(name) for name in chosen})

"""The view ``fused``: the common rows of several views, with an array for each view."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.basics.checks import shorten
from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import DataError, Mistake, nearest
from gtzan_exp.basics.spellings import class_mistakes
from gtzan_exp.data.contracts import Audible, Dataset, Location, Servable, View
from gtzan_exp.data.inputs import Forms, Inputs, forms_of, take

log = logging.getLogger(__name__)

_NAMED = 5


@dataclass(frozen=True, kw_only=True, config=ConfigDict(arbitrary_types_allowed=True))
class FusedView:
    """Joins views by the ids of their rows."""

    name: str = "fused"
    parts: Annotated[dict[str, View], Field(min_length=1)]  # the views by name
    # the parts to join, in this order; all when omitted
    views: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _views_must_be_parts(self) -> Self:
        several = [name for name, part in self.parts.items() if len(forms_of(part.gives)) > 1]
        if several:
            raise ValueError(f"parts of one array each, so not {', '.join(several)}")
        for name in self.views or ():
            if name not in self.parts:
                known = ", ".join(self.parts)
                more = f"or one more: +view@view.parts.{name}={name}"
                raise ValueError(f"views{nearest(name, list(self.parts))} of {known}; {more}")
        return self

    @property
    def gives(self) -> tuple[Forms, ...]:
        """The forms of the array of each view."""
        return tuple(forms for part in self._chosen.values() for forms in forms_of(part.gives))

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the views and keep their common rows; the others are logged.

        The tracks are those of the view that groups most rows. All must agree on the labels.
        """
        found = {name: part.load(location, cache=cache) for name, part in self._chosen.items()}
        ids = reduce(np.intersect1d, [dataset.ids for dataset in found.values()])
        everything = reduce(np.union1d, [dataset.ids for dataset in found.values()])
        if not len(ids):
            got = "; ".join(f"{name}: {data.ids[0]} ..." for name, data in found.items())
            wanted = "views of the same tracks, in the same pieces"
            raise DataError(Mistake("view.views", "have no row in common", wanted, got))
        lacking = [
            f"{row} (not in {name})"
            for name, dataset in found.items()
            for row in np.setdiff1d(everything, dataset.ids)
        ]
        if lacking:
            more = "" if len(lacking) <= _NAMED else f" and {len(lacking) - _NAMED} more"
            log.warning("left out: %s%s", ", ".join(lacking[:_NAMED]), more)
        rows = {name: pd.Index(dataset.ids).get_indexer(ids) for name, dataset in found.items()}
        labels = {name: dataset.labels[rows[name]] for name, dataset in found.items()}
        most = min(found, key=lambda name: len(np.unique(found[name].tracks[rows[name]])))
        tracks, artists = found[most].tracks[rows[most]], found[most].artists
        agreed, every = next(iter(labels.values())), list(found.values())
        mistakes = _disagreements(ids, labels)
        mistakes += class_mistakes("view.views", agreed, tracks, location.classes)
        if mistakes:
            raise DataError(shorten(mistakes, "view.views"))
        makers = {name: data.maker for name, data in found.items() if data.maker}
        return replace(
            every[0],
            view=self.name,
            source=" + ".join(data.source for data in every),
            X=_joined({name: take(data.X, rows[name]) for name, data in found.items()}),
            labels=agreed,
            ids=ids,
            tracks=tracks,
            artists=None if artists is None else artists[rows[most]],
            classes=tuple(np.unique(agreed).tolist()),
            fingerprint=digest(*(data.fingerprint for data in every), *ids),
            skipped=tuple(file for data in every for file in data.skipped),
            notes=tuple(dict.fromkeys(note for data in every for note in data.notes)),
            origin=_origin([data.origin for data in every]),
            maker=replace(self, parts=self.parts | makers),
            faults=tuple(dict.fromkeys(fault for data in every for fault in data.faults)),
        )

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], Any]:
        """Return a function that turns a track into the inputs of each view."""
        makers = {
            name: _offers(part, Audible, "from_sound").from_sound(settings)
            for name, part in self._chosen.items()
        }
        return lambda y: _joined({name: make(y) for name, make in makers.items()})

    @property
    def input_columns(self) -> list[str]:
        """The columns of the requests of all views."""
        parts = self._chosen.values()
        return [c for p in parts for c in _offers(p, Servable, "from_request").input_columns]

    def from_request(self, table: pd.DataFrame) -> Any:
        """Return the inputs of each view, from its own columns."""
        parts: dict[str, Any] = self._chosen
        return _joined({name: part.from_request(table) for name, part in parts.items()})

    def example(self, dataset: Dataset) -> pd.DataFrame:
        """Return the examples of the views side by side."""
        parts: dict[str, Any] = self._chosen
        pairs = zip(parts.values(), dataset.arrays.values(), strict=True)
        tables = [part.example(replace(dataset, X=array)) for part, array in pairs]
        return pd.concat([table.reset_index(drop=True) for table in tables], axis=1)

    @property
    def _chosen(self) -> dict[str, View]:
        return {name: self.parts[name] for name in self.views or self.parts}


def _origin(origins: Sequence[Mapping[str, str]]) -> dict[str, str]:
    names = dict.fromkeys(name for origin in origins for name in origin)
    return {name: " + ".join(o[name] for o in origins if name in o) for name in names}


def _joined(arrays: dict[str, Any]) -> Any:
    """Return several arrays as `Inputs`, or a single one itself."""
    return Inputs(arrays) if len(arrays) > 1 else next(iter(arrays.values()))


def _offers(part: View, contract: type, method: str) -> Any:
    if not isinstance(part, contract):
        what, allowed = f"{part.name} has no {method}", f"views with the method {method}"
        raise DataError(Mistake("view.views", what, allowed, type(part).__name__))
    return part


def _disagreements(ids: np.ndarray, labels: dict[str, np.ndarray]) -> list[Mistake]:
    (one, first), *others = labels.items()
    return [
        Mistake(str(ids[row]), "has two labels", "one", f"{first[row]} ({one}), {own[row]} ({two})")
        for two, own in others
        for row in np.flatnonzero(own != first)
    ]

"""What every view has in common: the inputs that it gives and how its rows are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from gtzan_exp.data.dataset import Dataset
from gtzan_exp.errors import Mistake, nearest

if TYPE_CHECKING:
    from gtzan_exp.audio.prepare import PrepareSettings

InputKind = Literal["vector", "sequence", "image"]
"""``vector``: one row of numbers; ``sequence``: (steps, channels); ``image``: (h, w, 3)."""

MAX_MISTAKES = 10


class Location(Protocol):
    """A place where the views of a set of tracks lie (the ``data`` group)."""

    name: str
    synthetic: bool
    classes: tuple[str, ...] | None

    def mistakes(self) -> list[Mistake]:
        """Return what is wrong with the place, without reading any data."""

    def folder(self) -> Path:
        """Return the folder with the views, made first if need be."""

    def artists(self, tracks: np.ndarray) -> np.ndarray | None:
        """Return who made each of these tracks, or None where nobody knows."""


class View(Protocol):
    """What a model sees of a track (the ``view`` group)."""

    name: str
    gives: tuple[InputKind, ...]

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the view; everything wrong with it is raised as one `DataError`."""

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], Any]:
        """Return a function from a signal to the inputs that `load` would give for its track."""


def class_mistakes(
    where: str, labels: Sequence[str], tracks: Sequence[str], allowed: Sequence[str] | None
) -> list[Mistake]:
    """Return what is wrong with the classes: unknown ones, and those with a single track.

    Parameters
    ----------
    where : str
        The file or folder to name.
    labels, tracks : sequence of str, same length
        Label and track id of each row.
    allowed : sequence of str or None
        The classes that may occur; None allows any.
    """
    mistakes = []
    names, codes = np.unique(labels, return_inverse=True)
    known, numbers = np.unique(tracks, return_inverse=True)
    members = np.unique(codes * len(known) + numbers) // max(1, len(known))
    counts = np.bincount(members, minlength=len(names))
    for label, count in zip(names.tolist(), counts, strict=True):
        if allowed is not None and label not in allowed:
            mistakes.append(
                Mistake(
                    where,
                    f"unknown class{nearest(label, allowed)}",
                    ", ".join(allowed),
                    f"{label!r} ({count} tracks)",
                )
            )
        elif count < 2:
            mistakes.append(
                Mistake(where, f"class {label!r} cannot be split", "2 tracks or more", "1 track")
            )
    if len(names) == 1:
        only = str(names[0])
        mistakes.append(Mistake(where, "nothing to tell apart", "2 classes or more", repr(only)))
    return mistakes


def shorten(mistakes: Sequence[Mistake], where: str, total: int | None = None) -> list[Mistake]:
    """Keep the first `MAX_MISTAKES` and count the rest in one more line.

    Parameters
    ----------
    mistakes : sequence of Mistake
    where : str
        The file or folder to name in that line.
    total : int, optional
        How many there are, where `mistakes` are the first of them.
    """
    total = len(mistakes) if total is None else total
    if total <= MAX_MISTAKES:
        return list(mistakes)
    more = total - MAX_MISTAKES
    return [*mistakes[:MAX_MISTAKES], Mistake(where, "more of the same", "none", f"{more} more")]

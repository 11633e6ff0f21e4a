"""Restriction of a location to some of its tracks, in any view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gtzan_exp.basics.digests import digest_all
from gtzan_exp.basics.errors import DataError, Mistake, nearest
from gtzan_exp.data.contracts import Dataset, Location, View
from gtzan_exp.data.embeddings import embedding_files, tracks_of
from gtzan_exp.data.known_tracks import known_tracks
from gtzan_exp.data.labels import class_mistakes
from gtzan_exp.data.name_lists import read_lines, track_ids
from gtzan_exp.data.relabel import accepted_labels
from gtzan_exp.data.vector_file import ENDINGS, read_vectors

_OPTIONS = "data.genres and data.tracks"


def read_view(view: View, location: Location, *, cache: Path) -> Dataset:
    """Read a view, restricted by the options ``genres`` and ``tracks`` of its location.

    With the option ``relabel`` they have second labels (`accepted_labels`). Raises `DataError` if
    the view cannot be read, a genre is unknown, too little is left, or second labels are faulty.
    """
    whole = view.load(location, cache=cache)
    dataset, path = restricted(whole, location), getattr(location, "relabel", None)
    if path is None:
        return dataset
    return replace(dataset, accepted=accepted_labels(path, whole, dataset))


def restricted(dataset: Dataset, location: Location) -> Dataset:
    """Return the rows of a view that the options ``genres`` and ``tracks`` select."""
    genres, tracks = getattr(location, "genres", None), getattr(location, "tracks", None)
    keep = np.ones(len(dataset), dtype=bool)
    if genres is not None:
        unknown = [genre for genre in genres if genre not in dataset.classes]
        if unknown:
            what, allowed = "no such genre", ", ".join(dataset.classes)
            what += nearest(unknown[0], dataset.classes)
            raise DataError(Mistake("data.genres", what, allowed, ", ".join(unknown)))
        keep &= np.isin(dataset.labels, genres)
    if tracks is not None:
        ids = [(id, id.rpartition(".")[0]) for id in dataset.ids.tolist()]
        known = {*dataset.tracks.tolist(), *(name for names in ids for name in names)}
        wanted = _common(location) if tracks == "common" else _listed(tracks, known)
        named = [bool(wanted.intersection(names)) for names in ids]
        keep &= np.array(named) | np.isin(dataset.tracks, list(wanted))
    if keep.all():
        return dataset
    rows = np.flatnonzero(keep)
    mistakes = class_mistakes(_OPTIONS, dataset.labels[rows], dataset.tracks[rows], None)
    if mistakes or not len(rows):
        nothing = Mistake(_OPTIONS, "no track is left", "tracks of 2 genres", "none")
        raise DataError(mistakes or nothing)
    return replace(
        dataset,
        X=dataset.take(rows),
        labels=dataset.labels[rows],
        ids=dataset.ids[rows],
        tracks=dataset.tracks[rows],
        artists=None if dataset.artists is None else dataset.artists[rows],
        classes=tuple(np.unique(dataset.labels[rows]).tolist()),
        fingerprint=digest_all([dataset.fingerprint, *dataset.ids[rows].tolist()]),
    )


def _common(location: Location) -> set[str]:
    """Return the common tracks of all views that exist in a location."""
    views = [set(ids) for view, ids in known_tracks(location).items() if view != "audio"]
    files = embedding_files(location.folder())
    views += [set(tracks_of(path, read_vectors(path), location)[0].tolist()) for path in files]
    return set.intersection(*views) if views else set()


def _listed(path: Path, known: set[str]) -> set[str]:
    """Return the tracks that a file names."""
    path = path.expanduser()
    if path.suffix.lower() in ENDINGS:
        names = read_vectors(path).names
    else:
        names = read_lines(path, "data.tracks=FILE, one file name a line, or a file of embeddings")
    return set(track_ids(names, known).values())

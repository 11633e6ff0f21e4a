"""Restriction of a view to some tracks of its location, and second labels of tracks."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from gtzan_exp.basics.checks import shorten
from gtzan_exp.basics.digests import digest_all
from gtzan_exp.basics.errors import DataError, Mistake, nearest
from gtzan_exp.basics.spellings import class_mistakes, spelled_alike
from gtzan_exp.data.contracts import Dataset, Location, View
from gtzan_exp.data.embeddings import embedding_files, tracks_of
from gtzan_exp.data.name_lists import all_known, known_tracks, read_lines, read_rows, track_ids
from gtzan_exp.data.vector_file import ENDINGS, read_vectors

BETWEEN = "|"  # separator of several accepted labels of a track
_OPTIONS = "data.genres and data.tracks"
_WANTED = f"a CSV with the columns filename and label (several right ones divided by {BETWEEN})"


def read_view(view: View, location: Location, *, cache: Path) -> Dataset:
    """Read a view, restricted by the options ``genres`` and ``tracks`` of its location.

    With the option ``relabel`` they have second labels (`accepted_labels`).
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
        names = _common(location) if tracks == "common" else _listed(tracks)
        keep &= np.isin(dataset.tracks, list(track_ids(names, dataset.track_of).values()))
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
    known = known_tracks(location)
    views, genres = [set(known[view]) for view in known if view != "audio"], all_known(location)
    for path in embedding_files(location.folder()):
        ids, _ = tracks_of(path, read_vectors(path), location, genres)
        views.append(set(ids.tolist()))
    return set.intersection(*views) if views else set()


def _listed(path: Path) -> Iterable[str]:
    path = path.expanduser()
    if path.suffix.lower() in ENDINGS:
        return read_vectors(path).names
    return read_lines(path, "data.tracks=FILE, one file name a line, or a file of embeddings")


def accepted_labels(path: Path, whole: Dataset, dataset: Dataset) -> np.ndarray:
    """Return the accepted labels of each row, shape (n_rows,), the published one by default.

    The file is a CSV with the columns ``filename`` (``blues.00000.wav``, ``rock/one song.wav``) and
    ``label``: one genre, or several separated by `BETWEEN`. It may name any track, or piece, of
    `whole`, of which `dataset` is used. Raises `DataError` where it is missing or wrong.
    """
    path = path.expanduser()
    if not path.exists():
        raise DataError(Mistake("data.relabel", "is missing", _WANTED, str(path)))
    rows = read_rows(path, ("filename", "label"), _WANTED)
    ids, tracks = track_ids((name for _, (name, _) in rows), whole.track_of), set(whole.tracks)
    genres = {spelled_alike(genre): genre for genre in dataset.classes}
    used, found, mistakes = set(dataset.tracks.tolist()), dict[str, str](), []
    for line, (name, text) in rows:
        where, track = f"{path}, line {line}", ids[name]
        labels = [label.strip() for label in text.split(BETWEEN)]
        strange = [label for label in labels if spelled_alike(label) not in genres]
        right = BETWEEN.join(genres.get(spelled_alike(label), "") for label in labels)
        if track not in tracks:
            allowed = f"tracks of data={dataset.name}, such as {whole.tracks[0]}"
            mistakes.append(Mistake(where, "no such track", allowed, name))
        elif track in used and strange:
            what = f"no such label{nearest(strange[0], dataset.classes)}"
            mistakes.append(Mistake(where, what, ", ".join(dataset.classes), repr(strange[0])))
        elif track in used and found.setdefault(track, right) != right:
            what, got = f"{name} has other labels before", f"{found[track]} and {right}"
            mistakes.append(Mistake(where, what, "one entry for each track", got))
    if mistakes:
        raise DataError(shorten(mistakes, str(path)))
    pairs = zip(dataset.tracks.tolist(), dataset.labels.tolist(), strict=True)
    return np.array([found.get(track, label) for track, label in pairs])

"""Second labels of tracks, for scores besides those under the published labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gtzan_exp.basics.checks import shorten
from gtzan_exp.basics.errors import DataError, Mistake, nearest
from gtzan_exp.basics.spellings import spelled_alike
from gtzan_exp.data.contracts import Dataset
from gtzan_exp.data.name_lists import read_rows, track_ids

BETWEEN = "|"
"""Separator of several accepted labels of a track."""

_WANTED = f"a CSV with the columns filename and label (several right ones divided by {BETWEEN})"


def accepted_labels(path: Path, whole: Dataset, dataset: Dataset) -> np.ndarray:
    """Return the accepted labels of each row, shape (n_rows,), the published one by default.

    The file is a CSV with the columns ``filename`` (``blues.00000.wav``, ``rock/one song.wav``) and
    ``label``: one genre, or several separated by `BETWEEN`. A piece counts as its track. It may
    name any track of `whole`, of which `dataset` is used. Raises `DataError` if the file is missing
    or is not such a table, a track or a label is unknown, or a track has two different entries.
    """
    path = path.expanduser()
    if not path.exists():
        raise DataError(Mistake("data.relabel", "is missing", _WANTED, str(path)))
    rows = read_rows(path, ("filename", "label"), _WANTED)
    tracks = whole.tracks.tolist()
    track_of = dict(zip([*whole.ids.tolist(), *tracks], [*tracks, *tracks], strict=True))
    ids = track_ids((name for _, (name, _) in rows), track_of)
    genres = {spelled_alike(genre): genre for genre in dataset.classes}
    used, found, mistakes = set(dataset.tracks.tolist()), dict[str, str](), []
    for line, (name, text) in rows:
        where, track = f"{path}, line {line}", track_of.get(ids[name])
        if track is None:
            allowed = f"tracks of data={dataset.name}, such as {tracks[0]}"
            mistakes.append(Mistake(where, "no such track", allowed, name))
            continue
        labels = [label.strip() for label in text.split(BETWEEN)]
        strange = [label for label in labels if spelled_alike(label) not in genres]
        right = BETWEEN.join(genres.get(spelled_alike(label), "") for label in labels)
        if track not in used:
            continue
        if strange:
            what = f"no such label{nearest(strange[0], dataset.classes)}"
            mistakes.append(Mistake(where, what, ", ".join(dataset.classes), repr(strange[0])))
        elif found.setdefault(track, right) != right:
            what, got = f"{name} has other labels before", f"{found[track]} and {right}"
            mistakes.append(Mistake(where, what, "one entry for each track", got))
    if mistakes:
        raise DataError(shorten(mistakes, str(path)))
    pairs = zip(dataset.tracks.tolist(), dataset.labels.tolist(), strict=True)
    return np.array([found.get(track, label) for track, label in pairs])

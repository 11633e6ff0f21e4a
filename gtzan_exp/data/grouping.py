"""Grouping of rows: pieces into tracks, tracks by artist, with notes."""

from dataclasses import replace

import numpy as np

from gtzan_exp.basics.errors import DataError
from gtzan_exp.basics.spellings import case_twins, class_mistakes
from gtzan_exp.data.contracts import Dataset, Location
from gtzan_exp.data.pieces import Look, find_pieces


def grouped(dataset: Dataset, location: Location, look: Look, *, told: bool = False) -> Dataset:
    """Return the rows with their artists, and with tracks merged that are pieces of longer ones.

    By the option ``pieces`` of the location, unless the data itself has `told` the track of each
    row. `look` returns the vectors of rows; the first row represents its track. Raises `DataError`
    if a class is unknown or has one track, or pieces or artists are asked for and not known.
    """
    labels, whole, said = dataset.labels, dataset.tracks, [case_twins(dataset.ids.tolist())]
    names, first, codes = np.unique(whole, return_index=True, return_inverse=True)
    if told:
        if len(names) < len(dataset):
            said.append(f"{len(dataset)} rows are of {len(names)} tracks, by the column track")
    else:
        mode = location.pieces
        tracks, line = find_pieces(names, labels[first], lambda rows: look(first[rows]), mode)
        if line:
            whole = tracks[codes]
            said.append(line)
    mistakes = class_mistakes(dataset.source, labels, whole, location.classes)
    if mistakes:
        because = f" ({said[-1]})" if said[-1] else ""
        raise DataError(replace(mistake, got=mistake.got + because) for mistake in mistakes)
    try:
        artists = location.artists(whole)
    except DataError:
        if whole is dataset.tracks:
            raise
        artists = location.artists(dataset.tracks)  # the list may name pieces
    return replace(
        dataset, tracks=whole, artists=artists, notes=(*dataset.notes, *filter(None, said))
    )

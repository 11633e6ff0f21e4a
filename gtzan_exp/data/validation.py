"""Adding validation parts to a split, and hiding its test parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Split, fingerprint
from gtzan_exp.data.splits import by_track, rank


def with_validation(dataset: Dataset, split: Split, share: float, seed: int) -> Split:
    """Return a split whose folds all have a validation part.

    Where it is missing, it is cut from the training part: whole artists where the split keeps them
    apart and they are known (see `Split.apart` of the result). It has every genre, in the nearest
    `share` of the training tracks that whole artists allow. Raises `ConfigError` if a genre has a
    single track, or artist, to train on.
    """
    tracks, labels, codes = by_track(dataset)
    artists = dataset.artists if split.artists is None else split.artists
    groups = tracks
    if split.apart == "artist" and artists is not None:
        groups = artists[np.unique(dataset.tracks, return_index=True)[1]]
    else:
        split = replace(split, apart="track")
    folds = []
    for number, fold in enumerate(split.folds):
        if not len(fold.val):
            rest = np.unique(codes[fold.train])
            drawn = draw(share, seed, number, tracks[rest], labels[rest], groups[rest])
            is_val = np.isin(codes[fold.train], rest[drawn])
            fold = Fold(fold.train[~is_val], fold.train[is_val], fold.test)
        folds.append(fold)
    return replace(split, folds=tuple(folds), fingerprint=fingerprint(dataset, folds))


def without_test(dataset: Dataset, split: Split) -> Split:
    """Return a split that is evaluated on its validation parts, with empty test parts."""
    folds = tuple(Fold(fold.train, fold.val, fold.test[:0]) for fold in split.folds)
    return replace(split, folds=folds, fingerprint=fingerprint(dataset, folds))


def draw(
    share: float, seed: int, fold: int, tracks: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Return a mask of the tracks to draw for another part: a share of each genre, whole groups.

    Groups are visited in the order of a hash and taken if that brings their genres nearer to the
    share. A genre without any then gets the group with the least deviation. For shares above one
    half the complement is drawn, since a large group that comes last would not fit. Raises
    `ConfigError` if a genre has a single group.
    """
    codes, names = pd.factorize(groups)
    genre_codes, genres = pd.factorize(labels)
    members = np.zeros((len(names), len(genres)), dtype=int)
    np.add.at(members, (codes, genre_codes), 1)
    first = tracks[np.unique(codes, return_index=True)[1]]
    order = sorted(range(len(names)), key=lambda group: rank(seed, f"{fold} {first[group]}"))
    small = min(share, 1 - share)
    total = members.sum(axis=0)
    wanted = np.maximum(1, np.rint(small * total))
    taken, chosen = np.zeros_like(total), np.zeros(len(names), dtype=bool)

    def gain(group: int) -> float:
        lack = wanted - taken
        return (np.abs(lack) - np.abs(lack - members[group])).sum()

    def leaves_some(group: int) -> bool:
        return bool((taken + members[group] < total)[members[group] > 0].all())

    def take(group: int) -> None:
        chosen[group] = True
        np.add(taken, members[group], out=taken)

    for group in order:
        if gain(group) > 0 and leaves_some(group):
            take(group)
    for code, genre in enumerate(genres):
        if taken[code]:
            continue
        others = [group for group in order if members[group, code] and leaves_some(group)]
        if not others:
            what = f"no group of {str(genre)!r} can be drawn that leaves each genre one to train on"
            allowed = "two groups of each genre or more that are not tested, or no validation part "
            allowed += "(split.val_size=null; for networks trainer.patience=null trainer.keep=last)"
            got = f"{np.count_nonzero(members[:, code])} in fold {fold + 1}"
            raise ConfigError(Mistake("split", what, allowed, got))
        take(max(others, key=gain))
    return chosen[codes] if small == share else ~chosen[codes]

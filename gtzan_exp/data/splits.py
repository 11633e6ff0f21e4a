"""The ``split`` group: the assignment of tracks to parts, and cutting or hiding parts."""

import hashlib
import math
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Split, fingerprint

_TRAIN, _VAL, _TEST = range(3)
_LISTED = ("pop", "metal", "disco", "blues", "reggae", "classical", "rock", "hiphop", "country")
_PICTURES = (0.2, 123, _LISTED)
_NOTEBOOK = {"features": (0.3, 42, ()), "spectrograms": _PICTURES, "fused": _PICTURES}

Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Stratified train, validation and test parts.

    Tracks are drawn, not rows. Those of each genre are ordered by a hash of the seed and the
    track's id, so a track is in the same part in all views. If a view lacks a track, at most one
    other track of the genre moves from each part to the next.
    """

    name: str = "holdout"
    test_size: Fraction = 0.2  # share of the tracks of each genre, as `val_size`
    val_size: Fraction = 0.1
    seed: int = 0

    def split(self, dataset: Dataset) -> Split:
        """Return the one fold; `ConfigError` where a genre has too few tracks for three parts."""
        tracks, genres, codes = by_track(dataset)
        part_of = np.full(len(tracks), _TRAIN, dtype=np.int8)
        mistakes = []
        for genre in dataset.classes:
            members = ranked(self.seed, tracks, np.flatnonzero(genres == genre))
            n_test = max(1, round(self.test_size * len(members)))
            n_val = max(1, round(self.val_size * len(members)))
            if len(members) - n_test - n_val < 1:
                what = f"no training track left for {genre!r}"
                allowed = "smaller split.test_size and split.val_size, or 3 tracks or more"
                got = f"{len(members)} tracks, {n_test} of them test and {n_val} validation"
                mistakes.append(Mistake("split", what, allowed, got))
            part_of[members[:n_test]] = _TEST
            part_of[members[n_test : n_test + n_val]] = _VAL
        if mistakes:
            raise ConfigError(mistakes)
        parts = part_of[codes]
        fold = Fold(*(np.flatnonzero(parts == part) for part in (_TRAIN, _VAL, _TEST)))
        return Split(self.name, (fold,), fingerprint(dataset, [fold]), apart="track")


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """The notebook's index sets (``view=fused`` has that of pictures); on request, its other leaks.

    Rows are drawn without regard to genres or tracks; images are ordered by genre as the notebook
    listed their folders, which determines the draw. The last two options leak from test to
    training: only ``experiment=notebook/*`` switch them on, and they give a warning and a tag.
    """

    name: str = "notebook"
    test_size: Fraction | None = None  # of the rows; the notebook's for the view when omitted
    # seed of scikit-learn's `train_test_split`, independent of the ``seed`` of the config; the
    # notebook's for the view when omitted
    random_state: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    scaler_rows: Literal["train", "all"] = "train"  # ``all`` fits the scaler on the test rows too
    # ``test`` gives networks the test part as their validation part
    validation: Literal["none", "test"] = "none"

    @property
    def leaks(self) -> tuple[str, ...]:
        """The leaks from test to training by the options alone."""
        scaler = ("scaler",) if self.scaler_rows == "all" else ()
        return (*scaler, "test_as_validation") if self.validation == "test" else scaler

    def split(self, dataset: Dataset) -> Split:
        """Return the one fold; its validation part is empty, or the test part."""
        from sklearn.model_selection import train_test_split

        test_size, random_state, listed = _NOTEBOOK.get(dataset.view, (None, None, ()))
        test_size = test_size if self.test_size is None else self.test_size
        random_state = random_state if self.random_state is None else self.random_state
        if test_size is None or random_state is None:
            what = "the notebook has no index set for the view"
            allowed = f"{', '.join(_NOTEBOOK)}, or split.test_size and split.random_state"
            raise ConfigError(Mistake("split=notebook", what, allowed, f"view={dataset.view}"))
        if math.ceil(test_size * len(dataset)) >= len(dataset):
            what, got = "no training row left", f"{test_size} of {len(dataset)} rows"
            raise ConfigError(Mistake("split.test_size", what, "a smaller share", got))
        places = {genre: place for place, genre in enumerate(listed)}
        order = [places.get(genre, len(listed)) for genre in dataset.labels]
        rows = np.argsort(order, kind="stable")
        train, test = train_test_split(rows, test_size=test_size, random_state=random_state)
        of_tracks = ("track",) if len(np.unique(dataset.tracks)) < len(dataset) else ()
        drawn = Fold(train, np.array([], dtype=int), test)
        folds = (replace(drawn, val=test) if self.validation == "test" else drawn,)
        prints, leaks = fingerprint(dataset, [drawn]), (*self.leaks, *of_tracks)
        return Split(self.name, folds, prints, leaks, self.scaler_rows, apart="track")


def by_track(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sorted track ids, the genre of each, and the track code of each row."""
    tracks, first, codes = np.unique(dataset.tracks, return_index=True, return_inverse=True)
    return tracks, dataset.labels[first], codes


def ranked(seed: int, tracks: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Return the codes `members` of tracks in the order of the draw."""
    return np.array(sorted(members.tolist(), key=lambda track: rank(seed, tracks[track])))


def rank(seed: int, track: object) -> bytes:
    """Return the key for the order of the draw: a hash of the seed and the track's id."""
    return hashlib.sha256(f"{seed}\x1f{track}".encode()).digest()


def with_validation(dataset: Dataset, split: Split, share: float, seed: int) -> Split:
    """Return a split whose folds all have a validation part.

    Where it is missing, it is cut from the training part: the nearest `share` of the tracks of each
    genre that whole artists allow, where the split keeps them apart and they are known (see
    `Split.apart` of the result). Raises `ConfigError` as `draw`.
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

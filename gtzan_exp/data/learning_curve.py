"""Learning curves: a fixed test part, and nested training parts of increasing size."""

import itertools
from typing import Annotated

import numpy as np
from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.data.contracts import Dataset, Fold, Split, fingerprint
from gtzan_exp.data.splits import Holdout, by_track, ranked


def _rising(fractions: tuple[float, ...]) -> tuple[float, ...]:
    pairs = itertools.pairwise((0.0, *fractions))
    if len(fractions) < 2 or not all(a < b for a, b in pairs) or fractions[-1] != 1:
        raise ValueError("two shares or more that rise from above 0 to 1")
    return fractions


Fractions = Annotated[tuple[float, ...], AfterValidator(_rising)]


@dataclass(frozen=True, kw_only=True)
class LearningCurve(Holdout):
    """The parts of `Holdout`, with fractions of the training tracks of each genre.

    Validation and test part are those of ``split=holdout`` with the same options at every point.
    Training parts are nested, as tracks are taken in the order of the draw.
    """

    name: str = "learning_curve"
    # increasing shares of the training tracks of each genre; the last is 1
    fractions: Fractions = (0.1, 0.2, 0.5, 1.0)

    def split(self, dataset: Dataset) -> Split:
        """Return a fold per fraction; `ConfigError` also where one adds no track."""
        (whole,) = super().split(dataset).folds
        tracks, genres, codes = by_track(dataset)
        trained = np.unique(codes[whole.train])
        place, total = np.zeros((2, len(tracks)), dtype=int)
        for genre in dataset.classes:
            members = ranked(self.seed, tracks, trained[genres[trained] == genre])
            place[members], total[members] = np.arange(len(members)), len(members)
        folds: list[Fold] = []
        for fraction in self.fractions:
            kept = place < np.maximum(1, np.rint(fraction * total))
            train = whole.train[kept[codes[whole.train]]]
            if folds and len(train) == len(folds[-1].train):
                what = "the fraction adds no track to the one before"
                got = f"{fraction:g} of {len(trained)} tracks"
                raise ConfigError(Mistake("split.fractions", what, "fractions further apart", got))
            folds.append(Fold(train, whole.val, whole.test))
        prints = fingerprint(dataset, folds)
        return Split(self.name, tuple(folds), prints, fractions=self.fractions, apart="track")

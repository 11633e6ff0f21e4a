"""What test and training share: tracks, artists, and rows that are the same to the last bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gtzan_exp.data.dataset import Dataset, Split


@dataclass(frozen=True)
class Audit:
    """The leaks of a split, measured.

    Parameters
    ----------
    shares : dict of str to float
        By kind of leak the share of the test part that training knows, averaged over folds:
        ``track`` and ``artist`` count tracks, ``duplicate`` counts rows. ``artist`` is missing when
        nobody knows the artists.
    tag : str
        The kinds that occur, with those that the protocol lets through on purpose, joined by
        ``+``; ``none`` when there are none.
    """

    shares: dict[str, float]
    tag: str


def audit(dataset: Dataset, split: Split) -> Audit:
    """Compare the test part of each fold with its training part.

    Parameters
    ----------
    dataset : Dataset
    split : Split
    """
    rows = np.array(dataset.row_digests())
    found: dict[str, list[float]] = {}
    for fold in split.folds:
        kinds = {"track": dataset.tracks, "artist": dataset.artists}
        for kind, groups in kinds.items():
            if groups is None:
                continue
            known = np.isin(groups[fold.test], groups[fold.train])
            tracks = dataset.tracks[fold.test]
            share = len(set(tracks[known])) / len(set(tracks))
            found.setdefault(kind, []).append(share)
        found.setdefault("duplicate", []).append(
            float(np.isin(rows[fold.test], rows[fold.train]).mean())
        )
    shares = {kind: float(np.mean(values)) for kind, values in found.items()}
    kinds = [*split.leaks, *(kind for kind, share in shares.items() if share > 0)]
    return Audit(shares, "+".join(dict.fromkeys(kinds)) or "none")

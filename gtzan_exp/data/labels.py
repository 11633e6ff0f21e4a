"""Checks of the labels of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gtzan_exp.basics.errors import Mistake, nearest
from gtzan_exp.basics.spellings import spelling_mistakes

_LONGEST = 200


def class_mistakes(
    where: str, labels: np.ndarray, tracks: np.ndarray, allowed: Sequence[str] | None
) -> list[Mistake]:
    """Return the mistakes in the classes: several spellings, unknown ones, single tracks.

    `labels` and `tracks` have shape (n_rows,); `allowed` classes are any if None.
    """
    names, codes = np.unique(labels, return_inverse=True)
    known, numbers = np.unique(tracks, return_inverse=True)
    members = np.unique(codes * len(known) + numbers) // max(1, len(known))
    counts = np.bincount(members, minlength=len(names))
    sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
    mistakes = spelling_mistakes(where, sizes, "tracks")
    if mistakes:
        return mistakes
    for label, count in sizes.items():
        if len(label) > _LONGEST or not label.isprintable():
            got = f"{label[:40]!r} ..., {len(label)} characters"
            what, wanted = "not a name of a class", f"at most {_LONGEST} printable characters"
            mistakes.append(Mistake(where, what, wanted, got))
        elif allowed is not None and label not in allowed:
            what, got = f"unknown class{nearest(label, allowed)}", f"{label!r} ({count} tracks)"
            mistakes.append(Mistake(where, what, ", ".join(allowed), got))
        elif count < 2:
            mistakes.append(
                Mistake(where, f"class {label!r} cannot be split", "2 tracks or more", "1 track")
            )
    if len(names) == 1:
        only = str(names[0])
        mistakes.append(Mistake(where, "nothing to tell apart", "2 classes or more", repr(only)))
    return mistakes

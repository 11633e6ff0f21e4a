"""What is wrong with the labels of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gtzan_exp.basics.errors import Mistake, nearest


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

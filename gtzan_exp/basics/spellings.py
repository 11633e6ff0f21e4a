"""Labels and their spellings: of genres, which are checked, and of files on some systems."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gtzan_exp.basics.errors import Mistake, counted, nearest

_LONGEST = 200


def spelled_alike(label: str) -> str:
    """Return the normalised label: case-folded, stripped, in one Unicode form."""
    return unicodedata.normalize("NFKC", label).strip().casefold()


class Relabel:
    """The mapping of labels to genres by ``data.labels``; a key matches all its spellings."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._wanted = {spelled_alike(found): (found, genre) for found, genre in wanted.items()}
        self._seen: set[str] = set()

    def __call__(self, label: str) -> str:
        """Return the genre of a label, which is the label itself if it is not mapped."""
        if not self._wanted:
            return label
        alike = spelled_alike(label)
        self._seen.add(alike)
        return self._wanted.get(alike, ("", label))[1]

    def unknown(self) -> list[Mistake]:
        """Return a mistake for each key of ``data.labels`` that matched no label."""
        seen = sorted(self._seen)
        return [
            Mistake("data.labels", f"no such label{nearest(key, seen)}", ", ".join(seen), key)
            for alike, (key, _) in self._wanted.items()
            if alike not in self._seen
        ]


def spelling_mistakes(where: str, counts: Mapping[str, int], unit: str) -> list[Mistake]:
    """Return a mistake for each genre with several spellings; `counts` of `unit` are by label."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda label: (label != spelled_alike(label), -counts[label])):
        spellings[spelled_alike(label)].append(label)
    mistakes = []
    for labels in filter(lambda labels: len(labels) > 1, spellings.values()):
        genre = labels[0].strip()
        allowed = f"one spelling, or data.labels={{{genre}: {genre}}} to merge them"
        got = " and ".join(f"{label!r} ({counts[label]} {unit})" for label in labels)
        mistakes.append(Mistake(where, f"{len(labels)} spellings of one genre", allowed, got))
    return mistakes


def case_twins(names: Iterable[str]) -> str:
    """Return a line on names that differ only by case, empty if there are none."""
    folded = Counter(name.casefold() for name in names)
    several = [name for name, count in folded.items() if count > 1]
    if not several:
        return ""
    return (
        f"{len(several)} names differ by case alone, such as {several[0]}: they are one file where "
        "case does not count"
    )


def class_mistakes(
    where: str, labels: np.ndarray, tracks: np.ndarray, allowed: Sequence[str] | None
) -> list[Mistake]:
    """Return the mistakes in the classes of rows: spellings, not `allowed` ones, single tracks."""
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
            what = f"unknown class{nearest(label, allowed)}"
            got = f"{label!r} ({counted(count, 'track')})"
            mistakes.append(Mistake(where, what, ", ".join(allowed), got))
        elif count < 2:
            mistakes.append(
                Mistake(where, f"class {label!r} cannot be split", "2 tracks or more", "1 track")
            )
    if len(names) == 1:
        only = str(names[0])
        mistakes.append(Mistake(where, "nothing to tell apart", "2 classes or more", repr(only)))
    return mistakes

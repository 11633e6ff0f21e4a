"""Different spellings of the same name: of genres, and of files on some systems."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from gtzan_exp.basics.errors import Mistake, nearest


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

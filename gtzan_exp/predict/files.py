"""The audio files that a command line names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gtzan_exp.audio.tracks import AUDIO_SUFFIXES, audio_below
from gtzan_exp.basics.errors import Mistake


def audio_files(paths: Iterable[Path]) -> list[Path | Mistake]:
    """Return the given files and the audio files below the given folders (`audio_below`).

    With a mistake for each folder that cannot be read or has no audio.
    """
    found: list[Path | Mistake] = []
    for path in paths:
        problems: list[Mistake] = []
        inside = audio_below(path, problems) if path.is_dir() else [path]
        if not (inside or problems):
            allowed = "files that end in " + ", ".join(AUDIO_SUFFIXES)
            problems.append(Mistake(str(path), "no audio there", allowed, "none"))
        found += [*inside, *problems]
    return found

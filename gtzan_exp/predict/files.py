"""The audio files that a command line names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gtzan_exp.audio.tracks import AUDIO_SUFFIXES, audio_below
from gtzan_exp.basics.errors import Mistake


def audio_files(paths: Iterable[Path]) -> list[Path | Mistake]:
    """Return the audio files that `paths` name.

    Parameters
    ----------
    paths : iterable of Path
        Files, which are taken whatever they are called, and folders, which stand for what
        `audio_below` finds there.

    Returns
    -------
    list of Path or Mistake
        A mistake for each folder that cannot be read or holds no audio.
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

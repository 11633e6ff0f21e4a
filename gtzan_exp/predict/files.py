"""The audio files that a command line names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gtzan_exp.audio.tracks import AUDIO_SUFFIXES
from gtzan_exp.basics.errors import Mistake


def audio_files(paths: Iterable[Path]) -> list[Path | Mistake]:
    """Return the audio files that `paths` name.

    Parameters
    ----------
    paths : iterable of Path
        Files, which are taken whatever they are called, and folders, which stand for the files at
        any depth below them that have an ending of audio, sorted. Hidden ones are passed over.

    Returns
    -------
    list of Path or Mistake
        A mistake for each folder that cannot be read or holds no audio.
    """
    found: list[Path | Mistake] = []
    for path in paths:
        inside = _below(path) if path.is_dir() else [path]
        allowed = "files that end in " + ", ".join(AUDIO_SUFFIXES)
        found += inside or [Mistake(str(path), "no audio there", allowed, "none")]
    return found


def _below(folder: Path) -> list[Path | Mistake]:
    problems: list[Path | Mistake] = []
    files: list[Path] = []

    def note(error: OSError) -> None:
        got, allowed = str(error.strerror), "a folder that may be listed"
        problems.append(Mistake(str(error.filename), "unreadable folder", allowed, got))

    for root, folders, names in os.walk(folder, onerror=note, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [
            Path(root, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES
        ]
    return [*sorted(files), *problems]

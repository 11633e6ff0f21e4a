"""Tracks on disk: finding them, and reading one as a mono signal."""

from __future__ import annotations

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gtzan_exp.audio import librosa_loader
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.genres import track_id
from gtzan_exp.basics.spellings import Relabel, spelling_mistakes

AUDIO_SUFFIXES = (".wav", ".au", ".mp3", ".flac", ".ogg")
"""File name endings that count as audio, in lower case."""

SILENCE_PEAK = 1e-4
"""A track that never exceeds this peak (-80 dBFS, the range of the mel view) is silent."""

_LONGEST_ID = 240
_AUDIO = "audio (" + ", ".join(suffix[1:] for suffix in AUDIO_SUFFIXES) + ")"


@dataclass(frozen=True, kw_only=True)
class Track:
    """One audio file.

    Parameters
    ----------
    id : str
        ``<genre>.<rest of the file's stem>``, the same in every view.
    genre : str
        Name of the folder that the file lies in, or what it is to be called.
    path : Path
        The file.
    """

    id: str
    genre: str
    path: Path


def find_tracks(audio_root: Path, labels: Mapping[str, str] | None = None) -> list[Track]:
    """Return the tracks of a folder, sorted by genre and id.

    Parameters
    ----------
    audio_root : Path
        Folder that holds ``<genre>/<file>``.
    labels : mapping of str to str, optional
        What folders are to be called; a key stands for all its spellings.

    Raises
    ------
    DataError
        There is no such folder, it holds no audio, two files have one id, or a genre has folders
        in several spellings.
    """
    return scan_tracks(audio_root, labels)[0]


def scan_tracks(
    audio_root: Path, labels: Mapping[str, str] | None = None
) -> tuple[list[Track], list[Mistake]]:
    """Return the tracks of a folder as `find_tracks` does, and what lies there but is none.

    Hidden files are passed over, and so are files beside the genre folders that are not audio.

    Parameters
    ----------
    audio_root, labels : as in `find_tracks`

    Raises
    ------
    DataError
        As in `find_tracks`.
    """
    if not os.path.isdir(audio_root):
        got = "a file" if os.path.exists(audio_root) else "nothing"
        raise DataError(Mistake(str(audio_root), "no audio there", "a folder <genre>/<file>", got))
    relabel = Relabel(labels or {})
    tracks: list[Track] = []
    strays: list[Mistake] = []
    for entry, is_folder in _listing(audio_root, strays):
        if not is_folder:
            if entry.suffix.lower() in AUDIO_SUFFIXES:
                got = "a file beside the genres"
                strays.append(Mistake(str(entry), "has no genre", "<genre>/<file>", got))
            continue
        genre = relabel(entry.name)
        for path, is_folder_too in _listing(entry, strays):
            track = Track(id=track_id(path.name, genre), genre=genre, path=path)
            if is_folder_too or path.suffix.lower() not in AUDIO_SUFFIXES:
                got = "a folder" if is_folder_too else path.suffix or "no ending"
                strays.append(Mistake(str(path), "not an audio file", _AUDIO, got))
            elif (size := len(os.fsencode(track.id))) > _LONGEST_ID:
                allowed = f"at most {_LONGEST_ID} bytes"
                strays.append(Mistake(str(path), "name too long", allowed, f"{size} bytes"))
            else:
                tracks.append(track)
    if not tracks:
        raise DataError(
            Mistake(str(audio_root), "no audio there", f"<genre>/<file> of {_AUDIO}", "none")
        )
    counts = Counter(track.genre for track in tracks)
    mistakes = [*relabel.unknown(), *spelling_mistakes(str(audio_root), counts, "files")]
    if mistakes:
        raise DataError(mistakes)
    _refuse_twins(tracks)
    return sorted(tracks, key=lambda track: (track.genre, track.id)), strays


def load_audio(
    path: Path,
    *,
    sample_rate: int = 22050,
    min_seconds: float = 1.0,
    max_seconds: float | None = None,
) -> np.ndarray:
    """Read a file as ``librosa.load(path, sr=sample_rate)`` does, and refuse what is no music.

    Parameters
    ----------
    path : Path
        An audio file of any kind that libsndfile or audioread can decode.
    sample_rate : int
        Samples per second of the result.
    min_seconds : float
        Anything shorter is refused.
    max_seconds : float, optional
        Read no more than this from the start of the file.

    Returns
    -------
    numpy.ndarray of float32, shape (samples,)
        The mean of the channels.

    Raises
    ------
    DataError
        The file is missing, empty, corrupt (not finite, too), not audio, too short, or silent.
    """

    def refuse(what: str, got: str, allowed: str) -> DataError:
        return DataError(Mistake(str(path), what, allowed, got))

    if path.is_file() and path.stat().st_size == 0:
        raise refuse("empty file", "0 bytes", _AUDIO)
    y = decode(path, sample_rate=sample_rate, seconds=max_seconds)
    if len(y) < min_seconds * sample_rate:
        raise refuse("too short", f"{len(y) / sample_rate:.2f} s", f"at least {min_seconds:g} s")
    peak = float(np.abs(y).max())
    if peak < SILENCE_PEAK:
        raise refuse("silent", f"peak {peak:.1g}", f"a peak of at least {SILENCE_PEAK:g}")
    return y


def decode(
    path: Path, *, sample_rate: int, start: float = 0.0, seconds: float | None = None
) -> np.ndarray:
    """Return what ``librosa.load`` does: mono, float32, shape (samples,).

    Parameters
    ----------
    path : Path
    sample_rate : int
    start, seconds : float
        The part of the file; to its end when `seconds` is omitted.

    Raises
    ------
    DataError
        The file is missing, corrupt or not audio.
    """
    librosa = librosa_loader.load()

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # librosa tells of each decoder that it falls back to
            return librosa.load(path, sr=sample_rate, offset=start, duration=seconds)[0]
    except MemoryError:
        raise
    except Exception as error:  # each decoder has exceptions of its own
        got = " ".join(f"{type(error).__name__} {error}".split())
        what = "cannot be opened" if isinstance(error, OSError) else "corrupt or not audio"
        place = f" at {start:g} s" if start else ""
        raise DataError(Mistake(str(path), what + place, _AUDIO, got)) from error


def _listing(folder: Path, strays: list[Mistake]) -> list[tuple[Path, bool]]:
    """Return the visible entries, and which are folders; an unreadable folder joins the strays."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (Path(entry.path), entry.is_dir())
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError as error:
        allowed = "a folder that may be listed"
        strays.append(Mistake(str(folder), "unreadable folder", allowed, str(error)))
        return []


def _refuse_twins(tracks: list[Track]) -> None:
    by_id: dict[str, list[Path]] = defaultdict(list)
    for track in tracks:
        by_id[track.id].append(track.path)
    twins = [
        Mistake(str(paths[0]), f"one of several files of the track {id!r}", "one", names)
        for id, paths in by_id.items()
        if len(paths) > 1 and (names := ", ".join(path.name for path in paths))
    ]
    if twins:
        raise DataError(twins)

"""Tracks on disk: finding them, and reading them as mono signals."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from gtzan_exp.audio import librosa_loader
from gtzan_exp.audio.features import GTZAN_SECONDS
from gtzan_exp.basics.errors import DataError, Mistake, one_line
from gtzan_exp.basics.files import opened
from gtzan_exp.basics.genres import is_text, track_id
from gtzan_exp.basics.process import silent_libraries
from gtzan_exp.basics.spellings import Relabel, spelling_mistakes

if TYPE_CHECKING:
    from soundfile import SoundFile

READABLE = ("wav", "aif", "aiff", "aifc", "au", "flac", "ogg", "oga", "opus", "mp3")
"""File extensions that libsndfile reads; of files with the same stem, the first is taken."""

FOREIGN = ("m4a", "m4b", "mp4", "aac", "wma", "ape", "wv")
"""File extensions of other audio, which is tried all the same."""

AUDIO_SUFFIXES = tuple(f".{ending}" for ending in (*READABLE, *FOREIGN))
"""File extensions of audio, in lower case."""

SILENCE_PEAK = 1e-4
"""A track that never exceeds this peak (-80 dBFS, the range of the mel view) is silent."""

Offset = Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["middle"]
"""Where reading starts: seconds from the start, or so that the middle is read."""

_LOUDEST = 1e10  # 32 bit integers as floats reach 2e9; squares of far more leave float32
_RATES = (2_000, 1_000_000)
_MAX_CHANNELS = 64
_LONGEST_ID = 240
_AUDIO = f"audio ({', '.join(READABLE)})"


@dataclass(frozen=True)
class Track:
    """One audio file."""

    id: str  # ``<genre>.<rest of the file's stem>``, the same in every view
    genre: str  # name of the genre's folder, or its name by ``data.labels``
    path: Path  # the file
    artist: str = ""  # name of the folder inside that of the genre; empty if there is none


def scan_tracks(
    audio_root: Path, labels: Mapping[str, str] | None = None
) -> tuple[list[Track], list[Mistake]]:
    """Return the tracks of a folder, sorted by genre and id, and a mistake for each unusable file.

    The folder holds ``<genre>/<file>``, or ``<genre>/<artist>/<album>/<file>``; an id contains the
    names of all folders inside that of the genre, which `labels` renames. What is hidden or no
    audio is ignored. Raises `DataError` if there is no audio, or a genre in several spellings.
    """
    if not os.path.isdir(audio_root):
        got = "a file" if os.path.exists(audio_root) else "nothing"
        raise DataError(Mistake(str(audio_root), "no audio there", "a folder <genre>/<file>", got))
    relabel = Relabel(labels or {})
    tracks: dict[str, Track] = {}
    strays: list[Mistake] = []
    found = _of_genres(audio_root, relabel, strays)
    for genre, path in sorted(found, key=lambda of: (_rank(of[1]), str(of[1]))):
        *inner, name = path.relative_to(audio_root).parts[1:]
        id, artist = track_id(".".join([*inner, name]), genre), inner[0] if inner else ""
        if (size := len(os.fsencode(id))) > _LONGEST_ID:
            allowed, got = f"at most {_LONGEST_ID} bytes", f"{size} bytes"
            strays.append(Mistake(str(path), "name too long", allowed, got))
        elif not is_text(id):
            where = audio_root / ascii(path.relative_to(audio_root).as_posix())[1:-1]
            got = ascii(path.name)
            strays.append(Mistake(str(where), "name is not text", "UTF-8 on one line", got))
        elif (taken := tracks.setdefault(id, Track(id, genre, path, artist)).path) is not path:
            what = f"one of several files of the track {id!r}"
            strays.append(Mistake(str(path), what, "one", f"{taken.name}, which is taken"))
    if not tracks:
        wanted = f"<genre>/<file> of {_AUDIO}"
        none = Mistake(str(audio_root), "no audio there", wanted, "none")
        raise DataError(strays[0] if strays else none)
    counts = Counter(track.genre for track in tracks.values())
    mistakes = [*relabel.unknown(), *spelling_mistakes(str(audio_root), counts, "files")]
    if mistakes:
        raise DataError(mistakes)
    return sorted(tracks.values(), key=lambda track: (track.genre, track.id)), strays


def _rank(path: Path) -> int:
    return AUDIO_SUFFIXES.index(path.suffix.lower())


def audio_below(folder: Path, problems: list[Mistake], *above: Path) -> list[Path]:
    """Return the audio files below a folder, sorted, and append `problems` of folders.

    Hidden ones, and links back to the folders `above` or to one visited before, are left out.
    """
    files: list[Path] = []
    seen = {_identity(path) for path in above}

    def note(error: OSError) -> None:
        got, allowed = str(error.strerror), "a folder that may be listed"
        problems.append(Mistake(str(error.filename), "unreadable folder", allowed, got))

    for root, folders, names in os.walk(folder, onerror=note, followlinks=True):
        if _identity(root) in seen:
            folders.clear()
            continue
        seen.add(_identity(root))
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = (Path(root, name) for name in names if not name.startswith("."))
        files += [path for path in here if path.suffix.lower() in AUDIO_SUFFIXES]
    return sorted(files)


def _identity(path: Path | str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _of_genres(root: Path, relabel: Relabel, strays: list[Mistake]) -> Iterator[tuple[str, Path]]:
    """Yield the genre and the path of each audio file in a folder of genres."""
    for entry in sorted(root.iterdir()):
        if entry.name.startswith("."):
            continue
        if os.path.isdir(entry):
            genre = relabel(entry.name)
            yield from ((genre, path) for path in audio_below(entry, strays, root))
        elif entry.suffix.lower() in AUDIO_SUFFIXES:
            got = "a file beside the genres"
            strays.append(Mistake(str(entry), "has no genre", "<genre>/<file>", got))


def load_audio(
    path: Path,
    *,
    sample_rate: int = 22050,
    min_seconds: float = 1.0,
    max_seconds: float | None = None,
    offset: Offset = 0.0,
) -> np.ndarray:
    """Read a file as ``librosa.load(path, sr=sample_rate)`` does, and refuse unusable signals.

    Returns the mean of the channels, float32 of shape (samples,), of at most `max_seconds`. Raises
    `DataError` if the file cannot be read, or is shorter than `min_seconds`, too loud to calculate
    with, not finite, or silent.
    """
    start = 0.0 if offset == "middle" else offset
    if offset == "middle" and max_seconds:
        start = max(0.0, (duration(path) - max_seconds) / 2)
    y = decode(path, sample_rate=sample_rate, start=start, seconds=max_seconds)
    peak, seconds = float(np.abs(y).max(initial=0.0)), len(y) / sample_rate
    if seconds < min_seconds:
        place = f" from {start:g} s on" if start else ""
        what, allowed, got = "too short", f"at least {min_seconds:g} s", f"{seconds:.2f} s{place}"
    elif not peak <= _LOUDEST:
        what, allowed, got = "too loud", f"a peak of at most {_LOUDEST:g}", f"peak {peak:.1g}"
    elif peak < SILENCE_PEAK:
        allowed = f"a peak of at least {SILENCE_PEAK:g} (data.offset of prepare starts elsewhere)"
        what, got = "silent", f"peak {peak:.1g} in {seconds:.1f} s"
    else:
        return y
    raise DataError(Mistake(str(path), what, allowed, got))


def decode(
    path: Path, *, sample_rate: int, start: float = 0.0, seconds: float | None = None
) -> np.ndarray:
    """Return what ``librosa.load`` does, mono float32, from `start` on for `seconds`."""
    librosa = librosa_loader.load()
    with _sound(path, f" at {start:g} s" if start else "") as sound:
        if start * sound.samplerate >= sound.frames:
            return np.zeros(0, dtype=np.float32)
        return librosa.load(sound, sr=sample_rate, offset=start, duration=seconds)[0]


def duration(path: Path) -> float:
    """Return the length of a file by its header, in seconds, without decoding; see `decode`."""
    with _sound(path) as sound:
        return sound.frames / sound.samplerate


@contextmanager
def _sound(path: Path, place: str = "") -> Iterator[SoundFile]:
    """Open a file for decoding; all errors inside become a DataError.

    libsndfile gets a descriptor instead of a name, with which it would also read the ``._<name>``
    files of macOS.
    """
    import soundfile

    def refuse(what: str, got: str, allowed: str = _AUDIO) -> DataError:
        return DataError(Mistake(str(path), what + place, allowed, got))

    try:
        with opened(path) as file, silent_libraries(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if os.fstat(file.fileno()).st_size == 0:
                raise refuse("empty file", "0 bytes")
            with soundfile.SoundFile(file.fileno(), closefd=False) as sound:
                rate, channels, (low, high) = sound.samplerate, sound.channels, _RATES
                if not low <= rate <= high or channels > _MAX_CHANNELS:
                    allowed = f"{low} to {high} Hz, at most {_MAX_CHANNELS} channels"
                    raise refuse("not music", f"{rate} Hz, {channels} channels", allowed)
                yield sound
    except (MemoryError, DataError):
        raise
    except soundfile.LibsndfileError as error:
        if path.suffix.lower().removeprefix(".") in FOREIGN:
            allowed = f"what it can read, by: ffmpeg -i {path.name} {path.stem}.flac"
            raise refuse("libsndfile cannot read it", error.error_string, allowed) from error
        raise refuse("corrupt or not audio", error.error_string) from error
    except OSError as error:
        raise refuse("cannot be opened", str(error)) from error
    except Exception as error:  # librosa has exceptions of its own
        raise refuse("corrupt or not audio", one_line(error)) from error


def windows(path: Path, *, sample_rate: int, max_seconds: float) -> Iterator[np.ndarray]:
    """Yield the windows of a file, mono signals of float32.

    A file of at most `max_seconds`, what `prepare` reads of a track, is one window. A longer one is
    cut into windows of 30 s, or of `max_seconds` if that is less; an incomplete last window and
    silent ones are left out. Raises `DataError` as `load_audio`, or if all windows are silent.
    """
    whole = duration(path)
    if whole <= max_seconds:
        yield load_audio(path, sample_rate=sample_rate, max_seconds=max_seconds)
        return
    seconds = min(GTZAN_SECONDS, max_seconds)
    sounding = 0
    for number in range(int(whole / seconds)):
        y = decode(path, sample_rate=sample_rate, start=number * seconds, seconds=seconds)
        if not len(y):
            break  # the header overstates the length
        if len(y) + 1 >= round(seconds * sample_rate) and np.abs(y).max() >= SILENCE_PEAK:
            sounding += 1
            yield y
    if not sounding:
        allowed = f"a peak of at least {SILENCE_PEAK:g}"
        raise DataError(Mistake(str(path), "silent", allowed, f"{whole:.0f} s of silence"))

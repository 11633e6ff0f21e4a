"""The ``data`` group: the locations of the views of a set of tracks."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

import gtzan_exp.audio
import gtzan_exp.embed
import gtzan_exp.sample
from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.view_folder import ARTISTS, is_unfinished
from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import Mistake
from gtzan_exp.data.cache import cached_folder
from gtzan_exp.data.contracts import Mode, Place
from gtzan_exp.data.name_lists import read_groups
from gtzan_exp.embed.logmel import LogMel
from gtzan_exp.embed.prepare import prepare_all
from gtzan_exp.sample.synthetic import sample_artist, write_sample

Genres = Annotated[tuple[str, ...], Field(min_length=1)] | None
Tracks = Annotated[Literal["common"] | Path | None, Place.OF_DATA]
Relabelled = Annotated[Path | None, Place.OF_DATA]


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder in the layout of GTZAN on Kaggle.

    It holds ``features_30_sec.csv``, ``features_3_sec.csv``, ``images_original/<genre>/*.png`` and
    ``genres_original/<genre>/*.wav``; only what the chosen view reads must exist.
    """

    name: str  # of the data in every record
    # the folder with published lists and artist groups, for the splits that read one; it must
    # exist, except the default ``splits`` in `root`
    splits: Annotated[Path | None, Place.OF_SPLIT] = None
    # the table of features, if its name differs, relative to `root`
    table: Annotated[Path | None, Place.OF_DATA] = None
    # the folder, relative to the working directory
    root: Annotated[Path | None, BeforeValidator(lambda root: root or None), Place.OF_DATA] = None
    classes: tuple[str, ...] | None = None  # the genres that may occur; any when omitted
    # when rows are grouped as pieces of a track: by names and closeness (`gtzan_exp.data.pieces`),
    # never, or by names only
    pieces: Mode = "auto"
    # genres by labels or folders; a key matches all its spellings
    labels: dict[str, str] = field(default_factory=dict)
    genres: Genres = None  # only tracks of these genres, in every view
    # Only tracks that all views of the folder have, or that are named in a file: a text with one
    # name per line, or a file of embeddings.
    tracks: Tracks = None
    relabel: Relabelled = None  # a CSV of second labels, under which runs report further scores
    synthetic: bool = False

    def mistakes(self) -> list[Mistake]:
        """Return the mistakes in ``root``, or else in ``splits``."""
        wanted = "a folder in GTZAN's layout (data.root=... or, for data=gtzan, GTZAN_ROOT)"
        root, got = self.folder(), str(self.folder())
        try:
            if self.root is None:
                what, got = "not set", "nothing"
            elif not root.exists():
                what = "does not exist"
            elif not root.is_dir():
                what = "is not a folder"
            elif not any(root.iterdir()):
                what = "is empty"
            elif is_unfinished(root):
                what = "holds an unfinished prepare"
                wanted = "the same gtzan-exp prepare once more, to its end"
            else:
                return self._splits_mistakes()
        except OSError as error:
            what, got = "cannot be read", f"{root} ({error.strerror})"
        return [Mistake("data.root", what, wanted, got)]

    def _splits_mistakes(self) -> list[Mistake]:
        path = self.splits and self.splits.expanduser().absolute()
        if path is None or path == self.folder() / "splits" or os.path.isdir(path):
            return []
        wanted = f"a folder with published lists or {ARTISTS}, or null"
        return [Mistake("data.splits", "is not a folder", wanted, str(path))]

    def folder(self) -> Path:
        """Return the folder as an absolute path."""
        return Path(self.root or "").expanduser().absolute()

    def artists(self, tracks: np.ndarray) -> np.ndarray | None:
        """Return the artist of each of these tracks by the list in `splits`, or None without it."""
        path = None if self.splits is None else self.splits.expanduser() / ARTISTS
        return read_groups(path, tracks) if path is not None and os.path.lexists(path) else None


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Synthetic audio of ten genres, generated on first use. It is not GTZAN and sounds nothing
    like it; it exists so that everything can be tried and tested without data.
    """

    name: str
    classes: tuple[str, ...]  # the ten genres
    tracks_per_genre: Annotated[int, Field(ge=2, le=10_000)]
    seconds: Annotated[float, Field(ge=3.0, le=600.0)]  # length of a track
    seed: int  # another one gives another set of tracks
    cache: Annotated[Path, Place.OF_DATA]  # the sample is kept in a folder below this one
    genres: Genres = None  # as in `Folder`, like the next two
    tracks: Tracks = None
    relabel: Relabelled = None
    synthetic: Literal[True] = True
    pieces: ClassVar[Mode] = "tracks"
    labels: ClassVar[Mapping[str, str]] = {}

    def mistakes(self) -> list[Mistake]:
        """Return no mistakes, since the folder is made if missing."""
        return []

    def folder(self) -> Path:
        """Return the folder of the sample, generated first if missing."""
        key = digest(self.tracks_per_genre, self.seconds, self.seed, _audio_code())
        return cached_folder(self.cache / "sample", key, self._generate)

    def artists(self, tracks: np.ndarray) -> np.ndarray:
        """Return the synthetic artist of each of these tracks."""
        named = (track.rpartition(".") for track in tracks)
        return np.array([sample_artist(genre, int(number)) for genre, _, number in named])

    def _generate(self, root: Path) -> None:
        write_sample(
            root, tracks_per_genre=self.tracks_per_genre, seconds=self.seconds, seed=self.seed
        )
        views = PrepareSettings(views=("features", "spectrograms", "embeddings"), on_error="raise")
        prepare_all(root / "genres_original", root, views, LogMel())


def _audio_code() -> str:
    """Return a hash of the code that makes the sample, so that a change makes a new one."""
    rooms = (*gtzan_exp.audio.__path__, *gtzan_exp.embed.__path__, *gtzan_exp.sample.__path__)
    sources = [path for room in rooms for path in sorted(Path(room).glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()

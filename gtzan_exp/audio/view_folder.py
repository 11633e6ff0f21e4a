"""The folder that `prepare` writes: its layout, and atomic writes.

Even if a run is killed, each file is complete, and ``prepare_settings.json`` exists only if all of
them are consistent: it is removed before the first change and written last.
"""

import csv
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gtzan_exp.audio.tracks import Track
from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.basics.files import claimed

IMAGES = "images_original"
SETTINGS = "prepare_settings.json"
ERRORS = "prepare_errors.csv"
ARTISTS = "artist_groups_merged.csv"  # name of the list of artists in a folder of splits
_HEADER = ("filename", "group", "genre")  # identifies our own list
_TABLES = "features_*_sec.csv"
_PRIVATE = ".prepare"
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class ViewFolder:
    """Views on disk in GTZAN's layout, with a private folder that makes runs resumable."""

    root: Path  # the folder
    # name of its staging folder; the next run removes that, so that orphans publish nothing
    run: str

    @classmethod
    @contextmanager
    def opened(cls, root: Path) -> Iterator[Self]:
        """Lock the folder for writing; an error if it is locked, or has views of others."""
        folder = cls(root, uuid.uuid4().hex)
        foreign = [path.name for kind in (_TABLES, IMAGES) for path in root.glob(kind)]
        if foreign and not (root / _PRIVATE).is_dir():
            what = "holds views that prepare did not write and will not overwrite"
            allowed, got = "an empty folder, or one that prepare wrote", ", ".join(foreign)
            raise DataError(Mistake(str(root), what, allowed, got))
        with claimed(root / _PRIVATE, str(root)):
            folder._disown_earlier_runs()
            folder._staging.mkdir(parents=True)
            (root / SETTINGS).unlink(missing_ok=True)
            yield folder
            shutil.rmtree(folder._staging.parent)

    def table(self, seconds: int) -> Path:
        return self.root / f"features_{seconds}_sec.csv"

    def image(self, track: Track) -> Path:
        return self.root / IMAGES / track.genre / f"{track.id}.png"

    def has(self, track: Track, key: str) -> bool:
        """Return whether a track is done with this key (a digest), its image unchanged."""
        try:
            record = self.record(track)
            image = record["image"] and _digest(self.image(track).read_bytes())
            return "seconds" in record and (record["key"], record["image"]) == (key, image)
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return False

    def remember(self, track: Track, image: bytes | None, record: dict[str, Any]) -> None:
        """Write the image of a track, or remove an old one, and then its record."""
        if image is None:
            self.image(track).unlink(missing_ok=True)
        else:
            self.write(self.image(track), image)
        record = {**record, "image": image and _digest(image)}
        self.write(self._record(track), json.dumps(record).encode())

    def record(self, track: Track) -> dict[str, Any]:
        """Return the ``key``, ``rows`` by table and ``seconds`` of a finished track."""
        return json.loads(self._record(track).read_bytes())

    def write_artists(self, tracks: Iterable[Track]) -> Iterator[str]:
        """Write the list of artists from the folders, unless a foreign one exists; yield a note."""
        tracks, path = list(tracks), self.root / "splits" / ARTISTS
        if path.exists() and not path.read_bytes().startswith(",".join(_HEADER).encode()):
            return
        path.unlink(missing_ok=True)
        unknown = [track.id for track in tracks if not track.artist]
        if len(unknown) < len(tracks):
            path.parent.mkdir(exist_ok=True)
            rows = ((track.id, track.artist or track.id, track.genre) for track in tracks)
            self.write_csv(path, _HEADER, rows)
            if unknown:
                yield (
                    f"{len(unknown)} of {len(tracks)} tracks are in no artist's folder, "
                    f"and count as one artist each: {unknown[0]}, for one"
                )

    def write(self, path: Path, data: bytes) -> None:
        """Write a file atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = self._staging / uuid.uuid4().hex
        staged.write_bytes(data)
        staged.replace(path)

    def write_csv(self, path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
        """Write a table atomically, row by row."""
        staged = self._staging / path.name
        with staged.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        staged.replace(path)

    def keep_only(self, tracks: Iterable[Track], tables: Iterable[Path]) -> None:
        """Remove the images and records of all other tracks, and all other tables."""
        tracks = list(tracks)
        wanted = {self.image(track) for track in tracks} | {self._record(track) for track in tracks}
        folders = (self.root / IMAGES, self.root / _PRIVATE / "records")
        for stale in (path for folder in folders for path in folder.glob("*/*")):
            if stale not in wanted:
                stale.unlink()
                if not any(stale.parent.iterdir()):
                    stale.parent.rmdir()
        for table in set(self.root.glob(_TABLES)) - set(tables):
            table.unlink()

    @property
    def _staging(self) -> Path:
        return self.root / _PRIVATE / "staging" / self.run

    def _record(self, track: Track) -> Path:
        return self.root / _PRIVATE / "records" / track.genre / f"{track.id}.json"

    def _disown_earlier_runs(self) -> None:
        """Remove the staging folders of killed runs; the rename is atomic."""
        stale = self.root / _PRIVATE / "stale"
        shutil.rmtree(stale, ignore_errors=True)
        if self._staging.parent.is_dir():
            self._staging.parent.rename(stale)
            shutil.rmtree(stale)


def is_unfinished(root: Path) -> bool:
    """Return whether a run of `prepare` into this folder is in progress, or was stopped."""
    return (root / _PRIVATE).is_dir() and not (root / SETTINGS).is_file()


def picture_files(folder: Path) -> list[Path]:
    """Return the files ``<genre>/<picture>`` in a folder, sorted, readable or not."""
    found = folder.glob("[!.]*/[!.]*")
    return sorted(path for path in found if path.suffix.lower() in _PICTURES)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

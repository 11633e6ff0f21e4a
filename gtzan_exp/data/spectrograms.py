"""The view ``spectrograms``: an image of a mel spectrogram per track, or segments of it."""

import hashlib
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from io import BytesIO
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass
from scipy.spatial import KDTree

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.audio.spectrograms import encode_png, palette, render
from gtzan_exp.audio.view_folder import IMAGES, picture_files
from gtzan_exp.basics.checks import shorten
from gtzan_exp.basics.digests import digest
from gtzan_exp.basics.errors import DataError, Mistake, one_line
from gtzan_exp.basics.files import read_bytes
from gtzan_exp.basics.genres import is_text, track_id
from gtzan_exp.basics.spellings import Relabel, class_mistakes
from gtzan_exp.basics.terminal import doing
from gtzan_exp.data.cache import cached, stamp
from gtzan_exp.data.contracts import Dataset, Location
from gtzan_exp.data.inputs import ImageStack
from gtzan_exp.data.pieces import grouped

COLOR_MAPS = ("magma", "viridis", "inferno", "plasma", "gray")
"""The matplotlib colour maps that are recognised; reversed ones cannot be told apart."""

_FARTHEST = 3.0  # mean distance of colours to a map; 0.05 for Kaggle's images with their frame
_FARTHEST_LOSSY = 15.0  # JPEG changes colours: 9 to 12 for qualities 95 to 30
_CACHE_FORMAT = 4
_AT_ONCE = 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_WHITE = 250
_MOST_PIXELS = 10**8
_INK = 192  # above magma's brightest colour, below the waves that JPEG makes in the white


def _below(folder: str) -> str:
    path = PurePath(folder)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise ValueError("a folder below data.root")
    return folder


@dataclass(frozen=True, kw_only=True)
class SpectrogramsView:
    """Reads ``<folder>/<genre>/*.png`` (or jpg), in GTZAN's or Kaggle's file names.

    The images, in colour or gray, are decoded once, cropped to the plot if they have a white
    margin, resized, and cached as one memory-mapped uint8 array.
    """

    name: str = "spectrograms"
    gives: tuple[Literal["image"], Literal["vector"]] = ("image", "vector")
    folder: Annotated[str, AfterValidator(_below)] = IMAGES  # of the images, below ``data.root``
    # three channels in either order, or the level that the colours represent (see `levels`)
    colour: Literal["rgb", "bgr", "level"] = "rgb"
    height: Annotated[int, Field(ge=8, le=4096)] = 70  # in pixels; frequency, from high to low
    width: Annotated[int, Field(ge=8, le=4096)] = 100  # in pixels; time
    # equal segments along time, each a row with the id ``<track>.<segment>``: 10 gives segments of
    # 3 s from a track of 30 s
    segments: Annotated[int, Field(ge=1, le=100)] = 1
    interpolation: Literal["area", "linear", "nearest", "cubic"] = "area"  # of OpenCV, to resize
    crop_margin: bool = True  # remove a white margin, if there is one
    # float32 numbers in [0, 1], or the uint8 bytes, which linear models convert to float64
    pixel_range: Literal["unit", "byte"] = "unit"
    # Reproduce a fault of the notebook: rows of `width` pixels are read as rows of `height`, so
    # that neither axis is time or frequency. Runs with it warn and are tagged.
    scrambled: bool = False
    # what to do with a file that cannot be decoded; skipped files are counted and recorded
    on_error: Literal["raise", "skip"] = "raise"

    def load(self, location: Location, *, cache: Path) -> Dataset:
        """Read the images, from the cache if neither they nor the settings have changed.

        Raises `DataError` if there are none, one is damaged, or a class is not usable.
        """
        root = location.folder() / self.folder
        files = _find(root)
        relabel = Relabel(location.labels)
        labels = np.array([relabel(path.parent.name) for path in files])
        names = [track_id(path.name, label) for path, label in zip(files, labels, strict=True)]
        order = np.argsort(names, kind="stable")
        files, labels, ids = [files[row] for row in order], labels[order], np.array(names)[order]
        mistakes = [*relabel.unknown(), *_name_mistakes(ids, files)]
        if mistakes:
            raise DataError(shorten(mistakes, str(root)))
        mistakes = shorten(class_mistakes(str(root), labels, ids, location.classes), str(root))
        size = (self.height, self.width, self.segments)
        how = (self.interpolation, self.crop_margin, self.on_error, self.colour)
        key = digest(*ids, *(f"{path} {stamp(path)}" for path in files), _CACHE_FORMAT, *size, *how)
        try:
            place, decode = cache / "images", partial(self._decode, files, ids)
            meta, pixels = cached(place, key, decode, _open)
        except DataError as error:
            raise DataError([*mistakes, *error.mistakes]) from None
        if mistakes:
            raise DataError(mistakes)
        good = np.array(meta["rows"], dtype=int)
        if not len(good):
            raise DataError(Mistake(str(root), "no readable picture", "at least one", "none"))
        rows = np.add.outer(good * self.segments, np.arange(self.segments)).ravel()
        labels, tracks = labels[rows // self.segments], ids[rows // self.segments]
        ids = tracks
        if self.segments > 1:
            numbered = zip(tracks, rows % self.segments, strict=True)
            ids = np.array([f"{track}.{number}" for track, number in numbered])
        X = self.as_inputs(pixels.reshape(-1, *pixels.shape[2:]), rows)
        dataset = Dataset(
            name=location.name,
            synthetic=location.synthetic,
            view=self.name,
            source=str(root),
            X=X,
            labels=labels,
            ids=ids,
            tracks=tracks,
            classes=tuple(np.unique(labels).tolist()),
            fingerprint=meta["fingerprint"],
            skipped=tuple(meta["skipped"]),
            faults=("scrambled",) if self.scrambled else (),
        )
        return grouped(dataset, location, lambda rows: _bands(X[rows]))

    def from_sound(self, settings: PrepareSettings) -> Callable[[np.ndarray], ImageStack]:
        """Return a function from the signal of a track to the inputs of its image."""
        drawn = settings.spectrograms
        return lambda y: self.as_inputs(self.decode(encode_png(render(y, drawn))))

    def decode(self, raw: bytes) -> np.ndarray:
        """Return the pixels of a PNG or JPEG, uint8, shape (segments, height, width, channels).

        Raises `ValueError` as `picture`, or if it is too narrow, or has colours without a level.
        """
        import cv2

        image = picture(raw)
        if self.crop_margin:
            image = cut_margin(image)
        if self.colour == "level":
            image = levels(image, lossy=not raw.startswith(_PNG))
        elif self.colour == "bgr":
            image = image[..., ::-1]
        if image.shape[1] < self.segments:
            raise ValueError(f"{image.shape[1]} columns cannot be cut into {self.segments}")
        method = getattr(cv2, f"INTER_{self.interpolation.upper()}")
        pieces = np.array_split(image, self.segments, axis=1)
        size = (self.width, self.height)
        resized = [cv2.resize(piece, size, interpolation=method) for piece in pieces]
        return np.reshape(resized, (self.segments, self.height, self.width, self._channels))

    @property
    def input_columns(self) -> tuple[str]:
        """The column of a request that holds the bytes of a PNG or JPEG file."""
        return ("image",)

    def from_request(self, table: pd.DataFrame) -> ImageStack:
        """Return the inputs of the images in the column ``image``, `segments` rows for each."""
        pictures = []
        for row, raw in enumerate(table["image"]):
            where, allowed = f"row {row}, column image", "the bytes of a PNG or JPEG"
            if not isinstance(raw, bytes):
                raise DataError(Mistake(where, "no picture", allowed, repr(raw)))
            try:
                pictures.append(self.decode(raw))
            except ValueError as error:
                got = f"{len(raw)} bytes: {error}"
                raise DataError(Mistake(where, "no picture", allowed, got)) from error
        return self.as_inputs(np.concatenate(pictures))

    def example(self, dataset: Dataset) -> pd.DataFrame:
        """Return the image of the first track, as a PNG in the column ``image``."""
        pieces = dataset.take(np.flatnonzero(dataset.tracks == dataset.tracks[0]))
        picture = np.concatenate(pieces.pixels, axis=1)
        picture = picture[..., ::-1] if self.colour == "bgr" else picture
        return pd.DataFrame({"image": [encode_png(picture)]})

    def as_inputs(self, pixels: np.ndarray, rows: np.ndarray | None = None) -> ImageStack:
        """Return the inputs for decoded images of shape (n, height, width, channels)."""
        peak = 1.0 if self.pixel_range == "unit" else 255.0
        return ImageStack(pixels, rows, peak=peak, scrambled=self.scrambled)

    @property
    def _channels(self) -> int:
        return 1 if self.colour == "level" else 3

    def _decode(self, files: list[Path], ids: np.ndarray, out: Path) -> None:
        shape = (len(files), self.segments, self.height, self.width, self._channels)
        content = hashlib.sha256()
        mistakes: list[Mistake] = []
        rows: list[int] = []
        with (
            (out / "pixels.npy").open("wb") as pixels,
            ThreadPoolExecutor() as pool,
            doing("decoding images", len(files)) as advance,
        ):
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(pixels, header)
            for start in range(0, len(files), _AT_ONCE):
                decoded = pool.map(self._read, files[start : start + _AT_ONCE])
                for row, image in enumerate(decoded, start):
                    advance()
                    if isinstance(image, Mistake):
                        mistakes.append(image)
                        pixels.write(bytes(math.prod(shape[1:])))
                        continue
                    pixels.write(image.data)
                    rows.append(row)
                    content.update(ids[row].encode())
                    content.update(image.data)
        if mistakes and self.on_error == "raise":
            raise DataError(shorten(mistakes, str(files[0].parent.parent)))
        skipped = [mistake.where for mistake in mistakes]
        meta = {"rows": rows, "skipped": skipped, "fingerprint": content.hexdigest()[:16]}
        (out / "meta.json").write_text(json.dumps(meta))

    def _read(self, path: Path) -> np.ndarray | Mistake:
        colors = f" in colours of {'|'.join(COLOR_MAPS)}" if self.colour == "level" else ""
        allowed = f"a whole PNG or JPEG{colors} (or view.on_error=skip)"
        try:
            raw = read_bytes(path)
            return self.decode(raw)
        except OSError as error:
            return Mistake(str(path), "picture cannot be read", allowed, str(error.strerror))
        except ValueError as error:
            got = f"{len(raw)} bytes: {error}"
            return Mistake(str(path), "picture cannot be decoded", allowed, got)


def _bands(images: ImageStack) -> np.ndarray:
    """Return mean and standard deviation over time of each row of pixels, (n, 2 * height)."""
    found = []
    for start in range(0, len(images), _AT_ONCE):
        grey = images[start : start + _AT_ONCE].pixels.mean(axis=3, dtype=np.float32)
        found.append(np.concatenate([grey.mean(axis=2), grey.std(axis=2)], axis=1))
    return np.concatenate(found)


def cut_margin(image: np.ndarray) -> np.ndarray:
    """Return an RGB image, uint8 of (h, w, 3), without its margin, a border that is all white."""
    ink = np.any(image < _INK, axis=2)
    edges = (image[0], image[-1], image[:, 0], image[:, -1])
    if min(edge.min() for edge in edges) < _WHITE or not ink.any():
        return image
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def picture(raw: bytes) -> np.ndarray:
    """Return the pixels of a PNG or JPEG file on white, RGB, uint8 of shape (h, w, 3).

    Raises `ValueError` if it is not whole, damaged, or of more than `_MOST_PIXELS`.
    """
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    is_png = raw.startswith(_PNG)
    kind = PngImageFile if is_png else JpegImageFile
    if not (b"IEND\xaeB`\x82" in raw if is_png else b"\xff\xd9" in raw[-64:]):
        raise ValueError("no PNG or JPEG, or a part of one")
    try:
        kind(BytesIO(raw)).verify()  # the checksums of a PNG
        image: Image.Image = kind(BytesIO(raw))
        if image.width * image.height <= _MOST_PIXELS:
            image.load()
    except Exception as error:  # whatever Pillow raises on a damaged file
        raise ValueError(one_line(error)) from error
    if image.width * image.height > _MOST_PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels, more than {_MOST_PIXELS:.0e}")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"))
    rgb, alpha = np.split(np.asarray(image.convert("RGBA")), [3], axis=2)
    if (alpha == 255).all():
        return np.ascontiguousarray(rgb)
    opacity = alpha / 255.0
    return np.rint(rgb * opacity + 255.0 * (1.0 - opacity)).astype(np.uint8)


def levels(image: np.ndarray, *, lossy: bool) -> np.ndarray:
    """Return the level of each pixel, 0 for the lowest colour of its map and 255 for the highest.

    From RGB, uint8 of shape (h, w, 3), to uint8 of shape (h, w). The map is that of `COLOR_MAPS`
    with the nearest colours, which are not exact in a `lossy` image, from a JPEG. Raises
    `ValueError` if none is near. Two neighbouring colours of viridis are equal.
    """
    codes = image.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    found, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    colors = found[:, np.newaxis] >> np.array([16, 8, 0]) & 255
    nearest = [_palette(name).query(colors) for name in COLOR_MAPS]
    distances = [float(np.average(distance, weights=counts)) for distance, _ in nearest]
    best = int(np.argmin(distances))
    if distances[best] > (_FARTHEST_LOSSY if lossy else _FARTHEST):
        far = f"{COLOR_MAPS[best]} is nearest, {distances[best]:.0f} of 255 away"
        raise ValueError(f"other colours ({far})")
    return nearest[best][1].astype(np.uint8)[place].reshape(codes.shape)


@cache
def _palette(name: str) -> KDTree:
    return KDTree(palette(name)[:, :3].astype(float))


def _find(root: Path) -> list[Path]:
    if not root.is_dir():
        wanted = f"a folder with {root.name}/ (view.folder), as `gtzan-exp prepare` makes it"
        raise DataError(Mistake("data.root", "no pictures there", wanted, str(root)))
    files = picture_files(root)
    if not files:
        wanted = "<genre>/*.png or <genre>/*.jpg"
        raise DataError(Mistake(str(root), "no pictures", wanted, "none of them"))
    return files


def _open(folder: Path) -> tuple[dict[str, Any], np.ndarray]:
    meta = json.loads((folder / "meta.json").read_text())
    return meta, np.load(folder / "pixels.npy", mmap_mode="r")


def _name_mistakes(ids: np.ndarray, files: list[Path]) -> list[Mistake]:
    first: dict[str, Path] = {}
    mistakes = []
    for name, path in zip(ids.tolist(), files, strict=True):
        if not is_text(name):
            got = ascii(path.name)
            mistakes.append(Mistake(str(path.parent), "name is not text", "UTF-8 on one line", got))
        if first.setdefault(name, path) != path:
            got = f"also {first[name].name}"
            mistakes.append(Mistake(str(path), f"two pictures of {name}", "one", got))
    return mistakes

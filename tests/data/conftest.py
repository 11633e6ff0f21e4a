"""Small views on disk: a table, pictures, and a location that points at them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtzan_exp.audio.features import FEATURE_COLUMNS
from gtzan_exp.basics.genres import GENRES
from gtzan_exp.data.locations import Folder


def place(root: Path, classes: tuple[str, ...] | None = GENRES) -> Folder:
    """Return a location; no data is read."""
    return Folder(name="test", root=root, classes=classes)


def table(
    tracks: int = 4, genres: tuple[str, ...] = ("blues", "jazz", "rock"), *, segments: int = 0
) -> pd.DataFrame:
    """Return a table in the published layout, sorted, with numbers that need all their digits."""
    names = [
        (f"{genre}.{number:05}{segment}.wav", genre)
        for genre in genres
        for number in range(tracks)
        for segment in ([f".{i}" for i in range(segments)] or [""])
    ]
    random = np.random.default_rng(0)
    numbers = pd.DataFrame(
        random.normal(size=(len(names), len(FEATURE_COLUMNS))), columns=FEATURE_COLUMNS
    )
    filenames, labels = zip(*names, strict=True)
    numbers.insert(0, "length", random.integers(660_000, 670_000, len(names)))
    numbers.insert(0, "filename", filenames)
    return numbers.assign(label=labels)


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Folder]:
    """Return a function that writes a table, or text or bytes in its stead."""

    def write(
        content: pd.DataFrame | str | bytes, *, seconds: int = 30, classes=GENRES, **options
    ) -> Folder:
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False, **options)
        raw = content.encode() if isinstance(content, str) else content
        (tmp_path / f"features_{seconds}_sec.csv").write_bytes(raw)
        return place(tmp_path, classes)

    return write


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., Folder]:
    """Return a function that writes pictures, each given as RGB(A) or grey pixels, or as bytes."""

    def write(files: dict[str, np.ndarray | bytes]) -> Folder:
        import cv2

        for name, pixels in files.items():
            path = tmp_path / "images_original" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(pixels, np.ndarray):
                order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
                if pixels.ndim == 3:
                    pixels = cv2.cvtColor(pixels, order[pixels.shape[2]])
                pixels = cv2.imencode(path.suffix, pixels)[1].tobytes()
            path.write_bytes(pixels)
        return place(tmp_path)

    return write

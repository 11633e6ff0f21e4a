"""Tables and pictures of any size in GTZAN's layout. They are noise around a centre for each genre
and sound like nothing: they cost what data costs, and that is all they are for.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.csv

from gtzan_exp.audio.features import FEATURE_COLUMNS
from gtzan_exp.basics.genres import GENRES

SEGMENTS = 10
_ROWS = 20_000


def write_table(root: Path, n_rows: int) -> None:
    """Write ``features_3_sec.csv``: `n_rows` segments, ten to a track, all digits of a float64."""
    root.mkdir(parents=True)
    random = np.random.default_rng(0)
    centres = random.normal(size=(len(GENRES), len(FEATURE_COLUMNS)))
    scales = random.uniform(0.01, 1000, len(FEATURE_COLUMNS))
    per_genre = n_rows // len(GENRES)
    with (root / "features_3_sec.csv").open("wb") as file:
        for start in range(0, n_rows, _ROWS):
            rows = np.arange(start, min(start + _ROWS, n_rows))
            genres, within = np.divmod(rows, per_genre)
            tracks, segments = np.divmod(within, SEGMENTS)
            values = (0.4 * centres[genres] + random.normal(size=(len(rows), len(scales)))) * scales
            named = zip(genres, tracks, segments, strict=True)
            columns = {
                "filename": [f"{GENRES[g]}.{track:05}.{part}.wav" for g, track, part in named],
                "length": np.full(len(rows), 66_149),
                **dict(zip(FEATURE_COLUMNS, values.T, strict=True)),
                "label": np.array(GENRES)[genres].tolist(),
            }
            options = pa.csv.WriteOptions(include_header=start == 0, quoting_style="none")
            pa.csv.write_csv(pa.table(columns), file, options)


def write_pictures(root: Path, n_images: int) -> None:
    """Write ``images_original``: `n_images` PNG files of 70 x 100 pixels, no two the same."""
    random = np.random.default_rng(0)
    compression = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    for genre in GENRES:
        folder = root / "images_original" / genre
        folder.mkdir(parents=True)
        centre = random.integers(0, 128, (7, 10, 3), dtype=np.uint8)
        for number in range(n_images // len(GENRES)):
            coarse = centre + random.integers(0, 128, centre.shape, dtype=np.uint8)
            picture = coarse.repeat(10, axis=0).repeat(10, axis=1)
            _, raw = cv2.imencode(".png", picture, compression)
            (folder / f"{genre}.{number:05}.png").write_bytes(raw)

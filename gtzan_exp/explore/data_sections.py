"""A look at a data set: its table of features, its images, and what is missing or double."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gtzan_exp.basics.errors import ConfigError, Mistake, nearest
from gtzan_exp.basics.genres import labelled
from gtzan_exp.data.contracts import Dataset, Location
from gtzan_exp.data.feature_table import TRACK
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.spectrograms import SpectrogramsView
from gtzan_exp.explore import feature_numbers
from gtzan_exp.explore.settings import Look
from gtzan_exp.report.canvas import Picture
from gtzan_exp.report.page import Section, Table

_FEATURES = (
    "tempo",
    "rms_mean",
    "spectral_centroid_mean",
    "rolloff_mean",
    "zero_crossing_rate_mean",
    "chroma_stft_mean",
)
_NAMED = 10


@dataclass(frozen=True)
class DataReport:
    """What there is to say about a data set.

    Parameters
    ----------
    table : Dataset
        All the numeric columns of the table of features.
    images : Dataset or None
    audio : set of str or None
        Ids of the tracks whose audio can be opened.
    unreadable : tuple of str
        Files that are there and cannot be opened or decoded.
    features : tuple of str
        Columns whose distributions are drawn.
    components : Components
        Principal components of `table`.
    """

    table: Dataset
    images: Dataset | None
    audio: set[str] | None
    unreadable: tuple[str, ...]
    features: tuple[str, ...]
    components: feature_numbers.Components

    @classmethod
    def read(cls, look: Look) -> DataReport:
        """Read the table, the images if there are any, and what audio there is.

        Raises
        ------
        ConfigError
            A chosen feature is no column of the table.
        DataError
            There is no table, or a part of the data is faulty.
        """
        dataset = _whole_table(look)
        features = _chosen(look.settings.features, list(dataset.X.columns))
        root = look.data.folder()
        images = None
        if (root / "images_original").is_dir():
            view = SpectrogramsView(height=128, width=192)
            view = look.view if isinstance(look.view, SpectrogramsView) else view
            images = replace(view, on_error="skip", segments=1).load(look.data, cache=look.cache)
        audio, broken = _audio(look.data)
        return cls(
            table=dataset,
            images=images,
            audio=audio,
            unreadable=(*(images.skipped if images else ()), *broken),
            features=features,
            components=feature_numbers.principal_components(dataset.X),
        )

    @property
    def data(self) -> str:
        return self.table.name

    @property
    def synthetic(self) -> bool:
        return self.table.synthetic

    @property
    def subject(self) -> str:
        return self.data

    @property
    def facts(self) -> dict[str, Any]:
        images = "none"
        if self.images:
            height, width = self.images.X.shape[1:3]
            images = f"{len(self.images):,}, looked at in {width} x {height} pixels"
        return {
            "data": labelled(self.data, self.synthetic),
            "table": self.table.source,
            "rows": f"{len(self.table):,}",
            "columns": f"{self.table.X.shape[1]} with numbers",
            "genres": ", ".join(self.table.classes),
            "images": images,
            "audio files": "none" if self.audio is None else f"{len(self.audio):,} can be opened",
            "fingerprint": self.table.fingerprint,
        }

    @property
    def tags(self) -> dict[str, str]:
        return {"data_fingerprint": self.table.fingerprint}

    def metrics(self) -> dict[str, float]:
        """Return the few numbers that tell one data set from another."""
        counts = {f"identical_{name}": len(pairs) for name, pairs in self._doubles.items()}
        return {
            "rows": len(self.table),
            "genres": len(self.table.classes),
            "components_for_95_percent": int(np.searchsorted(self.components.cumulative, 95)) + 1,
            "incomplete_tracks": len(self._missing),
            **counts,
        }

    def numbers(self) -> dict[str, Any]:
        """Return everything that the tables of the page say, as plain data."""
        correlation = feature_numbers.mean_features(self.table.X).corr()
        doubles = {f"identical_{name}": _records(df) for name, df in self._doubles.items()}
        return {
            "source": self.table.source,
            "fingerprint": self.table.fingerprint,
            "rows": len(self.table),
            "columns": list(self.table.X.columns),
            "class_balance": _records(feature_numbers.class_balance(self.table)),
            "strongest_pairs": _records(feature_numbers.strongest_pairs(correlation)),
            "pca_cumulative_percent": self.components.cumulative.tolist(),
            **doubles,
            "incomplete_tracks": _records(self._missing),
            "unreadable": list(self.unreadable),
        }

    def write(self, folder: Path) -> list[Section]:
        """Draw the pictures and write the tables into `folder`; return the sections of the page."""
        from tqdm import tqdm

        from gtzan_exp.explore import table_pictures as pictures

        labels, classes = self.table.labels, self.table.classes
        title = labelled(self.data, self.synthetic)
        balance = feature_numbers.class_balance(self.table)
        correlation = feature_numbers.mean_features(self.table.X).corr()
        pairs = feature_numbers.strongest_pairs(correlation)
        progress = tqdm(desc="draw", unit="picture", disable=None)

        def drawn(draw: Callable[..., Picture], name: str, *what: Any, **options: Any) -> Picture:
            picture = draw(*what, folder / f"{name}.png", **options)
            progress.update()
            return picture

        sections = [
            Section(
                "Class balance",
                pictures=[drawn(pictures.class_balance, "class_balance", balance, data=title)],
            ),
            self._completeness(folder),
            Section(
                "Correlation of the mean features",
                "Pearson's r over all rows; each pair once. Features that say the same are close "
                "to 1 or -1.",
                [drawn(pictures.correlation, "correlation", correlation, data=title)],
                [Table("The strongest pairs", pairs, decimals=3)],
            ),
            Section(
                "Principal components",
                f"All {self.table.X.shape[1]} columns with numbers, each scaled to [0, 1].",
                [
                    drawn(pictures.explained_variance, "pca_variance", self.components, data=title),
                    *(
                        drawn(draw, name, self.components, labels, classes, data=title)
                        for draw, name in (
                            (pictures.scatter_3d, "pca_3d"),
                            (pictures.scatter_2d, "pca_2d"),
                        )
                    ),
                ],
                [Table("Cumulative explained variance (%)", self.components.table(), decimals=6)],
                columns=2,
            ),
            Section(
                "Features by genre",
                "Box: the middle half of the rows; line: median; whiskers: 1.5 times the box.",
                [
                    drawn(
                        pictures.distribution,
                        f"distribution_{name}",
                        self.table.X[name],
                        labels,
                        classes,
                    )
                    for name in self.features
                ],
            ),
        ]
        if self.images:
            grid = [
                drawn(draw, name, self.images, data=title)
                for draw, name in (
                    (pictures.image_grid, "image_grid"),
                    (pictures.mean_images, "mean_images"),
                )
            ]
            sections.append(
                Section("Images", "Mel spectrograms as they are on disk.", grid, columns=2)
            )
        progress.close()
        self.components.table().to_csv(folder / "pca_variance.csv", index=False)
        correlation.to_csv(folder / "correlation.csv", index_label="feature")
        pairs.to_csv(folder / "strongest_pairs.csv", index=False)
        balance.to_csv(folder / "class_balance.csv", index=False)
        return sections

    def _completeness(self, folder: Path) -> Section:
        missing, doubles = self._missing, self._doubles
        missing.to_csv(folder / "incomplete_tracks.csv", index=False)
        for name, pairs in doubles.items():
            pairs.to_csv(folder / f"identical_{name}.csv", index=False)
        lines = []
        for member, ids in self._members.items():
            lacking = [
                row.track for row in missing.itertuples() if member in row.missing.split(", ")
            ]
            named = ", ".join(lacking[:_NAMED]) + (", ..." if len(lacking) > _NAMED else "")
            lines.append((member, len(ids), len(lacking), named or "none"))
        return Section(
            "What is missing, what is double",
            "Two rows are identical when all their numbers are, bit for bit; two images when all "
            "their pixels are, at the size above. A split that does not know of such a pair may "
            "put one in training and one in test.",
            tables=[
                Table(
                    "Members of the tracks",
                    pd.DataFrame(lines, columns=["member", "tracks with it", "without", "which"]),
                ),
                Table(
                    "Files that cannot be read", pd.DataFrame({"file": self.unreadable}, dtype=str)
                ),
                Table("Identical pairs", _merged(doubles)),
            ],
        )

    @property
    def _members(self) -> dict[str, set[str]]:
        found = {
            "features": set(self.table.tracks.tolist()),
            "image": set(self.images.tracks.tolist()) if self.images else None,
            "audio": self.audio,
        }
        return {name: ids for name, ids in found.items() if ids is not None}

    @cached_property
    def _missing(self) -> pd.DataFrame:
        return feature_numbers.missing_members(self._members)

    @cached_property
    def _doubles(self) -> dict[str, pd.DataFrame]:
        found = {"rows": self.table, "images": self.images}
        return {name: feature_numbers.identical_rows(data) for name, data in found.items() if data}


def _whole_table(look: Look) -> Dataset:
    """Return the features view with every other numeric column of its table, ``length`` for one."""
    view = look.view if isinstance(look.view, FeaturesView) else FeaturesView()
    dataset = view.load(look.data, cache=look.cache)
    head = pd.read_csv(dataset.source, nrows=100).select_dtypes("number")
    known = {*dataset.X.columns, TRACK}
    others = tuple(column for column in head.columns if column not in known)
    if view.columns is not None or not others:
        return dataset
    return replace(view, extra_columns=(*view.extra_columns, *others)).load(
        look.data, cache=look.cache
    )


def _merged(doubles: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return each pair once, with what is identical."""
    pairs = pd.concat([df.assign(identical=name) for name, df in doubles.items()])
    merged = pairs.groupby(["id", "other", "same_genre"], sort=False)["identical"].agg(", ".join)
    return merged.reset_index().rename(columns={"same_genre": "same genre"})


def _chosen(features: tuple[str, ...] | None, columns: list[str]) -> tuple[str, ...]:
    if features is None:
        return tuple(name for name in _FEATURES if name in columns) or tuple(columns[:6])
    mistakes = [
        Mistake("features", f"no such column{nearest(name, columns)}", ", ".join(columns), name)
        for name in features
        if name not in columns
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return features


def _audio(location: Location) -> tuple[set[str] | None, list[str]]:
    """Return the tracks whose audio opens, and the files that do not; no file is decoded."""
    import soundfile
    from tqdm import tqdm

    from gtzan_exp.audio.tracks import find_tracks

    root = location.folder() / "genres_original"
    if not root.is_dir():
        return None, []
    good, broken = set(), []
    for track in tqdm(find_tracks(root), "open", unit="file", disable=None):
        try:
            soundfile.info(track.path)
            good.add(track.id)
        except (soundfile.SoundFileError, OSError):
            broken.append(str(track.path))
    return good, broken


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dict("records")

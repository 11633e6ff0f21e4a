"""The report on a data set: its table of features, its images, gaps and duplicates."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from gtzan_exp.audio.tracks import duration, scan_tracks
from gtzan_exp.basics.errors import ConfigError, DataError, strangers
from gtzan_exp.basics.genres import labelled
from gtzan_exp.basics.terminal import steps
from gtzan_exp.data.contracts import Dataset, Location
from gtzan_exp.data.feature_table import TRACK
from gtzan_exp.data.features import FeaturesView
from gtzan_exp.data.selection import read_view
from gtzan_exp.data.spectrograms import SpectrogramsView
from gtzan_exp.evaluation.audit import compared, twins
from gtzan_exp.explore import feature_numbers
from gtzan_exp.explore import table_pictures as pictures
from gtzan_exp.explore.settings import Look
from gtzan_exp.report.page import Report, Section, Table, records

_FEATURES = (
    *("tempo", "rms_mean", "spectral_centroid_mean", "rolloff_mean"),
    *("zero_crossing_rate_mean", "chroma_stft_mean"),
)
_NAMED = 10


def read_data(look: Look) -> Report:
    """Read the table and the images, and find the audio, where they exist."""
    table = _whole_table(look)
    features = _chosen(look.settings.features, list(table.X.columns))
    view = look.view
    if not isinstance(view, SpectrogramsView):
        view = SpectrogramsView(height=128, width=192)
    images, size = None, "none"
    if (look.data.folder() / view.folder).is_dir():
        view = replace(view, on_error="skip", segments=1, colour="rgb", scrambled=False)
        images = read_view(view, look.data, cache=look.cache)
        height, width = images.X.shape[1:3]
        size = f"{len(images):,}, read at {width} x {height} pixels"
    audio, broken = _audio(look.data)
    found = _DataSet(table, images, audio, (*(images.skipped if images else ()), *broken), features)
    tables, cumulative = found.tables, found.components.cumulative
    doubles = {name: len(pairs) for name, pairs in found.doubles.items()}
    return Report(
        title=f"Explore {table.name}",
        synthetic=table.synthetic,
        facts={
            "data": found.title,
            "table": table.source,
            "rows": f"{len(table):,}",
            "columns": f"{table.X.shape[1]} with numbers",
            "genres": ", ".join(table.classes),
            "images": size,
            "audio files": "none" if audio is None else f"{len(audio):,} can be opened",
            "fingerprint": table.fingerprint,
        },
        tags={"data": table.name, "data_fingerprint": table.fingerprint},
        metrics={
            "rows": len(table),
            "genres": len(table.classes),
            "components_for_95_percent": int(np.searchsorted(cumulative, 95)) + 1,
            "incomplete_tracks": len(tables["incomplete_tracks"]),
            **doubles,
        },
        numbers={
            "data": table.name,
            "source": table.source,
            "fingerprint": table.fingerprint,
            "rows": len(table),
            "columns": list(table.X.columns),
            **{name: records(frame) for name, frame in tables.items()},
            "pca_cumulative_percent": cumulative.tolist(),
            "unreadable": list(found.unreadable),
        },
        write=found.write,
    )


@dataclass(frozen=True)
class _DataSet:
    table: Dataset  # all the numeric columns of the table of features
    images: Dataset | None
    audio: set[str] | None  # ids of the tracks whose audio can be opened
    unreadable: tuple[str, ...]  # files that cannot be opened or decoded
    features: tuple[str, ...]  # columns whose distributions are plotted

    @cached_property
    def components(self) -> feature_numbers.Components:
        return feature_numbers.principal_components(self.table.X)

    @cached_property
    def correlation(self) -> pd.DataFrame:
        return feature_numbers.mean_features(self.table.X).corr()

    @cached_property
    def members(self) -> pd.DataFrame:
        """Whether each track has each kind of file."""
        image = self.images.tracks if self.images else None
        kinds = {"features": self.table.tracks, "image": image, "audio": self.audio}
        found = {name: set(ids) for name, ids in kinds.items() if ids is not None}
        every = sorted(set().union(*found.values()))
        return pd.DataFrame(
            {name: [id in ids for id in every] for name, ids in found.items()}, every
        )

    @cached_property
    def doubles(self) -> dict[str, pd.DataFrame]:
        found = {}
        for name, data in (("rows", self.table), ("images", self.images)):
            if data:
                contents, near, _ = compared(data)
                pairs = twins(data, contents, near).rename(columns={"other_id": "other"})
                for what, kind in (("identical", "duplicate"), ("near", "near_duplicate")):
                    found[f"{what}_{name}"] = pairs[pairs["kind"] == kind].drop(columns="kind")
        return found

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, by the names of their files."""
        return {
            "class_balance": feature_numbers.class_balance(self.table),
            "strongest_pairs": feature_numbers.strongest_pairs(self.correlation),
            "incomplete_tracks": feature_numbers.missing_members(self.members),
            **self.doubles,
        }

    @property
    def title(self) -> str:
        return labelled(self.table.name, self.table.synthetic)

    def write(self, folder: Path) -> list[Section]:
        """Draw the pictures and write the tables into `folder`; return the sections of the page."""
        for name, frame in self.tables.items():
            frame.to_csv(folder / f"{name}.csv", index=False)
        self.components.table().to_csv(folder / "pca_variance.csv", index=False)
        self.correlation.to_csv(folder / "correlation.csv", index_label="feature")
        sections = [self._artists, self._duplicates, self._faults]
        sections += [self._pairs, self._principal, self._boxes]
        if self.images:
            sections.append(partial(self._grids, self.images))
        return [make(folder) for make in steps(sections, "drawing sections")]

    def _artists(self, folder: Path) -> Section:
        artists = feature_numbers.tracks_by_artist(self.table)
        shared = artists["tracks"][artists["tracks"] > 1].sum() / max(artists["tracks"].sum(), 1)
        said = (
            f"{shared:.0%} of the tracks share their artist with another track of the genre. A "
            "random split puts such tracks into training and test; split=group_kfold keeps the "
            "artists apart. Each segment of a bar is one artist."
        )
        if artists.empty:
            said = (
                "Artists are not known, so no split can keep them apart and no leak by them is "
                "measured. They are read from splits/artist_groups_merged.csv."
            )
        balance, path = self.tables["class_balance"], folder / "class_balance.png"
        picture = pictures.class_balance(balance, artists, path, data=self.title)
        heads = {"largest": "largest artist", "its_tracks": "its tracks"}
        return Section("Artists", said, [picture], [Table("Genres", balance.rename(columns=heads))])

    def _duplicates(self, folder: Path) -> Section:
        pairs = _merged(self.doubles)
        return Section(
            "Duplicates",
            f"{len(pairs)} pairs, {len(pairs) - sum(pairs['same genre'])} of them across genres. "
            "Two rows are identical when all their numbers are, bit for bit; two images when all "
            "their pixels are, at the size above. Near ones are probably one recording. A split "
            "that does not know of such a pair may put one in training and one in test.",
            tables=[Table("Pairs", pairs)],
        )

    def _faults(self, folder: Path) -> Section:
        lines = []
        for kind, has in self.members.items():
            without = has.index[~has]
            named = ", ".join(without[:_NAMED]) + (", ..." if len(without) > _NAMED else "")
            lines.append((kind, has.sum(), len(without), named or "none"))
        members = pd.DataFrame(lines, columns=["kind", "tracks with it", "without", "which"])
        unreadable = pd.DataFrame({"file": self.unreadable}, dtype=str)
        return Section(
            "Faults",
            "\n\n".join(self.table.notes),
            tables=[
                Table("Files that cannot be read", unreadable),
                Table("What the tracks have", members),
            ],
        )

    def _pairs(self, folder: Path) -> Section:
        return Section(
            "Correlation of the mean features",
            "Pearson's r over all rows; each pair once. Redundant features are close to 1 or -1.",
            [pictures.correlation(self.correlation, folder / "correlation.png", data=self.title)],
            [Table("The strongest pairs", self.tables["strongest_pairs"], decimals=3)],
        )

    def _principal(self, folder: Path) -> Section:
        found, labels, classes = self.components, self.table.labels, self.table.classes
        data = self.title
        return Section(
            "Principal components",
            f"All {self.table.X.shape[1]} columns with numbers, each scaled to [0, 1].",
            [
                pictures.scatter_2d(found, labels, classes, folder / "pca_2d.png", data=data),
                pictures.scatter_3d(found, labels, classes, folder / "pca_3d.png", data=data),
                pictures.explained_variance(found, folder / "pca_variance.png", data=data),
            ],
            [Table("Cumulative explained variance (%)", found.table(), decimals=6)],
            columns=2,
        )

    def _boxes(self, folder: Path) -> Section:
        X, labels, classes = self.table.X, self.table.labels, self.table.classes
        return Section(
            "Features by genre",
            "Box: the middle half of the rows; line: median; whiskers: 1.5 times the box.",
            [
                pictures.distribution(X[name], labels, classes, folder / f"distribution_{name}.png")
                for name in self.features
            ],
        )

    def _grids(self, images: Dataset, folder: Path) -> Section:
        drawn = [
            pictures.image_grid(images, folder / "image_grid.png", data=self.title),
            pictures.mean_images(images, folder / "mean_images.png", data=self.title),
        ]
        return Section("Images", "Mel spectrograms as they are on disk.", drawn, columns=2)


def _whole_table(look: Look) -> Dataset:
    """Return the features view with all other numeric columns of its table, such as ``length``."""
    view = look.view if isinstance(look.view, FeaturesView) else FeaturesView()
    dataset = read_view(view, look.data, cache=look.cache)
    head = pd.read_csv(dataset.source, nrows=100).select_dtypes("number")
    known = {*dataset.X.columns, TRACK}
    others = tuple(column for column in head.columns if column not in known)
    if view.columns is not None or not others:
        return dataset
    view = replace(view, extra_columns=(*view.extra_columns, *others))
    return read_view(view, look.data, cache=look.cache)


def _merged(doubles: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return each pair once, those across genres first, with what is identical or near."""
    pairs = pd.concat([df.assign(what=name.replace("_", " ")) for name, df in doubles.items()])
    merged = pairs.groupby(["id", "other", "same_genre"], sort=False)["what"].agg(", ".join)
    merged = merged.reset_index().sort_values("same_genre", kind="stable")
    return merged.rename(columns={"same_genre": "same genre"})


def _chosen(features: tuple[str, ...] | None, columns: list[str]) -> tuple[str, ...]:
    if features is None:
        return tuple(name for name in _FEATURES if name in columns) or tuple(columns[:6])
    mistakes = strangers("features", features, columns, "no such column")
    if mistakes:
        raise ConfigError(mistakes)
    return features


def _audio(location: Location) -> tuple[set[str] | None, list[str]]:
    """Return the tracks whose audio can be opened, and the other files; nothing is decoded."""
    root = location.folder() / "genres_original"
    if not root.is_dir():
        return None, []
    good, broken = set(), []
    for track in steps(scan_tracks(root, location.labels)[0], "opening tracks"):
        try:
            duration(track.path)
            good.add(track.id)
        except DataError:
            broken.append(str(track.path))
    return good, broken

"""Numbers of a data set: class balance, correlation, PCA, duplicates, gaps."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gtzan_exp.basics.errors import DataError, Mistake
from gtzan_exp.data.contracts import Dataset


@dataclass(frozen=True)
class Components:
    """Principal components of a table."""

    cumulative: np.ndarray  # shape (n_components,): cumulative explained variance, in percent
    scores: np.ndarray  # shape (n_rows, 3): the rows in the first three components

    def table(self) -> pd.DataFrame:
        """Return ``components`` and the cumulative ``explained_variance`` (%), a line per count."""
        counts = np.arange(1, len(self.cumulative) + 1)
        return pd.DataFrame({"components": counts, "explained_variance": self.cumulative})


def class_balance(dataset: Dataset) -> pd.DataFrame:
    """Return ``genre``, ``tracks`` and ``rows``, a line per genre, and where artists are known
    ``artists``, the ``largest`` of them and ``its_tracks``.
    """
    table = pd.DataFrame({"genre": dataset.labels, "track": dataset.tracks})
    groups = table.groupby("genre")["track"]
    counts = pd.DataFrame({"tracks": groups.nunique(), "rows": groups.size()})
    if dataset.artists is not None:
        artists = tracks_by_artist(dataset).groupby("genre")
        counts["artists"] = artists.size()
        counts[["largest", "its_tracks"]] = artists[["artist", "tracks"]].first()
    return counts.loc[list(dataset.classes)].reset_index(names="genre")


def tracks_by_artist(dataset: Dataset) -> pd.DataFrame:
    """Return ``genre``, ``artist`` and ``tracks``, the largest first; no line if unknown."""
    table = pd.DataFrame({"genre": dataset.labels, "artist": dataset.artists})
    table = table[~pd.Series(dataset.tracks).duplicated()]
    sizes = table.groupby(["genre", "artist"]).size().reset_index(name="tracks")
    return sizes.sort_values("tracks", ascending=False, kind="stable", ignore_index=True)


def mean_features(X: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are means over a track, or all if there are fewer than two."""
    means = [column for column in X.columns if column.endswith("_mean")]
    return X[means] if len(means) > 1 else X


def strongest_pairs(correlation: pd.DataFrame, *, count: int = 15) -> pd.DataFrame:
    """Return ``feature``, ``other``, ``correlation`` of the `count` pairs with the highest |r|."""
    is_above = np.triu(np.ones(correlation.shape, dtype=bool), k=1)
    named = correlation.rename_axis(index="feature", columns="other")
    pairs = named.where(is_above).melt(ignore_index=False, value_name="correlation")
    pairs = pairs.dropna().reset_index()
    return pairs.sort_values(
        "correlation", key=abs, ascending=False, kind="stable", ignore_index=True
    ).head(count)


def principal_components(X: pd.DataFrame) -> Components:
    """Return the principal components, three or more, of rows scaled to [0, 1] by column."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import MinMaxScaler

    if min(X.shape) < 3 or X.nunique().max() == 1:
        got = f"{len(X)} rows of {X.shape[1]} columns"
        wanted = "3 or more, of both, and rows that differ"
        raise DataError(Mistake("principal components", "too little data", wanted, got))
    pca = PCA(svd_solver="full")
    scores = pca.fit_transform(MinMaxScaler().fit_transform(X))[:, :3]
    return Components(np.cumsum(pca.explained_variance_ratio_) * 100, scores)


def missing_members(members: pd.DataFrame) -> pd.DataFrame:
    """Return ``track`` and ``missing`` (kinds of file) of the tracks that lack some.

    `members` are booleans, a line per track and a column per kind.
    """
    lacking = ~members[~members.all(axis=1)]
    missing = [", ".join(members.columns[row]) for row in lacking.to_numpy()]
    return pd.DataFrame({"track": lacking.index, "missing": missing})

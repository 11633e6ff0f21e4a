"""What every view, every split and every model owes, whoever wrote it.

`tests.test_contracts` asks it of all files in ``conf``, `tests.test_contributing` of the guide's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from gtzan_exp.audio.prepare import PrepareSettings
from gtzan_exp.config.cell import Cell, resolve
from gtzan_exp.config.compose import composed
from gtzan_exp.data.contracts import Dataset, Servable, Split
from gtzan_exp.models.build import build, fit
from gtzan_exp.tracking.models import load_logged, save_model
from tests.data.conftest import table

SMALL_PICTURES = ["view.width=48", "view.height=32"]
SMALLER = {
    "alexnet": ["model.dense_units=32"],
    "cnn1d": ["model.filters=8"],
    "cnn2d": ["model.filters=4", "model.dense_units=16", *SMALL_PICTURES],
    "cnn2d_leaky": ["model.filters=8", *SMALL_PICTURES],
    "cnn_band": ["model.filters=8", "model.units=16", *SMALL_PICTURES],
    "cnn_gap": ["model.filters=8", *SMALL_PICTURES],
    "fused_net": ["model.filters=4"],
}
"""Options of the networks with which they are trained sooner."""


def cell(*overrides: str, config_dir: str | None = None) -> Cell:
    return composed(overrides, resolve, config_dir=config_dir)


def check_view(found: Cell) -> None:
    """Rows are whole and named alike wherever they come from, and found again in any order."""
    dataset = found.view.load(found.data, cache=found.cache)
    n = len(dataset)
    assert dataset.view == found.view.name
    assert n == len(dataset.X) == len(dataset.labels) == len(dataset.ids) == len(dataset.tracks)
    assert list(dataset.ids) == sorted(set(dataset.ids))
    assert dataset.classes == tuple(sorted(set(dataset.labels)))
    for id, track, label in zip(dataset.ids, dataset.tracks, dataset.labels, strict=True):
        assert id == track or id.rpartition(".")[0] == track
        assert track.startswith(f"{label}.")
    rows = np.array([n - 1, 0, 1])
    digests = dataset.row_digests()
    taken = replace(dataset, X=dataset.take(rows), labels=dataset.labels[rows])
    assert taken.row_digests() == [digests[row] for row in rows]
    again = found.view.load(found.data, cache=found.cache)
    assert again.fingerprint == dataset.fingerprint
    if isinstance(found.view, Servable):
        example = found.view.example(dataset)
        assert list(example) == list(found.view.input_columns)
        sent = replace(dataset, X=found.view.from_request(example), labels=dataset.labels[:1])
        assert sent.row_digests()[0] == digests[0]


def check_split(found: Cell, dataset: Dataset) -> None:
    """Parts are apart, hold tracks as a whole, and depend on the seed and the ids alone."""
    split = found.split.split(dataset)
    assert split.name == found.split.name
    for fold in split.folds:
        parts = [rows for _, rows in fold.parts()]
        assert min(len(fold.train), len(fold.test)) > 0
        assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
        if "track" not in split.leaks:
            tracks = [np.unique(dataset.tracks[rows]) for rows in parts]
            assert len(np.unique(np.concatenate(tracks))) == sum(map(len, tracks))
    assert len(split.fold_names) == len(split.folds)
    assert members(found.split.split(dataset), dataset) == members(split, dataset)
    if "scaler_rows" not in vars(found.split):  # the notebook draws by the place of a row
        order = np.random.default_rng(0).permutation(len(dataset))
        shuffled = reordered(dataset, order)
        again = found.split.split(shuffled)
        assert members(again, shuffled) == members(split, dataset)
        assert again.fingerprint == split.fingerprint
    if hasattr(found.split, "seed"):
        other = replace(found.split, seed=found.split.seed + 1).split(dataset)
        assert other.fingerprint != split.fingerprint


def check_model(found: Cell, folder: Path) -> None:
    """It fits, gives probabilities, is repeated by its options and its seed, and is saved."""
    dataset = found.view.load(found.data, cache=found.cache)
    number = np.array([int(track.rpartition(".")[2]) for track in dataset.tracks])
    train, val = np.flatnonzero(number < 3), np.flatnonzero(number == 3)

    def trained(classifier: Any) -> Any:
        pipeline = build(found.model, classifier, found.view.gives)
        data = (dataset.take(train), dataset.labels[train], dataset.take(val), dataset.labels[val])
        return fit(pipeline, *data).estimator

    options = found.classifier.get_params()
    same = type(found.classifier)(**found.classifier.get_params(deep=False))
    assert told(same) == told(clone(same)) == told(found.classifier)
    assert told(clone(same).set_params(**options)) == told(found.classifier)

    estimator, inputs = trained(found.classifier), dataset.take(val)
    assert told(found.classifier) == {name: repr(value) for name, value in options.items()}
    assert tuple(estimator.classes_) == dataset.classes
    probabilities = estimator.predict_proba(inputs)
    assert probabilities.shape == (len(val), len(dataset.classes))
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    predicted = estimator.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(estimator.predict(inputs), predicted)
    np.testing.assert_array_equal(trained(same).predict_proba(inputs), probabilities)

    trusted = found.model.trusted_types
    how = (dataset, found.view, PrepareSettings())
    save_model(folder / "model", estimator, *how, trusted=trusted)
    own = f"{type(found.view).__module__}.{type(found.view).__name__}"
    again = load_logged(str(folder / "model"), trusted=(*trusted, own)).estimator
    np.testing.assert_allclose(again.predict_proba(inputs), probabilities, atol=1e-6)


def told(classifier: Any) -> dict[str, str]:
    """Return the options of a classifier as text, those of estimators in it too."""
    return {name: repr(value) for name, value in classifier.get_params().items()}


def members(split: Split, dataset: Dataset) -> list[dict[str, set[str]]]:
    return [{part: set(dataset.ids[rows]) for part, rows in fold.parts()} for fold in split.folds]


def reordered(dataset: Dataset, order: np.ndarray) -> Dataset:
    rows = {name: getattr(dataset, name)[order] for name in ("labels", "ids", "tracks", "artists")}
    return replace(dataset, X=dataset.take(order), **rows)


def write_segments(root: Path) -> None:
    """Write two segments of 20 tracks of three genres, and every list that a split reads."""
    content = table(20, segments=2)
    content.to_csv(root / "features_3_sec.csv", index=False)
    names = [f"{genre}.{n:05}.wav" for genre in ("blues", "jazz", "rock") for n in range(20)]
    artists = [f"{name[:4]}{int(name[-6:-4]) % 7}" for name in names]
    (root / "splits").mkdir()
    groups = pd.DataFrame({"filename": names, "group": artists})
    groups.to_csv(root / "splits" / "artist_groups_merged.csv", index=False)
    for prefix in ("", "fault_filtered_"):
        for number, part in enumerate(("train", "valid", "test")):
            chosen = [name for name in names if min(int(name[-5]), 2) == 2 - number]
            (root / "splits" / f"{prefix}{part}.txt").write_text("\n".join(chosen))

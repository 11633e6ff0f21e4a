"""The record of a run as files in its output folder, written before it is sent to the store."""

import json
import shutil
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.data.contracts import Dataset, Split
from gtzan_exp.data.lists import split_table
from gtzan_exp.evaluation.aggregate import evaluated
from gtzan_exp.evaluation.audit import Audit
from gtzan_exp.evaluation.evaluate import Evaluation
from gtzan_exp.evaluation.plots import confusion_matrix, learning_curves, reliability_diagram
from gtzan_exp.models.build import Fitted
from gtzan_exp.tracking.outbox import kept_in, sync_command

RESULT = "result.json"

_PROTOCOL = "split.json"


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Parameters
    ----------
    run_id : str
        The run in MLflow; empty if it has not reached the store.
    metrics : dict of str to float
    output : Path
        The folder with ``result.json`` and the folder ``record``.
    leak : str
        The leaks from test to training, see `Audit.text`.
    skipped : bool
        Whether this is an earlier run with the same configuration, code and data.
    undelivered : Path, optional
        The file of the pending record, if the store stopped answering.
    predictions : pandas.DataFrame, optional
        As in ``predictions.parquet``: a line per row of each part.
    model : Pipeline, optional
        The fitted model; a cross-validation has none.
    """

    run_id: str
    metrics: dict[str, float] = field(repr=False)
    output: Path
    leak: str
    skipped: bool = False
    undelivered: Path | None = None
    predictions: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    model: Any = field(default=None, repr=False, compare=False)

    def _repr_html_(self) -> str:
        parts: dict[str, dict[str, float]] = {"train": {}, "val": {}, "test": {}}
        for key, value in self.metrics.items():
            part, _, name = key.partition("/")
            parts.get(part, {})[name] = value
        table = pd.DataFrame({part: found for part, found in parts.items() if found})
        return f"<pre>{escape(str(self))}</pre>{table.to_html(float_format='{:.4f}'.format)}"

    @property
    def accuracy(self) -> str:
        """The metric that sums up the run: of tracks where rows are pieces, of the part shown."""
        part = "test" if "test/accuracy" in self.metrics else "val"
        by_track = f"{part}/track_accuracy"
        return by_track if by_track in self.metrics else f"{part}/accuracy"

    @property
    def interval(self) -> str:
        """The 95 % interval of the accuracy as ``0.56-0.85``; empty where there is none."""
        ends = [self.metrics.get(f"ci_{end}/{self.accuracy}") for end in ("low", "high")]
        return "-".join(f"{end:.2f}" for end in ends if end is not None)

    @property
    def brief(self) -> str:
        """The accuracy, its interval and what leaks, for a line on a terminal."""
        interval = f" [{self.interval.replace('-', ', ')}]" if self.interval else ""
        validated = " (validation)" * self.accuracy.startswith("val/")
        leak = self.leak.replace(":", " ")
        return f"{self.metrics[self.accuracy]:.3f}{interval}   {leak}{validated}"

    def __str__(self) -> str:
        part, hides = self.accuracy.partition("/")[0], self.accuracy.startswith("val/")
        shown = {key: f"{self.metrics[key]:.4f}" for key in (f"{part}/accuracy", self.accuracy)}
        n_tracks = self.metrics.get("n_validated_tracks" if hides else "n_tested_tracks")
        said = {
            "run_id": self.run_id or "undelivered",
            **shown,
            "interval": self.interval,
            "n": "" if n_tracks is None else f"{n_tracks:.0f}",
            f"{part}/macro_f1": f"{self.metrics[f'{part}/macro_f1']:.4f}",
            "leak": self.leak,
            "test": "hidden" * hides,
        }
        return " ".join(f"{key}={text}" for key, text in said.items() if text)


def empty_record(output: Path) -> Path:
    """Make the folder ``output/record``, and remove the files of an earlier, delivered run."""
    folder = output / "record"
    kept = kept_in(folder)
    if kept.exists():
        what = "holds a run that the store does not have yet"
        allowed = f"another folder, or first: {sync_command(output)}"
        raise ConfigError(Mistake("hydra.run.dir", what, allowed, str(kept)))
    if (folder / _PROTOCOL).is_file():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_record(
    folder: Path, config: DictConfig, title: str, dataset: Dataset, predictions: pd.DataFrame
) -> None:
    """Write what every run records: its config, its predictions, and plots of them.

    The files are ``config.yaml``, ``predictions.parquet`` (all parts; of a cross-validation all
    folds, in the column ``fold`` from 1), ``confusion_matrix.png`` and ``reliability.png`` of the
    test parts, or of the validation parts where those are hidden.
    """
    text = OmegaConf.to_yaml(config, resolve=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    part = evaluated(predictions)
    rows = predictions[predictions["part"] == part]
    accuracy = (rows["true"] == rows["predicted"]).mean()
    title = f"{title}\n{part} accuracy {accuracy:.3f} on {len(rows)} rows"
    confusion_matrix(rows, dataset.classes, folder / "confusion_matrix.png", title=title)
    reliability_diagram(rows, folder / "reliability.png", title=title)


def write_report(folder: Path, title: str, fitted: Fitted, evaluation: Evaluation) -> None:
    """Write the classification report of a run of one fold, and its learning curves."""
    report = json.dumps(evaluation.report, indent=1)
    (folder / "classification_report.json").write_text(report, encoding="utf-8")
    (folder / "classification_report.txt").write_text(evaluation.report_text, encoding="utf-8")
    if fitted.history:
        path = folder / "learning_curves.png"
        learning_curves(fitted.history, fitted.best_epoch, path, title=title)


def write_protocol(folder: Path, dataset: Dataset, split: Split, leaks: Audit) -> None:
    """Write the parts of the split, and their leaks.

    The files are ``split.json`` (fingerprints, notes, and rows and tracks by genre in each part),
    ``split.csv`` (the tracks of each part, for ``split=lists split.table=FILE``) and ``leaks.csv``
    (`Audit.found`).
    """
    folds = zip(split.fold_names, split.folds, strict=True)
    summary = {
        "split": split.name,
        "split_fingerprint": split.fingerprint,
        "data_fingerprint": dataset.fingerprint,
        "data_notes": dataset.notes,
        "split_notes": split.notes,
        "leak": leaks.tag,
        "leak_shares": leaks.shares,
        "not_known": leaks.unknown,
        "folds": [
            {"name": name, "parts": {part: _counts(dataset, rows) for part, rows in fold.parts()}}
            for name, fold in folds
        ],
    }
    (folder / _PROTOCOL).write_text(json.dumps(summary, indent=1), encoding="utf-8")
    split_table(dataset, split).to_csv(folder / "split.csv", index=False)
    leaks.found.to_csv(folder / "leaks.csv", index=False)


def _counts(dataset: Dataset, rows: np.ndarray) -> dict[str, dict[str, int]]:
    table = pd.DataFrame({"genre": dataset.labels[rows], "track": dataset.tracks[rows]})
    by_genre = table.groupby("genre")["track"]
    return {"rows": by_genre.size().to_dict(), "tracks": by_genre.nunique().to_dict()}


def write_result(
    output: Path, run_id: str, metrics: dict[str, float], tags: dict[str, str], leak: str
) -> Result:
    text = json.dumps({"run_id": run_id, "metrics": metrics, "tags": tags}, indent=1)
    (output / RESULT).write_text(text, encoding="utf-8")
    return Result(run_id, metrics, output, leak)

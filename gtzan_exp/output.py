"""The record of a run as files in its output folder, written before anything is sent away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from gtzan_exp.data.dataset import Dataset
from gtzan_exp.evaluation.evaluate import Evaluation
from gtzan_exp.models.build import Fitted


@dataclass(frozen=True)
class Result:
    """What a run leaves behind.

    Parameters
    ----------
    run_id : str
        The run in MLflow.
    metrics : dict of str to float
    output : Path
        The folder with ``result.json`` and the folder ``record``.
    """

    run_id: str
    metrics: dict[str, float]
    output: Path

    def __str__(self) -> str:
        accuracy, macro_f1 = self.metrics["test/accuracy"], self.metrics["test/macro_f1"]
        return f"run_id={self.run_id} test/accuracy={accuracy:.4f} test/macro_f1={macro_f1:.4f}"


def write_record(
    output: Path,
    config: DictConfig,
    name: str,
    dataset: Dataset,
    fitted: Fitted,
    evaluation: Evaluation,
) -> Path:
    """Write the artifacts of a run and return their folder, ``output/record``.

    They are ``config.yaml``, ``predictions.parquet``, ``classification_report.json`` and ``.txt``,
    ``confusion_matrix.png`` and, for models with learning curves, ``learning_curves.png``.
    """
    from gtzan_exp.evaluation import plots

    folder = output / "record"
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, folder / "config.yaml", resolve=True)
    evaluation.predictions.to_parquet(folder / "predictions.parquet", index=False)
    report = json.dumps(evaluation.report, indent=1)
    (folder / "classification_report.json").write_text(report, encoding="utf-8")
    (folder / "classification_report.txt").write_text(evaluation.report_text, encoding="utf-8")

    kind = " (synthetic)" if dataset.synthetic else ""
    title = f"{name}, data: {dataset.name}{kind}"
    test = evaluation.predictions.query("part == 'test'")
    accuracy = evaluation.metrics["test/accuracy"]
    plots.confusion_matrix(
        test,
        dataset.classes,
        folder / "confusion_matrix.png",
        title=f"{title}\ntest accuracy {accuracy:.3f} on {len(test)} rows",
    )
    if fitted.history:
        plots.learning_curves(
            fitted.history, fitted.best_epoch, folder / "learning_curves.png", title=title
        )
    return folder


def write_result(
    output: Path, run_id: str, metrics: dict[str, float], tags: dict[str, str]
) -> Result:
    """Write ``result.json`` and return what it says."""
    text = json.dumps({"run_id": run_id, "metrics": metrics, "tags": tags}, indent=1)
    (output / "result.json").write_text(text, encoding="utf-8")
    return Result(run_id, metrics, output)

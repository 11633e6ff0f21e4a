"""One config in, one recorded run out: data -> view -> split -> fit -> evaluate -> record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from gtzan_exp.basics.errors import GtzanExpError, Mistake, counted, one_line
from gtzan_exp.basics.files import claimed
from gtzan_exp.basics.genres import labelled
from gtzan_exp.basics.terminal import phase, steps
from gtzan_exp.config.cell import Cell, described_by, options, resolve
from gtzan_exp.data.contracts import Dataset, Fold, Split
from gtzan_exp.data.provenance import prepare_settings
from gtzan_exp.data.selection import read_view
from gtzan_exp.evaluation.aggregate import aggregate, with_interval
from gtzan_exp.evaluation.audit import Audit, audit, doubts, lopsided
from gtzan_exp.evaluation.evaluate import Evaluation, evaluate
from gtzan_exp.evaluation.plots import learning_curve
from gtzan_exp.models.build import Fitted, build, fit, refit
from gtzan_exp.models.validation import n_parameters
from gtzan_exp.run.files import (
    Result,
    empty_record,
    write_protocol,
    write_record,
    write_report,
    write_result,
)
from gtzan_exp.run.model_card import write_card
from gtzan_exp.run.rehearsal import rehearse, unfitted
from gtzan_exp.tracking.identity import identity_tags
from gtzan_exp.tracking.models import find_logged, model_of_run, save_model
from gtzan_exp.tracking.outbox import NOTE, PARENT
from gtzan_exp.tracking.predictor import hearing, sound_settings
from gtzan_exp.tracking.query import finished_run, recorded_predictions
from gtzan_exp.tracking.record import Piece, Recorder, recorded_run

if TYPE_CHECKING:
    from gtzan_exp.tracking.query import Run

log = logging.getLogger(__name__)


def load(cell: Cell) -> Dataset:
    phase(f"reading {cell.view.name} of {cell.data.name}")
    return read_view(cell.view, cell.data, cache=cell.cache)


def run(
    config: DictConfig,
    output: Path,
    *,
    tags: Mapping[str, str] | None = None,
    load: Callable[[Cell], Dataset] = load,
) -> Result:
    """Train, evaluate and record one cell in the folder `output`, or find an earlier run of it.

    `tags` are further tags, for example of the child of a sweep. The tag ``task`` is ``train``
    unless it is among them; runs of other tasks are not compared. `load` reads the view of the
    cell; a sweep shares it between cells. Raises `ConfigError` if the config is wrong, or the store
    does not answer; `DataError` if the data is missing or faulty. Then nothing has been trained.
    """
    cell = resolve(config)
    params = options(config)
    dataset = load(cell)
    view = dataset.maker or cell.view
    log_model = cell.tracking.log_model
    prepare = prepare_settings(cell.data.folder(), view) if log_model else None
    heard = prepare and hearing(view, prepare)
    phase("looking for leaks")
    split = cell.parts(dataset)
    leaks = audit(dataset, split)
    if split.artists is not None:
        dataset = replace(dataset, artists=split.artists)
    limits = _announce(cell, dataset, split, leaks, heard)

    parts = {"data": cell.data, "view": cell.view, "split": cell.split, "model": cell.classifier}
    identity = identity_tags(params, parts, dataset, split, leaks.tag)
    origin = {f"embedding/{key}": value for key, value in dataset.origin.items()}
    found = {"task": "train", **described_by(cell), **identity, **origin}
    if doubtful := lopsided(dataset, split):
        found["doubts"] = "; ".join(doubtful)
    if cell.skip_finished:
        earlier = _earlier(cell, {**found, **(tags or {})})
        if earlier is not None:
            run_id = earlier.info.run_id
            log.info("skipped: run %s has the same configuration, code and data", run_id)
            return Result(run_id, earlier.data.metrics, output, leaks.text, skipped=True)
    rehearse(cell, dataset, split)
    phase("opening the run in MLflow")
    all_tags = {**cell.tags, **found, **(tags or {})}
    with (
        claimed(output, "hydra.run.dir"),
        recorded_run(
            cell.tracking, folder := empty_record(output), cell.name, params, all_tags
        ) as recorder,
    ):
        recorder.dataset(dataset, split)
        recorder.entry.measure({f"leak/{kind}": share for kind, share in leaks.shares.items()})
        write_protocol(folder, dataset, split, leaks)
        title = f"{cell.name}, data: {labelled(dataset.name, dataset.synthetic)}"
        scores: list[dict[str, float]] = []
        tables: list[pd.DataFrame] = []
        for measured, fitted, evaluation in _folds(cell, dataset, split, recorder, found):
            scores.append(measured)
            tables.append(evaluation.predictions)
            model = fitted.estimator
        if len(split.reported) > 1:
            model = None
            metrics = aggregate(scores, [len(f.judging) / len(f.train) for f in split.folds])
            predictions = pd.concat(table.assign(fold=n) for n, table in enumerate(tables, 1))
        else:
            metrics, predictions = scores[-1], tables[-1]
            write_report(folder, title, fitted, evaluation)
            recorder.entry.follow(fitted.history)
        if split.fractions:
            sizes = [len(np.unique(dataset.tracks[fold.train])) for fold in split.folds]
            points = dict(zip(sizes, scores, strict=True))
            learning_curve(points, folder / "learning_curve.png", title=title)
            for n_tracks, measured in points.items():
                named = {f"learning_curve/{key}": score for key, score in measured.items()}
                recorder.entry.measure(named, n_tracks)
        metrics = with_interval(metrics, predictions)
        recorder.entry.measure(metrics)
        write_record(folder, config, title, dataset, predictions)
        size = 0  # of the saved model, in bytes
        if model is not None and prepare is not None:
            with recorder.model() as place:
                trusted = cell.model.trusted_types
                save_model(place, model, dataset, view, prepare, trusted=trusted)
                size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        phase("recording the run")
        rate = None
        if prepare is not None and callable(heard):
            rate = sound_settings(view, prepare).features.sample_rate
        card = write_card(
            *(folder, cell.name, dataset, leaks, predictions, metrics, all_tags, limits),
            sample_rate=rate,
            size=size,
        )
        recorder.artifacts()
        result = write_result(output, recorder.entry.run_id, metrics, found, leaks.text)
        recorder.entry.tag(**{NOTE: card, "interval": result.interval})
    _say_relabelled(dataset, metrics, result.accuracy)
    undelivered = recorder.outbox.path if recorder.outbox.away else None
    return replace(result, undelivered=undelivered, predictions=predictions, model=model)


def recalled(config: DictConfig, result: Result) -> Result:
    """Return a result with the recorded predictions and model of its run."""
    cell = resolve(config)
    view = type(cell.view)  # which the config names
    predictions = recorded_predictions(cell.tracking, [result.run_id])
    model = None
    if model_of_run(cell.tracking, result.run_id):
        trusted = (*cell.model.trusted_types, f"{view.__module__}.{view.__qualname__}")
        model = find_logged(result.run_id, cell.tracking, trusted=trusted).estimator
    return replace(result, predictions=predictions.get(result.run_id), model=model)


def _earlier(cell: Cell, tags: Mapping[str, str]) -> Run | None:
    """Return the finished run of the same cell; a sweep goes on where the store is away."""
    try:
        return finished_run(cell.tracking, tags["config_hash"], tags["task"])
    except GtzanExpError as error:
        if PARENT not in tags:
            raise
        log.warning("whether this was done before is not known: %s", one_line(error))
        return None


def _folds(
    cell: Cell, dataset: Dataset, split: Split, recorder: Recorder, tags: dict[str, str]
) -> Iterator[tuple[dict[str, float], Fitted, Evaluation]]:
    """Yield the metrics, the model and the evaluation of each fold; several folds are children."""
    if len(split.folds) == 1:
        yield _fold(cell, dataset, split, split.folds[0])
        return
    piece: Piece = "fraction" if split.fractions else "fold"
    which = split.fractions or range(1, len(split.folds) + 1)
    folds = zip(which, split.fold_names, split.folds, strict=True)
    for number, name, fold in steps(folds, f"{piece}s", len(split.folds)):
        with recorder.child(name, tags, piece, f"{number:g}") as child:
            metrics, fitted, evaluation = _fold(cell, dataset, split, fold)
            child.entry.measure(metrics)
            child.entry.follow(fitted.history)
        accuracy = f"{split.evaluated}/accuracy"
        log.info("%s: %s=%.4f", name, accuracy, metrics[accuracy])
        yield metrics, fitted, evaluation


def _fold(
    cell: Cell, dataset: Dataset, split: Split, fold: Fold
) -> tuple[dict[str, float], Fitted, Evaluation]:
    """Fit the model to the training part of a fold and evaluate it on all parts."""
    phase(f"fitting {cell.model.name}")
    try:
        fitted = fit(
            build(cell.model, cell.classifier, cell.view.gives),
            dataset.take(fold.train),
            dataset.labels[fold.train],
            dataset.take(fold.val),
            dataset.labels[fold.val],
            scaler_rows=dataset.X if split.scaler_rows == "all" else None,
        )
        final = fitted
        if cell.trainer.refit and len(fold.val) and len(fold.test):
            both = np.sort(np.concatenate([fold.train, fold.val]))
            final = refit(fitted, dataset.take(both), dataset.labels[both])
    except ValueError as error:
        raise unfitted(cell, error) from error
    for message in final.warnings:
        log.warning("fit: %s", message)
    evaluation = evaluate(final.estimator, dataset, fold, validated=fitted.estimator)
    by_part = evaluation.predictions.groupby("part")["track"]
    optional = {"n_parameters": n_parameters(final.estimator), "best_epoch": final.best_epoch}
    metrics = {
        **evaluation.metrics,
        "fit_seconds": final.seconds,
        "n_skipped": len(dataset.skipped),
        f"n_{fold.evaluated}_tracks": int(by_part.nunique()[fold.evaluated]),
        **{f"n_{part}": int(size) for part, size in by_part.size().items()},
        **{key: value for key, value in optional.items() if value is not None},
    }
    return metrics, final, evaluation


def _announce(cell: Cell, dataset: Dataset, split: Split, leaks: Audit, heard: object) -> list[str]:
    """Log what is run and all remarks on it, and return these."""
    name = labelled(dataset.name, dataset.synthetic)
    log.info("%s on %s of %s, split=%s", cell.model.name, dataset.view, name, split.name)
    sizes = (len(dataset), len(dataset.classes), dataset.fingerprint)
    log.info("%d rows of %d genres, fingerprint %s", *sizes)
    if shares := ", ".join(f"{kind} {share:.0%}" for kind, share in leaks.shares.items() if share):
        part = {"test": "test", "val": "validation"}[split.evaluated]
        log.info("training knows of the %s part: %s", part, shares)
    remarks = list(_remarks(dataset, split, leaks, heard))
    for level, remark in remarks:
        log.log(level, "%s", remark)
    return [remark for _, remark in remarks]


def _remarks(
    dataset: Dataset, split: Split, leaks: Audit, heard: object
) -> Iterator[tuple[int, str]]:
    """Yield remarks on the data, the split and the model, with their levels of logging."""
    info, warning = logging.INFO, logging.WARNING
    yield from ((warning, note) for note in dataset.notes)
    yield from ((info, note) for note in split.notes)
    if names := ", ".join(dataset.skipped):
        yield warning, f"{counted(len(dataset.skipped), 'file')} skipped: {names}"
    if dataset.pretraining:
        learned = f"{dataset.origin['model']} learned from other data"
        held = "which may hold test tracks, their artists or genres"
        yield warning, f"{learned} ({', '.join(dataset.pretraining)}), {held}"
    if split.leaks:
        yield warning, f"this protocol LEAKS from test to training: {', '.join(split.leaks)}"
    if dataset.faults:
        yield warning, f"this view has FAULTS on purpose: {', '.join(dataset.faults)}"
    yield from ((warning, doubt) for doubt in doubts(dataset, split))
    for kind, why in leaks.unknown.items():
        yield info, f"not known to the audit: {kind} ({why})"
    if isinstance(heard, Mistake):
        yield info, f"the model will not predict audio: {heard.what} ({heard.got})"


def _say_relabelled(dataset: Dataset, metrics: dict[str, float], accuracy: str) -> None:
    """Log the accuracy under second labels, if there are any, and under the first."""
    if dataset.accepted is not None:
        second = accuracy.replace("accuracy", "relabelled_accuracy")
        log.info(
            "%d tracks have other labels by data.relabel: %s=%.4f, under the published ones %.4f",
            len(np.unique(dataset.tracks[dataset.accepted != dataset.labels])),
            *(second, metrics[second], metrics[accuracy]),
        )

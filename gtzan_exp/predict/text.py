"""Predictions as text: a table, CSV or JSON."""

import csv
import io
import json
from collections.abc import Iterator

from gtzan_exp.basics.genres import labelled
from gtzan_exp.tracking.predictor import Prediction, Predictor


def printable(text: str) -> str:
    """Return text, escaped if it is not printable."""
    return text if text.isprintable() else ascii(text)[1:-1]


def as_table(predictor: Predictor, found: Iterator[Prediction], *, top: int) -> Iterator[str]:
    """Yield a line about the model, and one per file as soon as it is predicted."""
    card = predictor.card
    yield (
        f"{predictor.name} on {card.view.name} of {labelled(card.data, card.synthetic)},"
        f" {len(predictor.genres)} genres, run {card.run_id}"
    )
    width = max(map(len, predictor.genres))
    for prediction in found:
        best = prediction.probabilities.head(top)
        cells = [f"{genre:<{width}} {share:5.3f}" for genre, share in best.items()]
        yield "  ".join([*cells, printable(str(prediction.file))])
        for track, similarity in (prediction.neighbours or {}).items():
            yield f"  like {track}  {similarity:.2f}"


def as_csv(predictor: Predictor, found: Iterator[Prediction], *, top: int) -> Iterator[str]:
    """Yield a header and one line per file and genre as soon as it is predicted."""
    about = [predictor.card.data, str(predictor.card.synthetic).lower()]
    yield "file,rank,genre,probability,data,synthetic"
    for prediction in found:
        file, best = printable(str(prediction.file)), prediction.probabilities.head(top)
        for rank, (genre, share) in enumerate(best.items(), start=1):
            line = io.StringIO()
            csv.writer(line, lineterminator="").writerow([file, rank, genre, share, *about])
            yield line.getvalue()


def as_json(predictor: Predictor, found: Iterator[Prediction], *, top: int) -> Iterator[str]:
    """Yield one JSON object, when all files are predicted."""
    files = []
    for prediction in found:
        best, near = prediction.probabilities.head(top), prediction.neighbours or {}
        genres = [{"genre": genre, "probability": share} for genre, share in best.items()]
        neighbours = [{"track": track, "similarity": value} for track, value in near.items()]
        about = {"file": str(prediction.file), "rows": prediction.rows}
        files.append({**about, "genres": genres, "neighbours": neighbours})
    card = predictor.card
    model = {"model": predictor.name, "view": card.view.name, "data": card.data}
    run = {"synthetic": card.synthetic, "run_id": card.run_id}
    yield json.dumps({**model, **run, "files": files}, indent=1)


WRITERS = {"table": as_table, "csv": as_csv, "json": as_json}
"""Each takes a predictor, its predictions and how many genres of each; it yields lines."""

"""The model card of a run: what was measured, on what, and what that does not tell."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import shorten

import pandas as pd

from gtzan_exp.basics.genres import metric_names
from gtzan_exp.data.contracts import PARTS, Dataset
from gtzan_exp.evaluation.aggregate import evaluated, part_sizes
from gtzan_exp.evaluation.audit import Audit
from gtzan_exp.report.page import markdown_cell as cell

_METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "brier", "ece")
_LONGEST = 300


def write_card(
    folder: Path,
    name: str,
    dataset: Dataset,
    leaks: Audit,
    predictions: pd.DataFrame,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    limits: Sequence[str],
    *,
    sample_rate: int | None = None,
    size: int = 0,
) -> str:
    """Write ``model_card.md`` into the folder of a run, and return it.

    `limits` are remarks on the data and on the split, a line each; `sample_rate`, in Hz, is that of
    the sound that the inputs are made from, if any; `size` is in bytes of the saved model, 0
    without one.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("gtzan_exp.run", "."),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": cell, "shorten": lambda text: shorten(text, _LONGEST)}
    part = evaluated(predictions)
    rows = predictions[predictions["part"] == part]
    sizes = part_sizes(predictions)
    text = environment.get_template("model_card.md").render(
        name=name,
        dataset=dataset,
        leaks=leaks,
        metrics=metrics,
        tags=tags,
        limits=limits,
        sample_rate=sample_rate,
        size=size,
        part=part,
        tracks=rows["track"].nunique(),
        folds=len(sizes),
        sizes={of: (int(sizes[of].min()), int(sizes[of].max())) for of in PARTS if of in sizes},
        scores=[of for of in _METRICS if f"{part}/{of}" in metrics],
        confidence=rows.filter(regex="^p_").max(axis=1).mean(),
        right=(rows["true"] == rows["predicted"]).mean(),
        genres=list(_by_genre(rows, metrics, part)),
    )
    (folder / "model_card.md").write_text(text, encoding="utf-8")
    return text


def _by_genre(
    rows: pd.DataFrame, metrics: Mapping[str, float], part: str
) -> Iterator[tuple[str, float, int, str]]:
    """Yield each tested genre, its F1, its tracks and the genre that its rows are mistaken for."""
    names = metric_names([column[2:] for column in rows.filter(regex="^p_")])
    for genre, own in rows.groupby("true"):
        wrong = own.loc[own["predicted"] != genre, "predicted"]
        most = "".join(wrong.mode()[:1])
        other = most and f"{most} ({(wrong == most).sum() / len(own):.0%})"
        yield str(genre), metrics[f"{part}/f1/{names[genre]}"], own["track"].nunique(), other

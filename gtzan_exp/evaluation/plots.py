"""Pictures of how a run learned: by epoch, and by amount of data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gtzan_exp.report.canvas import INK, MUTED, style

_TRAIN, _VALIDATION, _TEST = "#3f90da", "#bd1f01", INK


def learning_curves(
    history: dict[str, list[float]], best_epoch: int | None, path: Path, *, title: str
) -> None:
    """Draw loss, and accuracy when there is one, by epoch.

    Parameters
    ----------
    history : dict of str to list of float
        ``loss`` and maybe ``accuracy``, ``val_loss``, ``val_accuracy``.
    best_epoch : int or None
        The epoch, counted from 1, to mark.
    path : Path
        The PNG to write.
    title : str
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    names = [name for name in ("loss", "accuracy") if name in history]
    with rc_context(style()):
        figure = Figure(figsize=(4.6 * len(names), 3.4), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            for key, label, color in (
                (name, "training", _TRAIN),
                (f"val_{name}", "validation", _VALIDATION),
            ):
                if key in history:
                    epochs = range(1, len(history[key]) + 1)
                    axes.plot(epochs, history[key], color=color, label=label, lw=1.8)
            if best_epoch is not None:
                kept = f"epoch {best_epoch} kept"
                axes.axvline(best_epoch, color=MUTED, lw=1, ls=":", label=kept)
            axes.set(xlabel="epoch", ylabel="cross-entropy (nats)" if name == "loss" else name)
            axes.grid(axis="y", alpha=0.25)
            axes.legend(fontsize=8)
        figure.savefig(path)


def learning_curve(points: Mapping[int, Mapping[str, float]], path: Path, *, title: str) -> None:
    """Draw accuracy and macro-F1 of each part by the number of training tracks.

    Parameters
    ----------
    points : mapping of int to mapping of str to float
        Number of training tracks, and the metrics ``<part>/accuracy`` and ``<part>/macro_f1`` of a
        model that was trained on them.
    path : Path
        The PNG to write.
    title : str
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    parts = (("train", "training", _TRAIN), ("val", "validation", _VALIDATION))
    with rc_context(style()):
        figure = Figure(figsize=(9.2, 3.6), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        columns = figure.subplots(1, 2, sharey=True)
        for axes, key in zip(columns, ("accuracy", "macro_f1"), strict=True):
            for part, label, color in (*parts, ("test", "test", _TEST)):
                values = [metrics.get(f"{part}/{key}") for metrics in points.values()]
                if None not in values:
                    axes.plot(list(points), values, "o-", color=color, label=label, lw=1.8, ms=4)
            axes.set(xlabel="training tracks", ylabel=key.replace("macro_f1", "macro-F1"))
            axes.set(xlim=(0, None), ylim=(0, 1.02))
            axes.tick_params(labelleft=True)
            axes.grid(axis="y", alpha=0.25)
        columns[1].legend(fontsize=8, loc="lower right")
        figure.savefig(path)

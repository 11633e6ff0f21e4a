"""``gtzan-exp validate``: report what a run would do, or all mistakes."""

from gtzan_exp.basics.terminal import emit, say
from gtzan_exp.commands.arguments import composed_once, files, parse
from gtzan_exp.commands.audit import about

USAGE = """\
usage: gtzan-exp validate [-m] [--json] [OVERRIDE ...]

Check the configuration, then read the data and split it, and say what a run
would do. A classifier of your own is tried on a few rows, a network is not.
Nothing is recorded. Every mistake gets one line: where, what, what is allowed,
what was found. The exit status is 0 when a run would start and 2 when it would
not. With -m the configuration of every job of the sweep is checked, and no data
is read.

Example:
  gtzan-exp validate data=gtzan view=spectrograms model=cnn2d
"""


def main(arguments: list[str]) -> int:
    from gtzan_exp.config.cell import resolve
    from gtzan_exp.config.sweep_plan import check_sweep
    from gtzan_exp.data.inputs import kinds_of
    from gtzan_exp.evaluation.audit import doubts
    from gtzan_exp.run.rehearsal import rehearse
    from gtzan_exp.run.runner import load

    flags = parse(arguments, json=True)
    if flags.multirun:
        check_sweep(flags.overrides, **files(flags))
        if flags.json:
            emit({"ok": True})
        else:
            say("ok: the configuration of every job is valid")
        return 0
    cell = composed_once(flags, resolve)
    dataset = load(cell)
    split = cell.parts(dataset)
    rehearse(cell, dataset, split, networks=False)
    folds = zip(split.fold_names, split.folds, strict=True)
    if flags.json:
        emit(
            {
                "ok": True,
                "data": dataset.name,
                "synthetic": dataset.synthetic,
                "source": dataset.source,
                "view": dataset.view,
                "shapes": {name: array.shape for name, array in dataset.arrays.items()},
                "skipped": dataset.skipped,
                "genres": dataset.classes,
                "notes": [*dataset.notes, *split.notes],
                "split": split.name,
                "folds": {name: {p: len(rows) for p, rows in fold.parts()} for name, fold in folds},
                "doubts": doubts(dataset, split),
                "leaks": split.leaks,
                "faults": dataset.faults,
                "model": cell.model.name,
            }
        )
        return 0
    inputs = " and ".join(kinds_of(cell.model.input))
    say(*about(dataset, split))
    say(f"model   {cell.model.name}, {type(cell.classifier).__name__} on {inputs} input")
    say("ok: a run would start")
    return 0

"""``gtzan-exp validate``: report what a run would do, or all mistakes."""

from __future__ import annotations

from gtzan_exp.commands.arguments import composed_once, files, parse

USAGE = """\
usage: gtzan-exp validate [-m] [OVERRIDE ...]

Check the configuration, then read the data and split it, and say what a run
would do. A classifier of your own is tried on a few rows, a network is not.
Nothing is recorded. Every mistake gets one line:
where, what, what is allowed, what was found. The exit status is 0 when a run
would start and 2 when it would not.

With -m the configuration of every job of the sweep is checked, and no data is
read.

Examples:
  gtzan-exp validate data=gtzan view=spectrograms model=cnn2d
  gtzan-exp validate -m +sweep=notebook_table data=gtzan
"""


def main(arguments: list[str]) -> int:
    from gtzan_exp.basics.genres import labelled
    from gtzan_exp.config.cell import resolve
    from gtzan_exp.config.sweep_plan import check_sweep
    from gtzan_exp.data.inputs import kinds_of
    from gtzan_exp.data.selection import read_view
    from gtzan_exp.evaluation.audit import doubts
    from gtzan_exp.run.rehearsal import rehearse

    flags = parse(arguments)
    if flags.multirun:
        check_sweep(flags.overrides, **files(flags))
        print("ok: the configuration of every job is valid")
        return 0
    cell = composed_once(flags, resolve)
    dataset = read_view(cell.view, cell.data, cache=cell.cache)
    split = cell.parts(dataset)
    shapes = [" x ".join(map(str, array.shape)) for array in dataset.arrays.values()]
    print(f"data    {labelled(dataset.name, dataset.synthetic)}: {dataset.source}")
    print(f"view    {dataset.view}, {' and '.join(shapes)}, {len(dataset.skipped)} files skipped")
    print(f"genres  {', '.join(dataset.classes)}")
    for note in (*dataset.notes, *split.notes):
        print(f"note    {note}")
    for name, fold in zip(split.fold_names, split.folds, strict=True):
        sizes = ", ".join(f"{part} {len(rows)}" for part, rows in fold.parts())
        print(f"split   {split.name}, {name}: {sizes} rows")
    for doubt in doubts(dataset, split):
        print(f"doubt   {doubt}")
    if split.leaks:
        print(f"leaks   {', '.join(split.leaks)}")
    if dataset.faults:
        print(f"faults  {', '.join(dataset.faults)}")
    rehearse(cell, dataset, split, networks=False)
    inputs = " and ".join(kinds_of(cell.model.input))
    print(f"model   {cell.model.name}, {type(cell.classifier).__name__} on {inputs} input")
    print("ok: a run would start")
    return 0

"""``gtzan-exp audit``: measure the leaks from test to training, without training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gtzan_exp.basics.terminal import emit, phase
from gtzan_exp.commands.arguments import composed_once, parse

if TYPE_CHECKING:
    from gtzan_exp.data.contracts import Dataset, Split
    from gtzan_exp.evaluation.audit import Audit

USAGE = """\
usage: gtzan-exp audit [--csv FILE] [--json] [OVERRIDE ...]

Read the data, split it, and say what the parts share. Nothing is trained or
recorded. data=, view= and split= are as in gtzan-exp --help.

  track            segments of one track in both parts
  artist           tracks of one artist in both parts; needs
                   artist_groups_merged.csv in data.splits
  duplicate        rows or images in both parts, identical bit for bit
  near_duplicate   tracks in both parts, probably one recording; matches are
                   nearly always right, and about half of them are found

The share is that of the test part in training, the mean over folds; counts are
sums over folds. Then come pairs in the data, independent of the split. --csv
writes all that parts share to FILE.

Example:
  gtzan-exp audit data=gtzan split=fault_filtered --csv leaks.csv
"""

_SHOWN = 3
_FOLDS = 10


def main(arguments: list[str]) -> int:
    from gtzan_exp.config.cell import resolve
    from gtzan_exp.evaluation.audit import audit
    from gtzan_exp.run.runner import load

    flags = parse(arguments, json=True, csv="")
    cell = composed_once(flags, resolve)
    dataset = load(cell)
    phase("looking for leaks")
    split = cell.parts(dataset)
    leaks = audit(dataset, split)
    if flags.csv:
        Path(flags.csv).write_text(leaks.found.to_csv(index=False), encoding="utf-8")
    if flags.json:
        emit(vars(leaks))
        return 0
    for part in (about(dataset, split), shares(leaks), _twins(leaks), first(leaks)):
        print(*part, sep="\n")
    print(f"leak={leaks.tag}")
    return 0


def about(dataset: Dataset, split: Split) -> Iterator[str]:
    """Yield lines on the data, the split, and what is doubtful or wrong on purpose in them."""
    from gtzan_exp.basics.genres import labelled
    from gtzan_exp.evaluation.audit import doubts

    shapes = (" x ".join(map(str, array.shape)) for array in dataset.arrays.values())
    tracks = f"{len(set(dataset.tracks))} tracks, {len(dataset.skipped)} files skipped"
    yield f"data    {labelled(dataset.name, dataset.synthetic)}: {dataset.source}"
    yield f"view    {dataset.view}, {' and '.join(shapes)}, {tracks}"
    yield f"genres  {', '.join(dataset.classes)}"
    yield from (f"note    {note}" for note in (*dataset.notes, *split.notes))
    folds = list(zip(split.fold_names, split.folds, strict=True))
    for name, fold in folds[:_FOLDS]:
        sizes = (f"{part} {len(set(dataset.tracks[rows]))}" for part, rows in fold.parts())
        yield f"split   {split.name}, {name}: {', '.join(sizes)} tracks"
    if len(folds) > _FOLDS:
        yield f"        and {len(folds) - _FOLDS} more folds"
    yield from (f"doubt   {doubt}" for doubt in doubts(dataset, split))
    for kind, found in (("leaks", split.leaks), ("faults", dataset.faults)):
        if found:
            yield f"{kind:7} {', '.join(found)}, on purpose"


def shares(leaks: Audit, *, named: bool = False) -> Iterator[str]:
    """Yield a line for each kind of leak; `named` counts tracks, where only names are known."""
    from gtzan_exp.evaluation.audit import KINDS

    counts = leaks.found.groupby(["kind", "part", "other_part"]).size()
    yield "\nshared by            test, train   test, val   val, train"
    for kind in KINDS:
        if kind in leaks.unknown:
            yield f"  {kind:15} not known: {leaks.unknown[kind]}"
            continue
        pairs = (("test", "train"), ("test", "val"), ("val", "train"))
        test, by_val, val = (counts.get((kind, *pair), 0) for pair in pairs)
        unit = "rows" if kind == "duplicate" and not named else "tracks"
        yield f"  {kind:15} {leaks.shares[kind]:7.1%} {test:6} {by_val:11} {val:12}  {unit}"


def _twins(leaks: Audit) -> Iterator[str]:
    yield "\nin the data, however it is split"
    for kind in ("duplicate", "near_duplicate"):
        if kind in leaks.unknown:
            continue
        pairs = leaks.twins[leaks.twins["kind"] == kind].sort_values("same_genre", kind="stable")
        across = int((~pairs["same_genre"].astype(bool)).sum())
        yield f"  {kind:15} {len(pairs)} pairs, {across} across genres"
        sign = "=" if kind == "duplicate" else "~"
        for line in pairs.head(_SHOWN).itertuples():
            yield f"  {'':15} {line.id} {sign} {line.other_id}"


def first(leaks: Audit) -> Iterator[str]:
    """Yield the first few tracks that parts share."""
    if len(leaks.found):
        yield "\nfirst of what parts share (--csv FILE writes all)"
    for kind, lines in leaks.found.groupby("kind", sort=False):
        for n, line in enumerate(lines.head(_SHOWN).itertuples()):
            one, other = f"{line.part} {line.id}", f"{line.other_part} {line.other_id}"
            yield f"  {kind if n == 0 else '':15} {one}, {other}"
    yield ""

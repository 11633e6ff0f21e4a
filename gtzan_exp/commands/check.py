"""``gtzan-exp check``: evaluate the predictions of other code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from pydantic.dataclasses import dataclass

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.terminal import phase
from gtzan_exp.commands.arguments import composed_once, parse, taken
from gtzan_exp.commands.audit import first, shares
from gtzan_exp.data.pieces import Mode

if TYPE_CHECKING:
    import pandas as pd
    from omegaconf import DictConfig

    from gtzan_exp.evaluation.foreign import Checked

USAGE = """\
usage: gtzan-exp check PREDICTIONS [split=FILE] [artists=FILE] [OVERRIDE ...]

Say what the predictions of any code are worth: accuracy with its 95 % interval
(on new artists, where these are known), genre by genre, what the tested tracks
share with training, and the accuracy on those that share nothing.

Files are CSV with a header, or parquet. Columns, by any of these names:
  PREDICTIONS  track|filename|file|id  true|label|y_true
               predicted|prediction|y_pred
               and, where there are some: part|split (train, val, test), fold,
               artist|group, p_GENRE (probabilities)
  split=       track  part  and maybe fold: who was trained on, who tested
  artists=     track  artist: who made it

Without part and split= all rows are tested ones; a fold is then trained on what
the others test. Names of GTZAN and of its pieces are known in any spelling;
for them the lists in data.splits (GTZAN_ROOT/splits) tell artists and doubles.

Overrides (defaults first):
  pieces=auto|tracks|group     other names are pieces of tracks: where they say
                               so in words (song_part2), never, or where they
                               count too (song_2)
  data.splits=FOLDER           the published lists on GTZAN
  --csv FILE                   write all that parts share

Example:
  gtzan-exp check predictions.parquet split=split.csv artists=artists.csv
"""

_WIDTH = 80


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """The options of ``gtzan-exp check`` besides its files; see `USAGE`."""

    pieces: Mode = "auto"


def main(arguments: list[str]) -> int:
    flags = parse(arguments, csv="")
    files, splits, artists = taken(flags, "split", "artists")
    pieces, lists = composed_once(flags, _read, "check")
    if len(files) != 1:
        allowed, got = "one file of predictions", " ".join(files) or "no file"
        raise ConfigError(Mistake("command line", "nothing to check", allowed, got))

    from sklearn.metrics import classification_report

    from gtzan_exp.evaluation.foreign import check

    split, told = (Path(n[-1]).expanduser() if any(n[-1:]) else None for n in (splits, artists))
    phase("checking the predictions")
    checked = check(Path(files[0]).expanduser(), split, told, lists, pieces)
    if flags.csv and checked.leaks:
        found = checked.leaks.found.to_csv(index=False)
        Path(flags.csv).write_text(found, encoding="utf-8")
    print(*_facts(files[0], checked), "", sep="\n")
    tracks = checked.tracks
    genres = {"labels": sorted(set(tracks["true"])), "zero_division": 0, "digits": 3}
    print(classification_report(tracks["true"], tracks["predicted"], **genres), end="")
    if checked.leaks is None:
        print("\nleaks are not known: no training part is told (a column part, or split=FILE)")
    else:
        print(*shares(checked.leaks, named=True), *_apart(checked), sep="\n")
        print(*first(checked.leaks), sep="\n", end="")
    print(f"\n{_last(checked)}")
    return 0


def _read(config: DictConfig) -> tuple[Mode, Path | None]:
    """Return the option ``pieces`` and the folder of published lists."""
    from gtzan_exp.config.reading import option_names, reading

    with reading(config, ["data"], [*option_names(CheckSettings), "paths"]) as found:
        settings, data = found.settings(CheckSettings), found.object("data")
        if getattr(data, "root", None) is not None:
            found.mistakes.extend(data.mistakes())
    return getattr(settings, "pieces", "auto"), getattr(data, "splits", None)


def _facts(file: str, checked: Checked) -> Iterator[str]:
    rows, tracks, folds = checked.rows, checked.tracks, checked.split.folds
    many = f"tested {len(rows)} rows of {tracks['track'].nunique()} tracks"
    many += f", {rows['true'].nunique()} genres"
    yield f"file   {file}"
    yield many + (f", {len(folds)} folds" if len(folds) > 1 else "")
    if checked.leaks:
        parts = dict(folds[0].parts())
        sizes = ", ".join(f"{part} {len(set(rows))}" for part, rows in parts.items())
        yield f"split  {sizes} tracks" + (" in the first fold" if len(folds) > 1 else "")
    for kind, lines in (("note", checked.notes), ("doubt", checked.doubts)):
        for line in lines:
            yield from wrap(f"{kind:6} {line}", _WIDTH, subsequent_indent=" " * 7)
    yield ""
    if len(rows) > len(tracks):
        right = (rows["true"] == rows["predicted"]).mean()
        yield f"accuracy of rows    {right:.3f} of {len(rows)}"
    yield f"accuracy of tracks  {_accuracy(tracks, checked.share)}"


def _accuracy(tracks: pd.DataFrame, share: float) -> str:
    from gtzan_exp.evaluation.intervals import Answers, accuracy_interval

    found = accuracy_interval(Answers.of(tracks, share))
    by = f"{found.artists} artists" if found.artists else "artists are not known"
    return f"{found.value:.3f} of {found.n}, 95 %: {found.low:.2f}-{found.high:.2f} ({by})"


def _apart(checked: Checked) -> Iterator[str]:
    """Yield the accuracy on tracks that share anything with training, and on the others."""
    assert checked.leaks is not None
    known = checked.known
    if known.any() and checked.leaks.shares:
        yield "\naccuracy of tracks"
        for what, chosen in (("that share any of it", known), ("that share nothing", ~known)):
            if chosen.any():
                yield f"  {what:22} {_accuracy(checked.tracks[chosen], checked.share)}"


def _last(checked: Checked) -> str:
    from sklearn.metrics import f1_score

    from gtzan_exp.evaluation.intervals import Answers, accuracy_interval

    tracks = checked.tracks
    found = accuracy_interval(Answers.of(tracks, checked.share))
    macro = f1_score(tracks["true"], tracks["predicted"], average="macro", zero_division=0)
    leak = checked.leaks.text if checked.leaks else "?"
    return (
        f"accuracy={found.value:.4f} interval={found.low:.2f}-{found.high:.2f} "
        f"n={tracks['track'].nunique()} macro_f1={macro:.4f}\nleak={leak}"
    )

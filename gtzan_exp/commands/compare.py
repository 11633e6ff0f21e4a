"""``gtzan-exp compare``: recorded runs side by side."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.terminal import emit, phase, say
from gtzan_exp.commands.arguments import alone, composed_once, parse

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = """\
usage: gtzan-exp compare [--json] [OVERRIDE ...]

Print the recorded runs on one set of data: a line per split, view and model,
with the mean test accuracy of its runs, its 95 % interval and what leaks:
"artist 82%" says that for 82 % of the test tracks the artist is in training
too, "artist ?" that it is not known. The same "on" is the same test tracks.
Failed and unfinished runs are listed. Tests between models, accuracy by genre,
confusion matrices, learning curves, fit times and the tracks that all get wrong
go into compare.html, with compare.csv, .md and .json beside it, recorded as a
run. The last line names both.

Overrides (data= and tracking= as in gtzan-exp --help):
  models=[NAME,...]  views=[NAME,...]  splits=[NAME,...]  only runs of these
  metrics=[NAME,...]              further columns of the test part: [ece,brier]
  parent=RUN_ID                   only the runs of this sweep
  filter=TEXT                     of MLflow, as filter='"metrics.n_test > 100"'
  record=true|false               false: print the table alone
  output=FOLDER                   a new or empty folder; else below outputs/

A tag of a run, +tags.published=0.81, is printed beside its accuracy.

Example:
  gtzan-exp compare data=gtzan models=[logreg,svc] splits=[fault_filtered]
"""


def main(arguments: list[str]) -> int:
    from gtzan_exp.api import compare

    flags = parse(arguments, json=True)
    if flags.cfg:
        print(composed_once(flags, partial(_as_yaml, flags), "compare"), end="")
        return 0
    phase("reading the recorded runs")
    table = compare(*flags.overrides, **alone(flags), say=say, record=None)
    page = table.attrs.get("page")
    if flags.json:
        emit({"lines": table, **(vars(page) if page else {})})
    elif page is not None:
        say(f"\n{page}")
    return 0


def _as_yaml(flags: Namespace, config: DictConfig) -> str:
    """Return the output of ``--cfg job``; this command does not use the ``hydra`` node."""
    from omegaconf import OmegaConf

    if flags.cfg != "job":
        raise ConfigError(Mistake("--cfg", "is not for compare", "--cfg job", flags.cfg))
    return OmegaConf.to_yaml(config, resolve=flags.resolve)

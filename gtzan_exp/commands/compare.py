"""``gtzan-exp compare``: recorded runs side by side."""

from __future__ import annotations

from gtzan_exp.commands.arguments import parse

USAGE = """\
usage: gtzan-exp compare [OVERRIDE ...]

Print the recorded runs on one set of data as a table: a line per split, view and model, with the
mean test accuracy of its runs and its 95 % interval (the range, where there are several runs). What
leaks stands beside each number: "artist 82%" says that for 82 % of the test tracks the artist is in
the training part too. Runs on different splits (column "on") are different lines. Failed and
unfinished runs are listed.

Examples:
  gtzan-exp compare
  gtzan-exp compare data=gtzan
  gtzan-exp compare data=gtzan tracking=server tracking.uri=http://127.0.0.1:5000
"""


def main(arguments: list[str]) -> int:
    """Print the comparison of what the store holds."""
    from gtzan_exp.compose import composed
    from gtzan_exp.config import resolve_tracking
    from gtzan_exp.errors import DataError, Mistake
    from gtzan_exp.evaluation.compare import as_text, summary
    from gtzan_exp.genres import labelled
    from gtzan_exp.tracking.query import recorded_runs

    overrides = parse(arguments).overrides
    tracking = composed(overrides, resolve_tracking)
    runs = recorded_runs(tracking)
    if runs.empty:
        wanted = "an experiment with runs (data=NAME and tracking=NAME choose it)"
        raise DataError(Mistake(tracking.uri, "no recorded runs", wanted, tracking.experiment))
    title = labelled(tracking.experiment, set(runs["synthetic"]) == {"true"})
    finished = int((runs["status"] == "FINISHED").sum())
    print(f"{finished} finished runs in {title}\n")
    if finished:
        print(as_text(summary(runs)))
    for run in runs[runs["status"] != "FINISHED"].itertuples():
        print(f"{run.status}: {run.name} ({run.run_id})")
    return 0

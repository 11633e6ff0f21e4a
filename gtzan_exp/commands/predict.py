"""``gtzan-exp predict``: the genres of audio files, according to a recorded model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gtzan_exp.basics import terminal
from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.commands.arguments import composed_once, parse, taken

if TYPE_CHECKING:
    from gtzan_exp.tracking.predictor import Prediction

USAGE = """\
usage: gtzan-exp predict model=MODEL FILE ... [OVERRIDE ...]

Print the most probable genres of audio files (wav, aiff, au, flac, ogg, opus,
mp3) and of those in folders, prepared as the tracks of the model were. A file
longer than the tracks of prepare (31 s) is cut into windows of 30 s, and the
probabilities are averaged. A model of pictures that prepare did not draw, such
as the published ones, gets pictures of the most similar style. Files that
cannot be used get a line on the standard error and never stop the others; the
exit status is then 1.

MODEL is the id of a run, a URI of MLflow's (models:/NAME@challenger,
runs:/ID/NAME, where NAME is MODEL-VIEW-SPLIT), or a folder.

Overrides (defaults first):
  top=3                           how many genres of each file
  neighbours=0                    how many similar tracks of the run's data
  format=table|json|csv           (also --format json, or --json)
  trusted_types=[NAME,...]        classes of your own that may be loaded
  tracking=local|server           the store that a run is in

The model also serves, audio (base64) or rows of features, on this machine:
  MLFLOW_TRACKING_URI=sqlite:///mlruns/mlflow.db \\
    mlflow models serve -m runs:/ID/NAME --env-manager local

Example:
  gtzan-exp predict model=RUN_ID song.mp3 /my/music top=5
"""


def main(arguments: list[str]) -> int:
    flags = parse(arguments, json=True, format="")
    files, models = taken(flags, "model")
    wanted = "json" if flags.json else flags.format
    flags.overrides += [f"format={wanted}"] if wanted else []

    from gtzan_exp.predict.settings import audio_files, read_prediction
    from gtzan_exp.tracking.models import MODEL, find_logged

    settings, tracking = composed_once(flags, read_prediction, "predict")
    mistakes = []
    if len(models) != 1 or not models[0]:
        mistakes.append(Mistake("model", "not set", MODEL, " ".join(models) or "nothing"))
    if not files:
        mistakes.append(Mistake("command line", "nothing to predict", "FILE ...", "no file"))
    if settings.neighbours and settings.format == "csv":
        mistakes.append(Mistake("neighbours", "not in this format", "format=table|json", "csv"))
    if mistakes:
        raise ConfigError(mistakes)

    from gtzan_exp.predict.text import WRITERS, printable
    from gtzan_exp.tracking.predictor import Predictor

    terminal.phase("loading the model")
    model = find_logged(models[0], tracking, trusted=settings.trusted_types)
    predictor = Predictor.of(model, tracking, settings.neighbours)
    paths = audio_files(map(Path, files))
    failed: list[Mistake] = []

    def good() -> Iterator[Prediction]:
        for outcome in terminal.steps(predictor.files(paths), "predicting files", len(paths)):
            if isinstance(outcome, Mistake):
                failed.append(outcome)
                text = printable(" ".join(str(outcome).splitlines()))
                terminal.note(text, *terminal.ERROR)
            else:
                yield outcome

    for line in WRITERS[settings.format](predictor, good(), top=settings.top):
        print(line, flush=True)
    if failed:
        terminal.note(f"{len(failed)} of {len(paths)} files could not be used")
    return 1 if failed else 0

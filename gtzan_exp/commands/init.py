"""``gtzan-exp init``: write a small project of your own."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.config.files import packaged

USAGE = """\
usage: gtzan-exp init DIR

Write a small project into DIR, a new or empty folder: configs of a model, a
network, a view, a split and an experiment in conf/, the models in
my_models.py, a test that runs them, and README.md, which says how to go on.
All of it works at once, on the synthetic sample.

Example:
  gtzan-exp init my_project
"""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        got = " ".join(arguments) or "nothing"
        raise ConfigError(Mistake("init", "wants one folder", "gtzan-exp init DIR", got))
    folder = Path(arguments[0]).expanduser().absolute()
    _write(folder)
    print(f"{arguments[0]}: README.md says how to go on")
    return 0


def _write(folder: Path) -> None:
    """Write the project atomically: in a temporary folder beside it, which is then renamed."""
    if folder.exists() and next(folder.iterdir(), None) is not None:
        mistake = Mistake("init", "is not empty", "a new or empty folder", str(folder))
        raise ConfigError(mistake)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
        made = Path(place) / folder.name
        shutil.copytree(packaged("template"), made, ignore=shutil.ignore_patterns("__pycache__"))
        if not folder.exists():
            made.rename(folder)
            return
        for path in made.iterdir():  # it may be the working directory of a shell
            path.rename(folder / path.name)

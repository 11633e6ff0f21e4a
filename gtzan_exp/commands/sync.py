"""``gtzan-exp sync``: deliver the records that the store could not take."""

from pathlib import Path

from gtzan_exp.basics.errors import ConfigError, GtzanExpError, Mistake
from gtzan_exp.basics.places import checked_uri, masked
from gtzan_exp.basics.terminal import phase, report
from gtzan_exp.commands.arguments import parse

USAGE = """\
usage: gtzan-exp sync [--uri URI | --anew URI] [FOLDER ...]

Deliver to MLflow what runs could not, because the store did not answer. Each
such run left a file *.undelivered.json in its output folder. These are looked
for below the FOLDERs (outputs and multirun when none is given), delivered to
the store that they name, and removed. Sweeps that could not be closed are
closed; one whose console may still run, here or elsewhere, is left open.

What has been delivered is not delivered again, and sync may be stopped at any
moment. The exit status is 0 when nothing is left to deliver.

  --uri URI    where that store is now, if it has moved
  --anew URI   another store, which gets the runs as new ones

Example:
  gtzan-exp sync /scratch/my_sweep --uri http://127.0.0.1:5001
"""

_DEFAULT = ("outputs", "multirun")


def main(arguments: list[str]) -> int:
    flags = parse(arguments, uri="", anew="")
    folders = [Path(name) for name in flags.overrides]
    mistakes: list[Mistake] = []
    try:
        uri = flags.uri or flags.anew
        uri = checked_uri(uri) if uri else None
    except ValueError as error:
        mistakes.append(
            Mistake("--uri", "not a store", str(error), masked(flags.uri or flags.anew))
        )
    mistakes += [
        Mistake("sync", "no such folder", "folders in which runs left their output", str(folder))
        for folder in folders
        if not folder.is_dir()
    ]
    if mistakes:
        raise ConfigError(mistakes)
    phase("looking for records")
    from gtzan_exp.sweep.close import sync

    folders = folders or [Path(name) for name in _DEFAULT if Path(name).is_dir()]
    line, status = None, 0
    for line in sync([folder.absolute() for folder in folders], uri=uri, anew=bool(flags.anew)):
        if isinstance(line, GtzanExpError):
            status = 2
            report(line)
        else:
            print(line, flush=True)
    if line is None:
        print(f"nothing to deliver below {', '.join(map(str, folders)) or 'this folder'}")
    return status

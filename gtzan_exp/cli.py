"""The command ``gtzan-exp``: runs a subcommand and reports mistakes of the user in a line."""

import importlib
import os
import re
import sys
import traceback
from itertools import pairwise
from typing import NoReturn

from gtzan_exp import __version__
from gtzan_exp.basics import terminal
from gtzan_exp.basics.errors import ConfigError, GtzanExpError, Mistake, as_mistake, nearest
from gtzan_exp.basics.places import STORE_VARIABLES, refuse_secrets
from gtzan_exp.basics.process import end_at_last, end_soon, outlive_reader
from gtzan_exp.commands import COMMANDS

_ALONE = ("-m", "--multirun", "--json", "-r", "--resolve")  # flags without a value


def run() -> NoReturn:
    """Run the command line of this process, and exit."""
    outlive_reader()
    end_at_last()
    try:
        sys.exit(main())
    finally:
        end_soon()


def main(arguments: list[str] | None = None) -> int:
    """Run a command line (default: that of the process) and return its exit status.

    0 is success, 2 a mistake of the user or an error of the system or a dependency, 130 an
    interrupt. Any other error is a bug, and is raised with its traceback.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        named = (f"{key}={os.environ.get(key, '')}" for key in STORE_VARIABLES)
        refuse_secrets([*arguments, *named])
        terminal.for_scripts = "--json" in arguments
        name = _subcommand(arguments)
        command = importlib.import_module(f"gtzan_exp.commands.{name}")
        if {"-h", "--help"} & set(arguments):
            print(command.USAGE, end="")
            return 0
        if "--version" in arguments:
            print(f"gtzan-exp {__version__}")
            return 0
        with terminal.attended():
            return command.main(arguments)
    except Exception as error:
        found = error if isinstance(error, GtzanExpError) else as_mistake(error)
        if found is None:
            raise
        if os.environ.get("HYDRA_FULL_ERROR"):
            traceback.print_exc()
        terminal.report(found if isinstance(found, GtzanExpError) else GtzanExpError(found))
        return 2
    except KeyboardInterrupt:
        terminal.note("interrupted", "gtzan-exp: ", "bold red")
        return 130


def _subcommand(arguments: list[str]) -> str:
    """Remove the subcommand from `arguments` and return it; the default is train.

    It is the first word, or the name of a command that is not the value of the flag before it.
    """
    for place, (before, word) in enumerate(pairwise(["", *arguments])):
        if word in COMMANDS and (before[:1] != "-" or "=" in before or before in _ALONE):
            return arguments.pop(place)
    if arguments and re.fullmatch(r"\w+", arguments[0]):
        word = arguments[0]
        allowed = f"{', '.join(COMMANDS)}, or an override (key=value)"
        raise ConfigError(
            Mistake("command line", f"unknown command{nearest(word, COMMANDS)}", allowed, word)
        )
    return "train"

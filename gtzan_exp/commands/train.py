"""``gtzan-exp [train]``: train, evaluate and record one cell, or every cell of a sweep."""

import os
import re
from collections.abc import Iterable
from textwrap import wrap

from gtzan_exp.basics.errors import ConfigError, Mistake
from gtzan_exp.basics.terminal import emit
from gtzan_exp.commands import COMMANDS
from gtzan_exp.commands.arguments import files, parse
from gtzan_exp.config.files import choices


def _choice(group: str, names: Iterable[str], what: str) -> str:
    """Return the lines of the help on the choices of a group and their purpose."""
    text = f"{group}={'| '.join(names)}"  # lines break at the spaces, which are removed
    lines = wrap(text, 78, initial_indent="  ", subsequent_indent="      ")
    *lines, last = [line.replace("| ", "|") for line in lines]
    lines += [f"{last:<33} {what}"] if len(last) < 34 else [last, f"{'':<33} {what}"]
    return "\n".join(lines)


USAGE = f"""\
usage: gtzan-exp [train] [OVERRIDE ...]   train, evaluate and record one cell
       gtzan-exp -m OVERRIDE ...          the same for every cell of a sweep
       gtzan-exp COMMAND [OVERRIDE ...]   prepare: views of your own audio
                                          explore: look at tracks or a data set
                                          validate: check config and data only
                                          audit: what test and training share
                                          check: the predictions of other code
                                          compare: recorded runs side by side
                                          predict: genres of audio by a model
                                          sync: deliver what a server missed
                                          ui: MLflow's pages on this machine
                                          init: a small project of your own

An override GROUP=NAME chooses a file, GROUP.OPTION=VALUE sets an option:
{_choice("data", choices("data"), "where the tracks are (sample is synthetic)")}
{_choice("view", choices("view"), "what the model sees")}
{_choice("model", choices("model"), "what learns; not every one on every view")}
{_choice("split", choices("split"), "who is in train and test")}
{_choice("trainer", choices("trainer"), "how networks are fitted")}
{_choice("tracking", choices("tracking"), "where runs are recorded")}
{_choice("experiment", [*choices("experiment"), "notebook/..."], "a named cell")}
{_choice("-m +sweep", [*choices("sweep"), "hpo/MODEL"], "a named sweep, or a search of options")}
  seed=0  name=TEXT  +tags.KEY=TEXT  skip_finished=true

Examples:
  gtzan-exp
  gtzan-exp data=gtzan data.root=/my/GTZAN view=spectrograms model=cnn2d
  gtzan-exp -m model=logreg,svc,xgboost seed=0,1,2

--json prints the result as JSON, --cfg job the composed config, COMMAND --help
explains a command, HYDRA_FULL_ERROR=1 shows tracebacks. Completion in bash:
  eval "$(gtzan-exp -sc install=bash)"
"""


def main(arguments: list[str]) -> int:
    from gtzan_exp import api

    flags = parse(arguments, json=True)
    inspects = flags.cfg or flags.info or flags.hydra_help or flags.shell_completion
    if flags.shell_completion:
        _prepare_completion(flags.overrides)
    if flags.multirun and inspects:
        allowed = "one of them: without --multirun (-m) they show the config of one run"
        got = " ".join(arguments)
        raise ConfigError(Mistake("--multirun", "cannot go with --cfg or --info", allowed, got))
    if flags.multirun:
        swept = api.sweep(*flags.overrides, **files(flags), console=True)
        if flags.json:
            emit({**vars(swept), "jobs": swept.jobs})
        return 0 if swept.status == "FINISHED" else 1
    if inspects or flags.resolve or flags.config_path or flags.experimental_rerun:
        from gtzan_exp.config.hydra_session import hydra_main

        hydra_main([word for word in arguments if word != "--json"], api.run_here)
        return 0
    result = api.run(*flags.overrides, **files(flags), console=True)
    if flags.json:
        names = ("run_id", "output", "skipped", "undelivered", "leak", "metrics")
        emit({name: getattr(result, name) for name in names})
    return 0 if result.undelivered is None else 1


def _prepare_completion(request: list[str]) -> None:
    """Complete the subcommand, and hide it from Hydra, which completes only overrides."""
    allowed = "install|uninstall|query=bash|fish|zsh"
    text = " ".join(request)
    if not re.fullmatch(r"(install|uninstall|query)=(bash|fish|zsh)", text):
        raise ConfigError(Mistake("--shell-completion", "what to do?", allowed, text or "nothing"))
    program, _, rest = os.environ.get("COMP_LINE", "gtzan-exp ").partition(" ")
    word, space, others = rest.lstrip().partition(" ")
    if space and word in COMMANDS:
        rest = others
    elif text.startswith("query=") and not space:
        print(*(name for name in COMMANDS if name.startswith(word)), sep="\n")
    os.environ["COMP_LINE"] = f"{program} {rest.lstrip()}"

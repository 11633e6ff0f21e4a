"""``gtzan-exp [train]``: train, evaluate and record one cell, or every cell of a sweep."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gtzan_exp.commands.arguments import parse

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = """\
usage: gtzan-exp [train] [OVERRIDE ...]    train, evaluate and record one cell
       gtzan-exp -m OVERRIDE ...           the same for every cell of a sweep
       gtzan-exp COMMAND [OVERRIDE ...]    validate: check config and data, train nothing
                                           compare: print recorded runs side by side
                                           ui: open MLflow's pages on this machine

An override GROUP=NAME chooses a file of the configuration, GROUP.OPTION=VALUE sets an option:
  data=sample|gtzan|folder        where the tracks are (sample is synthetic)
  view=features|spectrograms      what the model sees
  model=logreg|linear_svc|svc|mlp|xgboost         on either view
        cnn1d                     on features
        cnn2d|cnn2d_leaky|alexnet on spectrograms
  split=holdout|seed              who is in train and test
  trainer=default|smoke|seed      how networks are fitted
  tracking=local|server           where runs are recorded
  experiment=smoke|seed/...       a named cell           +sweep=smoke|seed_table  a named sweep
  seed=0  name=TEXT  +tags.KEY=TEXT

Examples:
  gtzan-exp
  gtzan-exp data=gtzan data.root=/my/GTZAN view=spectrograms model=cnn2d
  gtzan-exp -m model=logreg,svc,xgboost seed=0,1,2

--cfg job prints the composed config. gtzan-exp COMMAND --help explains a command.
HYDRA_FULL_ERROR=1 shows tracebacks. eval "$(gtzan-exp -sc install=bash)" completes in bash.
"""


def main(arguments: list[str]) -> int:
    """Check the command line, then hand it to Hydra."""
    flags = parse(arguments)
    informs_only = flags.cfg or flags.info or flags.shell_completion or flags.hydra_help
    if not informs_only:
        from gtzan_exp.compose import check

        check(
            flags.overrides,
            multirun=flags.multirun,
            config_dir=flags.config_dir,
            config_name=flags.config_name,
        )
    _hydra_main(arguments)
    return 0


def job(config: DictConfig) -> None:
    """Run one job of Hydra's; the last line that it prints is the result."""
    from hydra.core.hydra_config import HydraConfig

    from gtzan_exp.runner import run

    print(run(config, Path(HydraConfig.get().runtime.output_dir)), flush=True)


def _hydra_main(arguments: list[str]) -> None:
    import hydra

    from gtzan_exp.config import conf_folder, register

    register()
    decorate = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
    before = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["gtzan-exp", *arguments]
    # Hydra would print errors its own way; with this they come out for `cli.main` to report.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        decorate(job)()
    finally:
        sys.argv = before[0]
        if before[1] is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before[1]

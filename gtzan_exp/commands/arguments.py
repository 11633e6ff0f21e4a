"""Hydra's command-line flags, parsed by Hydra's own parser."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeVar

from gtzan_exp.basics.errors import ConfigError, Mistake

if TYPE_CHECKING:
    from omegaconf import DictConfig

T = TypeVar("T")


def parse(arguments: Sequence[str], *, json: bool = False, **options: str) -> Namespace:
    """Return Hydra's flags and the overrides of a command line.

    With `json` there is the flag ``--json``. `options` are further flags and their defaults, for
    example ``port="5000"`` for ``--port``. Raises `ConfigError` if a flag is unknown or lacks its
    value.
    """
    from gtzan_exp.config.hydra_session import get_args_parser

    def fail(message: str) -> NoReturn:
        allowed = "overrides (key=value) and the flags that --help and --hydra-help name"
        raise ConfigError(Mistake("command line", message, allowed, " ".join(arguments)))

    parser = get_args_parser()
    parser.allow_abbrev = False
    parser.error = fail  # type: ignore[method-assign]  # argparse would exit
    if json:
        parser.add_argument("--json", action="store_true")
    for name, default in options.items():
        parser.add_argument(f"--{name}", default=default)
    flags = parser.parse_intermixed_args(list(arguments))
    flags.config_name = flags.config_name or "config"
    return flags


def taken(flags: Namespace, *names: str) -> list[list[str]]:
    """Take the files and the values of `names` out of the overrides; return a list for each."""
    found: dict[str, list[str]] = {"": [], **{name: [] for name in names}}
    rest: list[str] = []
    for word in flags.overrides:
        name, _, value = word.partition("=")
        if "=" not in word.partition("/")[0] or os.path.exists(word):
            found[""].append(word)
        else:
            found.get(name, rest).append(value if name in found else word)
    flags.overrides = rest
    return list(found.values())


def composed_once(
    flags: Namespace, read_config: Callable[[DictConfig], T], config_name: str | None = None
) -> T:
    """Compose the one config that a command line describes, and read it; see `composed`."""
    from gtzan_exp.config.compose import composed

    options = {**alone(flags), "config_name": config_name or flags.config_name}
    return composed(flags.overrides, read_config, **options)


def alone(flags: Namespace) -> dict[str, str]:
    """Return the folder of configs of a command line; refuse ``--multirun``."""
    if flags.multirun:
        allowed = "train and validate with it, other commands without"
        raise ConfigError(Mistake("--multirun", "is not for this command", allowed, "-m"))
    return {"config_dir": flags.config_dir}


def files(flags: Namespace) -> dict[str, str]:
    """Return the flags that name a folder of configs and a config, as `composed` takes them."""
    return {"config_dir": flags.config_dir, "config_name": flags.config_name}

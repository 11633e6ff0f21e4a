"""Hydra's own command-line flags, read the way Hydra reads them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence


def parse(arguments: Sequence[str]) -> Namespace:
    """Return Hydra's flags and the overrides of a command line.

    The namespace has, among others, ``overrides``, ``multirun``, ``config_dir`` and
    ``config_name`` (``config`` when not given).
    """
    from hydra._internal.utils import get_args_parser

    flags = get_args_parser().parse_args(list(arguments))
    flags.config_name = flags.config_name or "config"
    return flags

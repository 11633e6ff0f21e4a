"""From a config to checked objects: one way for every command, with all mistakes at once."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from omegaconf import DictConfig

from gtzan_exp.basics.checks import checked, once, plain, unknown
from gtzan_exp.basics.errors import ConfigError, Mistake

_METHODS = {
    "data": "folder",
    "view": "load",
    "split": "split",
    "trainer": "needs_validation",
    "model": "fit",
    "tracking": "client",
}


@dataclass(frozen=True)
class Reading:
    """A config that is being read.

    Parameters
    ----------
    node : dict
        What it holds, resolved, as plain data.
    mistakes : list of Mistake
        What is wrong with it, as far as it has been read.
    """

    node: dict[str, Any]
    mistakes: list[Mistake]

    def object(self, group: str) -> Any:
        """Return what the node of a group describes, or None and its mistakes."""
        return object_of(self.node.get(group), group, self.mistakes)

    def settings(self, target: type) -> Any:
        """Return the options at the top as a pydantic dataclass, or None and its mistakes."""
        return checked(target, self.own(target), "", self.mistakes)

    def own(self, target: type) -> dict[str, Any]:
        """Return the options at the top that are fields of a dataclass."""
        return {name: self.node[name] for name in option_names(target) if name in self.node}


@contextmanager
def reading(
    config: DictConfig,
    groups: Sequence[str],
    options: Sequence[str],
    mistakes: Iterable[Mistake] = (),
) -> Iterator[Reading]:
    """Read a config, and raise all that was found wrong with it in the end.

    Parameters
    ----------
    config : DictConfig
    groups : sequence of str
        Groups that it has to have.
    options : sequence of str
        What else may stand at its top.
    mistakes : iterable of Mistake
        What has been found before.

    Raises
    ------
    ConfigError
        With every mistake, the first of each place.
    """
    found = list(mistakes)
    node = plain(config, found)
    found += unknown(node, [*options, *groups], "")
    found += [
        Mistake(name, "not set", f"{name}=NAME", "nothing")
        for name in groups
        if node.get(name) is None
    ]
    yield Reading(node, found)
    if found:
        raise ConfigError(once(found))


def option_names(target: type) -> list[str]:
    """Return the names of the fields of a dataclass."""
    return [field.name for field in fields(target)]


def object_of(node: Any, where: str, mistakes: list[Mistake]) -> Any:
    """Return the pydantic dataclass that a node names, checked, or None and its mistakes."""
    if not isinstance(node, Mapping):
        return None
    target = class_of(node.get("_target_"), where, mistakes)
    if target is None:
        return None
    arguments = {
        key: _with_objects(value, f"{where}.{key}", mistakes)
        for key, value in node.items()
        if key != "_target_"
    }
    try:
        return checked(target, arguments, where, mistakes)
    except TypeError as error:
        allowed = str(inspect.signature(target))
        mistakes.append(Mistake(where, "arguments do not fit", allowed, str(error)))
    return None


def _with_objects(value: Any, where: str, mistakes: list[Mistake]) -> Any:
    """Return an option; nodes in it that name a class of the same group are objects."""
    if not isinstance(value, Mapping):
        return value
    if "_target_" in value:
        return object_of(value, where, mistakes)
    return {key: _with_objects(inner, f"{where}.{key}", mistakes) for key, inner in value.items()}


def class_of(path: Any, where: str, mistakes: list[Mistake]) -> Any:
    """Return the class of that dotted name, with the method that its group calls, or None."""
    if not isinstance(path, str) or "." not in path:
        mistakes.append(
            Mistake(f"{where}._target_", "not a class", "package.module.Class", repr(path))
        )
        return None
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        mistakes.append(
            Mistake(
                f"{where}._target_", "cannot be imported", "an installed class", f"{path} ({error})"
            )
        )
        return None
    method = _METHODS.get(where.partition(".")[0], "__init__")
    if not isinstance(found, type) or not hasattr(found, method):
        mistakes.append(
            Mistake(f"{where}._target_", "does not fit", f"a class with {method!r}", path)
        )
        return None
    return found

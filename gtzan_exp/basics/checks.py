"""From plain options to checked objects, with all mistakes collected."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from importlib.util import find_spec
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ArgsKwargs

from gtzan_exp.basics.errors import Mistake, nearest, one_line
from gtzan_exp.basics.places import masked

MAX_MISTAKES = 10
Find = Callable[[Any, str, list[Mistake]], Any]
_folders: list[str] = []  # of the user's own modules


def nodes(config: DictConfig, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the unresolved node of every entry, recursively."""
    for key, node in config.items_ex(resolve=False):
        yield f"{prefix}{key!s}", node
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            yield from nodes(node, f"{prefix}{key!s}.")


def as_dict(config: DictConfig, *, resolve: bool = True) -> dict[str, Any]:
    found = OmegaConf.to_container(config, resolve=resolve)
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def plain(config: DictConfig, mistakes: list[Mistake]) -> dict[str, Any]:
    """Return `config` resolved, as plain data; append what cannot be resolved to `mistakes`."""
    config = config.copy()
    OmegaConf.set_struct(config, False)
    for key in [key for key, node in nodes(config) if isinstance(node, str) and node == "???"]:
        mistakes.append(not_set(key))
        OmegaConf.update(config, key, None)
    found: dict[str, Any] = {}
    for name in config:
        try:
            value = config[name]
            is_node = OmegaConf.is_config(value)
            found[str(name)] = OmegaConf.to_container(value, resolve=True) if is_node else value
        except OmegaConfBaseException as error:
            mistakes.append(unresolved(str(name), error))
    return found


def unresolved(where: str, error: OmegaConfBaseException) -> Mistake:
    reason = str(error).splitlines()[0]
    return Mistake(where, "cannot be resolved", "references to options that exist", reason)


def unknown(
    node: Iterable[object], known: Sequence[str], where: str, of: str = "", more: Sequence[str] = ()
) -> list[Mistake]:
    """Return a mistake for each key of `node`, at the option `where`, that is not `known`."""
    allowed = ", ".join((*more, *known))
    found = {key: _join(where, key) for key in map(str, node) if key not in known}
    return [
        Mistake(option, f"unknown option{of}{nearest(key, known)}", allowed, option)
        for key, option in found.items()
    ]


def not_set(option: str, value: str = "VALUE") -> Mistake:
    return Mistake(option, "not set", f"{option}={value}", "nothing")


def checked(target: type, arguments: Mapping[str, Any], where: str, mistakes: list[Mistake]) -> Any:
    """Return ``target(**arguments)`` of a pydantic dataclass at the option `where`, or None."""
    parameters = inspect.signature(target).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        mistakes += unknown(arguments, list(parameters), where)
    try:
        return target(**arguments)
    except ValidationError as error:
        found = [_mistake(detail, where) for detail in error.errors()]
        for first in once(found):  # of a union each alternative is a mistake
            same = (o.allowed for o in found if (o.where, o.got) == (first.where, first.got))
            mistakes.append(replace(first, allowed=" or ".join(dict.fromkeys(same))))
    return None


def object_of(node: Any, where: str, mistakes: list[Mistake], find: Find) -> Any:
    """Return the pydantic dataclass that a node names in ``_target_``, or None and its mistakes.

    Nested nodes with a ``_target_`` become objects too; `find` is `imported`, or a stricter one.
    """
    target = find(node.get("_target_"), where, mistakes)
    if target is None:
        return None
    options = {key: value for key, value in node.items() if key != "_target_"}
    try:
        arguments = with_objects(options, where, mistakes, find)
        return checked(target, arguments, where, mistakes)
    except TypeError as error:
        allowed = str(inspect.signature(target))
        mistakes.append(Mistake(where, "arguments do not fit", allowed, str(error)))
    return None


def as_node(value: Any) -> Any:
    """Return the plain data of which `object_of` makes a dataclass, nested ones included."""
    if isinstance(value, Mapping):
        return {key: as_node(inner) for key, inner in value.items()}
    if not is_dataclass(value):
        return TypeAdapter(Any).dump_python(value, mode="json")
    kind = type(value)
    options = {field.name: as_node(getattr(value, field.name)) for field in fields(value)}
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **options}


def with_objects(value: Any, where: str, mistakes: list[Mistake], find: Find) -> Any:
    """Return plain data in which nodes with a ``_target_`` are replaced by objects, recursively."""
    if isinstance(value, list):
        return [with_objects(each, f"{where}[{n}]", mistakes, find) for n, each in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    if "_target_" in value:
        return object_of(value, where, mistakes, find)
    return {k: with_objects(v, f"{where}.{k}", mistakes, find) for k, v in value.items()}


def imported(path: Any, where: str, mistakes: list[Mistake]) -> Any:
    """Return the object with a dotted name, or None and a mistake."""
    where = f"{where}._target_"
    if not isinstance(path, str) or "." not in path:
        mistakes.append(Mistake(where, "not a class", "package.module.Class", repr(path)))
        return None
    module, _, name = path.rpartition(".")
    look_for(module)
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a module of the user's own raises
        allowed = "an installed class, or one of a module here or beside --config-dir"
        got = f"{path} ({one_line(error)})"
        mistakes.append(Mistake(where, "cannot be imported", allowed, got))
    return None


def only_from(*packages: str, trusted: Sequence[str] | None = None) -> Find:
    """Return `imported` for classes of some packages alone, and those of `trusted_types`."""

    def find(path: Any, where: str, mistakes: list[Mistake]) -> Any:
        if path in (trusted or ()) or str(path).startswith(packages):
            found = imported(path, where, mistakes)
            home = getattr(found, "__module__", "") if isinstance(found, type) else ""
            if found is None or path in (trusted or ()) or home.startswith(packages):
                return found
        allowed = " or ".join(f"a class of {package.rstrip('.')}" for package in packages)
        allowed += "" if trusted is None else ", or one in trusted_types (after reviewing it)"
        mistakes.append(Mistake(where, "names a class that is not trusted", allowed, str(path)))
        return None

    return find


def once(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return the first mistake for each `Mistake.where`."""
    first: dict[str, Mistake] = {}
    for mistake in mistakes:
        first.setdefault(mistake.where, mistake)
    return list(first.values())


def shorten(mistakes: Sequence[Mistake], where: str, total: int | None = None) -> list[Mistake]:
    """Keep the first `MAX_MISTAKES`, and count the rest (of `total`) in another one at `where`."""
    total = len(mistakes) if total is None else total
    if total <= MAX_MISTAKES:
        return list(mistakes)
    more = total - MAX_MISTAKES
    return [*mistakes[:MAX_MISTAKES], Mistake(where, "more of the same", "none", f"{more} more")]


def _mistake(detail: Mapping[str, Any], where: str) -> Mistake:
    option = _join(where, detail["loc"][0]) if detail["loc"] else where or "command line"
    if detail["type"] == "missing":
        return not_set(option)
    allowed = re.sub(r"^(\w+ should (be|have)|Value error,) ", "", detail["msg"])
    allowed = re.split(r", unable to parse| after validation", allowed)[0]
    got = detail["input"]
    if isinstance(got, ArgsKwargs):
        text = ", ".join(f"{key}={value}" for key, value in (got.kwargs or {}).items())
        return Mistake(option, "options do not fit", allowed, text)
    return Mistake(option, "not a valid value", allowed, masked(repr(got)))


def _join(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def own_folders() -> tuple[str, ...]:
    """Return the folders of `look_in`, for use in workers."""
    return tuple(_folders)


def look_in(*folders: str) -> None:
    """Set further folders for modules that the user names, without searching them yet."""
    _folders[:] = dict.fromkeys(folders)


def look_for(module: str) -> None:
    """Append the folders of `look_in` to ``sys.path`` if a module is not found otherwise.

    Installed modules come first, and folders are not searched unless the user names a module.
    """
    name = module.partition(".")[0]
    if name and name not in sys.modules and find_spec(name) is None:
        sys.path.extend(folder for folder in _folders if folder not in sys.path)

"""What MkDocs calls to write the reference of the options from the configuration itself."""

from __future__ import annotations

import ast
import inspect
import itertools
import types
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from griffe import Docstring, DocstringSectionKind

CONF = Path(__file__).parents[1] / "conf"
GROUPS = ("data", "view", "split", "model", "trainer", "embedder", "tracking")
_FIXED = ("name", "gives", "synthetic")  # fields that are no options
TOKEN = "<!-- options -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the options of every group in place of the token."""
    return markdown.replace(TOKEN, "\n".join(_options())) if TOKEN in markdown else markdown


def _options() -> list[str]:
    lines = []
    for group in GROUPS:
        files = sorted((CONF / group).glob("*.yaml"))
        if files:
            lines += [f"## {group}", ""]
        for path in files:
            lines += _choice(group, path)
    return lines


def _choice(group: str, path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    node = yaml.safe_load(text) or {}
    said = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    said = [line for line in said if not line.startswith("@package")]
    lines = [f"### {group}={path.stem}", "", " ".join(said[1:]), ""]
    target = node.pop("_target_", None)
    inherited = [name for name in node.pop("defaults", []) if isinstance(name, str)]
    if inherited:
        lines += [
            f"The options of {', '.join(f'`{group}={name}`' for name in inherited)}, and:",
            "",
        ]
    known = _described(target) if target else {}
    if group == "model":
        known = _described("gtzan_exp.models.build.ModelSpec") | known
    if target:
        lines += [f"`{target}`", ""]
    names = [name for name in dict.fromkeys([*node, *known]) if name not in _FIXED]
    if names:
        lines += ["| option | default | type | meaning |", "| --- | --- | --- | --- |"]
    for name in names:
        kind, meaning, default = known.get(name, ("", "", ""))
        value = node.get(name, default)
        shown = {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))
        cells = (f"`{name}`", f"`{shown}`" if value != "" else "", kind, meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [*lines, ""]


def _described(target: str) -> dict[str, tuple[str, str, Any]]:
    """Return type, meaning and default of the arguments that a class documents, by name.

    In the section of parameters of a docstring, or by a comment on or above a field.
    """
    module, _, name = target.rpartition(".")
    found = getattr(import_module(module), name)
    signature = inspect.signature(found).parameters
    described: dict[str, tuple[str, str]] = {}
    for owner in reversed(found.__mro__):
        if is_dataclass(owner):
            described |= _fields(owner)
        text = inspect.cleandoc(owner.__doc__ or "")
        for section in Docstring(text).parse("numpy", warnings=False):
            if section.kind is DocstringSectionKind.parameters:
                for item in section.value:
                    meaning = " ".join(item.description.split("\n\n")[0].split())
                    said = (str(item.annotation or ""), meaning)
                    described |= dict.fromkeys(item.name.split(", "), said)
    empty = inspect.Parameter.empty
    return {
        name: (*said, "" if signature[name].default is empty else signature[name].default)
        for name, said in described.items()
        if name in signature and name not in _FIXED
    }


def _fields(owner: type) -> dict[str, tuple[str, str]]:
    """Return the type and the comment of each field that a class itself declares."""
    lines = inspect.getsource(owner).splitlines()
    hints = get_type_hints(owner)
    found = {}
    for node in ast.parse("\n".join(lines)).body[0].body:  # type: ignore[attr-defined]
        if isinstance(node, ast.AnnAssign) and get_origin(hints[node.target.id]) is not ClassVar:
            above = itertools.takewhile(_is_comment, reversed(lines[: node.lineno - 1]))
            beside = lines[node.end_lineno - 1][node.end_col_offset :]
            said = [line.strip().removeprefix("# ") for line in (*reversed([*above]), beside)]
            text = " ".join(filter(None, said))
            found[node.target.id] = (_kind(hints[node.target.id]), text[:1].upper() + text[1:])
    return found


def _is_comment(line: str) -> bool:
    return line.strip().startswith("# ")


def _kind(hint: Any) -> str:
    """Return a type in words."""
    if isinstance(hint, (types.UnionType, type(Union[int, str]))):  # noqa: UP007
        return " or ".join(_kind(of) for of in get_args(hint))
    if get_origin(hint) is Literal:
        return ", ".join(map(str, get_args(hint)))
    if get_origin(hint) is tuple:
        return f"list of {_kind(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return "dict of {} to {}".format(*map(_kind, get_args(hint)))
    return {Any: "", type(None): "null"}.get(hint) or hint.__name__

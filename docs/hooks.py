"""What MkDocs calls to write the reference of the options from the configuration itself."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from griffe import Docstring, DocstringSectionKind

CONF = Path(__file__).parents[1] / "conf"
GROUPS = ("data", "view", "split", "model", "trainer", "embedder", "tracking")
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
    if target:
        lines += [f"`{target}`", ""]
    names = [name for name in dict.fromkeys([*node, *known]) if name != "name"]
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
    """Return type, meaning and default of the arguments that a class documents, by name."""
    module, _, name = target.rpartition(".")
    found = getattr(import_module(module), name)
    signature = inspect.signature(found).parameters
    described = {}
    for owner in reversed(found.__mro__):
        text = inspect.cleandoc(owner.__doc__ or "")
        for section in Docstring(text).parse("numpy", warnings=False):
            if section.kind is not DocstringSectionKind.parameters:
                continue
            for item in section.value:
                for one in item.name.split(", "):
                    if one in signature:
                        default = signature[one].default
                        default = "" if default is inspect.Parameter.empty else default
                        meaning = " ".join(item.description.split("\n\n")[0].split())
                        described[one] = (str(item.annotation or ""), meaning, default)
    return described

"""From keyword arguments to Hydra overrides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from numbers import Number
from typing import Any

_PLAIN = r"(?!(?:true|false|null|nan|inf)$)[A-Za-z_][\w./-]*"
_NOT_THERE_YET = ("sweep", "tags.")


def as_overrides(
    given: Iterable[str], keywords: Mapping[str, Any], *, sweep: bool = False
) -> list[str]:
    """Return the given overrides and those of the keywords.

    ``model="svc"`` is ``model=svc``; a mapping sets options of a group: ``model={"C": 3}`` is
    ``model.C=3``. In a sweep, a list or a range holds the values to try.
    """
    overrides = [*map(str, given)]
    for key, value in _options(keywords):
        is_choice = sweep and isinstance(value, list | tuple | range)
        text = ",".join(map(_text, value)) if is_choice else _text(value)
        overrides.append(f"{'+' if key.startswith(_NOT_THERE_YET) else ''}{key}={text}")
    return overrides


def _options(keywords: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in keywords.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _text(value: Any) -> str:
    """Return a value in Hydra's grammar, with ambiguous text quoted."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_text(key)}:{_text(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple | range):
        return f"[{','.join(map(_text, value))}]"
    text = str(value)
    if re.fullmatch(_PLAIN, text, re.I):
        return text
    quoted = re.sub(r"(\\*)'", r"\1\1\'", text)
    return "'" + re.sub(r"(\\+)$", r"\1\1", quoted) + "'"

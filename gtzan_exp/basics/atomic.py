"""Atomic writes: a reader finds either the old or the new content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from gtzan_exp.basics.errors import DataError, Mistake, one_line
from gtzan_exp.basics.opening import read_bytes

T = TypeVar("T")


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write a file atomically; a `private` one, which may hold a password, for the user only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600 if private else 0o666)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def write_object(path: Path, kept: object) -> None:
    """Write a dataclass for `read_object`, in a file readable by the user only."""
    from pydantic import TypeAdapter

    content = TypeAdapter(type(kept)).dump_python(kept, mode="json")
    write_text(path, json.dumps(content, indent=1), private=True)  # pydantic's own JSON lacks NaN


def overwrite(path: Path, kept: object) -> None:
    """Write a dataclass for `read_object` in place; `ValueError` where the file is too small."""
    from pydantic import TypeAdapter

    content = json.dumps(TypeAdapter(type(kept)).dump_python(kept, mode="json")).encode()
    size = path.stat().st_size
    if len(content) > size:
        raise ValueError(f"{len(content)} bytes do not fit into {size}")
    with path.open("r+b") as file:
        file.write(content.ljust(size))


def read_object(kind: type[T], path: Path, allowed: str) -> T:
    """Return the dataclass that `write_object` wrote; `allowed` describes it in a `DataError`."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(read_bytes(path))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        got = f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
        raise DataError(Mistake(str(path), "cannot be read", allowed, got)) from error
    except OSError as error:
        raise DataError(Mistake(str(path), "cannot be read", allowed, one_line(error))) from error

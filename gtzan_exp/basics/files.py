"""Files: opened if they are regular, written atomically, and folders with one writer."""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from gtzan_exp.basics.errors import ConfigError, DataError, Mistake, one_line

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
T = TypeVar("T")
_LOCK = ".writing.lock"


def opened(path: Path | str) -> BufferedReader:
    """Open a file for reading; `OSError` also for a FIFO, a device, a socket, or a link to one."""
    kind = _KINDS.get(stat.S_IFMT(os.stat(path).st_mode))
    if kind is not None:
        raise OSError(errno.EINVAL, f"is {kind} and not a file", str(path))
    return open(path, "rb")


def read_bytes(path: Path | str) -> bytes:
    """Return the content of a file; raises as `opened` does."""
    with opened(path) as file:
        return file.read()


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
    content = TypeAdapter(type(kept)).dump_python(kept, mode="json")
    write_text(path, json.dumps(content, indent=1), private=True)  # pydantic's own JSON lacks NaN


def overwrite(path: Path, kept: object) -> None:
    """Write a dataclass for `read_object` in place; `ValueError` where the file is too small."""
    content = json.dumps(TypeAdapter(type(kept)).dump_python(kept, mode="json")).encode()
    size = path.stat().st_size
    if len(content) > size:
        raise ValueError(f"{len(content)} bytes do not fit into {size}")
    with path.open("r+b") as file:
        file.write(content.ljust(size))


def read_object(kind: type[T], path: Path, allowed: str) -> T:
    """Return the dataclass that `write_object` wrote; `allowed` describes it in a `DataError`."""
    try:
        return TypeAdapter(kind).validate_json(read_bytes(path))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        got = f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
        raise DataError(Mistake(str(path), "cannot be read", allowed, got)) from error
    except OSError as error:
        raise DataError(Mistake(str(path), "cannot be read", allowed, one_line(error))) from error


@contextmanager
def claimed(folder: Path, where: str) -> Iterator[Path]:
    """Make the folder of the option `where` and lock it for writing, re-entrantly in a process."""

    def refuse(what: str, got: object) -> ConfigError:
        return ConfigError(Mistake(where, what, "another folder, that can be written", str(got)))

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.resolve() / _LOCK, is_singleton=True).acquire(timeout=0)
    except Timeout:
        raise refuse("another run or sweep writes there", folder) from None
    except OSError as error:
        raise refuse("cannot be made or written", error) from error
    with lock:
        yield folder

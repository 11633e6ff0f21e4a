"""Hashes that identify data, splits and runs."""

import hashlib
import itertools
from collections.abc import Iterable

_PIECES = 10_000


def digest(*pieces: object) -> str:
    """Return 16 hexadecimal digits that identify `pieces` by their text."""
    return digest_all(pieces)


def digest_all(pieces: Iterable[object]) -> str:
    """Return the `digest` of many pieces, consumed in blocks."""
    found, pieces, separator = hashlib.sha256(), iter(pieces), ""
    while some := list(itertools.islice(pieces, _PIECES)):
        found.update((separator + "\x1f".join(map(str, some))).encode())
        separator = "\x1f"
    return found.hexdigest()[:16]

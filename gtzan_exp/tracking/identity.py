"""What the code that makes a result looks like: part of what a run's configuration hash covers."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import gtzan_exp
from gtzan_exp.basics.digests import digest


def source_fingerprint(classes: Iterable[type] = ()) -> str:
    """Return a hash of the source of this package and of the modules that define `classes`.

    Parameters
    ----------
    classes : iterable of type
        Classes that a configuration names. Those of other packages count by the file of their
        module, so that another version of scikit-learn counts where its model changed.
    """
    package = Path(gtzan_exp.__file__).parent
    files = {Path(inspect.getfile(found)) for found in classes}
    others = sorted(path for path in files if not path.is_relative_to(package))
    return digest(_package_hash(package), *map(_file_hash, others))


@cache
def _package_hash(package: Path) -> str:
    paths = sorted(package.rglob("*.py"))
    return digest(*((path.relative_to(package).as_posix(), _file_hash(path)) for path in paths))


@cache
def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

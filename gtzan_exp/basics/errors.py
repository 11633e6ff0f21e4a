"""The errors of gtzan_exp: every message says where, what, what is allowed and what was found."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_BELOW = (
    *("alembic", "boto3", "botocore", "librosa", "mlflow", "numpy", "pandas", "pyarrow"),
    *("requests", "skops", "soundfile", "sqlalchemy", "sqlite3", "urllib3"),
)
"""Packages whose errors mostly come from the user's data or environment."""


@dataclass(frozen=True)
class Mistake:
    """A mistake of the user."""

    where: str  # the option, file, row or column at fault
    what: str  # what is wrong there
    allowed: str  # what would have been right
    got: str  # what was found instead

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; allowed: {self.allowed}; got: {self.got}"


class GtzanExpError(Exception):
    """Base class: mistakes of the user, reported in a line each, without a traceback."""

    def __init__(self, mistakes: Mistake | Iterable[Mistake]) -> None:
        self.mistakes = (mistakes,) if isinstance(mistakes, Mistake) else tuple(mistakes)
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)


class ConfigError(GtzanExpError):
    """The configuration is wrong; nothing has been read or written yet."""


class AwayError(ConfigError):
    """The store does not answer."""


class DataError(GtzanExpError):
    """The configuration is valid, but its data is missing or faulty."""


class RefusedError(GtzanExpError):
    """The store refuses a request, and would refuse it again."""


class DivergedError(DataError):
    """A fit has diverged to NaN or infinity; `history` has its learning curves until then."""

    def __init__(self, mistakes: Mistake, history: dict[str, list[float]] | None = None) -> None:
        super().__init__(mistakes)
        self.history = history or {}


class MissingExtraError(GtzanExpError):
    """An option, such as ``model=cnn2d``, needs a package of an extra that is not installed."""

    def __init__(self, where: str, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        what, install = f"needs {package}, which is not installed", f"gtzan-exp[{extra}]"
        super().__init__(Mistake(where, what, f"pip install '{install}'", f"no module {package}"))

    def __reduce__(self):
        return type(self), (self.mistakes[0].where, self.package, self.extra)


def as_mistake(error: Exception) -> Mistake | None:
    """Return an error of the system or of a dependency as a mistake, or None for others."""
    allowed = "HYDRA_FULL_ERROR=1 shows where"
    if isinstance(error, OSError) and error.errno is not None:
        where, what = str(error.filename or "the disk"), "cannot be read or written"
        return Mistake(
            where, what, f"a place with room, and rights; {allowed}", str(error.strerror)
        )
    if isinstance(error, MemoryError):
        return Mistake("memory", "is full", "fewer or smaller rows, or jobs at once", str(error))
    if isinstance(error, ModuleNotFoundError):
        return Mistake(str(error.name), "is not installed", f"pip install {error.name}", str(error))
    package = type(error).__module__.partition(".")[0]
    if package not in _BELOW:
        return None
    return Mistake(package, "cannot do what it is asked", allowed, one_line(error))


def one_line(error: BaseException) -> str:
    """Return an error in one line: a user's mistake as it is, others with their type."""
    lines = str(error).strip().splitlines()
    if isinstance(error, GtzanExpError):
        return "; ".join(lines)
    text = lines[0] if lines else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def strangers(where: str, names: Iterable[str], known: Sequence[str], what: str) -> list[Mistake]:
    """Return a mistake for each of `names` that is not `known`."""
    allowed = ", ".join(known)
    return [
        Mistake(where, f"{what}{nearest(n, known)}", allowed, n) for n in names if n not in known
    ]


def counted(n: int, noun: str) -> str:
    """Return a number and what it counts: ``1 track``, ``2 tracks``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def nearest(name: str, known: Sequence[str]) -> str:
    """Return `` (nearest: ...)`` for the known name most like `name`, or an empty string."""
    same = [other for other in known if other.casefold() == name.casefold()]
    match = same or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (nearest: {match[0]})" if match else ""

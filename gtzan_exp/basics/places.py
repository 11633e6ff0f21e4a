"""URIs of stores: writing, reading and checking them, and refusing secrets in them."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from gtzan_exp.basics.errors import ConfigError, Mistake

SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql")

USER_VARIABLES = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
NO_SECRETS = (
    f"a URI without a password or token; set {USER_VARIABLES}, for a server, "
    "PGPASSWORD or ~/.pgpass for PostgreSQL"
)

STORE_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
"""Environment variables that name a store."""

_SQLITE = re.compile(r"sqlite(?:\+pysqlite)?:///")
_URI = re.compile(r"[A-Za-z][\w+.-]*:(?:\\?/){2}.*", re.DOTALL)
_SECRET_KEY = re.compile(
    r"pass|pwd|secret|token|credential|signature|auth|(^|api|access|account|shared).?key$", re.I
)
_SECRET_VALUE = re.compile(r"(^|[;,\s])(pwd|password)\s*=", re.I)


def sqlite_uri(path: str | Path) -> str:
    """Return the URI of a SQLite database, quoted only where it must be.

    With anything quoted it names the driver: otherwise MLflow makes a folder of the quoted name.
    """
    quoted, count = re.subn("[%?#]", lambda found: quote(found[0]), os.path.abspath(path))
    return f"sqlite{'+pysqlite' if count else ''}:///{quoted}"


def sqlite_file(uri: str) -> Path | None:
    """Return the absolute file of a SQLite database, or None for other URIs."""
    found = _SQLITE.match(uri)
    if found is None:
        return None
    return Path(os.path.abspath(unquote(uri[found.end() :], errors="surrogateescape")))


def is_server(uri: str) -> bool:
    """Return whether a URI is that of a server, not of a database."""
    return scheme(uri) in ("http", "https")


def scheme(uri: str) -> str:
    """Return the scheme of a URI in lower case, without the driver of a database."""
    return uri.partition(":")[0].partition("+")[0].lower()


def checked_uri(uri: str) -> str:
    """Return the URI of a store, with an absolute path; a `ValueError` says what is allowed."""
    if has_secret(uri):
        raise ValueError(NO_SECRETS)
    if scheme(uri) not in SCHEMES or "://" not in uri:
        raise ValueError(f"a URI (or MLFLOW_TRACKING_URI) that starts with {', '.join(SCHEMES)}")
    if is_server(uri) and re.search(r"[?#\s]", uri):
        raise ValueError("the address of a server, without ?, # and blanks")
    if scheme(uri) != "sqlite":
        return uri
    file = sqlite_file(uri)
    if file is None or re.search(r"[?#]|:///$", uri):
        raise ValueError("sqlite:///PATH, with %3F for ? and %23 for # in PATH")
    checked_path(file)
    return sqlite_uri(file)


def checked_path(path: Path) -> Path:
    """Return a place; `ValueError` for %20 and the like, which MLflow decodes twice, or bytes."""
    if unquote(str(path)).encode(errors="replace").decode() != str(path):
        raise ValueError("a path in UTF-8, and without % and two digits, such as %20, in a name")
    return path


def has_secret(uri: str) -> bool:
    """Return whether a URI has a password, a token in place of a user, or a secret in its query."""
    name, separator, rest = uri.replace("\\/", "/").partition("://")
    if separator and scheme(name) in ("sqlite", "file"):
        return False
    user, at, _ = rest.rpartition("@") if separator else uri.rpartition("@")
    if at and (":" in unquote(user) or scheme(name) in ("http", "https")):
        return True
    _, *queries = re.split(r"[?#]", rest)
    pairs = parse_qsl("&".join(queries), keep_blank_values=True)
    return any(_SECRET_KEY.search(k) or _SECRET_VALUE.search(v) for k, v in pairs)


def refuse_secrets(words: Iterable[str]) -> None:
    """Refuse words of a command line or of the environment with a secret in a URI, and mask it."""
    for word in words:
        found = _URI.search(word)
        if found and has_secret(found[0]):
            where = word[: found.start()].rstrip("='\"") or "command line"
            what = "a URI with a password or token in it"
            raise ConfigError(Mistake(where, what, NO_SECRETS, masked(found[0])))


def masked(text: str) -> str:
    """Return a text with possible secrets in its URIs masked."""
    text = re.sub(r"(:(?:\\?/){2})(?!/)\S*@", r"\1***@", text)
    text = re.sub(r"(?<!\S)[^\s/'\"]+:[^\s/]*@", "***@", text)
    return re.sub(r"(:(?:\\?/){2}[^\s?#]*[?#])[^\s)]+", r"\1***", text)

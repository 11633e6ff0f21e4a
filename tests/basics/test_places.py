"""URIs go and come back as SQLAlchemy and MLflow read them, and none holds a secret."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.utils.file_utils import local_file_uri_to_path
from sqlalchemy.engine import URL, make_url

from gtzan_exp.basics.errors import ConfigError
from gtzan_exp.basics.places import (
    checked_uri,
    has_secret,
    masked,
    refuse_secrets,
    sqlite_file,
    sqlite_uri,
)
from gtzan_exp.tracking.store import Tracking

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
SECRETS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=8, max_size=20)


@settings(deadline=None, max_examples=200)
@given(st.lists(NAMES, min_size=1, max_size=3))
def test_a_path_is_the_same_to_all_that_read_its_uri(names):
    path = Path("/", *names)
    uri = sqlite_uri(path)
    assert sqlite_file(uri) == path
    driver, _, rest = uri.partition(":")
    assert rest == f"///{path}" or driver == "sqlite+pysqlite"  # no folder of the quoted name
    if unquote(str(path)) == str(path):
        assert sqlite_file(checked_uri(uri)) == path
    else:
        with pytest.raises(ValueError, match="such as %20"):
            checked_uri(uri)
    assert make_url(uri).database == str(path)
    assert URL.create(driver, database=str(path)) == make_url(uri)
    assert local_file_uri_to_path(path.as_uri()) == str(path)


@settings(deadline=None, max_examples=200)
@given(SECRETS, st.sampled_from(["http", "HTTPS", "postgresql+psycopg", "mysql", "mssql+pyodbc"]))
def test_a_secret_is_refused_and_not_printed(secret, scheme):
    secret = f"Zq{secret}"  # no word of the message itself
    server = scheme.lower().startswith("http")
    quoted = "".join(f"%{byte:02X}" for byte in secret.encode())
    for uri in (
        f"{scheme}://me:{secret}@host/x",
        f"{scheme}://:{secret}@host/x",
        f"{scheme}://me:{quoted}@host:5432/x",
        f"{scheme}://me%3A{quoted}@host/x",
        *([f"{scheme}://{quoted}@host/x"] if server else []),
        f"{scheme}://host/x?password={quoted}",
        f"{scheme}://host/x?a=b&p%61ssword={quoted}",
        f"{scheme}:///?odbc_connect=SERVER%3Dx%3BPWD%3D{quoted}",
    ):
        assert has_secret(uri), uri
        with pytest.raises(ValueError, match="MLFLOW_TRACKING_PASSWORD"):
            checked_uri(uri)
        for word in (uri, f"tracking.uri={uri}", f"tracking.uri='{uri}'", f"--uri={uri}"):
            with pytest.raises(ConfigError) as refused:
                refuse_secrets([word])
            (mistake,) = refused.value.mistakes
            assert secret not in mistake.where + mistake.got
            assert quoted not in mistake.where + mistake.got
        assert quoted not in masked(repr(uri))


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000",
        "https://host/path",
        "postgresql+psycopg://me@host:5432/mlflow?sslmode=require&sslkey=/home/me/key.pem",
        "sqlite:////home/me@work/a:b/mlflow.db",
    ],
)
def test_what_holds_no_secret_is_taken(uri):
    assert checked_uri(uri) == uri
    assert masked(uri).startswith(uri.partition("@")[0][:12])
    refuse_secrets([f"tracking.uri={uri}", "+tags.see=https://example.org/a?page=2#top"])


@pytest.mark.parametrize(
    "uri", ["mlruns", "file:///tmp/x", "sqlite://", "sqlite:///", "sqlite:///a?b", "http://h/?a=b"]
)
def test_what_is_no_store_is_refused(uri):
    with pytest.raises(ValueError, match=r"starts with|///PATH|address of a server"):
        checked_uri(uri)


def test_a_relative_database_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sqlite_file(checked_uri("sqlite:///a%20b.db")) == tmp_path / "a b.db"


@pytest.mark.parametrize("kind", ["a device", "a FIFO", "a link to nowhere"])
def test_what_is_no_file_is_not_replaced_by_a_database(tmp_path, kind):
    place = tmp_path / "mlflow.db"
    if kind == "a FIFO":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/null" if kind == "a device" else "nowhere")
    before = os.lstat(place)
    with pytest.raises(ConfigError, match=r"tracking\.uri: is not a file"):
        Tracking(uri=sqlite_uri(place), experiment="x").client()
    assert os.lstat(place) == before

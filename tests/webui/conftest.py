"""The pages over a real library on a temporary store, driven without a socket."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from daydrop.library import Library
from daydrop.readers.workers import Workers
from daydrop.settings import read_settings
from tests.sites import browser

PAGE = {"Accept": "text/html"}
Upload = Callable[..., str]


@pytest.fixture
def library(tmp_path: Path, workers: Workers) -> Iterator[Library]:
    options = {
        "store": {"root": tmp_path / "store"},
        "limits": {"keep_free": 0, "batch_files": 5, "batch_bytes": 2_000_000},
    }
    opened = Library(read_settings(options, {}), workers=workers)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
def web(library: Library) -> FlaskClient:
    """The owner's browser: it asks from this machine."""
    return browser(library)


@pytest.fixture
def guest(library: Library) -> FlaskClient:
    """Somebody else's browser, from the network."""
    return browser(library, "192.168.1.20")


@pytest.fixture
def upload(web: FlaskClient) -> Upload:
    """Sends files by the form; returns the id of their batch."""

    def send(client: FlaskClient | None = None, **files: bytes) -> str:
        parts = [(io.BytesIO(body), name.replace("__", ".")) for name, body in files.items()]
        reply = (client or web).post("/upload", data={"files": parts}, headers=PAGE)
        assert reply.status_code == 303
        return str(reply.headers["Location"].removeprefix("/b/"))

    return send

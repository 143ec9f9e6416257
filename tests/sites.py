"""Whole servers for tests: a library of one's own, and both faces behind the gate."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from davserver.dav.app import create_app
from davserver.engine.server import Server
from davserver.gate import Gate
from daydrop.catalogue import alias_rows
from daydrop.catalogue.database import Connection
from daydrop.clock import Clock
from daydrop.library import Library
from daydrop.origin import origin_of
from daydrop.readers.workers import Workers
from daydrop.records.alias import Alias
from daydrop.settings import read_settings
from webui.app import create_app as create_web
from webui.visitor import ORIGIN_KEY

Options = Mapping[str, object]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def page(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Stands for the other face."""
    start_response("200 OK", [("Content-Type", "text/html"), ("X-Face", "page")])
    return [b"a page"]


def site(library: Library) -> Gate:
    """Both faces behind the gate."""
    return Gate(create_app(library), page, library)


def browser(library: Library, address: str = "127.0.0.1") -> FlaskClient:
    """A browser at this address, past the gate: it names the origin that the gate would name."""
    client = create_web(library).test_client()
    client.environ_base[ORIGIN_KEY] = origin_of(address)
    return client


def make_library(
    root: Path,
    clock: Clock | None = None,
    server: Options | None = None,
    workers: Workers | None = None,
    **limits: object,
) -> Library:
    """A library with limits of its own; nothing of it runs until it is started."""
    options = {
        "store": {"root": root},
        "limits": {"keep_free": 0, **limits},
        "server": server or {},
    }
    return Library(read_settings(options, {}), clock=clock, workers=workers)


@dataclass(frozen=True)
class Served:
    """A whole server on a free port, and the library behind it."""

    library: Library
    address: tuple[str, int]
    heard: list[tuple[str, str, int]]
    """Method, path and status of each request so far."""

    @property
    def url(self) -> str:
        """Its address as a URL, without a slash at its end."""
        return f"http://{self.address[0]}:{self.address[1]}"

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """One request on a connection of its own."""
        connection = HTTPConnection(*self.address, timeout=60)
        try:
            connection.request(method, path, body or None)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def status(self, method: str, path: str, body: bytes = b"") -> int:
        """The status of one request."""
        return self.request(method, path, body)[0]

    def read(self, path: str) -> bytes:
        """The content at a path."""
        status, content = self.request("GET", path)
        assert status == 200, content
        return content

    def fill_upload(self, number: int) -> None:
        """Makes so many names in Upload, past the door."""
        now = self.library.clock.now()

        def work(connection: Connection) -> None:
            for each in range(number):
                alias_rows.put(connection, Alias.empty("127.0.0.1", f"IMG_{each:05}.jpg", now))

        self.library.catalogue.write(work)


def hearing(app: Application, heard: list[tuple[str, str, int]]) -> Application:
    """The application, and a note of each request."""

    def listen(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode()

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            heard.append((environ["REQUEST_METHOD"], path, int(status[:3])))
            return start_response(status, headers, exc_info)

        return app(environ, start)

    return listen


@contextmanager
def listening(library: Library, heard: list[tuple[str, str, int]]) -> Iterator[Served]:
    """A server over a library that runs, until the block ends."""
    server = Server(hearing(site(library), heard), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Served(library, server.address, heard)
    finally:
        server.stop(5)
        thread.join()


@contextmanager
def serving(root: Path, **limits: object) -> Iterator[Served]:
    """A library and a server over both faces, the page being a stand-in, until the block ends."""
    library = make_library(root, **limits)
    library.start()
    try:
        with listening(library, []) as served:
            yield served
    finally:
        library.close()

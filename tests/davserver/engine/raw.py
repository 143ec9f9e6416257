"""What the engine's tests share: a peer with a bare socket, and an application that keeps files."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

Address = tuple[str, int]


@dataclass(frozen=True)
class Reply:
    """One reply as it came over the wire."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """A client that says exactly what it is told, and waits `patience` seconds for an answer."""

    def __init__(self, address: Address, *, patience: float = 8.0, source: str = "") -> None:
        origin = (source, 0) if source else None
        self.sock = socket.create_connection(address, timeout=patience, source_address=origin)
        self.heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def say(self, *pieces: bytes) -> "Peer":
        """Send; a server that has hung up already is noticed when its reply is read."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(b"".join(pieces))
        return self

    def end(self) -> "Peer":
        """Half-close: nothing more will be sent."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        return self

    def _hear(self) -> bytes:
        try:
            more = self.sock.recv(65536)
        except ConnectionError:
            more = b""
        self.heard += more
        return more

    def _line(self) -> bytes:
        while b"\r\n" not in self.heard:
            if not self._hear():
                raise EOFError(f"closed after {self.heard!r}")
        line, _, self.heard = self.heard.partition(b"\r\n")
        return line

    def _exactly(self, count: int) -> bytes:
        while len(self.heard) < count:
            if not self._hear():
                raise EOFError(f"closed {count - len(self.heard)} bytes early")
        data, self.heard = self.heard[:count], self.heard[count:]
        return data

    def head(self) -> Reply:
        """Read a status line and headers."""
        _, status, reason = (self._line().decode("latin-1") + " ").split(" ", 2)
        headers = {}
        while line := self._line().decode("latin-1"):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return Reply(int(status), reason.strip(), headers, b"")

    def reply(self, method: str = "GET") -> Reply:
        """Read a whole final reply to `method`."""
        head = self.head()
        if method == "HEAD" or head.status in {204, 304}:
            return head
        if head.headers.get("transfer-encoding") == "chunked":
            return Reply(head.status, head.reason, head.headers, self._chunks())
        if "content-length" in head.headers:
            body = self._exactly(int(head.headers["content-length"]))
            return Reply(head.status, head.reason, head.headers, body)
        return Reply(head.status, head.reason, head.headers, self.rest())

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._line(), 16):
            body += self._exactly(size)
            assert self._line() == b""
        assert self._line() == b""
        return body

    def rest(self) -> bytes:
        """Read until the server closes; TimeoutError if it does not."""
        while self._hear():
            pass
        rest, self.heard = self.heard, b""
        return rest

    def is_closed(self) -> bool:
        """Whether the server closes without another word."""
        return self.rest() == b""


def request(
    method: str, path: str, *headers: str, body: bytes = b"", version: str = "HTTP/1.1"
) -> bytes:
    """Return the bytes of a request; a length is set only by `headers`."""
    lines = [f"{method} {path} {version}", "Host: test", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def put(path: str, body: bytes, *headers: str) -> bytes:
    """Return the bytes of a PUT with its length."""
    return request("PUT", path, f"Content-Length: {len(body)}", *headers, body=body)


def ask(address: Address, *pieces: bytes, method: str = "GET") -> Reply:
    """Send one request on a connection of its own and return the reply."""
    with Peer(address) as peer:
        return peer.say(*pieces).reply(method)


def get(address: Address, path: str) -> Reply:
    """Get a path on a connection of its own."""
    return ask(address, request("GET", path))


@dataclass
class Shelf:
    """A WSGI application that keeps what is PUT whole, in memory, and gives it back."""

    kept: dict[str, bytes] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    most_bytes: int = 1 << 40

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        self.seen.append(environ)
        self.begun.set()
        path = environ["PATH_INFO"]
        if path.startswith("/refused"):
            start_response("507 This batch is full: send fewer", [("Content-Length", "0")])
            return []
        if environ["REQUEST_METHOD"] == "PUT":
            return self._keep(path, environ["wsgi.input"], start_response)
        if path not in self.kept:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [self.kept[path]]

    def _keep(self, path: str, body: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        received = bytearray()
        while block := body.read(262144):
            received += block
            if len(received) > self.most_bytes:
                start_response("413 Too big", [("Content-Length", "0")])
                return []
        self.kept[path] = bytes(received)
        start_response("201 Created", [("Content-Length", "0")])
        return []


def eventually(truth: Callable[[], bool], seconds: float = 8.0) -> bool:
    """Wait until `truth` holds, as long as `seconds`."""
    deadline = time.monotonic() + seconds
    while not truth():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

"""WSGI (PEP 3333): the environ of an exchange, and the application's answer to it."""

import logging
import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final

from cheroot.wsgi import Gateway_10

from davserver.engine.exchange import SOFTWARE, Exchange
from davserver.engine.head import tokens
from davserver.engine.reply import FileSlot, Headers, has_body, status_line

log = logging.getLogger("daydrop.engine")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]


class Gateway(Gateway_10):
    """WSGI (PEP 3333) for one exchange."""

    req: Exchange

    def __init__(self, req: Exchange) -> None:
        self.slot: Final = FileSlot()
        self._status = ""
        self._headers: Headers = []
        self._promised: int | None = None
        self._sent = 0
        super().__init__(req)

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot says None
        """Return the environ of this request."""
        req, head = self.req, self.req.head
        host, port = req.server.address
        environ: dict[str, Any] = {
            "REQUEST_METHOD": head.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": head.path,
            "QUERY_STRING": head.query,
            "REQUEST_URI": head.target,
            "REMOTE_ADDR": req.conn.remote_addr,
            "REMOTE_PORT": str(req.conn.remote_port),
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": "HTTP/1.1" if head.is_http_1_1 else "HTTP/1.0",
            "SERVER_SOFTWARE": SOFTWARE,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if req.wire.is_tls else "http",
            "wsgi.input": req.body,
            # Our body ends by itself, chunked or not; werkzeug then reads it as it is.
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "daydrop.request_id": req.request_id,
            "daydrop.sendfile": self.slot,
        }
        if req.wire.is_tls:
            environ["HTTPS"] = "on"
        for name, value in head.fields.items():
            key = name.upper().replace("-", "_")
            environ[key if name in {"content-type", "content-length"} else f"HTTP_{key}"] = value
        return environ

    def respond(self) -> None:
        """Call the application and send what it gives, file and all."""
        response: Iterable[bytes] = ()
        try:
            response = self.req.server.wsgi_app(self.env, self.start_response)
            self._send_all(response)
        finally:
            self.slot.close()
            if hasattr(response, "close"):
                response.close()

    def _send_all(self, response: Iterable[bytes]) -> None:
        is_only_chunk = isinstance(response, (list, tuple)) and len(response) == 1
        for chunk in response:
            if not isinstance(chunk, bytes):
                raise TypeError("an application must give bytes")
            if chunk and is_only_chunk:
                self._promise(len(chunk))
            if chunk:
                self.write(chunk)
            if self.req.is_answered and not self._has_body:
                break
        self._finish()

    def _finish(self) -> None:
        if self.slot.file is not None and self._has_body:
            self._send_file()
        if not self.req.is_answered:
            if self._has_body:
                self._promise(0)
            self._send_head(b"")
        if not self._has_body:
            return
        self.req.end_content()
        if self._promised is not None and self._sent != self._promised:
            log.error("%s: the reply ended before its length", self.req.request_id)
            self.req.close_connection = True

    def _promise(self, length: int) -> None:
        """Set Content-Length where the application left it to us."""
        is_open = self._status and self._promised is None and not self.req.is_answered
        if is_open and self._has_body:
            self._promised = length
            self._headers.append(("Content-Length", str(length)))

    @property
    def _has_body(self) -> bool:
        return has_body(self.req.head.method, int(self._status[:3] or "0"))

    def _send_file(self) -> None:
        file = self.slot.file
        if file is None:
            return
        self._promise(self.slot.length)
        if not self.req.is_answered:
            self._send_head(b"", more=True)
        self.req.wire.send_file(file, self.slot.offset, self.slot.length)
        self._sent += self.slot.length

    def start_response(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """Note status and headers; they go out with the first content (PEP 3333)."""
        if self._status and exc_info is None:
            raise RuntimeError("start_response was called twice without exc_info")
        if self.req.is_answered and exc_info is not None:
            raise exc_info[1]
        status_line(status)
        self._status = status
        self._headers = list(headers)
        self._promised = None
        for name, value in headers:
            self._heed(name.lower(), value)
        return self.write

    def _heed(self, name: str, value: str) -> None:
        if name == "content-length":
            self._promised = int(value)
        elif name == "connection" and "close" in tokens(value):
            self.req.close_connection = True
        elif name == "transfer-encoding":
            raise ValueError("the coding of a reply is not the application's affair")

    def _send_head(self, first: bytes, *, more: bool = False) -> None:
        if not self._status:
            raise RuntimeError("the application sent content before start_response")
        self.req.send_head(self._status, self._headers, first, more=more)

    def write(self, chunk: bytes) -> None:
        """Send a block of content, the head before the first one (PEP 3333)."""
        if self._status and not self._has_body:
            chunk = b""
        room = len(chunk) if self._promised is None else self._promised - self._sent
        fitting = chunk[: max(0, room)]
        if not self.req.is_answered:
            self._send_head(fitting)
        elif fitting:
            self.req.send_content(fitting)
        self._sent += len(fitting)
        if len(fitting) < len(chunk):
            raise ValueError("the application gave more content than its Content-Length")

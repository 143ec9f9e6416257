"""One request and its reply: from a whole head to a wire that is clean for the next, or closed."""

import logging
import secrets
import sys
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final

from cheroot.server import HTTPRequest
from cheroot.wsgi import Gateway_10

from davserver.engine.body import Body, BodyFault, BodyStalled, ChunkedBody, LengthBody
from davserver.engine.bounds import Bounds
from davserver.engine.head import BadHead, Head, parse, tokens
from davserver.engine.reply import FileSlot, Headers, has_body, head_bytes, sentence, status_line
from davserver.engine.wire import PeerGone, Wire

log = logging.getLogger("daydrop.engine")

SOFTWARE: Final = "Daydrop"
"""What `Server` says: a name without a version."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_OUR_FAULT: Final = "Something went wrong on the server. Please try again, and report this number."

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]


class Exchange(HTTPRequest):
    """A request that the engine has whole in its head, and the reply to it."""

    head: Head
    body: Body

    def __init__(self, server: Any, conn: Any) -> None:
        super().__init__(server, conn)
        self.request_id: Final = secrets.token_hex(8)
        self.wire: Final[Wire] = conn.wire
        self.bounds: Final[Bounds] = server.bounds
        self.is_answered = False
        self.is_chunked_out = False
        self.status_code = 0

    def parse_request(self) -> None:
        """Read the head that has come; answer by ourselves what does not pass."""
        try:
            self.head = parse(self.conn.take_head(), self.bounds)
        except BadHead as refusal:
            self.refuse(refusal.status, refusal.sentence)
            return
        self.close_connection = not self.head.keeps_alive
        self.body = self._open_body()
        self.ready = True

    def _open_body(self) -> Body:
        invite = self._invite if self.head.expects_continue else None
        if self.head.is_chunked:
            return ChunkedBody(self.wire, self.bounds, before_first_read=invite)
        return LengthBody(self.wire, self.head.length or 0, self.bounds, before_first_read=invite)

    def _invite(self) -> None:
        self.wire.send(_CONTINUE)

    def respond(self) -> None:
        """Let the application answer, then bring the wire into order."""
        gateway = Gateway(self)
        self.wire.begin_reply()
        try:
            gateway.respond()
        except PeerGone as gone:
            log.debug("%s: %s", self.request_id, gone)
            self.close_connection = True
        except BodyFault as fault:
            self._answer_fault(fault)
        except (Exception, SystemExit):  # an application never takes the server with it
            log.exception("%s: %s failed", self.request_id, self.head.method)
            self.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, _OUR_FAULT)
        self._settle()

    def _answer_fault(self, fault: BodyFault) -> None:
        stalled = isinstance(fault, BodyStalled)
        text = f"{str(fault)[:1].upper()}{str(fault)[1:]}."
        self.refuse(HTTPStatus.REQUEST_TIMEOUT if stalled else HTTPStatus.BAD_REQUEST, text)

    def refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer with one sentence, if nothing was sent yet, and close."""
        self.close_connection = True
        if self.is_answered:
            return
        log.info("%s %s: %d %s", self.request_id, self.conn.remote_addr, status, text)
        line, headers, body = sentence(status, text, self.request_id)
        try:
            self.send_head(line, headers, body if has_body(self._method, status) else b"")
        except PeerGone:
            log.debug("%s: the peer did not wait for it", self.request_id)

    @property
    def _method(self) -> str:
        return self.head.method if hasattr(self, "head") else ""

    def send_head(self, status: str, headers: Headers, first: bytes, *, more: bool = False) -> None:
        """Send the head with the first bytes of content. Raises ValueError, PeerGone."""
        self.status_code = int(status[:3])
        headers = self._completed(headers)
        head = head_bytes(status, headers)
        self.is_answered = self.sent_headers = True
        # From here on the client has its answer: it will not be asked for the body.
        if self._is_uninvited:
            self.body.before_first_read = None
        self.wire.send(head, *self._coded(first), more=more)

    def _completed(self, headers: Headers) -> Headers:
        """Add length or coding, connection, date and server to what the application set."""
        names = {name.lower() for name, _ in headers}
        headers = [pair for pair in headers if pair[0].lower() != "connection"]
        if "content-length" not in names and has_body(self._method, self.status_code):
            self._choose_coding(headers)
        if self._must_close():
            self.close_connection = True
        if self.close_connection:
            headers.append(("Connection", "close"))
        elif not self.head.is_http_1_1:
            headers.append(("Connection", "keep-alive"))
        if "date" not in names:
            headers.append(("Date", formatdate(usegmt=True)))
        if "server" not in names:
            headers.append(("Server", SOFTWARE))
        return headers

    def _choose_coding(self, headers: Headers) -> None:
        if self.head.is_http_1_1:
            self.is_chunked_out = True
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            self.close_connection = True  # the end of the connection is the end of the reply

    def _must_close(self) -> bool:
        if not self.ready:
            return True
        left = 0 if self.body.declared is None else self.body.declared - self.body.received
        return (
            self._is_uninvited
            or self.body.is_broken
            or left > self.bounds.drain_bytes
            or not self.server.can_add_keepalive_connection
            or self.conn.is_crowded
        )

    @property
    def _is_uninvited(self) -> bool:
        """Whether the client still waits for `100 Continue` before it sends its body."""
        return (
            self.ready
            and self.head.expects_continue
            and self.body.before_first_read is not None
            and not self.body.is_complete
        )

    def _coded(self, chunk: bytes) -> tuple[bytes, ...]:
        if not self.is_chunked_out or not chunk:
            return (chunk,)
        return (b"%x\r\n" % len(chunk), chunk, b"\r\n")

    def send_content(self, chunk: bytes) -> None:
        """Send more content. Raises PeerGone."""
        self.wire.send(*self._coded(chunk))

    def end_content(self) -> None:
        """Send the last chunk, if the reply is chunked. Raises PeerGone."""
        if self.is_chunked_out:
            self.wire.send(b"0\r\n\r\n")

    @property
    def may_still_be_sent(self) -> bool:
        """Whether the peer may go on sending what nobody will read."""
        return not self.ready or not self.body.is_complete

    def _settle(self) -> None:
        """Never leave a rest of this body to be read as the next request (RFC 9112 9.3)."""
        if self.body.is_complete:
            return
        if self.close_connection:
            self.wire.half_close()
        if self.body.is_broken or (self.head.expects_continue and not self.body.received):
            self.close_connection = True
            return
        if not self.body.drain(self.bounds.drain_bytes, self.bounds.drain_seconds):
            self.close_connection = True

    def simple_response(self, status: Any, msg: str = "") -> None:
        """Answer what cheroot itself refuses with a sentence of ours."""
        code = HTTPStatus(int(str(status)[:3]))
        self.refuse(code, msg or f"{code.phrase}.")


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

"""One request and its reply: from a whole head to a wire that is clean or closed."""

import logging
import secrets
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final

from cheroot.server import HTTPRequest

from davserver.engine.body import Body, BodyFault, BodyStalled, ChunkedBody, LengthBody
from davserver.engine.bounds import Bounds
from davserver.engine.head import BadHead, Head, parse
from davserver.engine.reply import Headers, has_body, head_bytes, sentence
from davserver.engine.wire import PeerGone, Wire

log = logging.getLogger("daydrop.engine")

SOFTWARE: Final = "Daydrop"
"""What `Server` says: a name without a version."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_OUR_FAULT: Final = "Something went wrong on the server. Please try again, and report this number."


class Exchange(HTTPRequest):
    """A request whose head has come whole, and the reply to it."""

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
        """Read the head that has come; refuse one that does not pass."""
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
        """Let the application answer, then leave the wire clean or closed."""
        gateway = self.server.gateway(self)
        self.wire.begin_reply()
        try:
            gateway.respond()
        except PeerGone as gone:
            log.debug("%s: %s", self.request_id, gone)
            self.close_connection = True
        except BodyFault as fault:
            self._answer_fault(fault)
        except (Exception, SystemExit):  # a failing application must not end the server
            log.exception("%s: %s failed", self.request_id, self.head.method)
            self.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, _OUR_FAULT)
        self._finish_body()

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
        """Whether the peer may go on sending what will not be read."""
        return not self.ready or not self.body.is_complete

    def _finish_body(self) -> None:
        """Read or refuse the rest of this body, never as the next request (RFC 9112 9.3)."""
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
        """Refuse with a sentence of ours what cheroot refuses."""
        code = HTTPStatus(int(str(status)[:3]))
        self.refuse(code, msg or f"{code.phrase}.")

"""One connection between its requests: what of the next head has come, and until when it may."""

import contextlib
import logging
import secrets
import socket
import ssl
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from cheroot.server import HTTPConnection

from davserver.engine import head as http_head
from davserver.engine.bounds import Bounds
from davserver.engine.exchange import Exchange
from davserver.engine.head import Arrival
from davserver.engine.reply import head_bytes, sentence
from davserver.engine.wire import Wire

log = logging.getLogger("daydrop.engine")

_TLS_HANDSHAKE: Final = b"\x16"  # RFC 8446 section 5.1


class Phase(Enum):
    """What a connection without a thread is waiting for."""

    HANDSHAKE = "handshake"
    IDLE = "idle"
    HEAD = "head"


class Connection(HTTPConnection):
    """One peer's connection, in the selector's hands or in a worker's.

    `key` is what its address is counted as; None exempts it from the bound for one address.
    """

    RequestHandlerClass = Exchange

    def __init__(
        self, server: Any, sock: socket.socket, address: tuple[str, int], key: str | None
    ) -> None:
        # cheroot's own constructor would wrap the socket in its slow file objects.
        self.server = server
        self.remote_addr, self.remote_port = address
        self.key: Final = key
        self.wire: Final = Wire(sock, server.bounds)
        self.phase = Phase.HANDSHAKE if server.tls is not None else Phase.IDLE
        self.deadline = 0.0
        self.requests_seen = 0
        self.is_gone = False
        self.is_lingering = False
        self._searched = 0
        self._may_skip_line = True

    @property
    def bounds(self) -> Bounds:
        """The figures that hold for this connection."""
        bounds: Bounds = self.server.bounds
        return bounds

    @property
    def is_crowded(self) -> bool:
        """Whether others of the same address wait for this connection to end."""
        return bool(self.server.census.is_waited_for(self.key))

    def fileno(self) -> int:
        """Return the descriptor of the socket, for the selector."""
        return self.wire.socket.fileno()

    def receive(self, now: float) -> Arrival | None:
        """Take what has come, without waiting; None when the peer has gone."""
        if self.phase is Phase.HANDSHAKE:
            return Arrival.WHOLE  # the peer has begun, and a handshake takes a thread
        while True:
            came = self.wire.gather()
            if came is False:
                return None
            if came is None or not self._has_more_in_tls():
                return self.look(now)

    def _has_more_in_tls(self) -> bool:
        sock = self.wire.socket
        return (
            isinstance(sock, ssl.SSLSocket)
            and sock.pending() > 0
            and len(self.wire.buffer) <= self.bounds.header_bytes
        )

    def look(self, now: float) -> Arrival:
        """Say how much of the next head is in the buffer, starting its deadline if it began."""
        buffer = self.wire.buffer
        if self._may_skip_line and buffer.startswith(b"\r\n"):
            del buffer[:2]  # RFC 9112 section 2.2: one empty line before a request is ignored
            self._may_skip_line = False
        if buffer and self.phase is Phase.IDLE:
            self.phase = Phase.HEAD
            self.deadline = now + self.bounds.header_seconds
        arrival = http_head.arrival(buffer, self._searched, self.bounds)
        self._searched = len(buffer)
        return arrival if buffer else Arrival.PART

    def take_head(self) -> bytes:
        """Remove the head from the buffer and return it without its last empty line."""
        buffer = self.wire.buffer
        end = buffer.find(http_head.END)
        head = bytes(buffer if end < 0 else buffer[:end])
        del buffer[: len(head) + len(http_head.END)]
        return head

    def communicate(self) -> bool:
        """Serve one request in the calling thread; True if the connection stays open."""
        try:
            if self.phase is Phase.HANDSHAKE:
                return self._shake_hands()
            exchange = self.RequestHandlerClass(self.server, self)
            exchange.parse_request()
            if exchange.ready:
                exchange.respond()
            self.requests_seen += 1
            self._searched, self._may_skip_line, self.phase = 0, True, Phase.IDLE
        except OSError as error:
            log.debug("%s: %s", self.remote_addr, error)
            return False
        if exchange.close_connection and exchange.may_still_be_sent:
            self.is_lingering = True
            self.wire.linger(self.bounds.linger_seconds)
        return not exchange.close_connection

    def _shake_hands(self) -> bool:
        wire, context = self.wire, self.server.tls
        wire.socket.settimeout(self.bounds.handshake_seconds)
        first = wire.socket.recv(1, socket.MSG_PEEK)
        if first != _TLS_HANDSHAKE:
            if first:  # plain HTTP gets a plain answer
                self.dismiss(HTTPStatus.BAD_REQUEST, "This address speaks HTTPS; please use https.")
            return False
        secret: ssl.SSLSocket = context.wrap_socket(
            wire.socket, server_side=True, do_handshake_on_connect=False
        )
        wire.socket = secret
        secret.do_handshake()
        self.phase = Phase.IDLE
        return True

    def dismiss(self, status: HTTPStatus, text: str, *more: tuple[str, str]) -> None:
        """Say one sentence to a peer that gets no thread, without waiting for it to be read."""
        request_id = secrets.token_hex(8)
        log.info("%s %s: %d %s", request_id, self.remote_addr, status, text)
        line, headers, body = sentence(status, text, request_id)
        headers += [*more, ("Connection", "close")]
        with contextlib.suppress(OSError):
            self.wire.socket.settimeout(0.0)
            self.wire.socket.send(head_bytes(line, headers) + body)
            self.wire.half_close()

    def abort(self) -> None:
        """Wake the thread that serves this connection; it sees the end of the stream."""
        self.wire.abort()

    def close(self) -> None:
        """Close the socket and give up its place, once."""
        if self.is_gone:
            return
        self.is_gone = True
        self.wire.abort()
        self.wire.close()
        self.server.connection_ended(self)

"""The selector loop over all connections that have no thread: accepted, listened to, let go."""

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from cheroot.connections import ConnectionManager

from davserver.engine.bounds import Bounds
from davserver.engine.census import Admission, Census
from davserver.engine.connection import Connection, Phase
from davserver.engine.head import Arrival

log = logging.getLogger("daydrop.engine")

_TICK: Final = 0.25
"""Seconds between two looks at the deadlines."""
_ACCEPTS_AT_ONCE: Final = 64


class Connections(ConnectionManager):
    """The selector loop: accepts, reads heads under their deadline, hands whole ones on."""

    _selector: Any

    def __init__(self, server: Any, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(server)
        self._clock = clock
        self._bounds: Bounds = server.bounds
        self._census: Census = server.census
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, data=None)
        self._accepts_again = 0.0
        self._closing = threading.Lock()
        self._is_closed = False
        server.socket.settimeout(0.0)

    def wake(self) -> None:
        """Make the loop check whether to stop. Safe in a signal handler."""
        self._stop_requested = True
        with contextlib.suppress(OSError):
            self._wake_in.send(b"x")

    @property
    def can_add_keepalive_connection(self) -> bool:
        """Whether one more connection may stay open between requests."""
        return len(self._selector) - 2 < self._bounds.idle_connections

    def put(self, conn: Connection) -> None:
        """Take a connection back from its thread and wait for its next request."""
        now = self._clock()
        seconds = self._bounds.keep_alive_seconds
        conn.deadline = now + (seconds if conn.requests_seen else self._bounds.header_seconds)
        self._listen_to(conn, now)

    def _listen_to(self, conn: Connection, now: float) -> None:
        # What is in the buffer already makes no descriptor readable.
        if conn.wire.buffer and conn.look(now) is not Arrival.PART:
            self.server.process_conn(conn)
        elif not self._register(conn):
            conn.close()

    def _register(self, conn: Connection) -> bool:
        with self._closing:  # a worker may come back while the loop is being closed
            if self._is_closed:
                return False
            self._selector.register(conn.fileno(), selectors.EVENT_READ, data=conn)
            return True

    def _run(self, expiration_interval: float) -> None:
        next_look = self._clock() + expiration_interval
        while not self._stop_requested:
            for _, conn in self._selector.select(timeout=expiration_interval):
                self._attend(conn)
            now = self._clock()
            if now >= next_look:
                self._expire(now)
                next_look = now + expiration_interval

    def _attend(self, conn: Any) -> None:
        if conn is self.server:
            self._accept_some()
        elif conn is not None:
            try:
                self._receive(conn)
            except Exception:  # one connection's fault must not end the loop for all
                log.exception("%s: dropped", conn.remote_addr)
                self._drop(conn)

    def _receive(self, conn: Connection) -> None:
        arrival = conn.receive(self._clock())
        if arrival is Arrival.PART:
            return
        self._selector.unregister(conn.fileno())
        if arrival is None:
            conn.close()
        else:
            self.server.process_conn(conn)

    def _accept_some(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            if self._stop_requested or self._clock() < self._accepts_again:
                return
            try:
                sock, address = self.server.socket.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:
                self._pause(error)
                return
            self._take_in(sock, address)

    def _pause(self, error: OSError) -> None:
        """Stop accepting until the next look: a full table would keep the listener readable."""
        log.warning("no connection can be taken in for a moment: %s", error.strerror)
        self._accepts_again = self._clock() + _TICK
        self._selector.unregister(self.server.socket.fileno())

    def _take_in(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        host, port = str(address[0]), int(address[1])
        conn = Connection(self.server, sock, (host, port), self.server.counted_as(host))
        now = self._clock()
        if self._census.is_full:
            self._end_oldest_idle()
        if self._census.is_full:
            self._turn_away(conn)
            return
        admission = self._census.admit(conn)
        if admission is Admission.REFUSED:
            self._turn_away(conn)
        elif admission is Admission.WAITING:
            conn.deadline = now + self._bounds.waiting_seconds
        else:
            self.welcome(conn)

    def welcome(self, conn: Connection) -> None:
        """Begin to listen to a connection that has its place."""
        now = self._clock()
        conn.deadline = now + self._bounds.header_seconds
        self._listen_to(conn, now)

    def _turn_away(self, conn: Connection) -> None:
        """Refuse one that was not counted."""
        self._say_busy(conn)
        conn.is_gone = True
        conn.wire.close()

    @staticmethod
    def _say_busy(conn: Connection) -> None:
        if conn.phase is Phase.HANDSHAKE:
            return  # it would not understand
        text = "Too many connections are open at once; please try again in a moment."
        conn.dismiss(HTTPStatus.SERVICE_UNAVAILABLE, text, ("Retry-After", "2"))

    def _end_oldest_idle(self) -> None:
        idle = [
            conn
            for _, conn in self._selector.connections
            if isinstance(conn, Connection) and conn.phase is Phase.IDLE and conn.requests_seen
        ]
        if idle:
            self._end(min(idle, key=lambda conn: conn.deadline))

    def _end(self, conn: Connection) -> None:
        self._selector.unregister(conn.fileno())
        conn.close()

    def _drop(self, conn: Connection) -> None:
        with contextlib.suppress(KeyError, ValueError):  # it may be out of the selector already
            self._selector.unregister(conn.fileno())
        conn.close()

    def _expire(self, threshold: float) -> None:
        """End what has passed its deadline, a monotonic time."""
        late = [
            conn
            for _, conn in self._selector.connections
            if isinstance(conn, Connection) and conn.deadline < threshold
        ]
        for conn in late:
            if conn.phase is Phase.HEAD:
                text = "The headers of the request came too slowly."
                conn.dismiss(HTTPStatus.REQUEST_TIMEOUT, text)
            self._end(conn)
        for conn in self._census.waiting():
            if conn.deadline < threshold:
                self._say_busy(conn)
                conn.close()
        self._accept_again(threshold)

    def _accept_again(self, now: float) -> None:
        if self._accepts_again and now >= self._accepts_again:
            self._accepts_again = 0.0
            self._selector.register(
                self.server.socket.fileno(), selectors.EVENT_READ, data=self.server
            )

    def close(self) -> None:
        """End all connections that have no thread; those with one are their worker's."""
        with self._closing:
            self._is_closed = True
        for conn in self._census.waiting():  # first, or each would inherit a place and end there
            conn.close()
        for _, conn in list(self._selector.connections):
            if isinstance(conn, Connection):
                self._end(conn)
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

"""Connections between their requests: accepted, counted, listened to without a thread, let go."""

import contextlib
import logging
import secrets
import selectors
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

from cheroot.connections import ConnectionManager
from cheroot.server import HTTPConnection

from davserver.engine import head as http_head
from davserver.engine.bounds import Bounds
from davserver.engine.exchange import Exchange
from davserver.engine.head import Arrival
from davserver.engine.reply import head_bytes, sentence
from davserver.engine.wire import Wire

log = logging.getLogger("daydrop.engine")

Networks = tuple[IPv4Network | IPv6Network, ...]

_TICK: Final = 0.25
"""Seconds between two looks at the deadlines."""
_ACCEPTS_AT_ONCE: Final = 64
_TLS_HANDSHAKE: Final = b"\x16"  # RFC 8446 section 5.1


class Phase(Enum):
    """What a connection without a thread is waiting for."""

    HANDSHAKE = "handshake"
    IDLE = "idle"
    HEAD = "head"


class Connection(HTTPConnection):
    """One peer's connection, in the selector's hands or in a worker's."""

    RequestHandlerClass = Exchange

    def __init__(
        self, server: Any, sock: socket.socket, address: tuple[str, int], key: str
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
                self.dismiss(HTTPStatus.BAD_REQUEST, "This address uses HTTPS; please use https.")
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


class Verdict(Enum):
    """What becomes of a new connection."""

    IN = "in"
    WAIT = "wait"
    OUT = "out"


class Census:
    """Who is connected: in all, and by address. Safe to use from any thread."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._waiting: dict[str, deque[Connection]] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """How many connections there are."""
        return self._total

    @property
    def is_full(self) -> bool:
        """Whether no connection more may be taken in, whoever it is."""
        return self._total >= self._bounds.connections

    def is_waited_for(self, key: str) -> bool:
        """Whether connections of this address wait for one to end."""
        return key in self._waiting

    def admit(self, conn: Connection, *, is_trusted: bool) -> Verdict:
        """Count a new connection and say what becomes of it; OUT is not counted."""
        with self._lock:
            verdict = self._judge(conn.key, is_trusted=is_trusted)
            if verdict is Verdict.IN:
                self._open[conn.key] += 1
            elif verdict is Verdict.WAIT:
                self._waiting.setdefault(conn.key, deque()).append(conn)
            self._total += verdict is not Verdict.OUT
            return verdict

    def _judge(self, key: str, *, is_trusted: bool) -> Verdict:
        if is_trusted or self._open[key] < self._bounds.connections_per_address:
            return Verdict.IN
        is_short = len(self._waiting.get(key, ())) < self._bounds.waiting_per_address
        return Verdict.WAIT if is_short else Verdict.OUT

    def leave(self, conn: Connection) -> Connection | None:
        """Forget a connection; return one that waited and takes its place."""
        with self._lock:
            self._total -= 1
            if self._stops_waiting(conn):
                return None
            heir = self._next_waiting(conn.key)
            if heir is None:
                self._open[conn.key] -= 1
                if not self._open[conn.key]:
                    del self._open[conn.key]
            return heir

    def _stops_waiting(self, conn: Connection) -> bool:
        queue = self._waiting.get(conn.key, deque())
        if conn not in queue:
            return False
        queue.remove(conn)
        if not queue:
            del self._waiting[conn.key]
        return True

    def _next_waiting(self, key: str) -> Connection | None:
        queue = self._waiting.get(key)
        if not queue:
            return None
        heir = queue.popleft()
        if not queue:
            del self._waiting[key]
        return heir

    def waiting(self) -> list[Connection]:
        """Return all connections that wait."""
        with self._lock:
            return [conn for queue in self._waiting.values() for conn in queue]


def address_key(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((ip, 64), strict=False))


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
        """Make the loop look whether it shall stop. Safe in a signal handler."""
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
        key = address_key(host)
        conn = Connection(self.server, sock, (host, port), key)
        now = self._clock()
        if self._census.is_full:
            self._end_oldest_idle()
        if self._census.is_full:
            self._turn_away(conn)
            return
        verdict = self._census.admit(conn, is_trusted=self.server.trusts(host))
        if verdict is Verdict.OUT:
            self._turn_away(conn)
        elif verdict is Verdict.WAIT:
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
        text = "Too many connections are open; please try again in a moment."
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
                text = "The headers of the request arrived too slowly."
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

"""The HTTP engine: cheroot, with strict heads and bodies, and no thread for slow peers."""

import contextlib
import logging
import resource
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from cheroot.wsgi import Server as CherootServer

from davserver.engine.bounds import Bounds
from davserver.engine.census import Census
from davserver.engine.connection import Connection
from davserver.engine.connections import Connections
from davserver.engine.exchange import SOFTWARE
from davserver.engine.gateway import Gateway
from davserver.engine.threads import WorkerPool

__all__ = ["Bounds", "Server"]

log = logging.getLogger("daydrop.engine")

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_LOOK_SECONDS: Final = 0.25
_DESCRIPTORS_EACH: Final = 5
"""A connection may hold its socket, a file it reads, one it writes, and locks of stem and hash."""


class Server(CherootServer):
    """Serves one WSGI application on one address. It listens once it is made.

    `threads` is the warm minimum. `counted_as` says what an address shares its bound with, such as
    its network; None exempts it, as a proxy must be. With both `tls_cert` and `tls_key` (PEM) it
    speaks HTTPS. Raises OSError when the address cannot be had.
    """

    def __init__(
        self,
        app: WSGIApp,
        host: str,
        port: int,
        *,
        threads: int = 32,
        bounds: Bounds = Bounds(),  # noqa: B008  frozen
        tls_cert: Path | None = None,
        tls_key: Path | None = None,
        counted_as: Callable[[str], str | None] = str,
    ) -> None:
        super().__init__((host, port), app, server_name=SOFTWARE)
        self.gateway = Gateway
        self.software = SOFTWARE
        self.bounds: Final = bounds
        self.census: Final = Census(bounds)
        self.tls: Final = _tls_context(tls_cert, tls_key)
        self.counted_as: Final = counted_as
        self.requests = WorkerPool(
            self, warm=threads, most=bounds.connections, idle_seconds=bounds.thread_idle_seconds
        )
        self._grace = 0.0
        self._turning = threading.RLock()  # re-entrant: a signal may come inside serve()
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._serving_thread: int | None = None
        self._listen(host, port)

    def _listen(self, host: str, port: int) -> None:
        flags = socket.AI_PASSIVE
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
        family, kind, protocol, _, _ = found[0]
        self.bind(family, kind, protocol)
        self.socket.listen(self.bounds.backlog)
        self._connections = Connections(self)
        self.ready = True

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as they were bound."""
        host, port = self.bind_addr
        return str(host), int(port)

    def serve(self) -> None:
        """Serve until `stop` is called, and return when the last request has ended."""
        with self._turning:
            if self._stopping.is_set():
                return
            self._serving_thread = threading.get_ident()
        _raise_descriptor_limit(self.bounds.connections * _DESCRIPTORS_EACH + 256)
        self.requests.start()
        try:
            while not self._stopping.is_set():
                self._run_once()
        finally:
            self._wind_up()

    def _run_once(self) -> None:
        try:
            self._connections.run(_LOOK_SECONDS)
        except Exception:  # one connection's fault must not end the loop for all
            log.exception("the selector loop failed and goes on")

    def stop(self, grace_seconds: float = 30.0) -> None:
        """Take no new connection, let requests in flight finish, then return.

        Those not finished after the grace are broken off. In a signal handler of the serving
        thread it returns at once, and `serve` does the waiting.
        """
        with self._turning:
            self._grace = grace_seconds
            self._stopping.set()
            serving = self._serving_thread
        self.ready = False
        self._connections.wake()
        if serving is None:
            self._wind_up()
        elif serving != threading.get_ident():
            self._stopped.wait()

    def _wind_up(self) -> None:
        self.ready = False
        self.socket.close()
        self._connections.close()
        self.requests.stop(self._grace)
        self._stopped.set()

    def process_conn(self, conn: Connection) -> None:
        """Give a connection with a whole head to a thread."""
        self.requests.put(conn)

    def connection_ended(self, conn: Connection) -> None:
        """Give the place of a closed connection to one that waits."""
        successor = self.census.leave(conn)
        if successor is None:
            return
        if self.ready:
            self._connections.welcome(successor)
        else:
            successor.close()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Send what cheroot has to say to the log."""
        log.log(level, "%s", msg, exc_info=traceback)


def _tls_context(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None or key is None:
        if cert is not key:
            raise ValueError("tls_cert and tls_key belong together: give both or neither")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


def _raise_descriptor_limit(wanted: int) -> None:
    """Ask for as many open files as the connections may need, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))

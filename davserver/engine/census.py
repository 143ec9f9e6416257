"""How many connections there are, in all and by address, and which of them wait for a place."""

import threading
from collections import Counter, deque
from enum import Enum

from davserver.engine.bounds import Bounds
from davserver.engine.connection import Connection


class Admission(Enum):
    """What becomes of a new connection."""

    ADMITTED = "admitted"
    WAITING = "waiting"
    REFUSED = "refused"


class Census:
    """The count of connections. Safe to use from any thread."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._open: Counter[str | None] = Counter()
        self._waiting: dict[str | None, deque[Connection]] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """The number of connections."""
        return self._total

    @property
    def is_full(self) -> bool:
        """Whether not one more connection may be accepted, from whatever address."""
        return self._total >= self._bounds.connections

    def is_waited_for(self, key: str | None) -> bool:
        """Return whether connections of this key wait for one to end."""
        return key in self._waiting

    def admit(self, conn: Connection) -> Admission:
        """Count a new connection and say what becomes of it; a refused one is not counted."""
        with self._lock:
            admission = self._decide(conn.key)
            if admission is Admission.ADMITTED:
                self._open[conn.key] += 1
            elif admission is Admission.WAITING:
                self._waiting.setdefault(conn.key, deque()).append(conn)
            self._total += admission is not Admission.REFUSED
            return admission

    def _decide(self, key: str | None) -> Admission:
        if key is None or self._open[key] < self._bounds.connections_per_address:
            return Admission.ADMITTED
        is_short = len(self._waiting.get(key, ())) < self._bounds.waiting_per_address
        return Admission.WAITING if is_short else Admission.REFUSED

    def leave(self, conn: Connection) -> Connection | None:
        """Forget a connection; return one that waited and takes its place."""
        with self._lock:
            self._total -= 1
            if self._stops_waiting(conn):
                return None
            successor = self._next_waiting(conn.key)
            if successor is None:
                self._open[conn.key] -= 1
                if not self._open[conn.key]:
                    del self._open[conn.key]
            return successor

    def _stops_waiting(self, conn: Connection) -> bool:
        queue = self._waiting.get(conn.key, deque())
        if conn not in queue:
            return False
        queue.remove(conn)
        if not queue:
            del self._waiting[conn.key]
        return True

    def _next_waiting(self, key: str | None) -> Connection | None:
        queue = self._waiting.get(key)
        if not queue:
            return None
        successor = queue.popleft()
        if not queue:
            del self._waiting[key]
        return successor

    def waiting(self) -> list[Connection]:
        """Return all connections that wait."""
        with self._lock:
            return [conn for queue in self._waiting.values() for conn in queue]

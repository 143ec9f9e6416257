"""The catalogue's wall clock: the time that stands in rows."""

import threading
import time
from collections.abc import Callable


def _uptime() -> float:
    # BOOTTIME goes on while a machine sleeps; not every system has it
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Clock:
    """Seconds since 1970 that never jump: a step of the system's clock is taken up slowly.

    Batches, reservations and locks live by differences of this time, so a clock that is set
    right by hand must neither end them all nor keep them forever.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, uptime: Callable[[], float] = _uptime
    ) -> None:
        self._wall, self._uptime = wall, uptime
        self._lock = threading.Lock()
        self._now, self._read_at = wall(), uptime()

    def now(self) -> float:
        """Return the time; it runs at most half as fast or half as slow again as real seconds."""
        with self._lock:
            up = self._uptime()
            passed = max(0.0, up - self._read_at)
            wished = self._wall() - self._now
            self._now += min(max(wished, passed * 0.5), passed * 1.5)
            self._read_at = up
            return self._now

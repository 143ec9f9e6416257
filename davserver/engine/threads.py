"""The threads that serve whole requests: a warm few, and more while requests wait."""

import threading
import time
from queue import Empty, Queue
from typing import Any, Final

from cheroot.workers import threadpool
from cheroot.workers.threadpool import ThreadPool, WorkerThread

_DISMISSED: Final = threadpool._SHUTDOWNREQUEST  # type: ignore[attr-defined]  # noqa: SLF001  cheroot is pinned for it
_LAST_WORDS_SECONDS: Final = 2.0


class WorkerPool(ThreadPool):
    """A pool that never makes a connection wait for a thread, up to `most` of them."""

    _threads: list[WorkerThread]
    _queue: Queue[Any]

    def __init__(self, server: Any, *, warm: int, most: int, idle_seconds: float) -> None:
        super().__init__(server, min=warm, max=max(warm, most))
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._free = 0
        """Threads that ask for work, less the connections that wait for one."""
        self._is_stopping = False
        self.get = self._next  # cheroot's worker takes its work, and its dismissal, from here

    def start(self) -> None:
        """Start the warm threads."""
        with self._lock:
            for _ in range(self.min):
                self._add_thread()

    def put(self, obj: Any) -> None:
        """Hand a connection to a free thread, or to a new one."""
        with self._lock:
            self._free -= 1
            if self._free < 0 and len(self._threads) < self.max:
                self._add_thread()
            self._queue.put(obj)

    def _add_thread(self) -> None:
        worker = WorkerThread(self.server)
        worker.name = f"worker-{worker.name.rpartition('-')[2]}"
        worker.daemon = True  # stop() does not wait for an application that hangs
        self._threads.append(worker)
        worker.start()

    def _next(self) -> Any:
        """Return the next connection for the calling thread, or tell it to end."""
        worker = threading.current_thread()
        with self._lock:
            self._free += 1
        while True:
            try:
                return self._queue.get(timeout=self._idle_seconds)
            except Empty:
                if self._dismiss(worker):
                    return _DISMISSED

    def _dismiss(self, worker: threading.Thread) -> bool:
        with self._lock:
            if self._is_stopping or len(self._threads) <= self.min or self._free <= 0:
                return False
            self._free -= 1
            self._threads[:] = [other for other in self._threads if other is not worker]
            self.server.stats["Worker Threads"].pop(worker.name, None)
            return True

    @property
    def size(self) -> int:
        """How many threads there are."""
        return len(self._threads)

    def stop(self, timeout: float | None = 5) -> None:
        """Let requests finish for `timeout` seconds, then break their connections."""
        deadline = time.monotonic() + (timeout or 0)
        with self._lock:
            self._is_stopping = True
            threads = list(self._threads)
            for _ in threads:
                self._queue.put(_DISMISSED)
        others = [worker for worker in threads if worker is not threading.current_thread()]
        while any(worker.is_alive() for worker in others) and time.monotonic() < deadline:
            _abort(others, only_lingering=True)
            _join(others, min(0.1, deadline - time.monotonic()))
        _abort(others, only_lingering=False)
        _join(others, _LAST_WORDS_SECONDS)


def _join(workers: list[WorkerThread], seconds: float) -> None:
    """Wait for all of them, `seconds` in all."""
    deadline = time.monotonic() + seconds
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))


def _abort(workers: list[WorkerThread], *, only_lingering: bool) -> None:
    """Break the connections of busy threads, so that they come to an end."""
    for worker in workers:
        conn = worker.conn
        if conn is not None and (conn.is_lingering or not only_lingering):
            conn.abort()

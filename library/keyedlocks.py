"""A lock for each key, alive only while somebody holds it or waits for it."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock


class KeyedLocks:
    """Serialises what concerns one hash, or one stem, and nothing else."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks: dict[Hashable, tuple[Lock, int]] = {}

    @contextmanager
    def holding(self, key: Hashable) -> Iterator[None]:
        """Waits until nobody else holds this key."""
        with self._guard:
            lock, users = self._locks.get(key, (Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks[key]
                if users == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, users - 1)

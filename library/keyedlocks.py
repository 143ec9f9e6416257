"""A lock for each key, alive only while somebody holds it or waits for it."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock

Between = Callable[[Hashable], AbstractContextManager[object]]


class KeyedLocks:
    """Serialises what concerns one hash, or one stem, and nothing else.

    `between` keeps other processes away in the same way.
    """

    def __init__(self, between: Between = nullcontext) -> None:
        self._between = between
        self._guard = Lock()
        self._locks: dict[Hashable, tuple[Lock, int]] = {}

    @contextmanager
    def holding(self, key: Hashable) -> Iterator[None]:
        """Waits until nobody else holds this key; raises what `between` does."""
        with self._guard:
            lock, users = self._locks.get(key, (Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            with lock, self._between(key):
                yield
        finally:
            with self._guard:
                lock, users = self._locks[key]
                if users == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, users - 1)

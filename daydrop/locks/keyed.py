"""A lock for each key, alive only while it is held or waited for."""

import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from threading import TIMEOUT_MAX, Lock

from daydrop.errors import Code, Refused

Between = Callable[[Hashable, float], AbstractContextManager[object]]


def _no_lock(_key: Hashable, _wait: float) -> AbstractContextManager[object]:
    return nullcontext()


class KeyedLocks:
    """Serialises what concerns one hash, or one stem, and nothing else.

    `between` keeps other processes away in the same way, waiting the seconds it is given. `wait`
    is how many each call waits at most, for threads and processes together; else forever.
    """

    def __init__(self, between: Between = _no_lock, wait: float = TIMEOUT_MAX) -> None:
        self._between, self._wait = between, wait
        self._guard = Lock()
        self._locks: dict[Hashable, tuple[Lock, int]] = {}

    @contextmanager
    def holding(self, key: Hashable) -> Iterator[None]:
        """Wait for this key and hold it; raises Refused(BUSY) when that takes too long."""
        with self._holding(key, self._deadline()):
            yield

    @contextmanager
    def holding_stems(self, stems: Iterable[str]) -> Iterator[None]:
        """Hold all of these stems, taken in one order so that no two callers block each other.

        The stem of an item guards it and the companions beside it, the stem of a companion that
        waits guards that. The same bytes may come under several names.
        """
        with self._holding_stems(stems, self._deadline()):
            yield

    @contextmanager
    def holding_told(self, told: Callable[[], set[str]]) -> Iterator[None]:
        """As `holding_stems`, for stems that may be others once they are held."""
        deadline = self._deadline()
        stems, is_held = told(), False
        while not is_held:
            with self._holding_stems(stems, deadline):
                is_held = (now := told()) <= stems
                if is_held:
                    yield
            stems |= now

    @contextmanager
    def _holding_stems(self, stems: Iterable[str], deadline: float) -> Iterator[None]:
        with ExitStack() as held:
            for stem in sorted(set(stems)):
                held.enter_context(self._holding(("pair", stem), deadline))
            yield

    @contextmanager
    def _holding(self, key: Hashable, deadline: float) -> Iterator[None]:
        with self._guard:
            lock, users = self._locks.get(key, (Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            # one deadline for both: else each holder of the thread lock waits again
            with self._locked(lock, deadline), self._between(key, _left(deadline)):
                yield
        finally:
            with self._guard:
                lock, users = self._locks[key]
                if users == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, users - 1)

    @contextmanager
    def _locked(self, lock: Lock, deadline: float) -> Iterator[None]:
        if not lock.acquire(timeout=_left(deadline)):
            raise Refused(Code.BUSY, wait=self._wait)
        try:
            yield
        finally:
            lock.release()

    def _deadline(self) -> float:
        return time.monotonic() + self._wait


def _left(deadline: float) -> float:
    return min(max(0.0, deadline - time.monotonic()), TIMEOUT_MAX)

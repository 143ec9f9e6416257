"""A lock for each key, alive only while somebody holds it or waits for it."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
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

    @contextmanager
    def holding_stems(self, stems: Iterable[str]) -> Iterator[None]:
        """Waits until nobody else holds any of these stems; in one order, so that nobody hangs.

        The stem of an item guards it and the companions beside it, the stem of a companion that
        waits guards that. The same bytes may come under several names.
        """
        with ExitStack() as held:
            for stem in sorted(set(stems)):
                held.enter_context(self.holding(("pair", stem)))
            yield

    @contextmanager
    def holding_told(self, told: Callable[[], set[str]]) -> Iterator[None]:
        """As `holding_stems`, for stems that may be others once they are held."""
        stems, is_held = told(), False
        while not is_held:
            with self.holding_stems(stems):
                is_held = (now := told()) <= stems
                if is_held:
                    yield
            stems |= now

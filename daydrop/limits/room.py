"""Room for uploads: disk and inodes that must stay free, and how many may be received at once."""

from threading import BoundedSemaphore, Lock

from daydrop.errors import Code, Refused
from daydrop.store.local import Free, LocalStore

_FEWEST_INODES = 64  # folders, the catalogue's files and the log need some too
BUSY_WAIT = 10.0  # seconds an upload waits, unread, before it is told to come back
PLACES = 600


class Room:
    """What uploads under way will take up, so that they do not promise the same space twice."""

    def __init__(
        self, store: LocalStore, keep_free: int, places: int = PLACES, wait: float = BUSY_WAIT
    ) -> None:
        self._store, self._keep_free, self._wait = store, keep_free, wait
        self._places = BoundedSemaphore(places)
        self._lock = Lock()
        self._promised = 0

    def available(self) -> int:
        """Return the bytes that an upload may still take."""
        return max(0, self._store.free().bytes - self._keep_free - self._promised)

    def check(self, size: int) -> None:
        """Raise Refused when so many bytes, or any file at all, would not fit or be written."""
        free = self._store.free()
        if free.is_read_only:
            raise Refused(Code.READ_ONLY)
        if free.bytes - self._keep_free - self._promised < size or _lacks_inodes(free):
            raise Refused(Code.NO_SPACE)

    def problem(self) -> str | None:
        """Return why the disk accepts nothing now, None while it does."""
        free = self._store.free()
        if free.is_read_only:
            return "the disk of the store is read-only"
        if free.bytes - self._keep_free <= 0:
            return "the disk of the store is full"
        if _lacks_inodes(free):
            return "the disk of the store has no room for more files"
        return None

    def promise(self, size: int) -> None:
        """Count bytes that will be written; take back what `promise` gave as they are."""
        with self._lock:
            self._promised = max(0, self._promised + size)

    def enter(self) -> None:
        """Take a place among the uploads that are received; raises Refused(BUSY) after a while."""
        if not self._places.acquire(timeout=self._wait):
            raise Refused(Code.BUSY, wait=self._wait)

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()


def _lacks_inodes(free: Free) -> bool:
    return free.inodes is not None and free.inodes < _FEWEST_INODES

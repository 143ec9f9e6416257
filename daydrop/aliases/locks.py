"""Write locks on paths in `Upload` (RFC 4918 §6 and §7).

A lock belongs to an origin and a path. Whether it may be granted, and its row, are one transaction.
Locks are rows: shared by all processes, they outlive a restart and end with their alias.
"""

import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from daydrop.catalogue import alias_rows, lock_rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Forbidden
from daydrop.filing.announcement import Guard
from daydrop.foundation import Foundation
from daydrop.records.alias import Alias
from daydrop.records.lock import EXCLUSIVE, INFINITY, Lock

LONGEST = 3600.0  # seconds
USUAL = 600.0
MOST = 1000  # live locks of one origin
_UPLOAD = ""  # the path of `Upload` itself


class Locked(Forbidden):
    """Locks whose tokens were not submitted stand on `paths`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = sorted(set(paths))
        super().__init__(*self.paths)


class Conflicting(Locked):
    """Locks on `paths` exclude the one that was asked for."""


class UnknownLock(Forbidden):
    """No lock of this token holds for this path."""


class EndedLock(Forbidden):
    """The lock that was to be prolonged has ended."""


class TooManyLocks(Forbidden):
    """The origin holds as many locks as it may."""


@dataclass(frozen=True)
class Wish:
    """A lock that is asked for; `timeout` in seconds, None for the usual, negative for forever."""

    origin: str
    path: str
    scope: str
    depth: str
    owner: str
    principal: str
    timeout: float | None


class WriteLocks:
    """Grants, checks, prolongs and releases locks."""

    def __init__(
        self,
        foundation: Foundation,
        random: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._catalogue, self._clock = foundation.catalogue, foundation.clock
        self._random = random

    def covering(self, origin: str, path: str) -> list[Lock]:
        """Return the live locks that hold for a path."""
        return self._catalogue.locks.covering(origin, path, self._clock.now())

    def of_folder(self, origin: str, folder: str) -> list[Lock]:
        """Return the live locks on a folder and its members."""
        return self._catalogue.locks.of_folder(origin, folder, self._clock.now())

    def remaining(self, lock: Lock) -> int:
        """Return the seconds until a lock ends."""
        return max(0, round(lock.expires - self._clock.now()))

    def guard(
        self, origin: str, path: str, tokens: Collection[str], *, deep: bool = False
    ) -> Guard:
        """Return a check for inside the transaction that changes a path: it raises Locked."""

        def check(connection: Connection) -> None:
            now = self._clock.now()
            found = lock_rows.covering(connection, origin, path, now)
            if deep:
                found += lock_rows.below(connection, origin, path, now)
            if standing := unopened(found, tokens):
                raise Locked(lock.path for lock in standing)

        return check

    def check(self, guard: Guard) -> None:
        """Run a guard before anything is read, as the transaction will again."""
        with self._catalogue.reading() as connection:
            guard(connection)

    def acquire(self, wish: Wish, tokens: Collection[str]) -> Lock:
        """Grant a lock, and make the placeholder of a name that is not there yet.

        Raises Conflicting, TooManyLocks, and Locked for a new name in a locked folder.
        """

        def grant(connection: Connection) -> Lock:
            now = self._clock.now()
            _refuse_conflicts(connection, wish, now)
            if lock_rows.count_live(connection, wish.origin, now) >= MOST:
                raise TooManyLocks(wish.origin)
            self._make_placeholder(connection, wish, tokens, now)
            lock = self._lock(wish, now)
            lock_rows.insert_lock(connection, lock, now)
            return lock

        return self._catalogue.write(grant)

    def _make_placeholder(
        self, connection: Connection, wish: Wish, tokens: Collection[str], now: float
    ) -> None:
        if wish.path == _UPLOAD or alias_rows.find(connection, wish.origin, wish.path) is not None:
            return
        self.guard(wish.origin, wish.path.rpartition("/")[0], tokens)(connection)
        alias_rows.put(connection, Alias.empty(wish.origin, wish.path, now))

    def _lock(self, wish: Wish, now: float) -> Lock:
        length = _length(wish.timeout)
        return Lock(
            token=f"opaquelocktoken:{self._random()}",
            origin=wish.origin,
            path=wish.path,
            scope=wish.scope,
            depth=wish.depth,
            owner=wish.owner,
            principal=wish.principal,
            timeout=length,
            expires=now + length,
        )

    def prolong(self, token: str, timeout: float | None) -> Lock:
        """Prolong a lock whose token was checked just before; raises EndedLock."""
        length = _length(timeout)

        def prolong(connection: Connection) -> Lock:
            now = self._clock.now()
            lock = lock_rows.live(connection, token, now)
            if lock is None:
                raise EndedLock(token)
            lock_rows.prolong(connection, token, length, now + length)
            return lock

        return self._catalogue.write(prolong)

    def release(self, origin: str, path: str, token: str) -> None:
        """Release a lock of one's own, whatever became of the file; raises UnknownLock."""

        def release(connection: Connection) -> None:
            lock = lock_rows.find(connection, origin, token)
            if lock is None or (lock.expires > self._clock.now() and not _holds(lock, path)):
                raise UnknownLock(token)
            lock_rows.release(connection, origin, token)

        self._catalogue.write(release)


def unopened(locks: Collection[Lock], tokens: Collection[str]) -> list[Lock]:
    """Return the locks that stand in the way: of shared ones on a path, one token suffices."""
    opened = {lock.path for lock in locks if lock.token in tokens}
    return [lock for lock in locks if lock.path not in opened]


def _holds(lock: Lock, path: str) -> bool:
    if lock.path == path:
        return True
    return lock.depth == INFINITY and (not lock.path or path.startswith(f"{lock.path}/"))


def _refuse_conflicts(connection: Connection, wish: Wish, now: float) -> None:
    found = lock_rows.covering(connection, wish.origin, wish.path, now)
    if wish.depth == INFINITY:
        found += lock_rows.below(connection, wish.origin, wish.path, now)
    standing = [lock.path for lock in found if EXCLUSIVE in (wish.scope, lock.scope)]
    if standing:
        raise Conflicting(standing)


def _length(timeout: float | None) -> float:
    """Return the seconds granted: what was asked for, an hour at most."""
    if timeout is None:
        return USUAL
    return LONGEST if timeout < 0 else min(float(timeout), LONGEST)

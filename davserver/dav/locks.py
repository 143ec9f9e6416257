"""Locks in the catalogue: shared by all nodes, they outlive a restart and die with their file.

This is the lock manager that WsgiDAV is given. A lock belongs to an origin and a path; whether
it may be granted, and the row, are one transaction. The rules are RFC 4918 sections 6 and 7.
"""

import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from davserver.dav.errors import Refusal
from daydrop.aliases.aliases import Aliases
from daydrop.catalogue import alias_rows
from daydrop.catalogue import lock_rows as rows
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import Connection
from daydrop.clock import Clock
from daydrop.origin import Origin
from daydrop.records.lock import ALONE, EXCLUSIVE, INFINITY, SHARED, Lock

UPLOAD = "/Upload"
LONGEST = 3600.0  # seconds
USUAL = 600.0
MOST = 1000  # live locks of one origin
OWNER_MOST = 4096  # letters that a client may say of itself; more is left out

_FULL = "Too many files are locked at once: close some, or wait an hour."


def ref_url(origin: str, path: str) -> str:
    """The key under which WsgiDAV speaks of a resource to us: origin and path."""
    return f"/{quote(origin, safe='')}{quote(path)}"


def _parts(url: str) -> tuple[str, str | None]:
    """Origin and path in `Upload` of a key; None for what is not in `Upload`."""
    origin, _, rest = url.lstrip("/").partition("/")
    path = f"/{unquote(rest).rstrip('/')}"
    if path != UPLOAD and not path.startswith(f"{UPLOAD}/"):
        return unquote(origin), None
    return unquote(origin), path[len(UPLOAD) + 1 :]


def href(path: str) -> str:
    """The address of a path in `Upload`."""
    return quote(f"{UPLOAD}/{path}", safe="/!*'(),$-_.~@")


class Locks:
    """Grants, checks, prolongs and releases locks."""

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        aliases: Aliases,
        random: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._catalogue, self._clock, self._aliases, self._random = (
            catalogue,
            clock,
            aliases,
            random,
        )

    # ---- for our own handlers ---------------------------------------------------------------

    def covering(self, origin: str, path: str) -> list[Lock]:
        """The live locks that hold for a path."""
        return self._catalogue.locks.covering(origin, path, self._clock.now())

    def of_folder(self, origin: str, folder: str) -> list[Lock]:
        """The live locks on a folder and its members."""
        return self._catalogue.locks.of_folder(origin, folder, self._clock.now())

    def remaining(self, lock: Lock) -> int:
        """Seconds until a lock ends."""
        return max(0, round(lock.expires - self._clock.now()))

    def guard(
        self, origin: str, path: str, tokens: Collection[str], *, deep: bool = False
    ) -> Callable[[Connection], None]:
        """A check, for inside the transaction that changes a path: raises Refusal(423)."""

        def check(connection: Connection) -> None:
            now = self._clock.now()
            found = rows.covering(connection, origin, path, now)
            if deep:
                found += rows.below(connection, origin, path, now)
            if standing := sorted({lock.path for lock in unopened(found, tokens)}):
                raise Refusal(
                    423, condition="lock-token-submitted", hrefs=[href(each) for each in standing]
                )

        return check

    def check(self, guard: Callable[[Connection], None]) -> None:
        """Run a guard before anything is read, as the transaction will again."""
        with self._catalogue.reading() as connection:
            guard(connection)

    def release_own(self, origin: str, path: str, token: str) -> None:
        """UNLOCK: a lock of one's own goes, dead or alive (L3).

        Raises Refusal(409) for an unknown token, or one that does not lock this path.
        """

        def work(connection: Connection) -> None:
            lock = rows.find(connection, origin, token)
            if lock is None or (lock.expires > self._clock.now() and not _holds(lock, path)):
                raise Refusal(409, _UNKNOWN, condition="lock-token-matches-request-uri")
            rows.release(connection, origin, token)

        self._catalogue.write(work)

    # ---- for WsgiDAV ------------------------------------------------------------------------

    def acquire(
        self,
        *,
        url: str,
        lock_type: str,  # noqa: ARG002  there is but the write lock
        lock_scope: str,
        lock_depth: str,
        lock_owner: bytes,
        timeout: float | None,
        principal: str,
        token_list: Collection[str],
    ) -> dict[str, Any]:
        """Grants a lock, and makes the placeholder of a name that is not there yet (L1)."""
        origin, path = _parts(url)
        if path is None:
            raise Refusal(403)
        length = _length(timeout)

        def work(connection: Connection) -> Lock:
            now = self._clock.now()
            _refuse_conflicts(connection, origin, path, lock_scope, lock_depth, now)
            if rows.count_live(connection, origin, now) >= MOST:
                raise Refusal(507, _FULL)
            if path and alias_rows.find(connection, origin, path) is None:
                self.guard(origin, path.rpartition("/")[0], token_list)(connection)
                self._aliases.settle_empty(connection, Origin(origin, ""), path)
            lock = Lock(
                token=f"opaquelocktoken:{self._random()}",
                origin=origin,
                path=path,
                scope=lock_scope,
                depth=lock_depth,
                owner=_owner(lock_owner),
                principal=principal,
                timeout=length,
                expires=now + length,
            )
            rows.insert_lock(connection, lock, now)
            return lock

        return _told(self._catalogue.write(work))

    def is_url_locked_by_token(self, url: str, token: str) -> bool:
        """Whether this live lock holds for a path."""
        origin, path = _parts(url)
        return path is not None and token in {lock.token for lock in self.covering(origin, path)}

    def refresh(self, token: str, *, timeout: float | None = None) -> dict[str, Any]:
        """Prolongs a lock whose token was checked just before."""
        length = _length(timeout)

        def work(connection: Connection) -> Lock:
            now = self._clock.now()
            lock = rows.live(connection, token, now)
            if lock is None:
                raise Refusal(412, condition="lock-token-matches-request-uri")
            rows.prolong(connection, token, length, now + length)
            return lock

        return _told(self._catalogue.write(work))

    def check_write_permission(
        self,
        *,
        url: str,
        depth: str,
        token_list: Collection[str],
        principal: str,  # noqa: ARG002  the origin stands in the key
    ) -> None:
        """Raises Refusal(423) when a lock whose token was not submitted holds for a path."""
        origin, path = _parts(url)
        if path is not None:
            check = self.guard(origin, path, token_list, deep=depth == INFINITY)
            with self._catalogue.reading() as connection:
                check(connection)

    @contextmanager
    def write_transaction(
        self, *, url: str, token_list: Collection[str], principal: str, depth: str = ALONE
    ) -> Iterator[None]:
        """Brackets a body that is read and written; what commits it checks the locks again."""
        self.check_write_permission(
            url=url, depth=depth, token_list=token_list, principal=principal
        )
        yield


_UNKNOWN = "This file is not locked by that token: lock it again."


def unopened(locks: Collection[Lock], tokens: Collection[str]) -> list[Lock]:
    """The locks that stand in the way: of shared ones on a path, the token of one suffices."""
    opened = {lock.path for lock in locks if lock.token in tokens}
    return [lock for lock in locks if lock.path not in opened]


def _holds(lock: Lock, path: str) -> bool:
    if lock.path == path:
        return True
    return lock.depth == INFINITY and (not lock.path or path.startswith(f"{lock.path}/"))


def _refuse_conflicts(
    connection: Connection, origin: str, path: str, scope: str, depth: str, now: float
) -> None:
    found = rows.covering(connection, origin, path, now)
    if depth == INFINITY:
        found += rows.below(connection, origin, path, now)
    standing = {lock.path for lock in found if EXCLUSIVE in (scope, lock.scope)}
    if standing:
        raise Refusal(
            423, condition="no-conflicting-lock", hrefs=[href(each) for each in sorted(standing)]
        )


def _owner(said: bytes) -> str:
    """What a client says of itself, as one XML element; nothing, where it is a novel."""
    owner = said.decode(errors="replace")
    if owner.startswith("<?xml"):
        owner = owner.partition("?>")[2]
    return owner.strip() if len(owner) <= OWNER_MOST else ""


def _length(timeout: float | None) -> float:
    """Seconds granted: what was asked for, an hour at most; negative is for ever."""
    if timeout is None:
        return USUAL
    return LONGEST if timeout < 0 else min(float(timeout), LONGEST)


def _told(lock: Lock) -> dict[str, Any]:
    """A lock as WsgiDAV knows it."""
    return {"token": lock.token, "root": ref_url(lock.origin, f"{UPLOAD}/{lock.path}")}


def lockdiscovery(locks: Collection[tuple[Lock, int]]) -> str:
    """The content of `DAV:lockdiscovery`: locks, each with the seconds it has left."""
    return "".join(_activelock(lock, left) for lock, left in locks)


def _activelock(lock: Lock, left: int) -> str:
    scope = SHARED if lock.scope == SHARED else EXCLUSIVE
    return (
        "<D:activelock><D:locktype><D:write/></D:locktype>"
        f"<D:lockscope><D:{scope}/></D:lockscope><D:depth>{lock.depth}</D:depth>"
        f"{lock.owner}<D:timeout>Second-{left}</D:timeout>"
        f"<D:locktoken><D:href>{escape(lock.token)}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{escape(href(lock.path))}</D:href></D:lockroot></D:activelock>"
    )


SUPPORTED = "".join(
    f"<D:lockentry><D:lockscope><D:{scope}/></D:lockscope>"
    "<D:locktype><D:write/></D:locktype></D:lockentry>"
    for scope in (EXCLUSIVE, SHARED)
)

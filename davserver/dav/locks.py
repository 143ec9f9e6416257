"""The lock manager that WsgiDAV is given, over the write locks of the core."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

from davserver.dav.addresses import UPLOAD, href, parts_of, ref_url
from davserver.dav.errors import Refusal, answered
from daydrop.aliases.locks import Wish, WriteLocks
from daydrop.records.lock import ALONE, EXCLUSIVE, INFINITY, SHARED, Lock

OWNER_MOST = 4096  # letters that a client may say of itself; more is left out


class LockManager:
    """What WsgiDAV asks of its locks: by keys made of origin and path."""

    def __init__(self, locks: WriteLocks) -> None:
        self._locks = locks

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
        """Grant a lock."""
        origin, path = parts_of(url)
        if path is None:
            raise Refusal(403)
        owner = _owner(lock_owner)
        wish = Wish(origin, path, lock_scope, lock_depth, owner, principal, timeout)
        return _as_wsgidav(answered(lambda: self._locks.acquire(wish, token_list)))

    def is_url_locked_by_token(self, url: str, token: str) -> bool:
        """Return whether this live lock holds for a path."""
        origin, path = parts_of(url)
        if path is None:
            return False
        return token in {lock.token for lock in self._locks.covering(origin, path)}

    def refresh(self, token: str, *, timeout: float | None = None) -> dict[str, Any]:
        """Prolong a lock whose token was checked just before."""
        return _as_wsgidav(answered(lambda: self._locks.prolong(token, timeout)))

    def check_write_permission(
        self,
        *,
        url: str,
        depth: str,
        token_list: Collection[str],
        principal: str,  # noqa: ARG002  the origin stands in the key
    ) -> None:
        """Raise Refusal(423) when a lock whose token was not submitted holds for a path."""
        origin, path = parts_of(url)
        if path is not None:
            guard = self._locks.guard(origin, path, token_list, deep=depth == INFINITY)
            answered(lambda: self._locks.check(guard))

    @contextmanager
    def write_transaction(
        self, *, url: str, token_list: Collection[str], principal: str, depth: str = ALONE
    ) -> Iterator[None]:
        """Bracket a change; what commits it checks the locks again."""
        self.check_write_permission(
            url=url, depth=depth, token_list=token_list, principal=principal
        )
        yield


def _owner(said: bytes) -> str:
    """Return what a client says of itself, as one XML element; nothing where it is too long."""
    owner = said.decode(errors="replace")
    if owner.startswith("<?xml"):
        owner = owner.partition("?>")[2]
    return owner.strip() if len(owner) <= OWNER_MOST else ""


def _as_wsgidav(lock: Lock) -> dict[str, Any]:
    return {"token": lock.token, "root": ref_url(lock.origin, f"{UPLOAD}/{lock.path}")}


def lockdiscovery(locks: Collection[tuple[Lock, int]]) -> str:
    """Return the content of `DAV:lockdiscovery`: locks, each with the seconds it has left."""
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

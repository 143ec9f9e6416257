"""Rows of locks: who may write a path of `Upload`. A dead lock is remembered for its UNLOCK."""

from dataclasses import fields

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from daydrop.catalogue.tables import locks
from daydrop.records.lock import INFINITY, Lock

_SKEW = 60.0  # seconds that clocks of nodes may be apart
MOST_DEAD = 1000  # dead locks remembered for one origin


_NAMES = tuple(field.name for field in fields(Lock))
_COLUMNS = tuple(locks.c[name] for name in _NAMES)


_ORDER = (locks.c.path, locks.c.token)
_COVERING = (  # asked several times for each upload, so it is put together once
    select(*_COLUMNS)
    .where(
        locks.c.origin == bindparam("of_origin"),
        locks.c.path.in_(bindparam("above", expanding=True)),
        or_(locks.c.path == bindparam("of_path"), locks.c.depth == INFINITY),
        locks.c.expires > bindparam("now"),
        locks.c.expires - locks.c.timeout <= bindparam("latest_grant"),
    )
    .order_by(*_ORDER)
)


def _many(connection: Connection, *where: ColumnElement[bool]) -> list[Lock]:
    query = select(*_COLUMNS).where(*where).order_by(*_ORDER)
    return [Lock(*row) for row in connection.execute(query)]


def _is_live(now: float) -> ColumnElement[bool]:
    """Not expired; nor granted by a run whose clock was ahead, to last until then."""
    granted = locks.c.expires - locks.c.timeout
    return and_(locks.c.expires > now, granted <= now + _SKEW)


def find(connection: Connection, origin: str, token: str) -> Lock | None:
    """Return the lock of this token, live or ended."""
    found = _many(connection, locks.c.origin == origin, locks.c.token == token)
    return found[0] if found else None


def live(connection: Connection, token: str, now: float) -> Lock | None:
    """Return the live lock of this token, of any origin."""
    found = _many(connection, locks.c.token == token, _is_live(now))
    return found[0] if found else None


def covering(connection: Connection, origin: str, path: str, now: float) -> list[Lock]:
    """Return the live locks that hold for a path: its own, and deep ones of folders above."""
    above = [path]
    while above[-1]:
        above.append(above[-1].rpartition("/")[0])
    asked = {"of_origin": origin, "above": above, "of_path": path}
    when = {"now": now, "latest_grant": now + _SKEW}
    return [Lock(*row) for row in connection.execute(_COVERING, asked | when)]


def below(connection: Connection, origin: str, path: str, now: float) -> list[Lock]:
    """Return the live locks on what lies below a path."""
    return _many(connection, _is_below(origin, path), _is_live(now))


def _is_below(origin: str, path: str) -> ColumnElement[bool]:
    mine = locks.c.origin == origin
    if not path:
        return and_(mine, locks.c.path != "")
    return and_(mine, func.substr(locks.c.path, 1, len(path) + 1) == f"{path}/")


def of_folder(connection: Connection, origin: str, folder: str, now: float) -> list[Lock]:
    """Return the live locks on a folder, on those above it, and on its members."""
    return covering(connection, origin, folder, now) + below(connection, origin, folder, now)


def count_live(connection: Connection, origin: str, now: float) -> int:
    """Return how many live locks an origin holds."""
    query = select(func.count()).where(locks.c.origin == origin, _is_live(now))
    return connection.execute(query).scalar_one()


def insert_lock(connection: Connection, lock: Lock, now: float) -> None:
    """Write a new lock; remove the oldest ended ones of its origin beyond a bound."""
    values = {name: getattr(lock, name) for name in _NAMES}
    connection.execute(insert(locks).values(values))
    dead = (
        select(locks.c.token)
        .where(locks.c.origin == lock.origin, locks.c.expires <= now)
        .order_by(locks.c.expires.desc())
        .offset(MOST_DEAD)
    )
    for token in connection.execute(dead).scalars().all():
        release(connection, lock.origin, token)


def prolong(connection: Connection, token: str, timeout: float, expires: float) -> None:
    """Give a lock a new end."""
    connection.execute(
        update(locks).where(locks.c.token == token).values(timeout=timeout, expires=expires)
    )


def release(connection: Connection, origin: str, token: str) -> None:
    """Remove a lock's row."""
    connection.execute(delete(locks).where(locks.c.origin == origin, locks.c.token == token))


def kill(connection: Connection, origin: str, path: str, now: float) -> None:
    """End the locks of a path and of all below it, whose resources are gone."""
    _end(connection, and_(locks.c.origin == origin, locks.c.path == path), now)
    kill_below(connection, origin, path, now)


def kill_below(connection: Connection, origin: str, path: str, now: float) -> None:
    """End the locks of what lay below a path."""
    _end(connection, _is_below(origin, path), now)


def _end(connection: Connection, where: ColumnElement[bool], now: float) -> None:
    connection.execute(update(locks).where(where, locks.c.expires > now).values(expires=now))


def forget(connection: Connection, expired_before: float) -> int:
    """Remove locks that ended before then; return how many."""
    return connection.execute(delete(locks).where(locks.c.expires < expired_before)).rowcount

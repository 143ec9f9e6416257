"""Rows of batches and reservations. A batch's counters hold what is used and what is held."""

from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select, update

from daydrop.catalogue.tables import batches, reservations
from daydrop.records.batch import Batch, Reservation

_NAMES = tuple(field.name for field in fields(Batch))
_COLUMNS = tuple(batches.c[name] for name in _NAMES)

# What every upload asks and writes is put together once.
_FIND = select(*_COLUMNS).where(batches.c.id == bindparam("id"))
_NEWEST_OPEN = (
    select(*_COLUMNS)
    .where(
        batches.c.origin == bindparam("origin"),
        batches.c.face == bindparam("face"),
        batches.c.closed.is_(None),
    )
    .order_by(batches.c.opened.desc(), batches.c.id)
    .limit(1)
)
_INSERT_RESERVATION = insert(reservations)
_RESERVED = select(reservations.c.batch_id, reservations.c.files, reservations.c.bytes).where(
    reservations.c.id == bindparam("id")
)
_UNRESERVE = delete(reservations).where(reservations.c.id == bindparam("id"))
_ADD_HELD, _ADD_COUNTED = (
    update(table)
    .where(table.c.id == bindparam("key"))
    .values(
        files=table.c.files + bindparam("more_files"), bytes=table.c.bytes + bindparam("more_bytes")
    )
    for table in (reservations, batches)
)
_TOUCH = (
    update(batches)
    .where(batches.c.id == bindparam("key"), batches.c.closed.is_(None))
    .values(
        touched=bindparam("now"),
        closes=batches.c.closes + (bindparam("now") - batches.c.touched),
    )
)


def _one(row: Row[*tuple[Any, ...]] | None) -> Batch | None:
    return None if row is None else Batch(**dict(zip(_NAMES, row, strict=True)))


def _many(
    connection: Connection, *where: ColumnElement[bool], limit: int | None = None
) -> list[Batch]:
    query = select(*_COLUMNS).where(*where).order_by(batches.c.opened.desc(), batches.c.id)
    found = connection.execute(query.limit(limit) if limit else query)
    return [Batch(*row) for row in found]


def insert_batch(connection: Connection, batch: Batch, request_key: str | None) -> Batch:
    """Write a new batch."""
    values = {name: getattr(batch, name) for name in _NAMES} | {"request_key": request_key}
    connection.execute(insert(batches).values(values))
    return batch


def find(connection: Connection, batch_id: str) -> Batch | None:
    """Return the batch of this id."""
    return _one(connection.execute(_FIND, {"id": batch_id}).first())


def by_request_key(connection: Connection, origin: str, request_key: str) -> Batch | None:
    """Return the batch that this request has opened before."""
    here = (batches.c.origin == origin) & (batches.c.request_key == request_key)
    return _one(connection.execute(select(*_COLUMNS).where(here)).first())


def newest_open(connection: Connection, origin: str, face: str) -> Batch | None:
    """Return the last batch of an origin that nobody has closed."""
    return _one(connection.execute(_NEWEST_OPEN, {"origin": origin, "face": face}).first())


def all_open(connection: Connection) -> list[Batch]:
    """Return every batch that is not closed."""
    return _many(connection, batches.c.closed.is_(None))


def closed(
    connection: Connection, origin: str | None, before: float | None, limit: int
) -> list[Batch]:
    """Return closed batches, newest first."""
    where: list[ColumnElement[bool]] = [batches.c.closed.is_not(None)]
    if origin is not None:
        where.append(batches.c.origin == origin)
    if before is not None:
        where.append(batches.c.opened < before)
    return _many(connection, *where, limit=limit)


def recent(connection: Connection, origin: str | None, limit: int) -> list[Batch]:
    """Return batches, newest first."""
    where = [] if origin is None else [batches.c.origin == origin]
    return _many(connection, *where, limit=limit)


def close(connection: Connection, batch_id: str, now: float) -> None:
    """Mark a batch as closed, unless it is."""
    here = (batches.c.id == batch_id) & batches.c.closed.is_(None)
    connection.execute(update(batches).where(here).values(closed=now))


def mark_undone(connection: Connection, batch_id: str, now: float) -> None:
    """Mark a batch as taken back by its sender."""
    connection.execute(update(batches).where(batches.c.id == batch_id).values(undone=now))


def reopen(connection: Connection, batch_id: str, now: float) -> None:
    """Let the life of a batch that held nothing begin now."""
    here = batches.c.id == batch_id
    connection.execute(update(batches).where(here).values(opened=now, touched=now))


def touch(connection: Connection, batch_id: str, now: float) -> None:
    """Note an accepted byte; an explicit batch lives on from here."""
    connection.execute(_TOUCH, {"key": batch_id, "now": now})


def hold(connection: Connection, held: Reservation, now: float, *, outlives_request: bool) -> None:
    """Write a reservation and counts it."""
    connection.execute(
        _INSERT_RESERVATION,
        {
            "id": held.id,
            "batch_id": held.batch_id,
            "files": held.files,
            "bytes": held.bytes,
            "made": now,
            "outlives_request": int(outlives_request),
        },
    )
    _add_counted(connection, held.batch_id, held.files, held.bytes)


def reservation(connection: Connection, reservation_id: str) -> Reservation | None:
    """Return what is held under this id."""
    row = connection.execute(_RESERVED, {"id": reservation_id}).first()
    return None if row is None else Reservation(reservation_id, *row)


def add(connection: Connection, reservation_id: str, batch_id: str, files: int, size: int) -> None:
    """Hold more."""
    more = {"key": reservation_id, "more_files": files, "more_bytes": size}
    connection.execute(_ADD_HELD, more)
    _add_counted(connection, batch_id, files, size)


def _add_counted(connection: Connection, batch_id: str, files: int, size: int) -> None:
    connection.execute(_ADD_COUNTED, {"key": batch_id, "more_files": files, "more_bytes": size})


def release(connection: Connection, reservation_id: str) -> None:
    """Give back what is still held; does nothing when nothing is."""
    held = _end(connection, reservation_id)
    if held is not None:
        _add_counted(connection, held.batch_id, -held.files, -held.bytes)


def rehold(connection: Connection, reservation_id: str, batch_id: str) -> None:
    """Move what is held from one batch to another."""
    held = reservation(connection, reservation_id)
    if held is not None:
        _add_counted(connection, held.batch_id, -held.files, -held.bytes)
        _add_counted(connection, batch_id, held.files, held.bytes)
        here = reservations.c.id == reservation_id
        connection.execute(update(reservations).where(here).values(batch_id=batch_id))


def spend(connection: Connection, reservation_id: str, size: int, now: float) -> None:
    """Turn what was held into what is used: one file of `size` bytes."""
    held = _end(connection, reservation_id)
    if held is not None:
        _add_counted(connection, held.batch_id, 1 - held.files, size - held.bytes)
        touch(connection, held.batch_id, now)


def _end(connection: Connection, reservation_id: str) -> Reservation | None:
    held = reservation(connection, reservation_id)
    if held is not None:
        connection.execute(_UNRESERVE, {"id": reservation_id})
    return held


def release_abandoned(connection: Connection) -> int:
    """Release all that died with a request; return how many there were."""
    query = select(reservations.c.id).where(reservations.c.outlives_request == 0)
    abandoned = connection.execute(query).scalars().all()
    for reservation_id in abandoned:
        release(connection, reservation_id)
    return len(abandoned)

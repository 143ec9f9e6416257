"""Rows of aliases: what each origin sees in `Upload`."""

from dataclasses import fields, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from daydrop.catalogue import lock_rows
from daydrop.catalogue.tables import aliases, items, locks
from daydrop.records.alias import Alias, Member, State

DAY = 86400
LITTER_BYTES = 64 << 20  # of one origin; the oldest goes first


_NAMES = tuple(field.name for field in fields(Alias))
COLUMNS = tuple(aliases.c[name] for name in _NAMES)
_FIND = select(*COLUMNS).where(  # asked with every request, so it is put together once
    aliases.c.origin == bindparam("origin"), aliases.c.path == bindparam("path")
)
_LITTER = aliases.c.state == literal_column("'litter'")  # written out, as its index says it
_INSERT = insert(aliases)
_AS_THEY_ARE = (
    *("size", "modified", "etag", "sha256", "item_id", "companion_id", "staged"),
    *("reservation_id", "touched"),
)
_WRITTEN = ("state", "content", "last_seen")
_UPDATE = (
    update(aliases)
    .where(aliases.c.origin == bindparam("of_origin"), aliases.c.path == bindparam("of_path"))
    .values({name: bindparam(name) for name in (*_AS_THEY_ARE, *_WRITTEN)})
)


def from_row(row: Row[*tuple[Any, ...]] | tuple[Any, ...]) -> Alias:
    """Return an alias from a row of COLUMNS."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Alias(**values | {"state": State(values["state"])})


def find(connection: Connection, origin: str, path: str) -> Alias | None:
    """Return the alias of exactly this path (NFC)."""
    row = connection.execute(_FIND, {"origin": origin, "path": path}).first()
    return None if row is None else from_row(row)


def by_fold(connection: Connection, origin: str, path: str) -> list[Alias]:
    """Return at most two aliases whose path differs from this one in case at most."""
    same = aliases.c.path_fold == path.casefold()
    query = select(*COLUMNS).where(aliases.c.origin == origin, same)
    return [from_row(row) for row in connection.execute(query.limit(2))]


def member(connection: Connection, alias_id: int) -> Member | None:
    """Return an alias and the media type of its item."""
    found = _members(connection, aliases.c.id == alias_id)
    return found[0] if found else None


def members(connection: Connection, origin: str, folder: str) -> list[Member]:
    """Return what is listed in a folder, by path, without litter."""
    return _members(
        connection,
        aliases.c.origin == origin,
        aliases.c.folder == folder,
        aliases.c.state != State.LITTER.value,
    )


def _members(connection: Connection, *where: ColumnElement[bool]) -> list[Member]:
    query = (
        select(*COLUMNS, items.c.media_type)
        .outerjoin(items, items.c.id == aliases.c.item_id)
        .where(*where)
        .order_by(aliases.c.path)
    )
    return [Member(from_row(row[:-1]), row[-1]) for row in connection.execute(query)]


def below(connection: Connection, origin: str, path: str) -> list[Alias]:
    """Return everything below a folder, with litter, folders before their members."""
    query = select(*COLUMNS).where(_is_below(origin, path)).order_by(aliases.c.path)
    return [from_row(row) for row in connection.execute(query)]


def count_listed(connection: Connection, origin: str, path: str) -> int:
    """Return how many aliases a listing of everything below a folder would show."""
    query = select(func.count()).where(
        _is_below(origin, path), aliases.c.state != State.LITTER.value
    )
    return connection.execute(query).scalar_one()


def newest(connection: Connection, origin: str, folder: str) -> float | None:
    """Return when something in a folder was last sent or renamed, in seconds since 1970."""
    query = select(func.max(aliases.c.touched)).where(
        aliases.c.origin == origin, aliases.c.folder == folder
    )
    return connection.execute(query).scalar()


def _is_below(origin: str, path: str) -> ColumnElement[bool]:
    """Compare byte by byte: LIKE ignores case in SQLite, and PostgreSQL orders by locale."""
    mine = aliases.c.origin == origin
    if not path:
        return mine
    return and_(mine, func.substr(aliases.c.path, 1, len(path) + 1) == f"{path}/")


def content(connection: Connection, alias_id: int) -> bytes:
    """Return the bytes of litter."""
    query = select(aliases.c.content).where(aliases.c.id == alias_id)
    return connection.execute(query).scalar() or b""


def put(connection: Connection, alias: Alias, content: bytes | None = None) -> Alias:
    """Write what a path stands for from now on, whether it was there before or not.

    The row of a path keeps its id and the time it was created. `content` is that of litter.
    """
    origin, path = alias.origin, alias.path
    values = {name: getattr(alias, name) for name in _AS_THEY_ARE} | {
        "state": alias.state.value,
        "content": content,
        "last_seen": int(alias.touched // DAY),
    }
    if connection.execute(_UPDATE, values | {"of_origin": origin, "of_path": path}).rowcount == 0:
        new = _names(path) | {"origin": origin, "created": alias.created}
        connection.execute(_INSERT, values | new)
        _make_parents(connection, alias)
    found = find(connection, origin, path)
    if found is None:
        raise LookupError(f"the alias {path} is gone in its own transaction")
    if alias.state is State.LITTER:
        bound_litter(connection, origin, LITTER_BYTES)
    return found


def _make_parents(connection: Connection, alias: Alias) -> None:
    """Bring back folders that went while their file was on its way (RFC 4918 §5.1)."""
    if alias.folder and find(connection, alias.origin, alias.folder) is None:
        put(connection, Alias.folder_at(alias.origin, alias.folder, alias.touched))


def take_over(connection: Connection, alias_id: int, path: str) -> None:
    """Give an alias another path of its origin, replacing what stood there and its properties.

    Locks stay behind and die: a MOVE does not move them (RFC 4918 §7.7).
    """
    moved = _by_id(connection, alias_id)
    if moved is None or moved.path == path:
        return
    now = moved.touched
    remove(connection, moved.origin, path, now)
    lock_rows.kill(connection, moved.origin, moved.path, now)
    connection.execute(update(aliases).where(aliases.c.id == alias_id).values(_names(path)))


def _by_id(connection: Connection, alias_id: int) -> Alias | None:
    row = connection.execute(select(*COLUMNS).where(aliases.c.id == alias_id)).first()
    return None if row is None else from_row(row)


def _names(path: str) -> dict[str, str]:
    return {"path": path, "path_fold": path.casefold(), "folder": path.rpartition("/")[0]}


def rename(connection: Connection, alias: Alias, path: str, now: float) -> list[Alias]:
    """Move an alias, and all below it, to another path, replacing what stood there.

    Return what was moved, as it is now.
    """
    remove(connection, alias.origin, path, now)
    lock_rows.kill(connection, alias.origin, alias.path, now)
    moved = []
    for each in [alias, *below(connection, alias.origin, alias.path)]:
        there = f"{path}{each.path[len(alias.path) :]}"
        connection.execute(update(aliases).where(aliases.c.id == each.id).values(_names(there)))
        moved.append(replace(each, path=there))
    return moved


def remove(connection: Connection, origin: str, path: str, now: float) -> list[Alias]:
    """Remove an alias and all below it, with properties and locks; return what was removed."""
    here = find(connection, origin, path)
    gone = ([here] if here else []) + below(connection, origin, path)
    connection.execute(delete(aliases).where(_is_below(origin, path)))
    if here is not None:
        connection.execute(delete(aliases).where(aliases.c.id == here.id))
    lock_rows.kill(connection, origin, path, now)
    return gone


def remove_below(connection: Connection, origin: str, path: str, now: float) -> None:
    """Remove what lies below a path, and the locks there; the path itself stays."""
    connection.execute(delete(aliases).where(_is_below(origin, path)))
    lock_rows.kill_below(connection, origin, path, now)


def set_state(connection: Connection, alias_id: int, state: State) -> None:
    """Change what a path stands for."""
    connection.execute(update(aliases).where(aliases.c.id == alias_id).values(state=state.value))


def set_modified(connection: Connection, alias_id: int, when: float) -> None:
    """Give an alias the client's time."""
    connection.execute(update(aliases).where(aliases.c.id == alias_id).values(modified=when))


def touch(connection: Connection, alias_id: int, now: float) -> None:
    """Record that a request named this alias just now."""
    connection.execute(update(aliases).where(aliases.c.id == alias_id).values(touched=now))


# ---- life -----------------------------------------------------------------------------------


def mark_seen(connection: Connection, origin: str, folder: str, day: int) -> None:
    """Record that a folder and its members were seen on this day since 1970."""
    connection.execute(
        update(aliases)
        .where(
            aliases.c.origin == origin,
            or_(aliases.c.folder == folder, aliases.c.path == folder),
            aliases.c.last_seen < day,
        )
        .values(last_seen=day)
    )


def idle(connection: Connection, state: State, touched_before: float, now: float) -> list[Alias]:
    """Return aliases of a state that no request has named since then, and no live lock holds."""
    is_locked = exists().where(
        locks.c.origin == aliases.c.origin, locks.c.path == aliases.c.path, locks.c.expires > now
    )
    query = select(*COLUMNS).where(
        aliases.c.state == state.value, aliases.c.touched < touched_before, ~is_locked
    )
    return [from_row(row) for row in connection.execute(query)]


def unseen(connection: Connection, day: int, touched_before: float) -> list[Alias]:
    """Return aliases last seen before this day; folders only when they are empty."""
    inner = aliases.alias("inner")
    holds_something = exists().where(
        inner.c.origin == aliases.c.origin, inner.c.folder == aliases.c.path
    )
    query = (
        select(*COLUMNS)
        .where(
            aliases.c.last_seen < day,
            aliases.c.touched < touched_before,
            or_(aliases.c.state != State.COLLECTION.value, ~holds_something),
        )
        .order_by(aliases.c.id)
    )
    return [from_row(row) for row in connection.execute(query)]


def surplus(connection: Connection, most: int) -> list[Alias]:
    """Return the aliases beyond `most` of an origin, those seen longest ago."""
    crowded = (
        select(aliases.c.origin, func.count() - most)
        .group_by(aliases.c.origin)
        .having(func.count() > most)
    )
    found: list[Alias] = []
    for origin, too_many in connection.execute(crowded).all():
        query = (
            select(*COLUMNS)
            .where(aliases.c.origin == origin, aliases.c.state != State.COLLECTION.value)
            .order_by(aliases.c.last_seen, aliases.c.touched, aliases.c.id)
            .limit(too_many)
        )
        found += [from_row(row) for row in connection.execute(query)]
    return found


def bound_litter(connection: Connection, origin: str, most: int) -> int:
    """Remove an origin's oldest litter beyond `most` bytes; return how many were removed."""
    query = (
        select(aliases.c.id, aliases.c.size)
        .where(aliases.c.origin == origin, _LITTER)
        .order_by(aliases.c.touched.desc(), aliases.c.id.desc())
    )
    kept, over = 0, []
    for alias_id, size in connection.execute(query):
        kept += size
        if kept > most:
            over.append(alias_id)
    for alias_id in over:
        connection.execute(delete(aliases).where(aliases.c.id == alias_id))
    return len(over)


def staged_names(connection: Connection) -> set[str]:
    """Return the names of what aliases keep in staging."""
    query = select(aliases.c.staged).where(aliases.c.staged.is_not(None))
    return set(connection.execute(query).scalars())


def refers_to_companion(connection: Connection, companion_id: str) -> bool:
    """Return whether any path stands for this companion."""
    query = select(aliases.c.id).where(aliases.c.companion_id == companion_id).limit(1)
    return connection.execute(query).first() is not None


def stand_for_another(connection: Connection, companion_id: str, another: str) -> None:
    """Let the paths of one companion stand for another one."""
    connection.execute(
        update(aliases).where(aliases.c.companion_id == companion_id).values(companion_id=another)
    )


def mark_removed(connection: Connection, item_id: str) -> None:
    """Mark an item's aliases as deleted by its owner; they stay listed."""
    connection.execute(
        update(aliases)
        .where(aliases.c.item_id == item_id, aliases.c.state == State.FILED.value)
        .values(state=State.REMOVED.value)
    )


def mark_restored(connection: Connection, item_id: str) -> None:
    """Mark an item's aliases as brought back by its owner."""
    connection.execute(
        update(aliases)
        .where(aliases.c.item_id == item_id, aliases.c.state == State.REMOVED.value)
        .values(state=State.FILED.value)
    )

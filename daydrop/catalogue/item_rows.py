"""Rows of items: the accepted files, where they lie and why there."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date, timedelta
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from daydrop.catalogue.tables import appearances, items, months
from daydrop.media.kinds import Kind
from daydrop.records.item import Item, ItemState, Relatives, Taken, case_key
from daydrop.records.scope import Scope

_NAMES = tuple(field.name for field in fields(Item))
COLUMNS = tuple(items.c[name] for name in _NAMES)
STORED = items.c.state == literal_column("'stored'")
"""Written out, not bound: so the indexes of what is stored serve the queries that say it."""
_TRASHED = ~STORED & (items.c.state == ItemState.TRASHED.value)
_LOST = ~STORED & (items.c.state == ItemState.MISSING.value) & items.c.trashed.is_(None)
"""Missing since a start; what was purged from the trash has its time there."""

# What every upload asks is written once: putting a statement together costs more than running it.
_BY_SHA256 = select(*COLUMNS).where(items.c.sha256 == bindparam("sha256"), STORED).limit(1)
_ASKED_AT_ONCE = 500  # ids in one question; SQLite bounds their number
_MOST_OF_STEM = 200  # there are programs that call every photo `image.jpg`; see `is_full`
_CAME_AGAIN = select(appearances.c.item_id).where(
    appearances.c.pair_scope == bindparam("pair_scope"), appearances.c.stem == bindparam("stem")
)
_OF_STEM = (
    select(*COLUMNS)
    .where(
        (items.c.pair_scope == bindparam("pair_scope")) & (items.c.stem == bindparam("stem"))
        | items.c.id.in_(_CAME_AGAIN),
        STORED,
    )
    .order_by(items.c.filed.desc(), items.c.id)
    .limit(bindparam("most"))
)
_SCOPES = select(appearances.c.pair_scope, appearances.c.stem).where(
    appearances.c.item_id == bindparam("of")
)
_OF_PAIRS = select(*COLUMNS).where(items.c.pair.in_(bindparam("pairs", expanding=True)))
_AKIN = (
    select(*COLUMNS)
    .where(
        items.c.pair_scope == bindparam("pair_scope"),
        items.c.stem == bindparam("stem"),
        items.c.content_id.in_(bindparam("content_ids", expanding=True))
        | func.substr(items.c.taken, 1, 10).in_(bindparam("days", expanding=True)),
        STORED,
    )
    .order_by(items.c.filed.desc(), items.c.id)
    .limit(bindparam("most"))
)
_APPEARED = select(appearances.c.item_id, appearances.c.pair_scope).where(
    appearances.c.item_id.in_(bindparam("ids", expanding=True)),
    appearances.c.stem == bindparam("stem"),
)
_NAMES_BETWEEN = select(items.c.path_fold).where(
    items.c.path_fold >= bindparam("first"), items.c.path_fold < bindparam("after"), STORED
)
_INSERT = insert(items)
_COUNT = (
    update(months)
    .where(months.c.tree == bindparam("of_tree"), months.c.month == bindparam("of_month"))
    .values(number=months.c.number + bindparam("step"))
)


def dump(item: Item) -> dict[str, object]:
    """Return an item as plain values for JSON."""
    return {name: getattr(item, name) for name in _NAMES} | {
        "path": str(item.path),
        "pair_scope": item.pair_scope.text,
    }


def undump(values: dict[str, object]) -> Item:
    """Undo `dump`."""
    typed = values | {
        "state": ItemState(str(values["state"])),
        "kind": Kind(str(values["kind"])),
        "path": PurePosixPath(str(values["path"])),
        "pair_scope": Scope.parse(str(values["pair_scope"])),
        "day_only": bool(values["day_only"]),
    }
    return Item(**typed)  # type: ignore[arg-type]  # the names are the fields


def from_row(row: Row[*tuple[Any, ...]]) -> Item:
    """Return an item from a row of COLUMNS."""
    return undump(dict(zip(_NAMES, row, strict=True)))


def _values(item: Item) -> dict[str, object]:
    values = {name: getattr(item, name) for name in _NAMES}
    return values | {
        "state": item.state.value,
        "kind": item.kind.value,
        "path": str(item.path),
        "path_fold": case_key(item.path),
        "folder": str(item.path.parent),
        "day": item.taken[:10] or None,
        "day_only": int(item.day_only),
    }


def _select(connection: Connection, *where: ColumnElement[bool]) -> list[Item]:
    query = select(*COLUMNS).where(*where).order_by(items.c.path)
    return [from_row(row) for row in connection.execute(query)]


def _first(connection: Connection, *where: ColumnElement[bool]) -> Item | None:
    row = connection.execute(select(*COLUMNS).where(*where).limit(1)).first()
    return None if row is None else from_row(row)


# ---- looking up -----------------------------------------------------------------------------


def find(connection: Connection, item_id: str) -> Item | None:
    """Return the item of this id, whatever its state."""
    return _first(connection, items.c.id == item_id)


def find_all(connection: Connection, item_ids: Iterable[str]) -> Iterator[Item]:
    """Yield the items of these ids, whatever their state; of a whole import, if need be."""
    left = iter(item_ids)
    while some := list(islice(left, _ASKED_AT_ONCE)):
        for row in connection.execute(select(*COLUMNS).where(items.c.id.in_(some))):
            yield from_row(row)


def by_path(connection: Connection, path: PurePosixPath) -> Item | None:
    """Return the stored item at this path."""
    found = _first(connection, items.c.path_fold == case_key(path), STORED)
    return found if found and found.path == path else None


def names_beginning(connection: Connection, folder: PurePosixPath, stem: str) -> set[str]:
    """Return the case keys of the stored items in a folder whose names begin like this stem."""
    prefix = f"{folder}/".casefold() + stem.casefold()[:40]
    bounds = {"first": prefix, "after": f"{prefix}\U0010ffff"}
    return set(connection.execute(_NAMES_BETWEEN, bounds).scalars())


def by_sha256(connection: Connection, sha256: str) -> Item | None:
    """Return the stored item with these bytes."""
    row = connection.execute(_BY_SHA256, {"sha256": sha256}).first()
    return None if row is None else from_row(row)


def has_size(connection: Connection, size: int) -> bool:
    """Return whether any stored item is of this size: only then is a hash worth asking for."""
    query = select(items.c.id).where(items.c.size == size, STORED).limit(1)
    return connection.execute(query).first() is not None


def in_folder(connection: Connection, folder: PurePosixPath) -> list[Item]:
    """Return the stored items of a folder, by name."""
    return _select(connection, items.c.folder == str(folder), STORED)


def of_stem(connection: Connection, pair_scope: Scope, stem: str) -> list[Item]:
    """Return the stored items that may be one shot, those that came again too, newest first."""
    asked = {"pair_scope": pair_scope, "stem": stem, "most": _MOST_OF_STEM}
    return [from_row(row) for row in connection.execute(_OF_STEM, asked)]


def is_full(of_stem: list[Item]) -> bool:
    """Return whether there may be more of a stem in a scope than are asked for."""
    return len(of_stem) >= _MOST_OF_STEM


def relatives(connection: Connection, item: Item) -> Relatives:
    """Return an item and all who share its stem and a scope, with it or with one of the others.

    Members of their pairs are among them wherever they are, also who was purged from the trash;
    and who has the same content identifier or nearly its day, however many came since.
    """
    found, is_whole = {item.id: item}, True
    scopes = _scopes_under(connection, item.stem, [item])
    asked: set[Scope] = set()
    while left := set().union(*scopes.values()) - asked:
        asked |= left
        new: dict[str, Item] = {}
        for scope in sorted(left):
            of_scope = of_stem(connection, scope, item.stem)
            if is_full(of_scope):
                is_whole = False
                content_ids = {each.content_id for each in (item, *of_scope) if each.content_id}
                days = {each.candidate.wall.date() for each in item.judged if each.candidate.wall}
                of_scope += akin(connection, scope, item.stem, days, content_ids)
            new |= {other.id: other for other in of_scope if other.stem == item.stem}
        new = {key: other for key, other in new.items() if key not in found}
        found |= new
        scopes |= _scopes_under(connection, item.stem, new.values())
    if known := sorted({each.pair for each in found.values() if each.pair is not None}):
        rows = connection.execute(_OF_PAIRS, {"pairs": known})
        mates = [each for each in map(from_row, rows) if each.id not in found]
        found |= {each.id: each for each in mates}
        scopes |= _scopes_under(connection, item.stem, mates)
    return Relatives(found, scopes, is_whole)


def akin(
    connection: Connection,
    pair_scope: Scope,
    stem: str,
    days: Iterable[date],
    content_ids: Iterable[str] = (),
) -> list[Item]:
    """Return stored items first sent there, of one of these days, a day beside or an identifier."""
    whole = [day for day in days if date.min < day < date.max]
    near = {day + timedelta(days=step) for day in whole for step in (-1, 0, 1)}
    asked = {
        "pair_scope": pair_scope,
        "stem": stem,
        "days": sorted(day.isoformat() for day in near),
        "content_ids": sorted(content_ids),
        "most": _MOST_OF_STEM,
    }
    return [from_row(row) for row in connection.execute(_AKIN, asked)]


def _scopes_under(connection: Connection, stem: str, of: Iterable[Item]) -> dict[str, set[Scope]]:
    scopes = {item.id: {item.pair_scope} for item in of}
    for item_id, scope in connection.execute(_APPEARED, {"ids": list(scopes), "stem": stem}):
        scopes[str(item_id)].add(scope)
    return scopes


def partner(connection: Connection, item: Item) -> Item | None:
    """Return another stored member of an item's pair."""
    if item.pair is None:
        return None
    return _first(connection, items.c.pair == item.pair, items.c.id != item.id, STORED)


def of_batch(connection: Connection, batch_id: str) -> list[Item]:
    """Return the items that a batch brought, in any state."""
    return _select(connection, items.c.batch_id == batch_id)


def all_in_state(connection: Connection, state: ItemState) -> list[Item]:
    """Return every item of a state, by path."""
    return _select(connection, items.c.state == state.value)


def without_file(
    connection: Connection, *, sha256: str | None = None, size: int | None = None
) -> list[Item]:
    """Return the items of these bytes, or this size, that are missing or recorded as trashed."""
    where: list[ColumnElement[bool]] = [~STORED]
    if sha256 is not None:
        where.append(items.c.sha256 == sha256)
    if size is not None:
        where.append(items.c.size == size)
    return _select(connection, *where)


def trash_names(connection: Connection) -> set[str]:
    """Return the names of files in the trash that items speak of."""
    return set(connection.execute(select(items.c.trash_name).where(_TRASHED)).scalars())


def lost(connection: Connection) -> list[Item]:
    """Return the items whose files a start found missing, and that were not given up since."""
    return _select(connection, _LOST)


def count_lost(connection: Connection) -> int:
    """Return how many files are missing."""
    query = select(func.count()).select_from(items).where(_LOST)
    return int(connection.execute(query).scalar_one())


def trashed(connection: Connection, limit: int) -> list[Item]:
    """Return the items in the trash, the newest there first."""
    query = (
        select(*COLUMNS).where(_TRASHED).order_by(items.c.trashed.desc(), items.c.path).limit(limit)
    )
    return [from_row(row) for row in connection.execute(query)]


def trashed_before(connection: Connection, when: float) -> list[Item]:
    """Return the items whose days in the trash are over."""
    return _select(connection, _TRASHED, items.c.trashed < when)


def stored_paths(connection: Connection) -> set[str]:
    """Return the paths of all stored items."""
    return set(connection.execute(select(items.c.path).where(STORED)).scalars())


def count(connection: Connection) -> int:
    """Return how many items are stored."""
    return int(
        connection.execute(select(func.count()).select_from(items).where(STORED)).scalar_one()
    )


# ---- writing --------------------------------------------------------------------------------


def insert_item(connection: Connection, item: Item) -> None:
    """Write a new item; raises Taken when its bytes or its path have one."""
    try:
        connection.execute(_INSERT, _values(item))
    except IntegrityError as taken:
        raise Taken(str(item.path)) from taken
    if item.state is ItemState.STORED:
        _count(connection, item, 1)


def note_appearance(connection: Connection, item: Item, pair_scope: Scope, stem: str) -> bool:
    """Note that an item came in another scope or under another name; False if that is known."""
    if (pair_scope, stem) in scopes_of(connection, item):
        return False
    row = {"pair_scope": pair_scope, "stem": stem, "item_id": item.id}
    connection.execute(insert(appearances).values(row))
    return True


def scopes_of(connection: Connection, item: Item) -> list[tuple[Scope, str]]:
    """Return the scopes and stems in which the bytes of an item came, its own first."""
    found = connection.execute(_SCOPES, {"of": item.id})
    return [(item.pair_scope, item.stem), *((scope, str(stem)) for scope, stem in found)]


def change(connection: Connection, old: Item, new: Item) -> None:
    """Replace an item's row; raises Taken when the new path has another item."""
    try:
        connection.execute(update(items).where(items.c.id == old.id).values(_values(new)))
    except IntegrityError as taken:
        raise Taken(str(new.path)) from taken
    if old.state is ItemState.STORED:
        _count(connection, old, -1)
    if new.state is ItemState.STORED:
        _count(connection, new, 1)


def month_of(item: Item) -> tuple[str, str]:
    """Return the tree and month an item is counted under; undated items under an empty month."""
    return item.path.parts[0], item.taken[:7]


def _count(connection: Connection, item: Item, step: int) -> None:
    """Keep the counters: counting a million rows would take a second."""
    tree, month = month_of(item)
    changed = connection.execute(_COUNT, {"of_tree": tree, "of_month": month, "step": step})
    if changed.rowcount == 0:
        connection.execute(insert(months).values(tree=tree, month=month, number=step))


def recount(connection: Connection, stored: Iterable[Item]) -> None:
    """Make the counters again."""
    connection.execute(delete(months))
    for item in stored:
        _count(connection, item, 1)

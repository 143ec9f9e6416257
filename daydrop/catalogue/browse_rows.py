"""Queries of the reading side: folders with counts, months, days, search."""

from pathlib import PurePosixPath

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, tuple_

from daydrop.catalogue.item_rows import COLUMNS, STORED, from_row
from daydrop.catalogue.tables import items, months
from daydrop.records.item import Item
from daydrop.records.query import Position, Query

_AFTER_SLASH = "0"  # the character after "/": everything below a folder sorts before it
_OLDEST_FIRST = (items.c.taken, items.c.path_fold)
_NEWEST_FIRST = (items.c.taken.desc(), items.c.path_fold.desc())


def folder_counts(connection: Connection, folder: PurePosixPath) -> dict[str, int]:
    """Return how many items lie in each folder at or below this one."""
    query = select(items.c.folder, func.count()).where(STORED, _within(folder))
    return {
        str(name): int(number)
        for name, number in connection.execute(query.group_by(items.c.folder))
    }


def covers(connection: Connection, folder: PurePosixPath) -> dict[str, str]:
    """Return the hash of one item of each folder at or below this one: its photo on a tile."""
    query = select(items.c.folder, func.min(items.c.sha256)).where(STORED, _within(folder))
    return {str(name): str(sha) for name, sha in connection.execute(query.group_by(items.c.folder))}


def folder_before(connection: Connection, folder: PurePosixPath) -> str | None:
    """Return the nearest folder before this one, in the same tree, that holds items."""
    query = select(func.max(items.c.folder)).where(
        STORED, items.c.folder < str(folder), items.c.folder > f"{folder.parts[0]}/"
    )
    return connection.execute(query).scalar()


def folder_after(connection: Connection, folder: PurePosixPath) -> str | None:
    """Return the nearest folder behind this one and all below it that holds items."""
    query = select(func.min(items.c.folder)).where(
        STORED,
        items.c.folder > f"{folder}{_AFTER_SLASH}",
        items.c.folder < f"{folder.parts[0]}{_AFTER_SLASH}",
    )
    return connection.execute(query).scalar()


def month_counts(connection: Connection) -> list[tuple[str, str, int]]:
    """Return tree, month and number of items, newest month first; an empty month for undated."""
    query = select(months.c.tree, months.c.month, months.c.number).where(months.c.number > 0)
    found = connection.execute(query.order_by(months.c.month.desc(), months.c.tree))
    return [(str(tree), str(month), int(number)) for tree, month, number in found]


def in_month(
    connection: Connection, trees: tuple[str, ...], month: str, skip: int, limit: int
) -> list[Item]:
    """Return a part of a month of these trees, newest first."""
    return _listed(
        connection,
        _in_trees(trees),
        items.c.taken >= month,
        items.c.taken < f"{month}~",
        limit=limit,
        skip=skip,
    )


def matching(
    connection: Connection, query: Query, after: Position | None, limit: int
) -> list[Item]:
    """Return the items that a query finds, newest first, behind `after`."""
    where = _conditions(query)
    if after is not None:
        where.append(_older(after))
    return _listed(connection, *where, limit=limit)


def count_matching(connection: Connection, query: Query) -> int:
    """Return how many items a query finds."""
    where = _conditions(query)
    found = connection.execute(select(func.count()).select_from(items).where(STORED, *where))
    return int(found.scalar_one())


def kinds_matching(connection: Connection, query: Query) -> dict[str, int]:
    """Return how many items of each kind a query finds."""
    counted = select(items.c.kind, func.count()).where(STORED, *_conditions(query))
    found = connection.execute(counted.group_by(items.c.kind))
    return {str(kind): int(number) for kind, number in found}


def in_folder_page(
    connection: Connection, folder: PurePosixPath, after: Position | None, limit: int
) -> list[Item]:
    """Return the items of one folder in the order in which they were taken, behind `after`."""
    where: list[ColumnElement[bool]] = [items.c.folder == str(folder)]
    if after is not None:
        where.append(_newer(after))
    query = select(*COLUMNS).where(STORED, *where).order_by(*_OLDEST_FIRST)
    return [from_row(row) for row in connection.execute(query.limit(limit))]


def pair_of(connection: Connection, item: Item) -> list[Item]:
    """Return the other members of an item's pair."""
    if item.pair is None:
        return []
    query = select(*COLUMNS).where(STORED, items.c.pair == item.pair, items.c.id != item.id)
    return [from_row(row) for row in connection.execute(query)]


def senders(connection: Connection) -> list[str]:
    """Return the origins of all stored items."""
    query = select(items.c.origin).where(STORED).distinct().order_by(items.c.origin)
    return [str(origin) for origin in connection.execute(query).scalars()]


def by_ids(connection: Connection, ids: tuple[str, ...]) -> list[Item]:
    """Return the stored items of these ids, by path."""
    query = select(*COLUMNS).where(STORED, items.c.id.in_(ids)).order_by(items.c.path)
    return [from_row(row) for row in connection.execute(query)]


def neighbour(connection: Connection, item: Item, *, newer: bool) -> str | None:
    """Return the id of the item taken just after (or before) this one, over all trees."""
    here = Position.of(item)
    beside, order = (_newer(here), _OLDEST_FIRST) if newer else (_older(here), _NEWEST_FIRST)
    query = select(items.c.id).where(STORED, beside).order_by(*order)
    return connection.execute(query.limit(1)).scalar()


def _listed(
    connection: Connection, *where: ColumnElement[bool], limit: int, skip: int = 0
) -> list[Item]:
    query = select(*COLUMNS).where(STORED, *where)
    query = query.order_by(*_NEWEST_FIRST).limit(limit).offset(skip)
    return [from_row(row) for row in connection.execute(query)]


def _newer(than: Position) -> ColumnElement[bool]:
    return tuple_(*_OLDEST_FIRST) > tuple_(literal(than.taken), literal(than.path))


def _older(than: Position) -> ColumnElement[bool]:
    return tuple_(*_OLDEST_FIRST) < tuple_(literal(than.taken), literal(than.path))


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if query.tree:
        where.append(_within(PurePosixPath(query.tree)))
    if query.text:
        where.append(items.c.path_fold.contains(query.text.casefold(), autoescape=True))
    if query.first:
        where.append(items.c.taken >= query.first)
    if query.last:
        where += [items.c.taken < f"{query.last}~", items.c.taken != ""]
    if query.kind:
        where.append(items.c.kind == query.kind)
    if query.uploader:
        where.append(items.c.origin == query.uploader)
    if query.batch:
        where.append(items.c.batch_id == query.batch)
    return where


def _within(folder: PurePosixPath) -> ColumnElement[bool]:
    """At or below a folder: one range, so that one walk of an index finds them."""
    here = str(folder)
    range_of_both = and_(items.c.folder >= here, items.c.folder < f"{here}{_AFTER_SLASH}")
    return and_(range_of_both, or_(items.c.folder == here, items.c.folder >= f"{here}/"))


def _in_trees(trees: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(*(_within(PurePosixPath(tree)) for tree in trees))

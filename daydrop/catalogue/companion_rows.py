"""Rows of companions: companions of photos, which are no items of their own."""

from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from daydrop.catalogue.tables import aliases, companions
from daydrop.records.companion import Companion
from daydrop.records.scope import Scope

_NAMES = tuple(field.name for field in fields(Companion))
_COLUMNS = tuple(companions.c[name] for name in _NAMES)
_KEPT = companions.c.trashed.is_(None)
_WAITING = (  # asked with every upload, so it is put together once
    select(*_COLUMNS)
    .where(
        companions.c.pair_scope == bindparam("pair_scope"),
        companions.c.stem == bindparam("stem"),
        companions.c.item_id.is_(None),
    )
    .order_by(companions.c.name, companions.c.arrived)
)
_OF_STEM = (  # asked with every upload too
    select(*_COLUMNS)
    .where(
        companions.c.pair_scope == bindparam("pair_scope"),
        companions.c.stem == bindparam("stem"),
        _KEPT,
    )
    .order_by(companions.c.name, companions.c.arrived)
)
_OF_ITEM = (
    select(*_COLUMNS)
    .where(companions.c.item_id == bindparam("of"), _KEPT)
    .order_by(companions.c.name, companions.c.arrived)
)


def _from_row(row: Row[*tuple[Any, ...]]) -> Companion:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Companion(**values | {"path": PurePosixPath(values["path"]) if values["path"] else None})


def _values(companion: Companion) -> dict[str, object]:
    values = {name: getattr(companion, name) for name in _NAMES}
    return values | {"path": str(companion.path) if companion.path else None}


def _many(connection: Connection, *where: ColumnElement[bool]) -> list[Companion]:
    query = select(*_COLUMNS).where(*where).order_by(companions.c.name, companions.c.arrived)
    return [_from_row(row) for row in connection.execute(query)]


def find(connection: Connection, companion_id: str) -> Companion | None:
    """Return the companion of this id."""
    found = _many(connection, companions.c.id == companion_id)
    return found[0] if found else None


def waiting(connection: Connection, pair_scope: Scope, stem: str) -> list[Companion]:
    """Return the companions that wait for a photo of this scope and stem."""
    found = connection.execute(_WAITING, {"pair_scope": pair_scope, "stem": stem})
    return [_from_row(row) for row in found]


def of_stem(connection: Connection, pair_scope: Scope, stem: str) -> list[Companion]:
    """Return the companions of this scope and stem, those in the trash left out."""
    found = connection.execute(_OF_STEM, {"pair_scope": pair_scope, "stem": stem})
    return [_from_row(row) for row in found]


def alike(connection: Connection, companion: Companion) -> list[Companion]:
    """Return the companions of the same photo with the same bytes."""
    return _many(
        connection,
        companions.c.pair_scope == companion.pair_scope,
        companions.c.stem == companion.stem,
        companions.c.sha256 == companion.sha256,
        _KEPT,
    )


def same_beside(connection: Connection, companion: Companion, item_id: str) -> list[Companion]:
    """Return the companions of an item with the same bytes, and the same sender or none.

    One without a batch was found beside it at a start, as after a kill before the answer.
    """
    return _many(
        connection,
        companions.c.item_id == item_id,
        companions.c.sha256 == companion.sha256,
        or_(companions.c.origin == companion.origin, companions.c.batch_id.is_(None)),
        _KEPT,
    )


def everything(connection: Connection) -> list[Companion]:
    """Return every companion there is."""
    return _many(connection)


def of_item(connection: Connection, item_id: str) -> list[Companion]:
    """Return the companions of an item, those in the trash left out."""
    return [_from_row(row) for row in connection.execute(_OF_ITEM, {"of": item_id})]


def ids(connection: Connection) -> set[str]:
    """Return the ids of all companions: the names that they have in the trash."""
    return set(connection.execute(select(companions.c.id)).scalars())


def trashed_with(connection: Connection, item_id: str, trashed: float) -> list[Companion]:
    """Return the companions of an item that went to the trash together with it, at that time."""
    return _many(connection, companions.c.item_id == item_id, companions.c.trashed == trashed)


def trashed_before(connection: Connection, when: float) -> list[Companion]:
    """Return the companions whose days in the trash are over."""
    return _many(connection, companions.c.trashed < when)


def of_batch(connection: Connection, batch_id: str) -> list[Companion]:
    """Return the companions that a batch brought, those in the trash too."""
    return _many(connection, companions.c.batch_id == batch_id)


def given_up(connection: Connection, before: float) -> list[Companion]:
    """Return those that wait since before a time, and that no path in `Upload` stands for."""
    named = select(aliases.c.id).where(aliases.c.companion_id == companions.c.id).exists()
    return _many(connection, companions.c.item_id.is_(None), companions.c.arrived < before, ~named)


def staged_names(connection: Connection) -> set[str]:
    """Return what companions keep in staging."""
    query = select(companions.c.staged).where(companions.c.staged.is_not(None))
    return set(connection.execute(query).scalars())


def in_tree(connection: Connection) -> list[Companion]:
    """Return the companions that lie in the tree."""
    return _many(connection, companions.c.path.is_not(None), _KEPT)


def paths(connection: Connection) -> set[str]:
    """Return where companions lie in the tree."""
    query = select(companions.c.path).where(companions.c.path.is_not(None), _KEPT)
    return set(connection.execute(query).scalars())


def at(connection: Connection, path: PurePosixPath) -> Companion | None:
    """Return the companion that lies at a path of the tree."""
    found = _many(connection, companions.c.path == str(path), _KEPT)
    return found[0] if found else None


def wait_elsewhere(connection: Connection, companion_id: str, pair_scope: Scope) -> None:
    """Let a companion wait in another scope: its folder was renamed."""
    here = (companions.c.id == companion_id) & companions.c.item_id.is_(None)
    connection.execute(update(companions).where(here).values(pair_scope=pair_scope))


def insert_companion(connection: Connection, companion: Companion) -> None:
    """Write a new companion."""
    connection.execute(insert(companions).values(_values(companion)))


def change(connection: Connection, companion: Companion) -> None:
    """Replace a companion's row."""
    connection.execute(
        update(companions).where(companions.c.id == companion.id).values(_values(companion))
    )


def remove(connection: Connection, companion_id: str) -> None:
    """Remove a companion's row; the paths that stood for it stand for something deleted."""
    connection.execute(
        update(aliases)
        .where(aliases.c.companion_id == companion_id)
        .values(companion_id=None, state="removed")
    )
    connection.execute(delete(companions).where(companions.c.id == companion_id))

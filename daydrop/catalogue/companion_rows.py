"""Rows of sidecars: companions of pictures, which are no items of their own."""

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

from daydrop.catalogue.tables import aliases, sidecars
from daydrop.records.companion import Sidecar

_NAMES = tuple(field.name for field in fields(Sidecar))
_COLUMNS = tuple(sidecars.c[name] for name in _NAMES)
_KEPT = sidecars.c.trashed.is_(None)
_WAITING = (  # asked with every upload, so it is put together once
    select(*_COLUMNS)
    .where(
        sidecars.c.pair_scope == bindparam("pair_scope"),
        sidecars.c.stem == bindparam("stem"),
        sidecars.c.item_id.is_(None),
    )
    .order_by(sidecars.c.name, sidecars.c.arrived)
)
_OF_STEM = (  # asked with every upload too
    select(*_COLUMNS)
    .where(
        sidecars.c.pair_scope == bindparam("pair_scope"),
        sidecars.c.stem == bindparam("stem"),
        _KEPT,
    )
    .order_by(sidecars.c.name, sidecars.c.arrived)
)
_OF_ITEM = (
    select(*_COLUMNS)
    .where(sidecars.c.item_id == bindparam("of"), _KEPT)
    .order_by(sidecars.c.name, sidecars.c.arrived)
)


def _from_row(row: Row[*tuple[Any, ...]]) -> Sidecar:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Sidecar(**values | {"path": PurePosixPath(values["path"]) if values["path"] else None})


def _values(sidecar: Sidecar) -> dict[str, object]:
    values = {name: getattr(sidecar, name) for name in _NAMES}
    return values | {"path": str(sidecar.path) if sidecar.path else None}


def _many(connection: Connection, *where: ColumnElement[bool]) -> list[Sidecar]:
    query = select(*_COLUMNS).where(*where).order_by(sidecars.c.name, sidecars.c.arrived)
    return [_from_row(row) for row in connection.execute(query)]


def find(connection: Connection, sidecar_id: str) -> Sidecar | None:
    """The companion of this id."""
    found = _many(connection, sidecars.c.id == sidecar_id)
    return found[0] if found else None


def waiting(connection: Connection, pair_scope: str, stem: str) -> list[Sidecar]:
    """The companions that wait for a picture of this scope and stem."""
    found = connection.execute(_WAITING, {"pair_scope": pair_scope, "stem": stem})
    return [_from_row(row) for row in found]


def of_stem(connection: Connection, pair_scope: str, stem: str) -> list[Sidecar]:
    """The companions of this scope and stem, those in the trash left out."""
    found = connection.execute(_OF_STEM, {"pair_scope": pair_scope, "stem": stem})
    return [_from_row(row) for row in found]


def alike(connection: Connection, sidecar: Sidecar) -> list[Sidecar]:
    """The companions of the same picture with the same bytes."""
    return _many(
        connection,
        sidecars.c.pair_scope == sidecar.pair_scope,
        sidecars.c.stem == sidecar.stem,
        sidecars.c.sha256 == sidecar.sha256,
        _KEPT,
    )


def same_beside(connection: Connection, sidecar: Sidecar, item_id: str) -> list[Sidecar]:
    """The companions of an item that have the same bytes, and the same sender or none at all.

    One without a batch was found beside it at a start, as after a kill before the answer.
    """
    return _many(
        connection,
        sidecars.c.item_id == item_id,
        sidecars.c.sha256 == sidecar.sha256,
        or_(sidecars.c.origin == sidecar.origin, sidecars.c.batch_id.is_(None)),
        _KEPT,
    )


def everything(connection: Connection) -> list[Sidecar]:
    """Every companion there is."""
    return _many(connection)


def of_item(connection: Connection, item_id: str) -> list[Sidecar]:
    """The companions of an item, those in the trash left out."""
    return [_from_row(row) for row in connection.execute(_OF_ITEM, {"of": item_id})]


def ids(connection: Connection) -> set[str]:
    """The ids of all companions: the names that they have in the trash."""
    return set(connection.execute(select(sidecars.c.id)).scalars())


def trashed_with(connection: Connection, item_id: str, trashed: float) -> list[Sidecar]:
    """The companions of an item that went to the trash together with it, at that time."""
    return _many(connection, sidecars.c.item_id == item_id, sidecars.c.trashed == trashed)


def trashed_before(connection: Connection, when: float) -> list[Sidecar]:
    """The companions whose days in the trash are over."""
    return _many(connection, sidecars.c.trashed < when)


def of_batch(connection: Connection, batch_id: str) -> list[Sidecar]:
    """The companions that a batch brought, those in the trash too."""
    return _many(connection, sidecars.c.batch_id == batch_id)


def given_up(connection: Connection, before: float) -> list[Sidecar]:
    """Those that wait since before a time, and that no path in `Upload` stands for."""
    named = select(aliases.c.id).where(aliases.c.sidecar_id == sidecars.c.id).exists()
    return _many(connection, sidecars.c.item_id.is_(None), sidecars.c.arrived < before, ~named)


def staged_names(connection: Connection) -> set[str]:
    """What companions keep in staging."""
    query = select(sidecars.c.staged).where(sidecars.c.staged.is_not(None))
    return set(connection.execute(query).scalars())


def in_tree(connection: Connection) -> list[Sidecar]:
    """The companions that lie in the tree."""
    return _many(connection, sidecars.c.path.is_not(None), _KEPT)


def paths(connection: Connection) -> set[str]:
    """Where companions lie in the tree."""
    query = select(sidecars.c.path).where(sidecars.c.path.is_not(None), _KEPT)
    return set(connection.execute(query).scalars())


def at(connection: Connection, path: PurePosixPath) -> Sidecar | None:
    """The companion that lies at a path of the tree."""
    found = _many(connection, sidecars.c.path == str(path), _KEPT)
    return found[0] if found else None


def wait_elsewhere(connection: Connection, sidecar_id: str, pair_scope: str) -> None:
    """A companion that waits does so in another scope now: its folder was renamed."""
    here = (sidecars.c.id == sidecar_id) & sidecars.c.item_id.is_(None)
    connection.execute(update(sidecars).where(here).values(pair_scope=pair_scope))


def insert_sidecar(connection: Connection, sidecar: Sidecar) -> None:
    """Writes a new companion."""
    connection.execute(insert(sidecars).values(_values(sidecar)))


def change(connection: Connection, sidecar: Sidecar) -> None:
    """Replaces a companion's row."""
    connection.execute(update(sidecars).where(sidecars.c.id == sidecar.id).values(_values(sidecar)))


def remove(connection: Connection, sidecar_id: str) -> None:
    """Removes a companion's row; the paths that stood for it stand for something deleted."""
    connection.execute(
        update(aliases)
        .where(aliases.c.sidecar_id == sidecar_id)
        .values(sidecar_id=None, state="removed")
    )
    connection.execute(delete(sidecars).where(sidecars.c.id == sidecar_id))

"""Rows of aliases: what each origin sees in `Upload`."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from library.catalogue.tables import aliases

DAY = 86400


class State(StrEnum):
    """What a path in `Upload` is; a path without a row is absent."""

    PLACEHOLDER = "placeholder"
    STAGED = "staged"
    FILED = "filed"
    REMOVED = "removed"
    LITTER = "litter"
    COLLECTION = "collection"
    SIDECAR = "sidecar"


@dataclass(frozen=True)
class Alias:
    """A path in `Upload` of one origin; `modified` and `created` in seconds since 1970."""

    id: int
    origin: str
    path: str
    state: State
    size: int
    modified: float
    etag: str
    sha256: str | None
    item_id: str | None
    sidecar_id: str | None
    staged: str | None
    reservation_id: str | None
    created: float
    touched: float

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path of the folder it lies in; empty for `Upload` itself."""
        return self.path.rpartition("/")[0]


_NAMES = tuple(field.name for field in fields(Alias))
COLUMNS = tuple(aliases.c[name] for name in _NAMES)


def from_row(row: Row[*tuple[Any, ...]]) -> Alias:
    """An alias from a row of COLUMNS."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Alias(**values | {"state": State(values["state"])})


def find(connection: Connection, origin: str, path: str) -> Alias | None:
    """The alias of exactly this path (NFC)."""
    row = connection.execute(
        select(*COLUMNS).where(aliases.c.origin == origin, aliases.c.path == path)
    ).first()
    return None if row is None else from_row(row)


def settle(
    connection: Connection,
    *,
    origin: str,
    path: str,
    state: State,
    size: int,
    modified: float,
    etag: str,
    now: float,
    sha256: str | None = None,
    item_id: str | None = None,
    sidecar_id: str | None = None,
    staged: str | None = None,
    reservation_id: str | None = None,
    content: bytes | None = None,
) -> Alias:
    """Says what a path stands for from now on, whether it was there before or not."""
    values = {
        "state": state.value,
        "size": size,
        "modified": modified,
        "etag": etag,
        "sha256": sha256,
        "item_id": item_id,
        "sidecar_id": sidecar_id,
        "staged": staged,
        "reservation_id": reservation_id,
        "content": content,
        "touched": now,
        "last_seen": int(now // DAY),
    }
    here = (aliases.c.origin == origin) & (aliases.c.path == path)
    if connection.execute(update(aliases).where(here).values(values)).rowcount == 0:
        folder = path.rpartition("/")[0]
        connection.execute(
            insert(aliases).values(
                values
                | {
                    "origin": origin,
                    "path": path,
                    "path_fold": path.casefold(),
                    "folder": folder,
                    "created": now,
                }
            )
        )
    found = find(connection, origin, path)
    if found is None:
        raise LookupError(f"the alias {path} is gone in its own transaction")
    return found


def take_over(connection: Connection, alias_id: int, path: str) -> None:
    """Gives an alias another path of its origin; what stood there goes, its properties too."""
    origin = select(aliases.c.origin).where(aliases.c.id == alias_id).scalar_subquery()
    there = (aliases.c.origin == origin) & (aliases.c.path == path) & (aliases.c.id != alias_id)
    connection.execute(delete(aliases).where(there))
    connection.execute(
        update(aliases)
        .where(aliases.c.id == alias_id)
        .values(path=path, path_fold=path.casefold(), folder=path.rpartition("/")[0])
    )

"""Rows of receipts: what became of each upload."""

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, false, func, insert, select, update

from daydrop.catalogue.tables import batches, receipts
from daydrop.records.companion import Companion
from daydrop.records.receipt import Outcome, Receipt

_NAMES = tuple(column.name for column in receipts.columns)
_INSERT = insert(receipts)


def _from_row(row: Row[*tuple[Any, ...]]) -> Receipt:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values |= {
        "outcome": Outcome(str(values["outcome"])),
        "facts": json.loads(str(values["facts"])),
    }
    return Receipt(**values)


def write(connection: Connection, receipt: Receipt) -> Receipt:
    """Write a receipt; a refusal that was told before in the same batch is counted up instead."""
    values = {name: getattr(receipt, name) for name in _NAMES if name != "id"}
    values |= {
        "outcome": receipt.outcome.value,
        "facts": json.dumps(receipt.facts, ensure_ascii=False),
    }
    if receipt.outcome is Outcome.REFUSED and (again := _same(connection, receipt)):
        connection.execute(
            update(receipts)
            .where(receipts.c.id == again)
            .values(times=receipts.c.times + 1, at=receipt.at, facts=values["facts"])
        )
        return _from_row(connection.execute(select(receipts).where(receipts.c.id == again)).one())
    done = connection.execute(_INSERT, values)
    return replace(receipt, id=done.inserted_primary_key[0] if done.inserted_primary_key else 0)


def _same(connection: Connection, receipt: Receipt) -> int | None:
    here = (
        (receipts.c.batch_id == receipt.batch_id)
        & (receipts.c.upload_path == receipt.upload_path)
        & (receipts.c.name == receipt.name)
        & (receipts.c.code == receipt.code)
        & (receipts.c.words_key == receipt.words_key)
    )
    return connection.execute(select(receipts.c.id).where(here)).scalar()


def retell(connection: Connection, receipt: Receipt, now: float) -> None:
    """Replace what a receipt says of its file: it may have moved since."""
    batch = update(batches).where(batches.c.id == receipt.batch_id)
    connection.execute(batch.values(retold=now))
    connection.execute(
        update(receipts)
        .where(receipts.c.id == receipt.id)
        .values(
            words_key=receipt.words_key,
            facts=json.dumps(receipt.facts, ensure_ascii=False),
            place=receipt.place,
            day=receipt.day,
            source=receipt.source,
        )
    )


def retell_companion(
    connection: Connection, before: Companion, after: Companion, now: float
) -> None:
    """Correct the receipts of a companion that lies beside its photo now.

    So say the receipts of the batch that brought it, and those of others that were told of it.
    """
    told = receipts.c.batch_id == before.batch_id if before.batch_id else false()
    if before.item_id is not None:  # else every receipt of no item would be looked at
        told |= (receipts.c.item_id == before.item_id) & (receipts.c.place == str(before.path))
    of_it = (receipts.c.sha256 == after.sha256, receipts.c.outcome == Outcome.COMPANION.value)
    for receipt in _many(connection, told, *of_it):
        if receipt.item_id in (None, before.item_id, after.item_id):
            facts = dict(receipt.facts) | {"place": str(after.path)}
            now_there = replace(receipt, words_key="sidecar", facts=facts, place=str(after.path))
            retell(connection, now_there, now)
            known = update(receipts).where(receipts.c.id == receipt.id)
            connection.execute(known.values(item_id=after.item_id))


def _many(
    connection: Connection, *where: ColumnElement[bool], limit: int | None = None
) -> list[Receipt]:
    query = select(receipts).where(*where).order_by(receipts.c.id).limit(limit)
    return [_from_row(row) for row in connection.execute(query)]


def find(connection: Connection, receipt_id: int) -> Receipt | None:
    """Return the receipt of this number."""
    found = _many(connection, receipts.c.id == receipt_id)
    return found[0] if found else None


def of_batch(
    connection: Connection, batch_id: str, after: int = 0, limit: int | None = None
) -> list[Receipt]:
    """Return the receipts of a batch in the order of arrival, behind the number `after`."""
    here = (receipts.c.batch_id == batch_id, receipts.c.id > after)
    return _many(connection, *here, limit=limit)


def of_item(connection: Connection, item_id: str) -> list[Receipt]:
    """Return every receipt that speaks of an item: the one that filed it, and its duplicates."""
    return _many(connection, receipts.c.item_id == item_id)


def holders(connection: Connection, item_id: str) -> set[str]:
    """Return the batches that were told that this item is kept, and were not taken back since."""
    query = (
        select(receipts.c.batch_id)
        .join(batches, batches.c.id == receipts.c.batch_id)
        .where(
            receipts.c.item_id == item_id,
            receipts.c.outcome.in_((Outcome.FILED.value, Outcome.DUPLICATE.value)),
            batches.c.undone.is_(None),
        )
    )
    return {str(batch_id) for batch_id in connection.execute(query).scalars()}


def holder_of_companion(connection: Connection, companion: Companion, batch_id: str) -> str | None:
    """Return another batch of its sender, not undone, that was told that a companion is kept."""
    query = (
        select(receipts.c.batch_id)
        .join(batches, batches.c.id == receipts.c.batch_id)
        .where(
            receipts.c.sha256 == companion.sha256,
            receipts.c.origin == companion.origin,
            receipts.c.item_id == companion.item_id,
            receipts.c.outcome == Outcome.COMPANION.value,
            receipts.c.batch_id != batch_id,
            batches.c.undone.is_(None),
        )
    )
    return connection.execute(query.limit(1)).scalar()


def items_of_batch(connection: Connection, batch_id: str) -> set[str]:
    """Return the items that a batch was told to be kept; a companion alone keeps no photo."""
    query = select(receipts.c.item_id).where(
        receipts.c.batch_id == batch_id,
        receipts.c.item_id.is_not(None),
        receipts.c.outcome.in_((Outcome.FILED.value, Outcome.DUPLICATE.value)),
    )
    return {str(item_id) for item_id in connection.execute(query).scalars()}


def recent(connection: Connection, origin: str | None, limit: int) -> list[Receipt]:
    """Return the newest receipts first; of all origins without `origin`."""
    query = select(receipts).order_by(receipts.c.id.desc()).limit(limit)
    if origin is not None:
        query = query.where(receipts.c.origin == origin)
    return [_from_row(row) for row in connection.execute(query)]


def pictures_of_batch(connection: Connection, batch_id: str, limit: int) -> list[str]:
    """Return the hashes of the first items that a batch was told of."""
    here = (receipts.c.batch_id == batch_id) & receipts.c.item_id.is_not(None)
    query = select(receipts.c.sha256).where(here, receipts.c.sha256.is_not(None))
    return list(connection.execute(query.order_by(receipts.c.id).limit(limit)).scalars())


def outcomes(connection: Connection, batch_id: str) -> dict[Outcome, int]:
    """Return how many receipts of each outcome a batch has."""
    query = (
        select(receipts.c.outcome, func.count())
        .where(receipts.c.batch_id == batch_id)
        .group_by(receipts.c.outcome)
    )
    return {Outcome(str(outcome)): int(number) for outcome, number in connection.execute(query)}

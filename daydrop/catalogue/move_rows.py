"""Rows of the journal of moves."""

from pathlib import PurePosixPath

from sqlalchemy import Connection, delete, insert, select

from daydrop.catalogue.tables import moves
from daydrop.records.move import Move


def begin(connection: Connection, move: Move) -> None:
    """Record a move before it is made."""
    connection.execute(
        insert(moves).values(
            id=move.id,
            item_id=move.item_id,
            source=str(move.source),
            target=str(move.target),
            fields=move.fields,
            at=move.at,
        )
    )


def end(connection: Connection, move_id: str) -> None:
    """Remove a move that was made."""
    connection.execute(delete(moves).where(moves.c.id == move_id))


def all_moves(connection: Connection) -> list[Move]:
    """Return the moves that were begun and not ended, oldest first."""
    columns = (
        moves.c.id,
        moves.c.item_id,
        moves.c.source,
        moves.c.target,
        moves.c.fields,
        moves.c.at,
    )
    return [
        Move(move_id, item_id, PurePosixPath(source), PurePosixPath(target), fields, at)
        for move_id, item_id, source, target, fields, at in connection.execute(
            select(*columns).order_by(moves.c.at)
        )
    ]


def is_left(connection: Connection, move_id: str) -> bool:
    """Return whether a move is still recorded."""
    return connection.execute(select(moves.c.id).where(moves.c.id == move_id)).first() is not None


def target_of(connection: Connection, item_id: str) -> PurePosixPath | None:
    """Return where an item is being moved to; None when it is not."""
    query = select(moves.c.target).where(moves.c.item_id == item_id)
    target = connection.execute(query).scalar()
    return None if target is None else PurePosixPath(target)

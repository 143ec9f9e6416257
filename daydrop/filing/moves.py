"""The one way in which a filed item changes its place: journalled, in one step on the disk.

Row of the journal, rename, row of the item: a kill between any two leaves the file in exactly one
of its two places, and `finish_interrupted` at the next start completes the move. What an upload
makes of its partners is planned in the transaction that acknowledges it: no kill comes between.
"""

import json
import secrets
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from pathlib import PurePosixPath

import structlog

from daydrop.catalogue import item_rows, receipt_rows
from daydrop.catalogue import move_rows as rows
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.errors import Refused
from daydrop.foundation import Foundation
from daydrop.receipts.receipts import told_of
from daydrop.records.item import Item, ItemState, Taken
from daydrop.records.move import Move
from daydrop.records.receipt import Outcome

MOST_NUMBERS = 100_000  # files of one name in one folder


class Moves:
    """Moves items within the tree. A move is a row before it is made, and until it is settled."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        follow: Callable[[Item], None],
    ) -> None:
        self._store, self._catalogue, self._clock, self._locks = (
            foundation.store,
            foundation.catalogue,
            foundation.clock,
            foundation.locks,
        )
        self._follow = follow  # brings the companions of a moved item after it

    def plan(self, connection: Connection, old: Item, new: Item) -> Move | None:
        """Record, in the caller's transaction, that an item moves to the path and date of `new`.

        None where its path stays: then the row is as it will be.
        """
        if old.path == new.path:
            item_rows.change(connection, old, new)
            retell(connection, new, self._clock.now())
            return None
        move = Move(
            id=secrets.token_hex(8),
            item_id=old.id,
            source=old.path,
            target=new.path,
            fields=json.dumps(item_rows.dump(new)),
            at=self._clock.now(),
        )
        rows.begin(connection, move)
        return move

    def carry_out(self, move: Move) -> bool:
        """Make a planned move; False when its target is taken, and the item stays where it was.

        The lock of its bytes keeps away who would find the file at neither place.
        """
        new = item_rows.undump(json.loads(move.fields))
        with self._locks.holding(("bytes", new.sha256)):
            if not self._is_of(move):
                self._settle(move, None)
                return False
            try:
                if self._is_at(move.source):
                    self._store.tree.move(move.source, move.target)
            finally:
                # looked up, not remembered: a flush that fails comes after the rename
                has_arrived = not self._is_at(move.source) and self._is_at(move.target)
                self._settle(move, new if has_arrived else None)
        if has_arrived:
            self._follow(new)
            # struck off last: a kill before this lets its companions follow at the next start
            self._catalogue.write(lambda connection: rows.end(connection, move.id))
        return has_arrived

    def finish(self, item_ids: Container[str]) -> bool:
        """Completes what is left of moves of items whose stem is held; False if nothing was."""
        left = [move for move in self._catalogue.moves.all_moves() if move.item_id in item_ids]
        for move in left:
            self.carry_out(move)
        return bool(left)

    def finish_interrupted(self) -> int:
        """Completes what a kill or a fault interrupted; return how many moves there were."""
        left = self._catalogue.moves.all_moves()
        for move in left:
            self._finish_late(move)
        return len(left)

    def _finish_late(self, move: Move) -> None:
        stem = item_rows.undump(json.loads(move.fields)).stem
        try:
            with self._locks.holding(("pair", stem)):
                is_left = self._catalogue.moves.is_left(move.id)
                if is_left:  # else another process has made it
                    self.carry_out(move)
        except (OSError, Refused, Taken) as failure:
            _tell_late(move, failure)

    def carry_out_later(self, move: Move) -> bool:
        """As `carry_out`, for who has no use for a failure: the next start tries again."""
        try:
            return self.carry_out(move)
        except (OSError, Refused, Taken) as failure:
            _tell_late(move, failure)
            return True

    def _is_of(self, move: Move) -> bool:
        """Return whether the item still lies where the move begins or ends; else it is outdated."""
        item = self._catalogue.items.find(move.item_id)
        if item is None or item.state is not ItemState.STORED:
            return False
        return item.path in (move.source, move.target)

    def _is_at(self, path: PurePosixPath) -> bool:
        return self._store.tree.is_there(path)

    def _settle(self, move: Move, new: Item | None) -> None:
        """Write where the item is now; None: where it was, and the move is over."""

        def work(connection: Connection) -> None:
            if new is None:
                rows.end(connection, move.id)
                return
            current = item_rows.find(connection, move.item_id)
            if current is not None and current.state is ItemState.STORED:
                item_rows.change(connection, current, replace(new, filed=current.filed))
                retell(connection, new, self._clock.now())

        self._catalogue.write(work, durable=True)


def _tell_late(move: Move, failure: Exception) -> None:
    structlog.get_logger().warning(
        "a move waits for the next round", path=str(move.source), error=in_words(failure)
    )


def retell(connection: Connection, item: Item, now: float) -> None:
    """Let the receipts of an item say where it lies now."""
    for receipt in receipt_rows.of_item(connection, item.id):
        if receipt.outcome in (Outcome.FILED, Outcome.DUPLICATE):
            receipt_rows.retell(connection, told_of(receipt, item), now)


def free_number(
    names: Callable[[int], Iterable[str]], is_free: Callable[[str], bool], start: int = 1
) -> int:
    """Return the first number under which all names of a group are free in their folder."""
    for number in range(start, MOST_NUMBERS):
        if all(is_free(name) for name in names(number)):
            return number
    raise RuntimeError(f"there are {MOST_NUMBERS} files of one name in one folder")

"""The one way in which a filed item changes its place: journalled, in one step on the disk.

Row of the journal, rename, row of the item: a kill between any two leaves the file in exactly one
of its two places, and `finish_interrupted` at the next start brings row and file together.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from library.catalogue import items as item_rows
from library.catalogue import moves as rows
from library.catalogue.database import Connection, Database
from library.catalogue.items import Item, ItemState
from library.catalogue.moves import Move
from library.clock import Clock
from library.placement import numbered
from library.store.local import LocalStore

_MOST_NUMBERS = 100_000


class Moves:
    """Moves items within the tree."""

    def __init__(
        self,
        store: LocalStore,
        database: Database,
        clock: Clock,
        follow: Callable[[Item], None],
    ) -> None:
        self._store, self._database, self._clock = store, database, clock
        self._follow = follow  # brings the companions of a moved item after it

    def move(self, old: Item, new: Item) -> bool:
        """Brings an item to the path and the date of `new`; False when that path is taken."""
        if old.path == new.path:
            self._database.write(lambda connection: item_rows.change(connection, old, new))
            return True
        move = Move(
            id=secrets.token_hex(8),
            item_id=old.id,
            source=old.path,
            target=new.path,
            fields=json.dumps(item_rows.dump(new)),
            at=self._clock.now(),
        )
        self._database.write(lambda connection: rows.begin(connection, move), durable=True)
        moved = False
        try:
            moved = self._store.move(old.path, new.path)
        finally:
            self._settle(move, new if moved else None)
        if moved:
            self._follow(new)
        return moved

    def finish_interrupted(self) -> int:
        """At the start: completes or drops what a kill interrupted; returns how many there were."""
        with self._database.reading() as connection:
            left = rows.all_moves(connection)
        for move in left:
            arrived = not self._exists(move.source) and self._exists(move.target)
            self._settle(move, item_rows.undump(json.loads(move.fields)) if arrived else None)
        return len(left)

    def _exists(self, path: PurePosixPath) -> bool:
        return self._store.path(path).exists()

    def _settle(self, move: Move, new: Item | None) -> None:
        """Writes where the item is now; None: where it was."""

        def work(connection: Connection) -> None:
            current = item_rows.find(connection, move.item_id)
            if new is not None and current is not None and current.state is ItemState.STORED:
                item_rows.change(connection, current, replace(new, filed=current.filed))
            rows.end(connection, move.id)

        self._database.write(work, durable=True)


def free_number(names: list[str], is_free: Callable[[str], bool], start: int = 1) -> int:
    """The first number under which all names of a group are free in their folder."""
    for number in range(start, _MOST_NUMBERS):
        if all(is_free(numbered(name, number)) for name in names):
            return number
    raise RuntimeError(f"there are {_MOST_NUMBERS} files of one name in one folder")

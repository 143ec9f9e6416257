"""The trash: items leave the library for some days, come back, or go for good."""

from collections.abc import Iterable
from dataclasses import replace

import structlog

from daydrop.care.companion_trash import CompanionTrash
from daydrop.catalogue import alias_rows, item_rows, mark_rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Refused
from daydrop.filing.dating import Dating
from daydrop.filing.filing import Filing
from daydrop.filing.placement import numbered
from daydrop.foundation import Foundation
from daydrop.records.item import Item, ItemState, Taken

_DAY = 86400.0


class Trash:
    """Moves items to the trash and back, their companions with them. Keeps them for `days`."""

    def __init__(
        self,
        foundation: Foundation,
        *,
        filing: Filing,
        dating: Dating,
        companions: CompanionTrash,
        days: int,
    ) -> None:
        self._store, self._catalogue = foundation.store, foundation.catalogue
        self._clock, self._days = foundation.clock, days
        self._filing, self._dating, self._companions = filing, dating, companions

    # ---- looking in -------------------------------------------------------------------------

    def newest(self, limit: int) -> list[Item]:
        """Return what can be restored, the newest first."""
        return self._catalogue.items.trashed(limit)

    def find(self, item_id: str) -> Item | None:
        """Return the item of this id if it lies in the trash."""
        item = self._catalogue.items.find(item_id)
        return item if item is not None and item.state is ItemState.TRASHED else None

    # ---- out of the library -----------------------------------------------------------------

    def put(self, item: Item) -> None:
        """Take an item out of the library; its file stays in the trash for some days.

        Does nothing when the item is not in the library any more.
        """
        heirs: set[str] = set()
        with self._filing.holding(item) as now:
            if now is not None and now.state is ItemState.STORED:
                heirs = self._put_held(now)
        self._date_those_left(item, heirs)

    def put_unless_held(self, item_id: str) -> bool:
        """As `put`, unless a batch that was not undone holds the item; return whether it went."""
        item = self._catalogue.items.find(item_id)
        if item is None:
            return False
        with self._filing.holding(item) as now:
            if now is None or now.state is not ItemState.STORED:
                return False
            if self._catalogue.receipts.holders(item_id):
                return False
            heirs = self._put_held(now)
        self._date_those_left(now, heirs)
        return True

    def _put_held(self, item: Item) -> set[str]:
        """Move a file whose bytes are locked: no upload is told "already here" meanwhile.

        Return the items that took over companions; they are dated again once no lock is held.
        """
        try:
            self._store.move_to_trash(item.path, item.id)
        except FileNotFoundError:  # taken away by hand
            self.record_gone(item)
            return set()
        return self._record_trashed(item)

    def _date_those_left(self, gone: Item, heirs: Iterable[str]) -> None:
        for heir in heirs:
            self._dating.judge_late(heir)
        self._dating.settle_left(gone)

    # ---- back into the library --------------------------------------------------------------

    def restore(self, item: Item) -> Item:
        """Bring an item back, beside whatever has its name now.

        Raises Refused(EXPIRED) when its bytes are gone or are stored under another name.
        """
        with self._filing.holding(item) as now:
            again = self._catalogue.items.by_sha256(item.sha256)
            if now is None or now.trash_name is None or again is not None:
                raise Refused(Code.EXPIRED, "trash")
            restored = self._move_back(now, now.trash_name)
        self._dating.judge_late(restored.id)
        self._dating.rejoin_all(restored)
        return self._catalogue.items.find(restored.id) or restored

    def _move_back(self, item: Item, name: str) -> Item:
        number, path = 1, item.path
        while True:
            if self._store.move_from_trash(name, path):
                restored = replace(item, path=path)
                try:
                    return self.record_restored(item, restored, is_to_be_dated=True)
                except Taken:  # a name that differs in case only
                    self._store.move_to_trash(path, name)
            number += 1
            path = item.path.with_name(numbered(item.name, number))

    # ---- for good ---------------------------------------------------------------------------

    def empty(self) -> int:
        """Remove what has been in the trash for its days; return how many items that were."""
        before = self._clock.now() - self._days * _DAY
        over = self._catalogue.items.trashed_before(before)
        purged = sum(self._purge(item) for item in over)
        self._companions.purge(before)
        return purged

    def _purge(self, item: Item) -> bool:
        with self._filing.holding(item) as now:
            if now != item:  # restored meanwhile
                return False
            if item.trash_name is not None:
                self._store.trash.remove(item.trash_name)
            self._change(item, replace(item, state=ItemState.MISSING, trash_name=None))
            return True

    # ---- rows -------------------------------------------------------------------------------

    def record_gone(self, item: Item) -> None:
        """Record that the file of an item is not in the tree.

        A kill came between its move to the trash and its row, or it was taken away by hand.
        """
        if item.id in self._store.trash.names():
            self._record_trashed(item)
            return
        structlog.get_logger().warning("a file is missing", path=str(item.path))
        self._change(item, replace(item, state=ItemState.MISSING))

    def as_trashed(self, item: Item, name: str) -> Item:
        """Return an item as it lies in the trash under `name`, from now on."""
        return replace(item, state=ItemState.TRASHED, trashed=self._clock.now(), trash_name=name)

    def _record_trashed(self, item: Item) -> set[str]:
        trashed = self.as_trashed(item, item.id)

        def change(connection: Connection) -> None:
            item_rows.change(connection, item, trashed)
            alias_rows.mark_removed(connection, item.id)

        self._catalogue.write(change, durable=True)
        return self._companions.follow_to_trash(trashed)

    def record_restored(self, item: Item, at: Item, *, is_to_be_dated: bool) -> Item:
        """Record that an item is stored, at the path of `at`; its companions follow it.

        With `is_to_be_dated` a start after a kill dates it again, so that it joins its shot.
        """
        restored = replace(at, state=ItemState.STORED, trashed=None, trash_name=None)

        def change(connection: Connection) -> None:
            item_rows.change(connection, item, restored)
            alias_rows.mark_restored(connection, item.id)
            if is_to_be_dated:
                mark_rows.write(connection, mark_rows.JUDGING + item.id)

        if item.trashed is not None:  # before the row: a kill leaves all of them half restored
            self._companions.restore(restored, item.trashed)
        self._catalogue.write(change, durable=True)
        return restored

    def give_up(self, item: Item) -> None:
        """Record that nobody waits for a missing item, as if its days in the trash were over."""
        self._change(item, replace(item, trashed=self._clock.now()))

    def _change(self, old: Item, new: Item) -> None:
        self._catalogue.write(
            lambda connection: item_rows.change(connection, old, new), durable=True
        )

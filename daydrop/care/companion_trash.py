"""Companions that leave the library: with their item, with an undone batch, or for good."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from daydrop.catalogue import companion_rows, item_rows, mark_rows
from daydrop.catalogue.database import Connection
from daydrop.filing.companions import Companions, first_free
from daydrop.foundation import Foundation
from daydrop.media.names import companion_picture
from daydrop.records.companion import Companion
from daydrop.records.item import Item


class CompanionTrash:
    """Takes companions away with their items and back, and gives up those that wait too long."""

    def __init__(self, foundation: Foundation, companions: Companions) -> None:
        self._store, self._catalogue = foundation.store, foundation.catalogue
        self._clock, self._locks = foundation.clock, foundation.locks
        self._companions = companions

    def follow_to_trash(self, item: Item) -> set[str]:
        """Move the companions of a trashed item to the trash, unless its partner takes them over.

        `DSC_1.xmp` of a RAW with its JPEG stays as long as one of the two does. Return the ids of
        the items that took one over: their date may be another now.
        """
        with self._catalogue.reading() as connection:
            companions = companion_rows.of_item(connection, item.id)
            heir = item_rows.partner(connection, item) if companions else None
        heirs: set[str] = set()
        for companion in companions:
            if heir is not None and companion_picture(companion.name) is None:
                self._companions.change(replace(companion, item_id=heir.id), to_judge={heir.id})
                heirs.add(heir.id)
            else:
                self.put(companion, item.trashed)
        return heirs

    def put(
        self, companion: Companion, when: float | None = None, to_judge: Iterable[str] = ()
    ) -> None:
        """Move a companion to the trash; `when` is the time of the item it comes back with."""
        if companion.path is not None and self._store.tree.is_there(companion.path):
            self._store.move_to_trash(companion.path, companion.id)
        self._companions.change(replace(companion, trashed=when or self._clock.now()), to_judge)

    def restore(self, item: Item, trashed: float) -> None:
        """Bring back what went to the trash with an item at that time, and put it beside it."""
        companions = self._catalogue.companions.trashed_with(item.id, trashed)
        there = set(self._store.trash.names())
        for companion in companions:
            if companion.id in there:
                move = partial(self._store.move_from_trash, companion.id)
                path = first_free(companion, item, move)
                self._companions.change(replace(companion, path=path, trashed=None))

    def take_back(self, batch_id: str) -> set[str]:
        """Move what an undone batch brought beside items of other batches to the trash.

        What another batch was told to be here stays. Return the ids of the items that had one
        beside them, also from an earlier attempt that a kill ended.
        """
        brought = self._catalogue.companions.of_batch(batch_id)
        for companion in brought:
            with self.holding(companion) as now:
                if now is not None and now.batch_id == batch_id:
                    self._take_back(now, batch_id)
        return {companion.item_id for companion in brought if companion.item_id is not None}

    def _take_back(self, companion: Companion, batch_id: str) -> None:
        holder = self._catalogue.receipts.holder_of_companion(companion, batch_id)
        if holder is not None:
            self._companions.change(replace(companion, batch_id=holder))
        elif companion.staged is not None:
            self._give_up(companion)
        else:  # also one in the trash with its item, which then comes back without it
            self.put(companion, to_judge={companion.item_id} if companion.item_id else ())

    def purge(self, before: float) -> None:
        """Remove for good what went to the trash before a time."""
        for companion in self._catalogue.companions.trashed_before(before):
            with self.holding(companion) as now:
                if now == companion:  # else it was restored with its item
                    self._store.trash.remove(companion.id)
                    self.forget(companion)

    def expire(self, before: float) -> int:
        """Give up the companions that have waited since before a time; return how many.

        One that a path in `Upload` stands for lives as long as that path.
        """
        over = self._catalogue.companions.given_up(before)
        for companion in over:
            with self.holding(companion) as now:
                if now == companion:  # else its photo or video has come
                    self._give_up(companion)
        return len(over)

    def forget_lost(self) -> list[Companion]:
        """Give up the companions whose files are gone; return them."""
        beside = self._catalogue.companions.in_tree()
        gone = [
            each for each in beside if each.path is not None and self._store.tree.is_gone(each.path)
        ]
        for companion in gone:
            self.forget(companion)
        return gone

    @contextmanager
    def holding(self, companion: Companion) -> Iterator[Companion | None]:
        """Lock a companion and its item; give it as it is now, None when it is gone."""

        def now() -> Companion | None:
            return self._catalogue.companions.find(companion.id)

        with self._locks.holding_told(lambda: self._companions.stems_of(now() or companion)):
            yield now()

    def _give_up(self, companion: Companion) -> None:
        self.forget(companion)
        if companion.staged is not None:
            self._store.staging.discard(companion.staged)

    def forget(self, companion: Companion) -> None:
        """Remove the row of a companion; the item that it was beside is dated again."""

        def remove(connection: Connection) -> None:
            companion_rows.remove(connection, companion.id)
            if companion.item_id is not None and companion.trashed is None:
                mark_rows.write(connection, mark_rows.JUDGING + companion.item_id)

        self._catalogue.write(remove)

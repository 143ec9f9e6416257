"""Undo: a batch is taken back, within some minutes, by its own sender or by the owner."""

from daydrop.care.companion_trash import CompanionTrash
from daydrop.care.trash import Trash
from daydrop.catalogue import batch_rows, mark_rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Refused
from daydrop.filing.dating import Dating
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.origin import Origin

UNDO_SECONDS = 15 * 60.0


class Undo:
    """Moves what a batch brought to the trash, until `seconds` after its last byte."""

    def __init__(
        self,
        foundation: Foundation,
        *,
        batches: Batches,
        trash: Trash,
        companions: CompanionTrash,
        dating: Dating,
        seconds: float = UNDO_SECONDS,
    ) -> None:
        self._catalogue, self._clock = foundation.catalogue, foundation.clock
        self._batches, self._seconds = batches, seconds
        self._trash, self._companions, self._dating = trash, companions, dating

    def is_possible(self, batch_id: str, origin: Origin) -> bool:
        """Return whether this origin may undo this batch now."""
        batch = self._batches.find(batch_id)
        if batch is None or batch.undone is not None:
            return False
        mine = batch.origin == origin.key or origin.is_owner
        return mine and self._clock.now() - batch.touched < self._seconds

    def run(self, batch_id: str, origin: Origin) -> int:
        """Move what only this batch brought to the trash; return how many items that were.

        Bytes that another batch was told to be here stay. Raises Refused(EXPIRED) when it is too
        late, or when the batch is not this origin's.
        """
        if not self.is_possible(batch_id, origin):
            raise Refused(Code.EXPIRED, "undo")
        now = self._clock.now()

        def mark(connection: Connection) -> None:
            batch_rows.close(connection, batch_id, now)
            batch_rows.mark_undone(connection, batch_id, now)
            mark_rows.write(connection, mark_rows.UNDOING + batch_id)

        self._catalogue.write(mark, durable=True)
        return self._take_back(batch_id)

    def finish_interrupted(self) -> None:
        """Take back the rest of each batch whose undo a kill interrupted."""
        for name in self._catalogue.marks.beginning(mark_rows.UNDOING):
            self._take_back(name.removeprefix(mark_rows.UNDOING))

    def _take_back(self, batch_id: str) -> int:
        brought = self._catalogue.receipts.items_of_batch(batch_id)
        trashed = sum(self._trash.put_unless_held(item_id) for item_id in sorted(brought))
        for item_id in self._companions.take_back(batch_id):
            self._dating.judge_late(item_id)
        self._catalogue.write(
            lambda connection: mark_rows.remove(connection, mark_rows.UNDOING + batch_id)
        )
        return trashed

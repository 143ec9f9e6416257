"""The rows that acknowledge an upload: its alias, its receipt, what it takes of its batch."""

from dataclasses import dataclass, replace

from daydrop.catalogue import alias_rows, item_rows, receipt_rows
from daydrop.catalogue.database import Connection
from daydrop.filing.announcement import Announcement, unsaved_receipt
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.media.names import printable, stem_key
from daydrop.receipts.receipts import told_of
from daydrop.records.alias import Alias
from daydrop.records.item import Item
from daydrop.records.receipt import Outcome, Receipt


@dataclass(frozen=True)
class Held:
    """An upload and the room that is held for it; `replaces` is the alias that it was."""

    announcement: Announcement
    batch_id: str
    reservation_id: str
    replaces: int | None = None


@dataclass(frozen=True)
class Known:
    """What an upload of known bytes became.

    `came_again` when they came in another folder or batch than before, so that other files of the
    shot may wait for them there.
    """

    receipt: Receipt
    came_again: bool


class Acknowledgement:
    """Writes what an accepted upload leaves in the catalogue, in its caller's transaction."""

    def __init__(self, foundation: Foundation, batches: Batches) -> None:
        self._clock = foundation.clock
        self._batches = batches

    def credited(self, connection: Connection, held: Held) -> Held:
        """Return an upload in the batch that keeps it: its own may have been undone meanwhile."""
        origin = held.announcement.origin
        batch_id = self._batches.batch_to_credit(
            connection, origin, held.reservation_id, held.batch_id
        )
        return replace(held, batch_id=batch_id)

    def known(self, connection: Connection, held: Held, item: Item) -> Known:
        """Acknowledge an upload whose bytes are here, told by themselves or by their hash.

        The caller holds the lock of the bytes.
        """
        announcement = held.announcement
        came_again = item_rows.note_appearance(
            connection, item, announcement.pair_scope, stem_key(announcement.name)
        )
        return Known(self.claimed(connection, held, item), came_again)

    def claimed(self, connection: Connection, held: Held, item: Item) -> Receipt:
        """Acknowledge an upload that added no bytes, and give back what was held for it."""
        credited = self.credited(connection, held)
        self._batches.release(connection, held.reservation_id)
        return self._accepted(connection, credited, item, Outcome.DUPLICATE)

    def stored(self, connection: Connection, credited: Held, item: Item) -> Receipt:
        """Acknowledge an upload whose bytes are stored, and count them in its batch."""
        self._batches.spend(connection, credited.reservation_id, item.size)
        return self._accepted(connection, credited, item, Outcome.FILED)

    def _accepted(
        self, connection: Connection, held: Held, item: Item, outcome: Outcome
    ) -> Receipt:
        announcement, now = held.announcement, self._clock.now()
        announcement.guard(connection)
        if announcement.alias is not None:
            if held.replaces is not None:
                alias_rows.take_over(connection, held.replaces, announcement.alias)
            origin, modified = announcement.origin.key, announcement.modified or now
            alias = Alias.filed(origin, announcement.alias, item, modified, now)
            alias_rows.put(connection, alias)
        receipt = receipt_rows.write(connection, _receipt(held, item, outcome, now))
        announcement.ending(connection, receipt)
        return receipt


def _receipt(held: Held, item: Item, outcome: Outcome, now: float) -> Receipt:
    sent = unsaved_receipt(
        held.announcement,
        outcome,
        now,
        words_key="",
        facts={"name": printable(held.announcement.name)},
    )
    receipt = replace(sent.of_bytes(item.size, item.sha256), batch_id=held.batch_id)
    return told_of(receipt, item)

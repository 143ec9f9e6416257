"""Refusals on record: whatever is refused stands in the receipts and in the log, once."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog

from daydrop.catalogue import receipt_rows
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.disk import Disk
from daydrop.errors import CatalogueClosed, Code, Forbidden, Missing, Refused
from daydrop.filing.announcement import Announcement, unsaved_receipt
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.media.names import Role, role
from daydrop.receipts.log import UploadLog
from daydrop.records.receipt import Outcome, Receipt

TRANSIENT = frozenset({Code.BUSY, Code.INTERNAL})  # our fault and not the file's: worth a retry


class Refusals:
    """Writes refusals down."""

    def __init__(
        self, foundation: Foundation, *, batches: Batches, log: UploadLog, disk: Disk
    ) -> None:
        self._catalogue, self._clock = foundation.catalogue, foundation.clock
        self._batches, self._log, self._disk = batches, log, disk

    @contextmanager
    def recording(self, announcement: Announcement) -> Iterator[None]:
        """Record whatever is refused inside; a fault of ours becomes Refused(INTERNAL)."""
        try:
            yield
        except (Forbidden, Missing):
            raise  # it concerns the path and not the upload; the face answers it
        except Refused as refused:
            if not (announcement.is_resumable and refused.code is Code.BUSY):
                self.record(announcement, refused)
            raise
        except Exception as failure:
            reference = secrets.token_hex(4)
            self._disk.doubt(failure)
            structlog.get_logger().exception("upload failed", reference=reference)
            fault = Refused(Code.INTERNAL, reference=reference)
            self.record(announcement, fault)
            raise fault from failure

    def record(self, announcement: Announcement, refused: Refused) -> None:
        """Write the receipt and the log line of a refused upload; litter has neither."""
        if role(announcement.name) is Role.LITTER:
            return
        receipt = unsaved_receipt(
            announcement,
            Outcome.REFUSED,
            self._clock.now(),
            code=refused.code.value,
            words_key=refused.key,
            facts=dict(refused.facts),
        )
        if refused.code is not Code.READ_ONLY:  # else the catalogue lies on the same disk
            receipt = self._saved(announcement, receipt)
        self._log.write(receipt)

    def _saved(self, announcement: Announcement, receipt: Receipt) -> Receipt:
        def save(connection: Connection) -> Receipt:
            batch_id = self._batches.batch_that_tells(
                connection, announcement.origin, announcement.batch_id
            )
            return receipt_rows.write(connection, replace(receipt, batch_id=batch_id))

        try:
            return self._catalogue.write(save)
        except (OSError, Refused, CatalogueClosed) as failure:
            # the fault that is reported has hit the catalogue too; the log still has it
            structlog.get_logger().error("receipt not kept", error=in_words(failure))
            return receipt

"""Resumable uploads: received in parts, as rows that outlive the server.

The bytes of a file are received in as many parts as the network needs; what lies safely on the disk
is the offset that the sender is given, to the byte. The last byte files it through the one door, in
one transaction with the end of its row.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from daydrop.catalogue import batch_rows
from daydrop.catalogue import upload_rows as rows
from daydrop.catalogue.database import Connection
from daydrop.checksum import NO_CHECKSUMS, Checksums
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement, Ending
from daydrop.foundation import Foundation
from daydrop.intake.door import Door
from daydrop.intake.incoming import Incoming
from daydrop.intake.refusals import TRANSIENT
from daydrop.limits.batches import Batches
from daydrop.locks.keyed import KeyedLocks
from daydrop.media.names import Role, printable, role
from daydrop.origin import Origin
from daydrop.records.receipt import Outcome, Receipt
from daydrop.records.upload import Upload, UploadState

CHECKPOINT = 16 << 20  # bytes after which what arrived is flushed and written down
QUIET_SECONDS = 5.0  # a sender that was quiet for so long loses its turn to a newcomer


class Ended(Exception):
    """The upload was filed or refused before: its sender has not heard the answer."""

    def __init__(self, upload: Upload) -> None:
        super().__init__(upload.id)
        self.upload = upload


class Uploads:
    """Receives, cancels and ends resumable uploads."""

    def __init__(
        self,
        foundation: Foundation,
        batches: Batches,
        door: Door,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._catalogue = foundation.store, foundation.catalogue
        self._clock, self._batches = foundation.clock, batches
        self._door, self._monotonic = door, monotonic
        self._turns = KeyedLocks()  # of an upload, while its turns change
        self._open: dict[str, Receiving] = {}
        self._guard = threading.Lock()  # of this dict alone

    # ---- receiving --------------------------------------------------------------------------

    @contextmanager
    def receiving(
        self, upload_id: str, offset: int, checksums: Checksums = NO_CHECKSUMS
    ) -> Iterator["Receiving"]:
        """Go on with an upload at `offset`; what arrived by the end of the block is kept.

        Raises Refused: EXPIRED, LOCKED while another sender is at it, OFFSET_MISMATCH; and Ended.
        """
        receiving = self._enter(upload_id, offset, checksums)
        try:
            yield receiving
        finally:
            try:
                receiving.leave()
            finally:
                with self._guard:
                    if self._open.get(upload_id) is receiving:
                        del self._open[upload_id]

    def _enter(self, upload_id: str, offset: int, checksums: Checksums) -> "Receiving":
        with self._turns.holding(upload_id):
            self._displace(upload_id)
            upload = self._going(upload_id)
            if offset != upload.received:
                raise Refused(Code.OFFSET_MISMATCH, offset=upload.received)
            receiving = Receiving(self, upload, self._incoming(upload, checksums))
            with self._guard:
                self._open[upload_id] = receiving
            return receiving

    def _displace(self, upload_id: str) -> None:
        with self._guard:
            other = self._open.get(upload_id)
        if other is not None and not other.gives_way():
            raise Refused(Code.LOCKED, name=printable(other.upload.name))

    def _going(self, upload_id: str) -> Upload:
        """Return the upload, if bytes may still come for it."""
        upload = self.find(upload_id)
        if upload is not None and upload.is_told:
            raise Ended(upload)
        if upload is None or not upload.is_pending or self.is_over(upload.batch_id):
            raise Refused(Code.EXPIRED, name=printable(upload.name) if upload else "The file")
        return self._with_its_bytes(upload)

    def _with_its_bytes(self, upload: Upload) -> Upload:
        """Restart an upload whose staging file is gone; cut back one that grew unflushed."""
        if upload.staged is None:
            return upload
        try:
            self._store.staging.cut(upload.staged, upload.received)
        except FileNotFoundError:
            self._catalogue.write(
                lambda connection: rows.note_progress(
                    connection, upload.id, staged=None, received=0
                )
            )
            return replace(upload, staged=None, received=0)
        return upload

    def _incoming(self, upload: Upload, checksums: Checksums) -> Incoming:
        announcement = replace(self.announcement_of(upload), checksums=checksums)
        if role(upload.name) is Role.COMPANION:
            return self._door.begin(announcement)  # small, and never kept half
        staged = upload.staged or self._staged(upload)
        return self._door.resume(
            announcement, staged, self._batches.held(upload.reservation_id or "")
        )

    def _staged(self, upload: Upload) -> str:
        staged = self._store.staging.create()
        staged.close()
        self._catalogue.write(
            lambda connection: rows.note_progress(
                connection, upload.id, staged=staged.name, received=0
            )
        )
        return staged.name

    def announcement_of(self, upload: Upload) -> Announcement:
        """Return an upload as the door knows it; what accepts it ends its row."""
        announcement = announcement_of(upload, self.origin_of(upload))
        return replace(announcement, ending=self._ending(upload))

    def _ending(self, upload: Upload) -> Ending:
        """Return what ends the row of an upload, in the transaction that acknowledges it."""

        def end(connection: Connection, receipt: Receipt) -> None:
            is_known = receipt.outcome is Outcome.DUPLICATE
            state = UploadState.DUPLICATE if is_known else UploadState.FILED
            rows.end(connection, upload.id, state, receipt_id=receipt.id)
            self._batches.release(connection, upload.reservation_id or "")

        return end

    def note(self, upload: Upload, staged: str, received: int) -> None:
        """Write down how far an upload has come; its bytes have been flushed before."""
        self._catalogue.write(
            lambda connection: rows.note_progress(
                connection, upload.id, staged=staged, received=received
            )
        )

    def refuse(self, upload: Upload, refused: Refused) -> None:
        """Write down that an upload was refused; the receipt tells of it already."""
        self._catalogue.write(
            lambda connection: rows.end(
                connection,
                upload.id,
                UploadState.REFUSED,
                code=refused.code.value,
                words_key=refused.key,
                facts=refused.facts,
            )
        )

    def now(self) -> float:
        """Return the seconds that only go forward, for lengths of time within this process."""
        return self._monotonic()

    # ---- ending -----------------------------------------------------------------------------

    def cancel(self, upload_id: str) -> None:
        """Cancel an upload for its sender; does nothing when it is over."""
        self._end(upload_id, UploadState.CANCELLED)

    def cancel_batch(self, batch_id: str) -> None:
        """Cancel what is left of a batch, and closes it."""
        for upload in self.of_batch(batch_id):
            if upload.is_pending:
                self.cancel(upload.id)
        self._batches.finish(batch_id)

    def finish(self, batch_id: str) -> None:
        """Close a batch; what has not come by now will not come."""
        self.cancel_batch(batch_id)

    def expire(self) -> int:
        """End what belongs to batches that are over; return how many there were."""
        over = self._catalogue.uploads.over(self._clock.now())
        over = [each for each in over if not self._is_at_work(each.id)]
        for upload in over:
            self._end(upload.id, UploadState.EXPIRED)
        return len(over)

    def _is_at_work(self, upload_id: str) -> bool:
        """Return whether it is being filed, which may take a minute and will end it."""
        with self._guard:
            receiving = self._open.get(upload_id)
        return receiving is not None and receiving.is_at_work

    def _end(self, upload_id: str, state: UploadState) -> None:
        with self._turns.holding(upload_id):
            with self._guard:
                receiving = self._open.pop(upload_id, None)
            if receiving is not None:
                receiving.leave()
            self._record_end(upload_id, state)

    def _record_end(self, upload_id: str, state: UploadState) -> None:
        upload = self.find(upload_id)
        if upload is None or not upload.is_pending:
            return

        def work(connection: Connection) -> bool:
            ended = rows.end(connection, upload_id, state)
            if ended:
                self._batches.release(connection, upload.reservation_id or "")
            return ended

        if self._catalogue.write(work) and upload.staged is not None:
            self._store.staging.discard(upload.staged)

    # ---- looking up -------------------------------------------------------------------------

    def find(self, upload_id: str) -> Upload | None:
        """Return the upload of this id."""
        return self._catalogue.uploads.find(upload_id)

    def of_batch(self, batch_id: str) -> list[Upload]:
        """Return the files of a batch in the order of their manifest."""
        return self._catalogue.uploads.of_batch(batch_id)

    def pending(self) -> list[Upload]:
        """Return every upload that is not over."""
        return self._catalogue.uploads.pending()

    def origin_of(self, upload: Upload) -> Origin:
        """Return all files of a batch have one origin, also when a phone changes its network."""
        batch = self._batches.find(upload.batch_id)
        if batch is None:
            raise Refused(Code.EXPIRED, name=printable(upload.name))
        return Origin(batch.origin, batch.address, batch.account, batch.program)

    def is_asked(self, connection: Connection, upload: Upload) -> bool:
        """Return whether neither an upload nor its batch has ended meanwhile."""
        now = rows.find(connection, upload.id)
        is_over = self._is_over_within(connection, upload.batch_id)
        return now is not None and now.is_pending and not is_over

    def is_over(self, batch_id: str) -> bool:
        """Return whether a batch accepts no more bytes."""
        with self._catalogue.reading() as connection:
            return self._is_over_within(connection, batch_id)

    def _is_over_within(self, connection: Connection, batch_id: str) -> bool:
        batch = batch_rows.find(connection, batch_id)
        return (
            batch is None
            or batch.closed is not None
            or (batch.closes is not None and self._clock.now() >= batch.closes)
        )


def announcement_of(upload: Upload, origin: Origin) -> Announcement:
    """Return an upload as the door knows it."""
    return Announcement(
        name=upload.name,
        origin=origin,
        size=upload.size,
        folder=upload.folder,
        batch_id=upload.batch_id,
        modified=upload.modified,
        is_resumable=True,
    )


class Receiving:
    """One sender's turn at an upload. Made by `Uploads.receiving`, for one thread at a time."""

    def __init__(self, uploads: Uploads, upload: Upload, incoming: Incoming) -> None:
        self.upload = upload
        self.receipt: Receipt | None = None
        self._uploads, self._incoming = uploads, incoming
        self._lock = threading.Lock()
        self._is_open = True
        self._wrote_at = uploads.now()
        self._noted = incoming.received

    @property
    def offset(self) -> int:
        """Return the bytes received so far."""
        return self._incoming.received

    @property
    def is_at_work(self) -> bool:
        """Return whether bytes that came are being written or filed at this moment."""
        return self._lock.locked()

    def quiet_seconds(self) -> float:
        """Return how long no byte has come."""
        return self._uploads.now() - self._wrote_at

    def write(self, block: memoryview) -> None:
        """Take the next bytes; the last one files the upload. Raises Refused.

        More bytes than announced are refused with FILE_TOO_BIG; nothing of `block` is kept.
        """
        with self._lock:
            if not self._is_open:
                raise Refused(Code.LOCKED, name=printable(self.upload.name))
            if self.offset + len(block) > self.upload.size:
                raise Refused(
                    Code.FILE_TOO_BIG,
                    "announced",
                    name=printable(self.upload.name),
                    size=self.upload.size,
                )
            self._wrote_at = self._uploads.now()
            with self._ending_at_failures():
                self._incoming.write(block)
                if self.offset == self.upload.size:
                    self._file()
                elif self.offset - self._noted >= CHECKPOINT:
                    self._uploads.note(self.upload, self._incoming.flush(), self.offset)
                    self._noted = self.offset

    def leave(self) -> None:
        """End the turn and keeps what arrived; idempotent, and after the last byte."""
        with self._lock:
            self._leave()

    def gives_way(self) -> bool:
        """End the turn of a sender that has been quiet for long; False while it is at work.

        A sender whose network went away holds its place until its time is up: not here.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._is_open and self.quiet_seconds() < QUIET_SECONDS:
                return False
            self._leave()
            return True
        finally:
            self._lock.release()

    def _leave(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if role(self.upload.name) is Role.COMPANION:
            self._incoming.abort()
            return
        received = self.offset
        with self._ending_at_failures():
            self._uploads.note(self.upload, self._incoming.keep(), received)

    def _file(self) -> None:
        self.receipt = self._incoming.commit()
        self._is_open = False

    @contextmanager
    def _ending_at_failures(self) -> Iterator[None]:
        """Any failure ends the turn; the upload ends only by what speaks of the file itself.

        Else its row says what was last flushed, and from there its sender goes on.
        """
        try:
            yield
        except BaseException as failure:
            self._is_open = False
            self._incoming.release()
            if isinstance(failure, Refused) and self._is_final(failure):
                self._uploads.refuse(self.upload, failure)
            raise

    def _is_final(self, refused: Refused) -> bool:
        return self._incoming.is_given_up and refused.code not in TRANSIENT

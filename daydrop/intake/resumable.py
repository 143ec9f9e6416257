"""Resumable uploads: announced as a list, received in parts, as rows that outlive the server.

A manifest opens a batch and holds room for every file that may come. The bytes of a file are
received in as many parts as the network needs; what lies safely on the disk is the offset that
is told to the sender, to the byte. The last byte files it through the one door.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from daydrop.catalogue import batch_rows, item_rows, receipt_rows
from daydrop.catalogue import upload_rows as rows
from daydrop.catalogue.database import Connection
from daydrop.checksum import NO_CHECKSUMS, Checksums
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement, unsaved_receipt
from daydrop.filing.dating import Dating
from daydrop.foundation import Foundation
from daydrop.intake.door import Door
from daydrop.intake.incoming import Incoming, Means
from daydrop.intake.refusals import TRANSIENT
from daydrop.limits.batches import Batches, Face
from daydrop.locks.keyed import KeyedLocks
from daydrop.media.names import Role, companion_target, printable, role, stem_key
from daydrop.origin import Origin
from daydrop.records.batch import Batch
from daydrop.records.item import Item
from daydrop.records.receipt import Outcome, Receipt
from daydrop.records.upload import Upload, UploadState

__all__ = [
    "Announced",
    "Ended",
    "KeyUsed",
    "Manifest",
    "Receiving",
    "Upload",
    "UploadState",
    "Uploads",
]

# Not refused, only not yet: their sender keeps them and sends them with its next batch. So they get
# no receipts, which would call a file refused that then came, and of a thousand files in batches of
# fifty write nine thousand five hundred. Their rows stay, and the page of the receipt lists them.
_FOR_THE_NEXT_BATCH = frozenset({Code.BATCH_FILES, Code.BATCH_BYTES})
CHECK_MOST = 64 << 20  # larger files are sent without asking for their hash first
CHECKPOINT = 16 << 20  # bytes after which what arrived is flushed and written down
QUIET_SECONDS = 5.0  # a sender that was quiet for so long loses its turn to a newcomer


@dataclass(frozen=True)
class Announced:
    """A file as the sender's list names it; `ref` is the sender's own number for it."""

    ref: str
    name: str
    path: str
    size: int
    modified: float | None = None


@dataclass(frozen=True)
class Manifest:
    """A batch and what was said of each of its files."""

    batch: Batch
    uploads: tuple[Upload, ...]


class Ended(Exception):
    """No more bytes come for an upload that was filed or refused: its sender is told so again."""

    def __init__(self, upload: Upload) -> None:
        super().__init__(upload.id)
        self.upload = upload


class KeyUsed(Exception):
    """A request key that was used for another list: whoever sent it has mixed up two requests."""


def _refused(upload: Upload, refused: Refused) -> Upload:
    """The upload as one that will not come."""
    return replace(
        upload,
        state=UploadState.REFUSED,
        code=refused.code.value,
        words_key=refused.key,
        facts=refused.facts,
    )


def _refusal(upload: Upload) -> Refused | None:
    """Why an upload will not come, as it was raised."""
    if upload.code is None or upload.words_key is None:
        return None
    return Refused(Code(upload.code), upload.words_key.partition(".")[2], **upload.facts)


def _shot(upload: Upload) -> tuple[str, str]:
    """What the files of one shot share: the halves of a pair, and their companions."""
    is_companion = role(upload.name) is Role.COMPANION
    return upload.folder, companion_target(upload.name) if is_companion else stem_key(upload.name)


def _left_of(shot: Sequence[Upload], batch: Batch) -> Upload | None:
    """The file of a shot that is left for the next batch, if the shot has room in one at all."""
    left = [each for each in shot if each.code in _FOR_THE_NEXT_BATCH]
    wanted = [*left, *(each for each in shot if each.is_pending)]
    counted = [each for each in wanted if role(each.name) is not Role.COMPANION]
    size = sum(each.size for each in counted)
    has_room = len(counted) <= batch.max_files and size <= batch.max_bytes
    return left[0] if left and has_room else None


def _is_same(known: Sequence[Upload], files: Sequence[Announced]) -> bool:
    before = {(upload.ref, upload.name, upload.path, upload.size) for upload in known}
    return before == {(file.ref, file.name, file.path, file.size) for file in files}


class Uploads:
    """Announces, receives, cancels and finishes resumable uploads."""

    def __init__(
        self,
        foundation: Foundation,
        batches: Batches,
        door: Door,
        means: Means,
        dating: Dating,
        random: Callable[[], str] = lambda: secrets.token_urlsafe(16),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogue, self._clock, self._batches = (
            foundation.catalogue,
            foundation.clock,
            batches,
        )
        self._door, self._random, self._monotonic = door, random, monotonic
        self._store, self._filing = foundation.store, means.filing
        self._refusals, self._dating = means.refusals, dating
        self._turns = KeyedLocks()  # of an upload, while its turns change
        self._open: dict[str, Receiving] = {}
        self._guard = threading.Lock()  # of this dict alone

    # ---- announcing -------------------------------------------------------------------------

    def announce(
        self, origin: Origin, files: Sequence[Announced], request_key: str | None = None
    ) -> Manifest:
        """Opens a batch and says of each file whether it may come; its room is held from now on.

        The same request key gives the same answer again, and opens nothing. Raises KeyUsed when it
        comes with another list.
        """
        self.sweep()
        judged = [self._judged(origin, file) for file in files]

        def work(connection: Connection) -> tuple[Manifest, bool]:
            """All or nothing: a list that comes twice, or is cut off by a kill, holds no room."""
            if batch := self._batches.opened_by(connection, origin, request_key):
                return Manifest(batch, tuple(rows.of_batch(connection, batch.id))), False
            batch = self._batches.open_within(connection, origin, Face.PAGE, request_key)
            announced = self._held_by_shots(connection, batch, origin, judged)
            rows.add(connection, announced)
            return Manifest(batch, tuple(announced)), True

        manifest, is_new = self._catalogue.write(work)
        if is_new:
            self._tell_refused(manifest, origin)
        elif not _is_same(manifest.uploads, files):
            raise KeyUsed(request_key)
        return manifest

    def _judged(self, origin: Origin, file: Announced) -> Upload:
        """The upload of a batch that is still to be opened, by its name and size."""
        upload = Upload(
            id=self._random(),
            batch_id="",
            ref=file.ref,
            name=file.name,
            path=file.path,
            size=file.size,
            received=0,
            staged=None,
            modified=file.modified,
            state=UploadState.ACCEPTED,
            code=None,
            words_key=None,
            facts={},
            reservation_id=None,
            receipt_id=None,
            made=self._clock.now(),
        )
        try:
            self._door.check_file(replace(announcement_of(upload, origin), batch_id=None))
        except Refused as refused:
            return _refused(upload, refused)
        return replace(upload, state=UploadState.CHECK) if self._may_be_known(upload) else upload

    def _held(self, connection: Connection, batch: Batch, origin: Origin, judged: Upload) -> Upload:
        """Room is held at once, also for a file that we may have: its sender cannot tell."""
        upload = replace(judged, batch_id=batch.id)
        if not upload.is_pending:
            return upload
        counts = role(upload.name) is not Role.COMPANION
        try:
            held = self._batches.reserve_within(
                connection,
                origin,
                upload.size if counts else 0,
                batch.id,
                files=1 if counts else 0,
                outlives_request=True,
            )
        except Refused as refused:
            return _refused(upload, refused)
        return replace(upload, reservation_id=held.id)

    def _held_by_shots(
        self, connection: Connection, batch: Batch, origin: Origin, judged: Sequence[Upload]
    ) -> list[Upload]:
        """Leaves a whole shot for the next batch where one of its files is left for it.

        Its files would not find each other from two batches. What no batch has room for comes in
        parts all the same. Shot after shot: what one leaves free is the next one's.
        """
        shots: dict[tuple[str, str], list[Upload]] = {}
        for upload in judged:
            shots.setdefault(_shot(upload), []).append(upload)
        announced: dict[str, Upload] = {}
        for shot in shots.values():
            held = [self._held(connection, batch, origin, upload) for upload in shot]
            left = _left_of(held, batch)
            announced |= {each.id: self._left_with(connection, each, left) for each in held}
        return [announced[upload.id] for upload in judged]

    def _left_with(self, connection: Connection, upload: Upload, left: Upload | None) -> Upload:
        """The upload, left for the next batch like that other of its shot, if there is one."""
        if left is None or upload.reservation_id is None:
            return upload
        self._batches.release(connection, upload.reservation_id)
        return replace(
            upload,
            state=left.state,
            code=left.code,
            words_key=left.words_key,
            facts=left.facts,
            reservation_id=None,
        )

    def _tell_refused(self, manifest: Manifest, origin: Origin) -> None:
        for upload in manifest.uploads:
            refused = _refusal(upload)
            if refused is not None and refused.code not in _FOR_THE_NEXT_BATCH:
                self._refusals.record(announcement_of(upload, origin), refused)

    def _may_be_known(self, upload: Upload) -> bool:
        if upload.size > CHECK_MOST or role(upload.name) is Role.COMPANION:
            return False
        return self._catalogue.items.has_size(upload.size)

    def check(self, batch_id: str, hashes: Mapping[str, str]) -> list[Upload]:
        """Takes the SHA-256 of files by their refs; what is here already need not come.

        Raises Refused(EXPIRED) for a batch that is over: a word of it would hold nothing.
        """
        if self._is_over(batch_id):
            raise Refused(Code.EXPIRED, name="This batch")
        asked = [each for each in self.of_batch(batch_id) if each.ref in hashes]
        for upload in asked:
            if upload.state is UploadState.CHECK:
                self._compare(upload, hashes[upload.ref].lower())
        return [self.find(upload.id) or upload for upload in asked]

    def _compare(self, upload: Upload, sha256: str) -> None:
        """Whose bytes are here is told so, and joins whoever waits for it in this batch."""
        announcement = announcement_of(upload, self._origin(upload))
        known = self._told_known(upload, announcement, sha256)
        if known is None:
            self._catalogue.write(lambda connection: rows.accept(connection, upload.id))
        else:
            self._dating.rejoin(known, announcement.pair_scope, announcement.name)

    def _told_known(self, upload: Upload, announcement: Announcement, sha256: str) -> Item | None:
        """Under the lock of the bytes: nobody takes them back between the look and the word."""
        with self._filing.holding_bytes(sha256):
            known = self._catalogue.items.by_sha256(sha256)
            if known is None or not self._is_enough(known, upload):
                return None
            return known if self._settle_known(upload, announcement, known) else None

    def _is_enough(self, known: Item, upload: Upload) -> bool:
        """Whether a word will do; what was only found in the tree gets a sender by its bytes."""
        is_there = known.size == upload.size and self._store.tree.has(known.path, known.size)
        return is_there and not known.pair_scope.is_found

    def _settle_known(self, upload: Upload, announcement: Announcement, known: Item) -> bool:
        """The bytes are here: the batch is told so, and is counted among those that hold them.

        False when nobody asks any more.
        """
        receipt = replace(
            unsaved_receipt(
                announcement,
                Outcome.DUPLICATE,
                self._clock.now(),
                words_key="duplicate",
                facts={"name": printable(upload.name), "place": str(known.path)},
            ),
            sha256=known.sha256,
            item_id=known.id,
            place=str(known.path),
            day=known.taken[:10] or None,
            source=known.source,
        )
        stem = stem_key(announcement.name)

        def work(connection: Connection) -> bool:
            if not self._is_asked(connection, upload):
                return False
            item_rows.note_appearance(connection, known, announcement.pair_scope, stem)
            told = receipt_rows.write(connection, receipt)
            rows.settle(connection, upload.id, UploadState.DUPLICATE, receipt_id=told.id)
            self._batches.release(connection, upload.reservation_id or "")
            return True

        return self._catalogue.write(work, durable=True)

    def _is_asked(self, connection: Connection, upload: Upload) -> bool:
        """Whether neither its batch nor itself has ended while its bytes were looked up."""
        now = rows.find(connection, upload.id)
        is_over = self._is_over_within(connection, upload.batch_id)
        return now is not None and now.is_pending and not is_over

    # ---- receiving --------------------------------------------------------------------------

    @contextmanager
    def receiving(
        self, upload_id: str, offset: int, checksums: Checksums = NO_CHECKSUMS
    ) -> Iterator["Receiving"]:
        """Goes on with an upload at `offset`; what arrived by the end of the block is kept.

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
        """The upload, if bytes may still come for it."""
        upload = self.find(upload_id)
        if upload is not None and upload.is_told:
            raise Ended(upload)
        if upload is None or not upload.is_pending or self._is_over(upload.batch_id):
            raise Refused(Code.EXPIRED, name=printable(upload.name) if upload else "The file")
        return self._with_its_bytes(upload)

    def _with_its_bytes(self, upload: Upload) -> Upload:
        """An upload whose staging file is gone begins anew; one that grew unflushed is cut back."""
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
        announcement = replace(announcement_of(upload, self._origin(upload)), checksums=checksums)
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

    def note(self, upload: Upload, staged: str, received: int) -> None:
        """Writes down how far an upload has come; its bytes have been flushed before."""
        self._catalogue.write(
            lambda connection: rows.note_progress(
                connection, upload.id, staged=staged, received=received
            )
        )

    def settle(self, upload: Upload, receipt: Receipt) -> None:
        """Writes down that an upload is filed, and gives back what is still held for it."""
        is_known = receipt.outcome is Outcome.DUPLICATE
        state = UploadState.DUPLICATE if is_known else UploadState.FILED

        def work(connection: Connection) -> None:
            rows.settle(connection, upload.id, state, receipt_id=receipt.id)
            self._batches.release(connection, upload.reservation_id or "")

        self._catalogue.write(work)

    def refuse(self, upload: Upload, refused: Refused) -> None:
        """Writes down that an upload was refused; the receipt tells of it already."""
        self._catalogue.write(
            lambda connection: rows.settle(
                connection,
                upload.id,
                UploadState.REFUSED,
                code=refused.code.value,
                words_key=refused.key,
                facts=refused.facts,
            )
        )

    def now(self) -> float:
        """Seconds that only go forward, for lengths of time within this process."""
        return self._monotonic()

    # ---- ending -----------------------------------------------------------------------------

    def cancel(self, upload_id: str) -> None:
        """The sender wants it no more; harmless when it is over."""
        self._end(upload_id, UploadState.CANCELLED)

    def cancel_batch(self, batch_id: str) -> None:
        """Cancels what is left of a batch, and closes it."""
        for upload in self.of_batch(batch_id):
            if upload.is_pending:
                self.cancel(upload.id)
        self._batches.finish(batch_id)

    def finish(self, batch_id: str) -> None:
        """Closes a batch; what has not come by now will not come."""
        self.cancel_batch(batch_id)

    def sweep(self) -> int:
        """Ends what belongs to batches that are over; returns how many there were."""
        over = self._catalogue.uploads.over(self._clock.now())
        over = [each for each in over if not self._is_at_work(each.id)]
        for upload in over:
            self._end(upload.id, UploadState.EXPIRED)
        return len(over)

    def _is_at_work(self, upload_id: str) -> bool:
        """Whether it is being filed, perhaps for a minute: that ends it, and nobody waits."""
        with self._guard:
            receiving = self._open.get(upload_id)
        return receiving is not None and receiving.is_at_work

    def _end(self, upload_id: str, state: UploadState) -> None:
        with self._turns.holding(upload_id):
            with self._guard:
                receiving = self._open.pop(upload_id, None)
            if receiving is not None:
                receiving.leave()
            self._settle_ended(upload_id, state)

    def _settle_ended(self, upload_id: str, state: UploadState) -> None:
        upload = self.find(upload_id)
        if upload is None or not upload.is_pending:
            return

        def work(connection: Connection) -> bool:
            ended = rows.settle(connection, upload_id, state)
            if ended:
                self._batches.release(connection, upload.reservation_id or "")
            return ended

        if self._catalogue.write(work) and upload.staged is not None:
            self._store.staging.discard(upload.staged)

    # ---- looking up -------------------------------------------------------------------------

    def find(self, upload_id: str) -> Upload | None:
        """The upload of this id."""
        return self._catalogue.uploads.find(upload_id)

    def of_batch(self, batch_id: str) -> list[Upload]:
        """The files of a batch in the order of their manifest."""
        return self._catalogue.uploads.of_batch(batch_id)

    def left_over(self, batch_id: str) -> list[Upload]:
        """The files of a batch's manifest that were left for the next batch, in its order."""
        codes = {code.value for code in _FOR_THE_NEXT_BATCH}
        return [upload for upload in self.of_batch(batch_id) if upload.code in codes]

    def pending(self) -> list[Upload]:
        """Every upload that is not over."""
        return self._catalogue.uploads.pending()

    def _origin(self, upload: Upload) -> Origin:
        """All files of a batch have one origin, also when a phone changes its network."""
        batch = self._batches.find(upload.batch_id)
        if batch is None:
            raise Refused(Code.EXPIRED, name=printable(upload.name))
        return Origin(batch.origin, batch.address, batch.account, batch.program)

    def _is_over(self, batch_id: str) -> bool:
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
    """An upload as the door knows it."""
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
        """Bytes received so far."""
        return self._incoming.received

    @property
    def is_at_work(self) -> bool:
        """Whether bytes that came are being written or filed at this moment."""
        return self._lock.locked()

    def quiet_seconds(self) -> float:
        """How long no byte has come."""
        return self._uploads.now() - self._wrote_at

    def write(self, block: memoryview) -> None:
        """Takes the next bytes; the last one files the upload. Raises Refused.

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
        """Ends the turn and keeps what arrived; harmless twice, and after the last byte."""
        with self._lock:
            self._leave()

    def gives_way(self) -> bool:
        """Ends the turn of a sender that has been quiet for long; False while it is at work.

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
        self._uploads.settle(self.upload, self.receipt)

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

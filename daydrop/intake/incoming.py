"""An upload being received: staged, counted and hashed, and filed once it is whole."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog

from daydrop.catalogue import alias_rows
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.errors import CatalogueClosed, Code, Refused
from daydrop.filing.announcement import Announcement, Whole, unsaved_receipt
from daydrop.filing.filing import Filing
from daydrop.foundation import Foundation
from daydrop.intake.body import BodyCut, BodyStalled, blocks
from daydrop.intake.refusals import TRANSIENT, Refusals
from daydrop.limits.batches import Batches
from daydrop.limits.room import Room
from daydrop.media.kinds import HEAD_BYTES
from daydrop.media.names import Role, printable, role
from daydrop.receipts.log import UploadLog
from daydrop.records.alias import Alias
from daydrop.records.batch import Reservation
from daydrop.records.receipt import Outcome, Receipt
from daydrop.store.local import LocalStore
from daydrop.store.staging import Staged
from daydrop.words import Fact, readable_size

STEP = 16 << 20  # bytes held at a time for an upload whose size was not announced
COMPANION_MOST = 16 << 20
LITTER_MOST = 1 << 20
_TOO_BIG = {Role.COMPANION: "sidecar", Role.LITTER: "litter"}  # as the sentences are called
_TOUCH_EVERY = 5.0  # seconds between two notes that a batch is still receiving
_READ_AGAIN = 1 << 20


@dataclass(frozen=True)
class Means:
    """What receiving an upload takes."""

    foundation: Foundation
    batches: Batches
    room: Room
    filing: Filing
    refusals: Refusals
    log: UploadLog

    @property
    def store(self) -> LocalStore:
        """Return where the bytes go."""
        return self.foundation.store


class Incoming:
    """An upload being received. Leaves nothing behind unless it is committed.

    Used as a context manager it aborts what was not committed. A resumable upload that a transient
    refusal met stays in staging; `is_given_up` tells of any that did not.
    """

    def __init__(self, means: Means, announcement: Announcement, staged: Staged) -> None:
        self._means, self._announcement, self._staged = means, announcement, staged
        self._sha256 = hashlib.sha256()
        self._sums = [
            (checksum, hashlib.new(checksum.algorithm, usedforsecurity=False))
            for checksum in announcement.checksums.given
        ]
        self._head = b""
        self._is_open = True
        self.is_given_up = False
        self._promised = 0
        self._promise((announcement.size or 0) - staged.size)
        self.received = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    # ---- for the faces ----------------------------------------------------------------------

    def receive(self, stream: Any, length: int | None) -> None:
        """Take a whole body of `length` bytes, or one that ends by itself (None).

        Raises Refused: STALLED or CUT_SHORT when the sender stops early, else as `write`.
        """
        try:
            for block in blocks(stream, length):
                self.write(block)
        except BodyStalled as broken:
            raise self.fail(Code.STALLED) from broken
        except BodyCut as broken:
            case = "unknown" if self._announcement.size is None else ""
            raise self.fail(Code.CUT_SHORT, case) from broken

    def write(self, block: bytes | memoryview) -> None:
        """Take the next bytes; raises Refused as soon as they break a limit or are no medium."""
        with self._refusing():
            self.received += len(block)
            self._check_growth()
            if len(self._head) < HEAD_BYTES:
                self._head += bytes(block[: HEAD_BYTES - len(self._head)])
                if len(self._head) == HEAD_BYTES:
                    self._check_head()
            self._staged.write(block)
            self._keep_promise(len(block))
            self._hash(block)

    def commit(self) -> Receipt:
        """Accept the upload if it is whole: when this returns it survives a power cut."""
        with self._refusing():
            self._check_whole()
            if self._announcement.modified is not None:
                self._staged.set_modified(self._announcement.modified)
            receipt = self._finish()
        self._let_go()
        return receipt

    def fail(self, code: Code, case: str = "") -> Refused:
        """Refuse an upload whose bytes stopped; return what the face then raises."""
        refused = Refused(code, case, **self._lengths())
        try:
            with self._refusing():
                raise refused
        except Refused as recorded:
            return recorded

    def abort(self) -> None:
        """Leave nothing behind and record nothing; idempotent, and harmless after `commit`."""
        if self._is_open:
            self.is_given_up = True
            self._let_go()
            self._give_back()

    # ---- for resumable uploads --------------------------------------------------------------

    def flush(self) -> str:
        """Return the staging name under which what arrived so far would survive a power cut."""
        with self._refusing():
            self._staged.sync()
            self._means.store.staging.sync()
        return self._staged.name

    def keep(self) -> str:
        """End this part of an upload: what arrived stays in staging, flushed."""
        name = self.flush()
        self._let_go()
        return name

    def release(self) -> None:
        """End this part as it stands: staging is left as it is; idempotent."""
        if self._is_open:
            self._let_go()

    # ---- what kinds of incoming differ in ---------------------------------------------------

    def _check_growth(self) -> None:
        """Raise Refused when what has arrived breaks a limit; called before a block is kept."""

    def _check_head(self) -> None:
        """Raise Refused when the first bytes are no medium; called once they are all here."""

    def _finish(self) -> Receipt:
        raise NotImplementedError

    def _give_back(self) -> None:
        self._means.store.staging.discard(self._staged.name)

    def _outlives(self, failure: BaseException) -> bool:  # noqa: ARG002  IncomingMedium asks it
        """Return whether what arrived stays in staging after this failure."""
        return False

    # ---- inside -----------------------------------------------------------------------------

    def _hash(self, block: bytes | memoryview) -> None:
        self._sha256.update(block)
        for _, running in self._sums:
            running.update(block)

    def _check_whole(self) -> None:
        """Raise Refused unless length and checksums are as announced."""
        announced = self._announcement.size
        if announced is not None and self.received != announced:
            raise Refused(Code.CUT_SHORT, **self._lengths())
        if self.received == 0:
            raise Refused(Code.EMPTY_FILE, name=printable(self._announcement.name))
        for checksum, running in self._sums:
            if not hmac.compare_digest(running.digest(), checksum.value):
                raise Refused(
                    Code.CHECKSUM_MISMATCH,
                    name=printable(self._announcement.name),
                    algorithm=checksum.algorithm.upper(),
                )

    def _lengths(self) -> dict[str, Fact]:
        lengths: dict[str, Fact] = {
            "name": printable(self._announcement.name),
            "received": self.received,
        }
        if self._announcement.size is not None:
            lengths["size"] = self._announcement.size
        return lengths

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            with self._means.refusals.recording(self._announcement):
                yield
        except BaseException as failure:
            if self._outlives(failure):
                self.release()
            else:
                self.abort()
            raise

    def _promise(self, size: int) -> None:
        self._promised += max(0, size)
        self._means.room.promise(max(0, size))

    def _keep_promise(self, size: int) -> None:
        """Count what is written no longer as promised: the disk itself counts it from now on."""
        kept = min(size, self._promised)
        self._promised -= kept
        self._means.room.promise(-kept)

    def _let_go(self) -> None:
        self._is_open = False
        self._means.room.promise(-self._promised)
        self._means.room.leave()
        self._staged.close()

    def _hold_room(self, step: int = STEP) -> None:
        """Hold room on the disk for bytes that were not announced, a step ahead of them."""
        if self._promised == 0:
            self._means.room.check(step)
            self._promise(step)


class IncomingMedium(Incoming):
    """A photo or video: counted in its batch, filed by its day."""

    def __init__(
        self, means: Means, announcement: Announcement, staged: Staged, held: Reservation
    ) -> None:
        super().__init__(means, announcement, staged)
        self._held = held
        self._touched = means.foundation.clock.now()

    def take_up(self) -> None:
        """Read again what an earlier request has received."""
        try:
            while block := self._staged.read(_READ_AGAIN, self.received):
                self.received += len(block)
                self._head += block[: HEAD_BYTES - len(self._head)]
                self._hash(block)
        except BaseException:
            self.release()
            raise

    def _check_growth(self) -> None:
        announced = self._announcement.size
        if announced is None:
            self._hold_more()
        elif self.received > announced:
            raise Refused(Code.CUT_SHORT, "unknown", **self._lengths())
        now = self._means.foundation.clock.now()
        if now - self._touched > _TOUCH_EVERY:
            self._touched = now
            self._means.batches.touch(self._held.batch_id)

    def _hold_more(self) -> None:
        self._hold_room()
        more = self.received - self._held.bytes
        if more > 0:
            origin = self._announcement.origin
            self._held = self._means.batches.grow(self._held, origin, more, STEP)

    def _check_head(self) -> None:
        if self._means.filing.media_of(self._head) is None:
            raise Refused(Code.UNSUPPORTED_TYPE, "bytes", name=printable(self._announcement.name))

    def _finish(self) -> Receipt:
        receipt = self._means.filing.file(
            Whole(
                announcement=self._announcement,
                staged=self._staged,
                sha256=self._sha256.hexdigest(),
                head=self._head,
                batch_id=self._held.batch_id,
                reservation_id=self._held.id,
            )
        )
        self._means.log.write(receipt)
        return receipt

    def _give_back(self) -> None:
        super()._give_back()
        give_back(self._means.batches, self._held.id)

    def _outlives(self, failure: BaseException) -> bool:
        is_transient = isinstance(failure, Refused) and failure.code in TRANSIENT
        return self._announcement.is_resumable and is_transient


class _Bounded(Incoming):
    """Bytes that are no item yet, or never will be: bounded, not counted in a batch."""

    def __init__(self, means: Means, announcement: Announcement, staged: Staged, most: int) -> None:
        super().__init__(means, announcement, staged)
        self._most = most

    def _check_growth(self) -> None:
        if self._announcement.size is None:
            self._hold_room()
        if self.received > self._most:
            raise too_big(self._announcement, self._most)

    def _remember(self, alias: Alias, content: bytes | None = None) -> None:
        """Keep the bytes under their name; what the name had in staging before goes."""

        def write(connection: Connection) -> str | None:
            self._announcement.guard(connection)
            before = alias_rows.find(connection, alias.origin, alias.path)
            alias_rows.put(connection, alias, content)
            return before.staged if before else None

        replaced = self._means.foundation.catalogue.write(write, durable=True)
        if replaced is not None:
            self._means.store.staging.discard(replaced)

    def _sent(self) -> Alias:
        """Return the alias of the bytes that the catalogue is to keep as litter."""
        sent, now = self._announcement, self._means.foundation.clock.now()
        path, sha256 = sent.alias or sent.name, self._sha256.hexdigest()
        modified = sent.modified or now
        return Alias.litter(sent.origin.key, path, sha256, self.received, modified, now)

    def _receipt(self, outcome: Outcome, alias: Alias) -> Receipt:
        """Return what the sender is told; a PUT is answered from it as a listing from the alias."""
        receipt = unsaved_receipt(
            self._announcement, outcome, alias.touched, words_key=outcome.value
        )
        return receipt.of_bytes(self.received, self._sha256.hexdigest())


class IncomingTemporary(_Bounded):
    """A temporary name: durable in staging until its MOVE says what it is."""

    def _finish(self) -> Receipt:
        self._staged.sync()
        self._means.store.staging.sync()
        alias = self._sent().in_staging(self._staged.name)
        self._remember(alias)
        return self._receipt(Outcome.STAGED, alias)


class IncomingLitter(_Bounded):
    """What a program leaves beside its files: remembered for it, never listed, filed or logged."""

    def _finish(self) -> Receipt:
        alias = self._sent()
        self._remember(alias, content=self._staged.read(LITTER_MOST, 0))
        self._give_back()
        return self._receipt(Outcome.LITTER, alias)


class IncomingCompanion(_Bounded):
    """A companion of a photo or video."""

    def _finish(self) -> Receipt:
        self._staged.sync()
        receipt = self._means.filing.file_companion(
            self._announcement, self._staged, self._sha256.hexdigest()
        )
        self._means.log.write(receipt)
        return receipt


def too_big(announcement: Announcement, most: int) -> Refused:
    """Return the refusal of a file that is larger than `most` bytes."""
    case = _TOO_BIG.get(role(announcement.name), "")
    return Refused(
        Code.FILE_TOO_BIG,
        case,
        name=printable(announcement.name),
        limit=readable_size(most),
    )


def give_back(batches: Batches, reservation_id: str) -> None:
    """Give back what is held in a batch; a failing disk must not hide what came before."""
    try:
        batches.refund(reservation_id)
    except (OSError, Refused, CatalogueClosed) as failure:
        structlog.get_logger().error("reservation kept until a restart", error=in_words(failure))

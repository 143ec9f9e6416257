"""The one door: every upload, from any face, comes in here.

    with ingest.begin(announcement) as incoming:   # gate, reserve, stage; or Refused
        incoming.write(block)                      # as often as blocks arrive
        receipt = incoming.commit()                # whole, filed, durable; or Refused

What a name announces decides what comes in: a medium is filed, a temporary name waits in staging
for its MOVE, a companion goes beside its picture, litter is remembered for its program. A Refused
that is raised here stands in the receipts and in the log already, once.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self

import structlog

from daydrop.catalogue import alias_rows, receipt_rows
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.disk import Disk
from daydrop.errors import CatalogueClosed, Code, Forbidden, Missing, Refused
from daydrop.filing.announcement import Announcement, Checksum, Whole, unsaved_receipt
from daydrop.filing.companions import Companions
from daydrop.filing.dating import Dating
from daydrop.filing.filing import Filing
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.limits.room import Room
from daydrop.media.kinds import HEAD_BYTES, Kind, kind_by_name
from daydrop.media.names import Role, printable, role
from daydrop.receipts.log import UploadLog
from daydrop.receipts.receipts import etag
from daydrop.records.alias import Alias, State
from daydrop.records.batch import Reservation
from daydrop.records.receipt import Outcome, Receipt
from daydrop.store.local import Staged
from daydrop.words import Fact, readable_size

__all__ = ["PASSING", "Announcement", "Checksum", "Incoming", "Ingest"]

PASSING = frozenset({Code.BUSY, Code.INTERNAL})  # of us and not of the file: it may come again

STEP = 16 << 20  # bytes held at a time for an upload whose size nobody announced
COMPANION_MOST = 16 << 20
LITTER_MOST = 1 << 20
_TOO_BIG = {Role.COMPANION: "sidecar", Role.LITTER: "litter"}
_TOUCH_EVERY = 5.0  # seconds between two notes that a batch is still receiving
_COUNTED = frozenset({Role.MEDIUM, Role.OTHER})


class Ingest:
    """Gates, reserves, stages and files uploads."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        batches: Batches,
        room: Room,
        filing: Filing,
        dating: Dating,
        companions: Companions,
        log: UploadLog,
        accept: frozenset[Kind],
        disk: Disk,
    ) -> None:
        self.store, self.catalogue, self.clock = (
            foundation.store,
            foundation.catalogue,
            foundation.clock,
        )
        self.batches, self.room, self.filing, self.dating = batches, room, filing, dating
        self.companions = companions
        self._log, self._accept, self._disk = log, accept, disk

    @property
    def fault(self) -> str | None:
        """Why the store takes nothing now; None while all is well."""
        return self._disk.reason or self.room.problem()

    # ---- the door ---------------------------------------------------------------------------

    def check(self, announcement: Announcement) -> None:
        """Raises what `begin` would refuse by name, size or batch; keeps and tells nothing."""
        self._gate(announcement)
        if role(announcement.name) in _COUNTED:
            self.batches.check(announcement.origin, announcement.size, announcement.batch_id)
        self.room.check(announcement.size or 0)

    def check_file(self, announcement: Announcement) -> None:
        """As `check`, for a file whose batch is still to be opened."""
        self._gate(announcement)
        self.room.check(announcement.size or 0)

    def begin(self, announcement: Announcement) -> "Incoming":
        """Lets an upload in; raises Refused before a byte of it is read."""
        with self.telling(announcement):
            self._gate(announcement)
            return self._incoming(announcement)

    def resume(self, announcement: Announcement, staged: str, held: Reservation) -> "Incoming":
        """Goes on with an upload whose bytes so far lie in staging; their hash is made anew."""
        with self.telling(announcement):
            self._gate(announcement)
            self.room.enter()
            try:
                reopened = self.store.reopen(staged)
            except BaseException:
                self.room.leave()
                raise
            incoming = _Filed(self, announcement, reopened, held)
            incoming.take_up()
            return incoming

    def settle_staged(self, alias: Alias, announcement: Announcement) -> Receipt:
        """The MOVE of a temporary name to its final one: all checks of an upload happen now.

        A refusal leaves the temporary file where it is (RFC 4918 §9.9.4). Raises Missing when
        another request takes or removes its bytes meanwhile.
        """
        if alias.staged is None:
            raise ValueError(f"{alias.path} has no bytes in staging")
        with self.telling(announcement), self._missing_without(alias.staged):
            self._gate(announcement)
            staged = self.store.reopen(alias.staged)
            try:
                return self.told(self._settle(alias, announcement, staged))
            finally:
                staged.close()

    @contextmanager
    def _missing_without(self, staged: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as lost:
            if self.store.staged_path(staged).exists():
                raise
            raise Missing(staged) from lost

    def _settle(self, alias: Alias, announcement: Announcement, staged: Staged) -> Receipt:
        wanted = role(announcement.name)
        if wanted is Role.COMPANION:
            return self.receive_companion(announcement, staged, alias.sha256 or "", alias.id)
        held = self.batches.reserve(announcement.origin, staged.size, announcement.batch_id)
        whole = Whole(
            announcement=announcement,
            staged=staged,
            sha256=alias.sha256 or "",
            head=staged.read(HEAD_BYTES, 0),
            batch_id=held.batch_id,
            reservation_id=held.id,
            replaces=alias.id,
        )
        try:
            return self.filing.file(whole)
        finally:
            self.give_back(held.id)

    def receive_companion(
        self, announcement: Announcement, staged: Staged, sha256: str, replaces: int | None = None
    ) -> Receipt:
        """Keeps a companion; its dates join those of its picture, which may move for it."""
        receipt = self.companions.receive(announcement, staged, sha256, replaces)
        if receipt.item_id is not None:
            self.dating.judge_late(receipt.item_id)
        return receipt

    # ---- refusing ---------------------------------------------------------------------------

    @contextmanager
    def telling(self, announcement: Announcement) -> Iterator[None]:
        """Writes down whatever is refused inside; a fault of ours becomes INTERNAL."""
        try:
            yield
        except (Forbidden, Missing):
            raise  # said by the face, of the path and not of the upload
        except Refused as refused:
            if not (announcement.is_resumable and refused.code is Code.BUSY):
                self.tell_refusal(announcement, refused)
            raise
        except Exception as failure:
            reference = secrets.token_hex(4)
            self._disk.doubt(failure)
            structlog.get_logger().exception("upload failed", reference=reference)
            fault = Refused(Code.INTERNAL, reference=reference)
            self.tell_refusal(announcement, fault)
            raise fault from failure

    def tell_refusal(self, announcement: Announcement, refused: Refused) -> None:
        """Writes down that an upload was refused: in the receipts, and in the log."""
        if role(announcement.name) is Role.LITTER:
            return  # it is a program's own, and no upload of anybody (J1)
        receipt = unsaved_receipt(
            announcement,
            Outcome.REFUSED,
            self.clock.now(),
            code=refused.code.value,
            words_key=refused.key,
            facts=dict(refused.facts),
        )

        def work(connection: Connection) -> Receipt:
            batch_id = self.batches.batch_that_tells(
                connection, announcement.origin, announcement.batch_id
            )
            return receipt_rows.write(connection, replace(receipt, batch_id=batch_id))

        if refused.code is Code.READ_ONLY:
            self._log.write(receipt)  # the catalogue lies on the same disk
            return
        try:
            receipt = self.catalogue.write(work)
        except (OSError, Refused, CatalogueClosed) as failure:
            # the fault that is told of has hit the catalogue too; the log still says it
            structlog.get_logger().error("receipt not kept", error=in_words(failure))
        self._log.write(receipt)

    def give_back(self, reservation_id: str) -> None:
        """Gives back what is held in a batch; a failing disk must not hide what came before."""
        try:
            self.batches.refund(reservation_id)
        except (OSError, Refused, CatalogueClosed) as failure:
            structlog.get_logger().error(
                "reservation kept until a restart", error=in_words(failure)
            )

    def told(self, receipt: Receipt) -> Receipt:
        """Writes the log line of an upload that was accepted."""
        self._log.write(receipt)
        return receipt

    # ---- the gate ---------------------------------------------------------------------------

    def _gate(self, announcement: Announcement) -> None:
        """Judges name and size, before anything is held."""
        name, shown = announcement.name, printable(announcement.name)
        if self._disk.reason is not None:
            raise Refused(Code.READ_ONLY)
        wanted = role(name)
        if announcement.alias is None and wanted in (Role.LITTER, Role.TEMPORARY):
            raise Refused(Code.UNSUPPORTED_TYPE, "name", name=shown)
        if wanted in _COUNTED and not self.takes(name):
            raise Refused(Code.UNSUPPORTED_TYPE, "name", name=shown)
        if announcement.size == 0:
            raise Refused(Code.EMPTY_FILE, name=shown)
        most = self._most(wanted, announcement)
        if announcement.size is not None and announcement.size > most:
            raise self.too_big(announcement, most)

    def takes(self, name: str) -> bool:
        """Whether files of this name are taken, going by the name alone."""
        if Kind.OTHER in self._accept:
            return True
        kind = kind_by_name(name)
        return kind is not None and kind in self._accept

    def _most(self, wanted: Role, announcement: Announcement) -> int:
        if wanted is Role.COMPANION:
            return COMPANION_MOST
        if wanted is Role.LITTER:
            return LITTER_MOST
        if announcement.batch_id is not None:
            return self.batches.most_bytes(announcement.batch_id)
        return self.batches.limits(announcement.origin).bytes

    def too_big(self, announcement: Announcement, most: int) -> Refused:
        """The refusal of a file that is larger than `most` bytes."""
        case = _TOO_BIG.get(role(announcement.name), "")
        return Refused(
            Code.FILE_TOO_BIG,
            case,
            name=printable(announcement.name),
            limit=readable_size(most),
        )

    def _incoming(self, announcement: Announcement) -> "Incoming":
        """Holds room of every kind and opens the staging file; gives all back on a refusal."""
        wanted = role(announcement.name)
        held = None
        if wanted in _COUNTED:
            held = self.batches.reserve(
                announcement.origin, announcement.size, announcement.batch_id
            )
        try:
            self.room.enter()
            try:
                self.room.check(announcement.size or 0)
                staged = self.store.stage()
            except BaseException:
                self.room.leave()
                raise
        except BaseException:
            if held is not None:
                self.give_back(held.id)
            raise
        if held is not None:
            return _Filed(self, announcement, staged, held)
        kinds = {Role.TEMPORARY: _Temporary, Role.COMPANION: _Companion, Role.LITTER: _Litter}
        return kinds[wanted](self, announcement, staged, self._most(wanted, announcement))


class Incoming:
    """An upload being received: staged, counted and hashed. Leaves nothing behind unless committed.

    Used as a context manager it aborts what was not committed. Of a resumable upload what a passing
    refusal met stays in staging; `is_given_up` says of any that nothing did.
    """

    def __init__(self, ingest: Ingest, announcement: Announcement, staged: Staged) -> None:
        self._ingest, self._announcement, self._staged = ingest, announcement, staged
        self._sha256 = hashlib.sha256()
        self._sums = [
            (checksum, hashlib.new(checksum.algorithm, usedforsecurity=False))
            for checksum in announcement.checksums
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

    def write(self, block: bytes | memoryview) -> None:
        """Takes the next bytes; raises Refused as soon as they break a limit or are no medium."""
        with self._refusing():
            self.received += len(block)
            self._count()
            if len(self._head) < HEAD_BYTES:
                self._head += bytes(block[: HEAD_BYTES - len(self._head)])
                if len(self._head) == HEAD_BYTES:
                    self._judge_head()
            self._staged.write(block)
            self._keep_promise(len(block))
            self._sha256.update(block)
            for _, running in self._sums:
                running.update(block)

    def commit(self) -> Receipt:
        """Accepts the upload, if it is whole: when this returns it survives a power cut."""
        with self._refusing():
            self._check_whole()
            if self._announcement.modified is not None:
                self._staged.set_modified(self._announcement.modified)
            receipt = self._finish()
        self._let_go()
        return receipt

    def fail(self, code: Code, case: str = "") -> Refused:
        """What the face raises when the bytes stop: tells it, and leaves nothing behind."""
        refused = Refused(code, case, **self._lengths())
        try:
            with self._refusing():
                raise refused
        except Refused as told:
            return told

    def flush(self) -> str:
        """Returns the name in staging under which what arrived so far would survive a power cut."""
        with self._refusing():
            self._staged.sync()
            self._ingest.store.sync_staging()
        return self._staged.name

    def keep(self) -> str:
        """Ends this part of a resumable upload: what arrived stays in staging, flushed."""
        name = self.flush()
        self._let_go()
        return name

    def release(self) -> None:
        """Ends this part as it stands: staging is left as it is; harmless twice."""
        if self._is_open:
            self._let_go()

    def abort(self) -> None:
        """Leaves nothing behind and tells nobody; harmless twice, and after `commit`."""
        if self._is_open:
            self.is_given_up = True
            self._let_go()
            self._give_back()

    # ---- what kinds of incoming differ in ---------------------------------------------------

    def _count(self) -> None:
        """Called with every block, before it is kept."""

    def _judge_head(self) -> None:
        """Called once, when enough bytes are there to tell the kind."""

    def _finish(self) -> Receipt:
        raise NotImplementedError

    def _give_back(self) -> None:
        self._ingest.store.discard(self._staged.name)

    def _outlives(self, failure: BaseException) -> bool:  # noqa: ARG002  what _Filed asks it for
        """Whether what arrived stays in staging after this failure."""
        return False

    # ---- inside -----------------------------------------------------------------------------

    def _check_whole(self) -> None:
        """Length and checksums, as announced; an upload of nothing is none."""
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
            with self._ingest.telling(self._announcement):
                yield
        except BaseException as failure:
            if self._outlives(failure):
                self.release()
            else:
                self.abort()
            raise

    def _promise(self, size: int) -> None:
        self._promised += max(0, size)
        self._ingest.room.promise(max(0, size))

    def _keep_promise(self, size: int) -> None:
        """What is written is counted by the disk itself from now on."""
        kept = min(size, self._promised)
        self._promised -= kept
        self._ingest.room.promise(-kept)

    def _let_go(self) -> None:
        self._is_open = False
        self._ingest.room.promise(-self._promised)
        self._ingest.room.leave()
        self._staged.close()

    def _hold_room(self, step: int = STEP) -> None:
        """For bytes that nobody announced: room on the disk, a step ahead of what arrives."""
        if self._promised == 0:
            self._ingest.room.check(step)
            self._promise(step)


class _Filed(Incoming):
    """A medium: counted in its batch, filed by its day."""

    def __init__(
        self, ingest: Ingest, announcement: Announcement, staged: Staged, held: Reservation
    ) -> None:
        super().__init__(ingest, announcement, staged)
        self._held = held
        self._touched = ingest.clock.now()

    def take_up(self) -> None:
        """Reads again what an earlier request has received."""
        try:
            while block := self._staged.read(1 << 20, self.received):
                self.received += len(block)
                self._head += block[: HEAD_BYTES - len(self._head)]
                self._sha256.update(block)
                for _, running in self._sums:
                    running.update(block)
        except BaseException:
            self.release()
            raise

    def _count(self) -> None:
        announced = self._announcement.size
        if announced is None:
            self._hold_room()
            if self.received > self._held.bytes:
                more = self.received - self._held.bytes
                self._held = self._ingest.batches.grow(
                    self._held, self._announcement.origin, more, STEP
                )
        elif self.received > announced:
            raise Refused(Code.CUT_SHORT, "unknown", **self._lengths())
        now = self._ingest.clock.now()
        if now - self._touched > _TOUCH_EVERY:
            self._touched = now
            self._ingest.batches.touch(self._held.batch_id)

    def _judge_head(self) -> None:
        if self._ingest.filing.media_of(self._head) is None:
            raise Refused(Code.UNSUPPORTED_TYPE, "bytes", name=printable(self._announcement.name))

    def _finish(self) -> Receipt:
        receipt = self._ingest.filing.file(
            Whole(
                announcement=self._announcement,
                staged=self._staged,
                sha256=self._sha256.hexdigest(),
                head=self._head,
                batch_id=self._held.batch_id,
                reservation_id=self._held.id,
            )
        )
        return self._ingest.told(receipt)

    def _give_back(self) -> None:
        super()._give_back()
        self._ingest.give_back(self._held.id)

    def _outlives(self, failure: BaseException) -> bool:
        is_passing = isinstance(failure, Refused) and failure.code in PASSING
        return self._announcement.is_resumable and is_passing


class _Bounded(Incoming):
    """Bytes that are no item yet, or never will be: bounded, not counted in a batch."""

    def __init__(
        self, ingest: Ingest, announcement: Announcement, staged: Staged, most: int
    ) -> None:
        super().__init__(ingest, announcement, staged)
        self._most = most

    def _count(self) -> None:
        if self._announcement.size is None:
            self._hold_room()
        if self.received > self._most:
            raise self._ingest.too_big(self._announcement, self._most)

    def _alias(self, state: State, **more: bytes | str | None) -> None:
        """Remembers the bytes under their name; what the name had in staging before goes."""
        announcement, now = self._announcement, self._ingest.clock.now()
        path = announcement.alias or announcement.name
        sha256 = self._sha256.hexdigest()

        def work(connection: Connection) -> str | None:
            announcement.guard(connection)
            before = alias_rows.find(connection, announcement.origin.key, path)
            alias_rows.settle(
                connection,
                origin=announcement.origin.key,
                path=path,
                state=state,
                size=self.received,
                modified=announcement.modified or now,
                etag=etag(sha256),
                now=now,
                sha256=sha256,
                **more,  # type: ignore[arg-type]  # `content` or `staged`, as settle names them
            )
            return before.staged if before else None

        replaced = self._ingest.catalogue.write(work, durable=True)
        if replaced is not None:
            self._ingest.store.discard(replaced)


class _Temporary(_Bounded):
    """A temporary name: durable in staging until its MOVE says what it is."""

    def _finish(self) -> Receipt:
        self._staged.sync()
        self._ingest.store.sync_staging()
        self._alias(State.STAGED, staged=self._staged.name)
        return unsaved_receipt(
            self._announcement, Outcome.STAGED, self._ingest.clock.now(), words_key="staged"
        ).of_bytes(self.received, self._sha256.hexdigest())


class _Litter(_Bounded):
    """What a program leaves beside its files: remembered for it, never listed, filed or logged."""

    def _finish(self) -> Receipt:
        self._alias(State.LITTER, content=self._staged.read(LITTER_MOST, 0))
        self._give_back()
        return unsaved_receipt(
            self._announcement, Outcome.LITTER, self._ingest.clock.now(), words_key="litter"
        ).of_bytes(self.received, self._sha256.hexdigest())


class _Companion(_Bounded):
    """A companion of a picture."""

    def _finish(self) -> Receipt:
        self._staged.sync()
        return self._ingest.told(
            self._ingest.receive_companion(
                self._announcement, self._staged, self._sha256.hexdigest()
            )
        )

"""Batches: the files of one origin counted together against the limits.

On the drive a batch has no beginning and no end in the protocol: it opens with the first file
that is accepted and closes after some idle seconds, or when it is old enough, so that a long sync
of a phone goes on in slices. On the page and in the API it is explicit.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from daydrop.catalogue import batch_rows as rows
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import Connection
from daydrop.clock import Clock
from daydrop.errors import Code, Refused
from daydrop.origin import Origin
from daydrop.records.batch import Batch, Reservation
from daydrop.settings import LimitSettings
from daydrop.words import readable_size

__all__ = ["Batch", "Batches", "Face", "Limits", "Reservation"]

EXPLICIT_LIFE = 24 * 3600.0  # seconds an explicit batch lives after its last accepted byte


class Face(StrEnum):
    """Where a batch came in."""

    DRIVE = "drive"
    PAGE = "page"
    IMPORT = "import"


@dataclass(frozen=True)
class Limits:
    """How much one batch may hold."""

    files: int
    bytes: int


class Batches:
    """Opens, fills and closes batches; every step that decides is one transaction."""

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        settings: LimitSettings,
        random: Callable[[], str] = lambda: secrets.token_urlsafe(12),
    ) -> None:
        self._catalogue, self._clock, self._settings, self._random = (
            catalogue,
            clock,
            settings,
            random,
        )

    def limits(self, origin: Origin) -> Limits:  # noqa: ARG002  accounts will have their own
        """Return the limits that hold for this origin."""
        return Limits(self._settings.batch_files, self._settings.batch_bytes)

    def most_bytes(self, batch_id: str) -> int:
        """Return how many bytes an explicit batch may hold; raises Refused(EXPIRED)."""
        batch = self.find(batch_id)
        if batch is None:
            raise Refused(Code.EXPIRED, name="This batch")
        return batch.max_bytes

    # ---- opening and closing ----------------------------------------------------------------

    def open_explicit(
        self, origin: Origin, face: Face = Face.PAGE, limits: Limits | None = None
    ) -> Batch:
        """Return a batch of the page or the API; without `limits` those of the origin hold."""
        return self._catalogue.write(
            lambda connection: self._open(connection, origin, face, limits=limits)
        )

    def opened_by(
        self, connection: Connection, origin: Origin, request_key: str | None
    ) -> Batch | None:
        """Return the batch that a request of this key has opened before."""
        if not request_key:
            return None
        return rows.by_request_key(connection, origin.key, request_key)

    def open_within(
        self, connection: Connection, origin: Origin, face: Face, request_key: str | None
    ) -> Batch:
        """As `open_explicit`, inside the transaction that holds room in it."""
        return self._open(connection, origin, face, request_key)

    def find(self, batch_id: str) -> Batch | None:
        """Return the batch of this id."""
        return self._catalogue.batches.find(batch_id)

    def current(self, origin: Origin) -> Batch | None:
        """Return the drive's open batch of this origin, if there is one."""
        batch = self._catalogue.batches.newest_open(origin.key, Face.DRIVE)
        return batch if batch and not self._is_over(batch) else None

    def finish(self, batch_id: str) -> None:
        """Close a batch; does nothing when it is closed."""
        now = self._clock.now()
        self._catalogue.write(lambda connection: rows.close(connection, batch_id, now))

    def close_idle(self) -> int:
        """Close what is over; return how many there were."""

        def work(connection: Connection) -> int:
            over = [batch for batch in rows.all_open(connection) if self._is_over(batch)]
            for batch in over:
                rows.close(connection, batch.id, self._clock.now())
            return len(over)

        return self._catalogue.write(work)

    def closed(
        self, origin: str | None = None, before: float | None = None, limit: int = 50
    ) -> list[Batch]:
        """Return closed batches, newest first; of all origins without `origin`."""
        return self._catalogue.batches.closed(origin, before, limit)

    def recent(self, origin: str | None = None, limit: int = 50) -> list[Batch]:
        """Return batches, open ones too, newest first; of all origins without `origin`."""
        return self._catalogue.batches.recent(origin, limit)

    # ---- reserving --------------------------------------------------------------------------

    def check(self, origin: Origin, size: int | None, batch_id: str | None) -> None:
        """Raise what `reserve` would raise now, and holds nothing."""
        with self._catalogue.reading() as connection:
            batch = self._batch_for(connection, origin, batch_id)
            self._check_room(batch, origin, 1, size or 0)

    def reserve(self, origin: Origin, size: int | None, batch_id: str | None = None) -> Reservation:
        """Hold room for a file of `size` bytes; None: unknown yet, grow it as bytes arrive.

        Raises Refused: FILE_TOO_BIG, BATCH_FILES, BATCH_BYTES, or EXPIRED for a closed batch.
        """
        return self._catalogue.write(
            lambda connection: self.reserve_within(connection, origin, size, batch_id)
        )

    def reserve_within(
        self,
        connection: Connection,
        origin: Origin,
        size: int | None,
        batch_id: str | None,
        *,
        files: int = 1,
        outlives_request: bool = False,
    ) -> Reservation:
        """As `reserve`, inside a transaction."""
        batch = self._batch_for(connection, origin, batch_id)
        self._check_room(batch, origin, files, size or 0)
        if batch is None:
            batch = self._open(connection, origin, Face.DRIVE)
        elif batch.files == 0 and batch.face == Face.DRIVE:
            rows.reopen(connection, batch.id, self._clock.now())
        held = Reservation(self._random(), batch.id, files, size or 0)
        rows.hold(connection, held, self._clock.now(), outlives_request=outlives_request)
        return held

    def grow(
        self, held: Reservation, origin: Origin, least: int, wished: int | None = None
    ) -> Reservation:
        """Hold more for a file whose size nobody announced; raises Refused.

        That is `wished` bytes, or what the batch still has, but at least `least`: a step ahead of
        the bytes must not refuse a file that fits.
        """

        def work(connection: Connection) -> Reservation:
            batch = rows.find(connection, held.batch_id)
            limits = self.limits(origin)
            if held.bytes + least > limits.bytes:
                raise Refused(Code.FILE_TOO_BIG, limit=readable_size(limits.bytes), name="The file")
            left = limits.bytes - held.bytes
            if batch is not None:
                left = min(left, batch.max_bytes - batch.bytes)
            more = max(least, min(wished or least, left))
            self._check_room(batch, origin, 0, more)
            rows.add(connection, held.id, held.batch_id, 0, more)
            return Reservation(held.id, held.batch_id, held.files, held.bytes + more)

        return self._catalogue.write(work)

    def held(self, reservation_id: str) -> Reservation:
        """Return what is held under this id; raises Refused(EXPIRED) when it was given back."""
        held = self._catalogue.batches.reservation(reservation_id)
        if held is None:
            raise Refused(Code.EXPIRED, name="The file")
        return held

    def refund(self, reservation_id: str) -> None:
        """Give back all that is held; does nothing when it was given back or spent."""
        self._catalogue.write(lambda connection: rows.release(connection, reservation_id))

    def spend(self, connection: Connection, reservation_id: str, size: int) -> None:
        """Inside the transaction that accepts a file: what was held is now used."""
        rows.spend(connection, reservation_id, size, self._clock.now())

    def release(self, connection: Connection, reservation_id: str) -> None:
        """Inside a transaction that accepts nothing new: gives back what was held."""
        rows.release(connection, reservation_id)

    def batch_to_credit(
        self, connection: Connection, origin: Origin, reservation_id: str, batch_id: str
    ) -> str:
        """Return the batch to credit a file to: where it holds room, unless that was undone.

        A file that completes after its batch was undone goes into another batch; it can be undone
        separately.
        """
        batch = rows.find(connection, batch_id)
        if batch is None or batch.undone is None:
            return batch_id
        another = self.batch_that_tells(connection, origin, None)
        rows.rehold(connection, reservation_id, another)
        return another

    def touch(self, batch_id: str) -> None:
        """Say that accepted bytes arrived just now, so that a slow big file keeps its batch."""
        now = self._clock.now()
        self._catalogue.write(lambda connection: rows.touch(connection, batch_id, now))

    def refund_abandoned(self) -> int:
        """At the start: gives back what requests held that died with the last process."""
        return self._catalogue.write(rows.release_abandoned)

    # ---- inside -----------------------------------------------------------------------------

    def _open(
        self,
        connection: Connection,
        origin: Origin,
        face: Face,
        request_key: str | None = None,
        limits: Limits | None = None,
    ) -> Batch:
        limits, now = limits or self.limits(origin), self._clock.now()
        return rows.insert_batch(
            connection,
            Batch(
                id=self._random(),
                face=face.value,
                origin=origin.key,
                account=origin.account,
                address=origin.address,
                program=origin.program,
                opened=now,
                touched=now,
                closes=None if face is Face.DRIVE else now + EXPLICIT_LIFE,
                closed=None,
                undone=None,
                retold=None,
                max_files=limits.files,
                max_bytes=limits.bytes,
                files=0,
                bytes=0,
            ),
            request_key,
        )

    def batch_that_tells(self, connection: Connection, origin: Origin, batch_id: str | None) -> str:
        """Return the batch whose receipt tells of what is not counted, and does not prolong it.

        Where none is open, one is opened that waits for its first accepted file, so that somebody
        who sent nothing but refused files, or companions, finds a receipt too.
        """
        named = rows.find(connection, batch_id) if batch_id is not None else None
        if named is not None and named.undone is None:
            return named.id
        batch = rows.newest_open(connection, origin.key, Face.DRIVE)
        if batch is None or self._is_over(batch):
            batch = self._open(connection, origin, Face.DRIVE)
        return batch.id

    def _batch_for(
        self, connection: Connection, origin: Origin, batch_id: str | None
    ) -> Batch | None:
        if batch_id is None:
            batch = rows.newest_open(connection, origin.key, Face.DRIVE)
            if batch is not None and self._is_over(batch):
                return None
            return batch
        batch = rows.find(connection, batch_id)
        if batch is None or batch.closed is not None or self._is_over(batch):
            raise Refused(Code.EXPIRED, name="This batch")
        return batch

    def _is_over(self, batch: Batch) -> bool:
        now = self._clock.now()
        if batch.closes is not None:
            return now >= batch.closes
        if batch.touched - now > self._settings.batch_idle:
            return True  # written by a run whose clock was ahead: full batches would last for years
        idle = now - batch.touched >= self._settings.batch_idle
        return idle or now - batch.opened >= self._settings.batch_max_age

    def _check_room(self, batch: Batch | None, origin: Origin, files: int, size: int) -> None:
        limits = self.limits(origin)
        most_bytes = batch.max_bytes if batch else limits.bytes
        most_files = batch.max_files if batch else limits.files
        if size > most_bytes:
            raise Refused(Code.FILE_TOO_BIG, limit=readable_size(most_bytes), name="The file")
        if batch is None:
            return
        case = "" if batch.face == Face.DRIVE else "explicit"
        if batch.files + files > most_files:
            raise Refused(Code.BATCH_FILES, case, limit=most_files, wait=self._wait(batch))
        if batch.bytes + size > most_bytes:
            raise Refused(
                Code.BATCH_BYTES, case, limit=readable_size(most_bytes), wait=self._wait(batch)
            )

    def _wait(self, batch: Batch) -> float:
        """Return the seconds until the drive's batch ends, if nothing more arrives."""
        now = self._clock.now()
        idle = batch.touched + self._settings.batch_idle - now
        return max(1.0, min(idle, batch.opened + self._settings.batch_max_age - now))

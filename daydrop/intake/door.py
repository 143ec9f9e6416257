"""The one door: every upload, from any face, comes in here.

    with door.begin(announcement) as incoming:   # gate, reserve, stage; or Refused
        incoming.receive(stream, length)         # or incoming.write(block), as blocks arrive
        receipt = incoming.commit()              # whole, filed, durable; or Refused

The name that is announced decides what comes in: a photo or video is filed, a temporary name waits
in staging for its MOVE, a companion goes beside its item, litter is remembered for its program. A
Refused that is raised here stands in the receipts and in the log already, once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from daydrop.disk import Disk
from daydrop.errors import Code, Missing, Refused
from daydrop.filing.announcement import Announcement, Whole
from daydrop.intake.incoming import (
    COMPANION_MOST,
    LITTER_MOST,
    Incoming,
    IncomingCompanion,
    IncomingLitter,
    IncomingMedium,
    IncomingTemporary,
    Means,
    give_back,
    too_big,
)
from daydrop.media.kinds import HEAD_BYTES, Kind, kind_by_name
from daydrop.media.names import Role, printable, role
from daydrop.records.alias import Alias
from daydrop.records.batch import Reservation
from daydrop.records.receipt import Receipt
from daydrop.store.staging import Staged

_COUNTED = frozenset({Role.MEDIUM, Role.OTHER})
_BOUNDED = {
    Role.TEMPORARY: IncomingTemporary,
    Role.COMPANION: IncomingCompanion,
    Role.LITTER: IncomingLitter,
}


class Door:
    """Checks what is announced, holds room for it, and opens its staging file."""

    def __init__(self, means: Means, *, accept: frozenset[Kind], disk: Disk) -> None:
        self._means, self._accept, self._disk = means, accept, disk

    @property
    def fault(self) -> str | None:
        """Return why the store accepts nothing now; None while all is well."""
        return self._disk.reason or self._means.room.problem()

    def accepts(self, name: str) -> bool:
        """Return whether files of this name are accepted, judged by the name alone."""
        if Kind.OTHER in self._accept:
            return True
        kind = kind_by_name(name)
        return kind is not None and kind in self._accept

    def check(self, announcement: Announcement) -> None:
        """Raise what `begin` would refuse by name, size or batch; hold and record nothing."""
        self._check(announcement)
        if role(announcement.name) in _COUNTED:
            self._means.batches.check(announcement.origin, announcement.size, announcement.batch_id)
        self._means.room.check(announcement.size or 0)

    def check_file(self, announcement: Announcement) -> None:
        """As `check`, for a file whose batch is still to be opened."""
        self._check(announcement)
        self._means.room.check(announcement.size or 0)

    def begin(self, announcement: Announcement) -> Incoming:
        """Let an upload in; raises Refused before a byte of it is read."""
        with self._means.refusals.recording(announcement):
            self._check(announcement)
            wanted = role(announcement.name)
            if wanted in _COUNTED:
                return self._begin_counted(announcement)
            staged = self._staged(announcement)
            most = self._most(wanted, announcement)
            return _BOUNDED[wanted](self._means, announcement, staged, most)

    def resume(self, announcement: Announcement, staged: str, held: Reservation) -> Incoming:
        """Go on with an upload whose bytes so far lie in staging; they are hashed again."""
        with self._means.refusals.recording(announcement):
            self._check(announcement)
            self._means.room.enter()
            try:
                reopened = self._means.store.staging.reopen(staged)
            except BaseException:
                self._means.room.leave()
                raise
            incoming = IncomingMedium(self._means, announcement, reopened, held)
            incoming.take_up()
            return incoming

    def receive_staged(self, alias: Alias, announcement: Announcement) -> Receipt:
        """Receive a temporary file under its final name: all checks of an upload happen now.

        A refusal leaves the temporary file where it is (RFC 4918 §9.9.4). Raises Missing when
        another request takes or removes its bytes meanwhile.
        """
        if alias.staged is None:
            raise ValueError(f"{alias.path} has no bytes in staging")
        with self._means.refusals.recording(announcement), self._missing_without(alias.staged):
            self._check(announcement)
            staged = self._means.store.staging.reopen(alias.staged)
            try:
                receipt = self._file_staged(alias, announcement, staged)
            finally:
                staged.close()
            self._means.log.write(receipt)
            return receipt

    @contextmanager
    def _missing_without(self, staged: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as lost:
            if self._means.store.staging.path(staged).exists():
                raise
            raise Missing(staged) from lost

    def _file_staged(self, alias: Alias, announcement: Announcement, staged: Staged) -> Receipt:
        filing, sha256 = self._means.filing, alias.sha256 or ""
        if role(announcement.name) is Role.COMPANION:
            return filing.file_companion(announcement, staged, sha256, replaces=alias.id)
        held = self._means.batches.reserve(announcement.origin, staged.size, announcement.batch_id)
        whole = Whole(
            announcement=announcement,
            staged=staged,
            sha256=sha256,
            head=staged.read(HEAD_BYTES, 0),
            batch_id=held.batch_id,
            reservation_id=held.id,
            replaces=alias.id,
        )
        try:
            return filing.file(whole)
        finally:
            give_back(self._means.batches, held.id)

    # ---- before anything is held ------------------------------------------------------------

    def _check(self, announcement: Announcement) -> None:
        """Raise Refused for a name or an announced size that is not accepted."""
        name, shown = announcement.name, printable(announcement.name)
        if self._disk.reason is not None:
            raise Refused(Code.READ_ONLY)
        wanted = role(name)
        if announcement.alias is None and wanted in (Role.LITTER, Role.TEMPORARY):
            raise Refused(Code.UNSUPPORTED_TYPE, "name", name=shown)
        if wanted in _COUNTED and not self.accepts(name):
            raise Refused(Code.UNSUPPORTED_TYPE, "name", name=shown)
        if announcement.size == 0:
            raise Refused(Code.EMPTY_FILE, name=shown)
        most = self._most(wanted, announcement)
        if announcement.size is not None and announcement.size > most:
            raise too_big(announcement, most)

    def _most(self, wanted: Role, announcement: Announcement) -> int:
        if wanted is Role.COMPANION:
            return COMPANION_MOST
        if wanted is Role.LITTER:
            return LITTER_MOST
        if announcement.batch_id is not None:
            return self._means.batches.most_bytes(announcement.batch_id)
        return self._means.batches.limits(announcement.origin).bytes

    # ---- holding ----------------------------------------------------------------------------

    def _begin_counted(self, announcement: Announcement) -> Incoming:
        """Reserve room in the batch, then on the disk; give all back on a refusal."""
        batches = self._means.batches
        held = batches.reserve(announcement.origin, announcement.size, announcement.batch_id)
        try:
            return IncomingMedium(self._means, announcement, self._staged(announcement), held)
        except BaseException:
            give_back(batches, held.id)
            raise

    def _staged(self, announcement: Announcement) -> Staged:
        """Wait for a place among the uploads under way, and open a staging file."""
        room = self._means.room
        room.enter()
        try:
            room.check(announcement.size or 0)
            return self._means.store.staging.create()
        except BaseException:
            room.leave()
            raise

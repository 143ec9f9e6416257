"""An upload as the faces announce it, and as it stands when all its bytes are here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from daydrop.catalogue.database import Connection
from daydrop.checksum import NO_CHECKSUMS, Checksums
from daydrop.origin import Origin
from daydrop.records.receipt import Outcome, Receipt
from daydrop.records.scope import Scope
from daydrop.store.staging import Staged
from daydrop.words import Fact

Guard = Callable[[Connection], None]
"""What a face checks inside the transaction that changes something: locks. Raises Forbidden."""


def no_guard(_connection: Connection) -> None:
    """Check nothing."""


def all_of(*guards: Guard) -> Guard:
    """Join several guards into one."""

    def check(connection: Connection) -> None:
        for guard in guards:
            guard(connection)

    return check


Ending = Callable[[Connection, Receipt], None]
"""What else is written in the transaction that acknowledges an upload: the end of its row."""


def no_ending(_connection: Connection, _receipt: Receipt) -> None:
    """Write nothing else."""


@dataclass(frozen=True)
class Announcement:
    """What is known of an upload before its bytes arrive.

    `name` is the last segment as sent; `size` the announced bytes, None when nobody said;
    `alias` the path in `Upload` of an upload from the drive; `folder` the client's folder of one
    from the page, kept as a note; `batch_id` an explicit batch, None for the drive's own;
    `modified` the client's time in seconds since 1970, which never decides the day; `scope` where
    an import looks for the partners of a file; `is_resumable` when its sender goes on by itself
    after a `busy`, which then refuses nothing; `guard` has the last word when it is accepted, and
    `ending` is told of its receipt.
    """

    name: str
    origin: Origin
    size: int | None = None
    alias: str | None = None
    folder: str = ""
    batch_id: str | None = None
    modified: float | None = None
    checksums: Checksums = NO_CHECKSUMS
    scope: Scope | None = None
    is_resumable: bool = False
    guard: Guard = field(default=no_guard, compare=False)
    ending: Ending = field(default=no_ending, compare=False)

    @property
    def upload_path(self) -> str:
        """Return the path as the client knows it."""
        return self.alias or "/".join(part for part in (self.folder, self.name) if part)

    @property
    def pair_scope(self) -> Scope:
        """Return what members of a pair have in common beside their stem."""
        if self.scope is not None:
            return self.scope
        if self.alias is not None:
            return drive_scope(self.origin.key, self.alias)
        return Scope.batch(self.batch_id, self.folder)


def drive_scope(origin: str, path: str) -> Scope:
    """Return the scope of the folder in which a path of `Upload` is."""
    return Scope.drive(origin, path.rpartition("/")[0])


@dataclass(frozen=True)
class Whole:
    """A whole upload in staging, its length checked. `replaces` is the alias that it was."""

    announcement: Announcement
    staged: Staged
    sha256: str
    head: bytes
    batch_id: str
    reservation_id: str
    replaces: int | None = None


def unsaved_receipt(
    announcement: Announcement,
    outcome: Outcome,
    now: float,
    *,
    words_key: str,
    code: str | None = None,
    facts: Mapping[str, Fact] | None = None,
) -> Receipt:
    """Return the receipt of an upload with what is known from its announcement alone."""
    origin = announcement.origin
    return Receipt(
        id=0,
        batch_id=announcement.batch_id,
        at=now,
        origin=origin.key,
        account=origin.account,
        address=origin.address,
        program=origin.program,
        name=announcement.name,
        upload_path=announcement.upload_path,
        size=announcement.size,
        sha256=None,
        outcome=outcome,
        code=code,
        words_key=words_key,
        facts=dict(facts or {}) | _unread(announcement),
        item_id=None,
        place=None,
        day=None,
        source=None,
        times=1,
    )


def _unread(announcement: Announcement) -> dict[str, Fact]:
    """Return the fact that checksums were ignored, if any were."""
    unreadable = announcement.checksums.unreadable
    return {"unread": ", ".join(unreadable)} if unreadable else {}

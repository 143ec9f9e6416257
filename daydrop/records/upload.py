"""One file of a manifest, sent in as many pieces as it takes."""

from dataclasses import dataclass
from enum import StrEnum

from daydrop.words import Facts


class UploadState(StrEnum):
    """What a file of a manifest is at the moment."""

    ACCEPTED = "accepted"
    CHECK = "check"
    REFUSED = "refused"
    FILED = "filed"
    DUPLICATE = "duplicate"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


PENDING = (UploadState.ACCEPTED, UploadState.CHECK)


@dataclass(frozen=True)
class Upload:
    """A file of a manifest. `received` bytes have reached the disk and outlive the server.

    `ref` is the sender's own number for it, `path` its path in the sender's folder; `code`,
    `words_key` and `facts` say why it was refused; times are seconds since 1970.
    """

    id: str
    batch_id: str
    ref: str
    name: str
    path: str
    size: int
    received: int
    staged: str | None
    modified: float | None
    state: UploadState
    code: str | None
    words_key: str | None
    facts: Facts
    reservation_id: str | None
    receipt_id: int | None
    made: float

    @property
    def is_pending(self) -> bool:
        """Return whether bytes may still come."""
        return self.state in PENDING

    @property
    def is_told(self) -> bool:
        """Return whether it was filed or refused, and says so to whoever asks again."""
        return self.receipt_id is not None or self.code is not None

    @property
    def folder(self) -> str:
        """Return the sender's folder, empty when a file was sent alone."""
        return self.path.rpartition("/")[0]

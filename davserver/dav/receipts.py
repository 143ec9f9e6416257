"""`Receipts`: a text file for each closed batch."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from davserver.dav.propfind import Entry, Wanted
from davserver.dav.resources import File, Folder
from daydrop.aliases.paths import Content
from daydrop.library import Library
from daydrop.records.batch import Batch

RECEIPTS = "Receipts"
RECEIPTS_LISTED = 1000


class ReceiptsFolder(Folder):
    """`Receipts`: a text file for each closed batch."""

    def batches(self) -> list[Batch]:
        """Return the closed batches of this origin; the owner sees those of all."""
        key = None if self.origin.is_owner else self.origin.key
        return self.library.batches.closed(key, None, RECEIPTS_LISTED)

    def entry(self, wanted: Wanted) -> Entry:
        """Return what a listing says of it."""
        newest = next((batch.closed for batch in self.batches()[:1]), None)
        return super().entry(wanted)._replace(modified=newest)

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:  # noqa: ARG002  flat
        """Yield the receipts, newest first."""
        for batch in self.batches():
            file = ReceiptFile(
                f"/{RECEIPTS}/{receipt_name(batch)}", self.environ, self.library, batch
            )
            yield file.entry(wanted)


class ReceiptFile(File):
    """The receipt of a batch, in English."""

    def __init__(self, path: str, environ: dict[str, Any], library: Library, batch: Batch) -> None:
        super().__init__(path, environ, library)
        self.batch = batch

    def entry(self, wanted: Wanted) -> Entry:
        """Return what a listing says of it."""
        provider: Any = self.provider  # ours; WsgiDAV's type hints know only its own
        size = provider.receipt_size(self.batch.id, self._when) if wanted.wants_content else 0
        return Entry(
            path=self.path,
            name=self.name,
            is_folder=False,
            size=size,
            modified=self._when,
            created=self.batch.opened,
            etag=self._etag,
            media_type="text/plain; charset=utf-8",
        )

    @property
    def _when(self) -> float:
        batch = self.batch
        return max(batch.opened, batch.closed or 0, batch.undone or 0, batch.retold or 0)

    @property
    def _etag(self) -> str:
        return f"receipt-{self.batch.id}-{round(self._when * 1000):x}"

    def open(self) -> Content:
        """Return the text of the receipt."""
        text = receipt_text(self.library, self.batch.id)
        return Content(
            io.BytesIO(text), len(text), self._etag, self._when, "text/plain; charset=utf-8", None
        )


def receipt_text(library: Library, batch_id: str) -> bytes:
    """Return a receipt as it reads now: when a file of it moves, it says so."""
    return (library.receipts.plain_text(batch_id) or "").encode()


def receipt_name(batch: Batch) -> str:
    """Return the file name of a receipt: when its batch began, in UTC, and its id."""
    return f"{datetime.fromtimestamp(batch.opened, UTC):%Y-%m-%d %H.%M.%S} {batch.id}.txt"

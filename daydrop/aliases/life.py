"""How long an alias lives: what of `Upload` was seen lately, and what is over.

An alias lives `store.alias_days` from the last day on which it was seen in a request, being listed
included. That is written once a day for a folder, outside the request.
"""

from collections.abc import Iterator
from dataclasses import replace
from threading import Lock

from daydrop.catalogue import alias_rows as rows
from daydrop.catalogue import lock_rows, receipt_rows
from daydrop.catalogue.alias_rows import DAY
from daydrop.catalogue.database import Connection
from daydrop.filing.announcement import Announcement, unsaved_receipt
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.media.names import printable
from daydrop.origin import Origin
from daydrop.receipts.log import UploadLog
from daydrop.records.alias import Alias, State
from daydrop.records.receipt import Outcome, Receipt

_PLACEHOLDER_LIFE = 900.0  # seconds, as all of these
_LITTER_LIFE = _STAGED_LIFE = 24 * 3600.0
_SHORTEST_LIFE = 24 * 3600.0
_DEAD_LOCK_LIFE = 24 * 3600.0
_TOUCH_EVERY = 3600.0


class AliasLife:
    """Remembers what was seen, and tells what is over; `days` 0 is forever, `most` per origin."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        batches: Batches,
        log: UploadLog,
        days: int = 30,
        most: int = 20_000,
    ) -> None:
        self._catalogue, self._clock = foundation.catalogue, foundation.clock
        self._batches, self._log = batches, log
        self._days, self._most = days, most
        self._seen: set[tuple[str, str, int]] = set()
        self._written: set[tuple[str, str]] = set()
        self._written_day = 0
        self._touched: set[int] = set()
        self._lock = Lock()

    def see(self, origin: Origin, found: Alias | None) -> None:
        """Remembers that a request has met this alias, if there is one."""
        if found is None:
            return
        self.see_folder(origin.key, found.folder)
        if found.state is State.STAGED and self._clock.now() - found.touched > _TOUCH_EVERY:
            with self._lock:
                self._touched.add(found.id)

    def see_folder(self, origin: str, folder: str) -> None:
        """Remembers, without a write in the request, that a folder was seen today."""
        today = int(self._clock.now() // DAY)
        with self._lock:
            if today != self._written_day:
                self._written_day, self._written = today, set()
            if (origin, folder) not in self._written:
                self._written.add((origin, folder))
                self._seen.add((origin, folder, today))

    def over(self) -> list[Alias]:
        """Return the aliases whose life is over; a temporary name gets its last receipt."""
        self._write_seen()
        now = self._clock.now()
        self._catalogue.write(lambda c: lock_rows.forget(c, now - _DEAD_LOCK_LIFE))
        return list(self._over(now))

    def _write_seen(self) -> None:
        with self._lock:
            seen, self._seen = self._seen, set()
            touched, self._touched = self._touched, set()
        now = self._clock.now()

        def work(connection: Connection) -> None:
            for origin, folder, day in seen:
                rows.mark_seen(connection, origin, folder, day)
            for alias_id in touched:
                rows.touch(connection, alias_id, now)

        if seen or touched:
            self._catalogue.write(work)

    def _over(self, now: float) -> Iterator[Alias]:
        with self._catalogue.reading() as connection:
            yield from rows.idle(connection, State.PLACEHOLDER, now - _PLACEHOLDER_LIFE, now)
            yield from rows.idle(connection, State.LITTER, now - _LITTER_LIFE, now)
            unfinished = rows.idle(connection, State.STAGED, now - _STAGED_LIFE, now)
            if self._days:
                day = int(now // DAY) - self._days
                yield from rows.unseen(connection, day, now - _SHORTEST_LIFE)
            yield from rows.surplus(connection, self._most)
        for alias in unfinished:
            self._tell_unfinished(alias)
            yield alias

    def _tell_unfinished(self, alias: Alias) -> None:
        origin = sweeper(alias)
        receipt = replace(
            unsaved_receipt(
                Announcement(alias.name, origin, size=alias.size, alias=alias.path),
                Outcome.UNFINISHED,
                self._clock.now(),
                words_key="unfinished",
                facts={"name": printable(alias.name)},
            ),
            sha256=alias.sha256,
        )

        def work(connection: Connection) -> Receipt:
            batch_id = self._batches.batch_that_tells(connection, origin, None)
            return receipt_rows.write(connection, replace(receipt, batch_id=batch_id))

        self._log.write(self._catalogue.write(work))


def sweeper(alias: Alias) -> Origin:
    """Who ends an alias: its own origin, by the program that we are."""
    return Origin(key=alias.origin, address=alias.origin, program="Daydrop")

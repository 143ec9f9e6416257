"""Recovery: tree, staging, trash and catalogue brought together after a crash.

The dated tree is the truth and the catalogue an index of it. Nothing that was acknowledged is lost.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath

from daydrop.care.adoption import Adoption, Senders
from daydrop.care.companion_recovery import CompanionRecovery
from daydrop.care.trash import Trash
from daydrop.care.undo import Undo
from daydrop.catalogue import alias_rows, companion_rows, item_rows, upload_rows
from daydrop.filing.dating import Dating
from daydrop.filing.filing import Filing
from daydrop.filing.moves import Moves
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.receipts.log import UploadLog
from daydrop.records.item import Item, ItemState


@dataclass(frozen=True)
class Recovered:
    """What a recovery found and mended, in files, moves and reservations."""

    staging: int = 0
    adopted: int = 0
    missing: int = 0
    found_again: int = 0
    moves: int = 0
    reservations: int = 0


@dataclass(frozen=True)
class Repairs:
    """The parts that each mend one thing."""

    batches: Batches
    moves: Moves
    undo: Undo
    trash: Trash
    adoption: Adoption
    companions: CompanionRecovery
    dating: Dating


class Recovery:
    """Runs at the start, and for `rescan` and `verify --repair`.

    `alone` tells whether no other process uses the store: only then is what is held abandoned.
    """

    def __init__(
        self,
        foundation: Foundation,
        *,
        repairs: Repairs,
        filing: Filing,
        log: UploadLog,
        alone: Callable[[], AbstractContextManager[bool]],
    ) -> None:
        self._store, self._catalogue = foundation.store, foundation.catalogue
        self._repairs, self._filing = repairs, filing
        self._log, self._alone = log, alone

    def run(self) -> Recovered:
        """Finish what a kill interrupted, then bring files and rows together."""
        moves = self._repairs.moves.finish_interrupted()
        reservations, staging = self._clear_abandoned()
        # else the newest batch, opened by a clock that was ahead, would hide all others
        self._repairs.batches.close_idle()
        self._repairs.undo.finish_interrupted()
        without_row, missing = self._compare()
        unknown = self._unknown_in_trash()
        senders = self._log.told() if without_row or unknown else {}
        for name in unknown:
            self._repairs.adoption.adopt_trashed(name, senders)
        found_again, adopted = self._take_in(without_row, senders)
        self._repairs.dating.finish_judging()
        return Recovered(staging, adopted, missing, found_again, moves, reservations)

    def _clear_abandoned(self) -> tuple[int, int]:
        """Give back reservations and remove staging files that no process can be using."""
        with self._alone() as is_alone:
            if not is_alone:
                return 0, 0
            reservations = self._repairs.batches.refund_abandoned()
            staging = self._clear_staging()
            self._store.discard_probes()
        return reservations, staging

    def _clear_staging(self) -> int:
        """Remove what no alias, companion or resumable upload refers to."""
        with self._catalogue.reading() as connection:
            kept = (
                alias_rows.staged_names(connection)
                | companion_rows.staged_names(connection)
                | upload_rows.staged_names(connection)
            )
        orphans = [name for name in self._store.staging.names() if name not in kept]
        for name in orphans:
            self._store.staging.discard(name)
        return len(orphans)

    def _compare(self) -> tuple[list[PurePosixPath], int]:
        """Return the files without a row, and how many rows have lost their file."""
        there = set(self._store.tree.files())
        with self._catalogue.reading() as connection:
            stored = item_rows.all_in_state(connection, ItemState.STORED)
            companions = {PurePosixPath(path) for path in companion_rows.paths(connection)}
        gone = [item for item in stored if item.path not in there]
        missing = sum(self._record_if_gone(item) for item in gone)
        return sorted(there - {item.path for item in stored} - companions), missing

    def _record_if_gone(self, item: Item) -> bool:
        with self._filing.holding(item) as now:  # another process may be moving it
            is_gone = now == item and self._store.tree.is_gone(item.path)
            if is_gone:
                self._repairs.trash.record_gone(item)
        return is_gone

    def _unknown_in_trash(self) -> list[str]:
        """Return what lies in the trash without a row, after the catalogue was lost."""
        with self._catalogue.reading() as connection:
            known = item_rows.trash_names(connection) | companion_rows.ids(connection)
        return sorted(set(self._store.trash.names()) - known)

    def _take_in(self, without_row: list[PurePosixPath], senders: Senders) -> tuple[int, int]:
        """Give each file its row; return how many were found again, and how many adopted."""
        adoption = self._repairs.adoption
        found_again = {path: item for path in without_row if (item := adoption.find_again(path))}
        moved = {path for path, item in found_again.items() if item.path != path}
        new = [path for path in without_row if path not in found_again]
        adopted = {path for path in new if adoption.adopt(path, senders)}
        adopted |= self._repairs.companions.reconcile(
            (path for path in new if path not in adopted), adopted
        )
        self._repairs.dating.date_found(sorted(adopted | moved), senders)
        return len(found_again), len(adopted)

    def recount(self) -> None:
        """Count the items of each month again."""
        stored = self._catalogue.items.all_in_state(ItemState.STORED)
        self._catalogue.write(lambda connection: item_rows.recount(connection, stored))

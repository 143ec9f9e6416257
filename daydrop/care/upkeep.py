"""What keeps the library in order: the sweep at the start, adopting, undoing, the trash.

The dated tree is the truth and the catalogue an index of it: whatever the two disagree about after
a crash is settled here.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath

import structlog

from daydrop.capturedate.candidate import OWNER
from daydrop.care.companion_upkeep import CompanionUpkeep
from daydrop.catalogue import (
    alias_rows,
    batch_rows,
    companion_rows,
    item_rows,
    mark_rows,
    receipt_rows,
    upload_rows,
)
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Refused
from daydrop.filing.dating import Dating
from daydrop.filing.filing import Filing
from daydrop.filing.moves import Moves
from daydrop.filing.placement import numbered
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.media.names import is_companion
from daydrop.origin import LOCAL, Origin
from daydrop.receipts.log import Told, UploadLog
from daydrop.records.item import Item, ItemState, Taken
from daydrop.store.trees import NO_DATE

UNDO_SECONDS = 15 * 60.0
SUMS = "SHA256SUMS"
_DAY = 86400.0


@dataclass(frozen=True)
class Swept:
    """What the sweep at the start found and settled."""

    staging: int = 0
    adopted: int = 0
    missing: int = 0
    found_again: int = 0
    moves: int = 0
    reservations: int = 0


class Upkeep:
    """Settles what a crash left, and takes back what people take back."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        batches: Batches,
        filing: Filing,
        dating: Dating,
        companions: CompanionUpkeep,
        moves: Moves,
        log: UploadLog,
        alone: Callable[[], AbstractContextManager[bool]],
        trash_days: int,
        undo_seconds: float = UNDO_SECONDS,
    ) -> None:
        self._store, self._catalogue, self._clock = (
            foundation.store,
            foundation.catalogue,
            foundation.clock,
        )
        self._batches, self._filing, self._moves, self._log = batches, filing, moves, log
        self._dating, self._companions, self._alone = dating, companions, alone
        self._trash_days, self._undo_seconds = trash_days, undo_seconds

    # ---- the sweep --------------------------------------------------------------------------

    def sweep(self) -> Swept:
        """Brings tree, staging and catalogue together; nothing that was acknowledged is lost."""
        moves = self._moves.finish_interrupted()
        with self._alone() as is_alone:  # else what is held may be held by another process
            reservations = self._batches.refund_abandoned() if is_alone else 0
            staging = self._sweep_staging() if is_alone else 0
            if is_alone:
                self._store.discard_probes()
        self._batches.close_idle()  # the newest by a clock that was ahead would hide all others
        self._finish_undoing()
        strangers, missing = self._compare()
        unknown = self._unknown_trash()
        told = self._log.told() if strangers or unknown else {}
        for name in unknown:
            self._adopt_trashed(name, told)
        found_again = {path: item for path in strangers if (item := self._find_again(path))}
        moved = {path for path, item in found_again.items() if item.path != path}
        new = [path for path in strangers if path not in found_again]
        adopted = {path for path in new if self._adopt(path, told)}
        adopted |= self._companions.reconcile(
            (path for path in new if path not in adopted), adopted
        )
        self._dating.date_found(sorted(adopted | moved), told)
        self._dating.finish_judging()
        return Swept(staging, len(adopted), missing, len(found_again), moves, reservations)

    def _sweep_staging(self) -> int:
        """Removes what no alias, companion or resumable upload refers to."""
        with self._catalogue.reading() as connection:
            kept = (
                alias_rows.staged_names(connection)
                | companion_rows.staged_names(connection)
                | upload_rows.staged_names(connection)
            )
        orphans = [name for name in self._store.staged_names() if name not in kept]
        for name in orphans:
            self._store.discard(name)
        return len(orphans)

    def _compare(self) -> tuple[list[PurePosixPath], int]:
        """Files without a row, and how many rows lost their file."""
        there = set(self._store.files())
        with self._catalogue.reading() as connection:
            stored = item_rows.all_in_state(connection, ItemState.STORED)
            companions = {PurePosixPath(path) for path in companion_rows.paths(connection)}
        gone = [item for item in stored if item.path not in there]
        lost = sum(self._settle_if_lost(item) for item in gone)
        return sorted(there - {item.path for item in stored} - companions), lost

    def _settle_if_lost(self, item: Item) -> bool:
        """Another process may be moving it just now."""
        with self._filing.holding(item) as now:
            is_lost = now == item and self._store.is_gone(item.path)
            if is_lost:
                self._settle_lost(item)
        return is_lost

    def _settle_lost(self, item: Item) -> None:
        """A kill between a move to the trash and its row, or a file taken away by hand."""
        if item.id in self._store.trashed_names():
            self._settle_trashed(item)
            return
        structlog.get_logger().warning("a file is missing", path=str(item.path))
        self._change(item, replace(item, state=ItemState.MISSING))

    def _find_again(self, path: PurePosixPath) -> Item | None:
        """The item that had lost these bytes, as it was before: it lies here from now on.

        So it is after a file came back, or was moved by hand, or a kill came between the trash and
        the row.
        """
        with self._catalogue.reading() as connection:
            if not item_rows.without_file(connection, size=self._store.size(path)):
                return None
        if (sha256 := self._digest(path)) is None:
            return None
        with self._catalogue.reading() as connection:
            lost = item_rows.without_file(connection, sha256=sha256)
            has_another = item_rows.by_sha256(connection, sha256) is not None
        trashed = set(self._store.trashed_names())
        candidates = [item for item in lost if item.trash_name not in trashed]
        if has_another or not candidates:
            return None
        item = min(candidates, key=lambda item: (item.path != path, -item.filed))
        is_half_restored = item.state is ItemState.TRASHED and item.path == path
        try:
            with self._filing.holding(item) as now:
                if now != item or self._store.is_gone(path):
                    return None  # another process has restored it, or it is filed anew
                self._settle_restored(item, path, to_judge=is_half_restored)
        except Taken as reason:
            structlog.get_logger().info("not found again", path=str(path), reason=str(reason))
            return None
        structlog.get_logger().info("found again", path=str(path))
        return item

    def _adopt(self, path: PurePosixPath, told: Mapping[str, Told]) -> bool:
        """Gives a file of the tree without a row an item; False for what is not taken here.

        Name and sender come from the log when it knows these bytes.
        """
        if path.name == SUMS or is_companion(path.name):  # a THM is a JPEG by its bytes
            return False
        if (sha256 := self._digest(path)) is None:
            return False
        sent = told.get(sha256, Told())
        try:
            item = self._filing.as_found(
                path,
                name=sent.name or path.name,
                origin=sent.origin or LOCAL,
                sha256=sha256,
            )
            with self._filing.holding_bytes(sha256):  # who links these bytes writes their row first
                if self._store.is_gone(path):
                    return False
                self._catalogue.write(
                    lambda connection: item_rows.insert_item(connection, item), durable=True
                )
        except (OSError, Refused, Taken) as reason:
            structlog.get_logger().info("not adopted", path=str(path), reason=str(reason))
            return False
        structlog.get_logger().info("adopted", path=str(path))
        return True

    def _unknown_trash(self) -> list[str]:
        """What lies in the trash and no row speaks of: the catalogue was lost."""
        with self._catalogue.reading() as connection:
            known = item_rows.trash_names(connection) | companion_rows.ids(connection)
        return sorted(set(self._store.trashed_names()) - known)

    def _adopt_trashed(self, name: str, told: Mapping[str, Told]) -> None:
        """Lists a photo or film in the trash again, with its days there to come."""
        file = self._store.trashed_path(name)
        try:
            with file.open("rb") as opened:
                sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            sent = told.get(sha256, Told())
            was = PurePosixPath(sent.place or f"{NO_DATE}/{name}")
            item = self._filing.as_found(
                was,
                name=sent.name or was.name,
                origin=sent.origin or LOCAL,
                sha256=sha256,
                trash_name=name,
            )
        except (OSError, Refused) as reason:
            structlog.get_logger().info("left in the trash", name=name, reason=str(reason))
            return
        trashed = replace(self._as_trashed(item), trash_name=name)
        self._catalogue.write(
            lambda connection: item_rows.insert_item(connection, trashed), durable=True
        )

    def _digest(self, path: PurePosixPath) -> str | None:
        """The hash of a file; None, and a word about it, when it cannot be read."""
        try:
            return self._store.sha256(path)
        except OSError as failure:
            structlog.get_logger().warning(
                "a file cannot be read", path=str(path), error=failure.strerror
            )
            return None

    def forget_lost(self) -> int:
        """Gives up what is missing, as if its days in the trash were over."""
        now = self._clock.now()
        lost = self._catalogue.items.lost()
        for item in lost:
            self._change(item, replace(item, trashed=now))
        forgotten = self._companions.forget_lost()
        for item_id in {each.item_id for each in forgotten if each.item_id is not None}:
            self._dating.judge_late(item_id)
        return len(lost) + len(forgotten)

    def count_lost(self) -> int:
        """How many files are missing, and not given up."""
        return self._catalogue.items.count_lost()

    def recount(self) -> None:
        """Makes the counters of the months anew from the items."""
        stored = self._catalogue.items.all_in_state(ItemState.STORED)
        self._catalogue.write(lambda connection: item_rows.recount(connection, stored))

    # ---- dating -----------------------------------------------------------------------------

    def set_date(self, item_id: str, day: date) -> Item:
        """Files an item, and what is paired with it, under the day that its owner says.

        Raises LookupError when there is no such item in the library.
        """
        item = self._catalogue.items.find(item_id)
        if item is None or item.state is not ItemState.STORED:
            raise LookupError(item_id)
        dated = self._dating.bring_to_place(item, item.under(day, OWNER))
        self._log.write_date(dated, day)
        return dated

    # ---- taking back ------------------------------------------------------------------------

    def can_undo(self, batch_id: str, origin: Origin) -> bool:
        """Whether this origin may take this batch back now."""
        batch = self._batches.find(batch_id)
        if batch is None or batch.undone is not None:
            return False
        mine = batch.origin == origin.key or origin.is_owner
        return mine and self._clock.now() - batch.touched < self._undo_seconds

    def undo(self, batch_id: str, origin: Origin) -> int:
        """Moves what only this batch brought to the trash; returns how many files that were.

        Bytes that another batch was told to be here stay. Raises Refused(EXPIRED) when it is too
        late, or not this origin's batch.
        """
        if not self.can_undo(batch_id, origin):
            raise Refused(Code.EXPIRED, "undo")
        now = self._clock.now()

        def mark(connection: Connection) -> None:
            batch_rows.close(connection, batch_id, now)
            batch_rows.mark_undone(connection, batch_id, now)
            mark_rows.write(connection, f"{mark_rows.UNDOING}{batch_id}")

        self._catalogue.write(mark, durable=True)
        return self._trash_what_it_brought(batch_id)

    def _trash_what_it_brought(self, batch_id: str) -> int:
        brought = self._catalogue.receipts.items_of_batch(batch_id)
        trashed = sum(self._trash_unless_held(item_id) for item_id in sorted(brought))
        for item_id in self._companions.take_back(batch_id):
            self._dating.judge_late(item_id)
        self._catalogue.write(
            lambda connection: mark_rows.remove(connection, mark_rows.UNDOING + batch_id)
        )
        return trashed

    def _finish_undoing(self) -> None:
        """At the start: takes back the rest of a batch whose undoing a kill interrupted."""
        left = self._catalogue.marks.beginning(mark_rows.UNDOING)
        for name in left:
            self._trash_what_it_brought(name.removeprefix(mark_rows.UNDOING))

    def _trash_unless_held(self, item_id: str) -> bool:
        item = self._catalogue.items.find(item_id)
        if item is None:
            return False
        with self._filing.holding(item) as now:
            if now is None or now.state is not ItemState.STORED:
                return False
            with self._catalogue.reading() as connection:
                if receipt_rows.holders(connection, item_id):
                    return False
            heirs = self._trash_held(now)
        self._settle_left(now, heirs)
        return True

    def trash(self, item: Item) -> None:
        """Takes an item out of the library; its file is kept in the trash for some days.

        Harmless when it is not in the library any more.
        """
        heirs: set[str] = set()
        with self._filing.holding(item) as now:
            if now is not None and now.state is ItemState.STORED:
                heirs = self._trash_held(now)
        self._settle_left(item, heirs)

    def _settle_left(self, gone: Item, heirs: Iterable[str]) -> None:
        for heir in heirs:
            self._dating.judge_late(heir)
        self._dating.settle_left(gone)

    def _trash_held(self, item: Item) -> set[str]:
        """The lock of the bytes is held: nobody is told "already here" meanwhile.

        Returns the items that have inherited companions, to be judged when no lock is held.
        """
        try:
            self._store.move_to_trash(item.path, item.id)
        except FileNotFoundError:  # taken away by hand
            self._settle_lost(item)
            return set()
        return self._settle_trashed(item)

    def _settle_trashed(self, item: Item) -> set[str]:
        trashed = self._as_trashed(item)

        def work(connection: Connection) -> None:
            item_rows.change(connection, item, trashed)
            alias_rows.mark_removed(connection, item.id)

        self._catalogue.write(work, durable=True)
        return self._companions.trash(trashed)

    def _as_trashed(self, item: Item) -> Item:
        now = self._clock.now()
        return replace(item, state=ItemState.TRASHED, trashed=now, trash_name=item.id)

    def in_trash(self, limit: int) -> list[Item]:
        """What can be brought back, the newest first."""
        return self._catalogue.items.trashed(limit)

    def trashed_item(self, item_id: str) -> Item | None:
        """The item of this id, if it lies in the trash."""
        item = self._catalogue.items.find(item_id)
        return item if item is not None and item.state is ItemState.TRASHED else None

    def restore(self, item: Item) -> Item:
        """Brings an item back from the trash, beside whatever has its name now.

        Raises Refused(EXPIRED) when its bytes are gone or are stored again under another name.
        """
        with self._filing.holding(item) as now:
            again = self._catalogue.items.by_sha256(item.sha256)
            if now is None or now.trash_name is None or again is not None:
                raise Refused(Code.EXPIRED, "trash")
            restored = self._move_from_trash(now, now.trash_name)
        self._dating.judge_late(restored.id)
        self._dating.rejoin_all(restored)
        return self._catalogue.items.find(restored.id) or restored

    def _move_from_trash(self, item: Item, name: str) -> Item:
        """Back to where it was, or beside what has its name now."""
        number, path = 1, item.path
        while True:
            if self._store.move_from_trash(name, path):
                try:
                    return self._settle_restored(item, path, to_judge=True)
                except Taken:  # a name that differs in case only
                    self._store.move_to_trash(path, name)
            number += 1
            path = item.path.with_name(numbered(item.name, number))

    def _settle_restored(self, item: Item, path: PurePosixPath, *, to_judge: bool = False) -> Item:
        restored = replace(item, path=path, state=ItemState.STORED, trashed=None, trash_name=None)

        def work(connection: Connection) -> None:
            item_rows.change(connection, item, restored)
            alias_rows.mark_restored(connection, item.id)
            if to_judge:  # a kill before it is with its partner is made up for
                mark_rows.write(connection, mark_rows.JUDGING + item.id)

        if item.trashed is not None:  # before its row: a kill leaves all of them half restored
            self._companions.restore(restored, item.trashed)
        self._catalogue.write(work, durable=True)
        return restored

    def empty_trash(self) -> int:
        """Removes what has been in the trash for its days; returns how many files that were."""
        before = self._clock.now() - self._trash_days * _DAY
        over = self._catalogue.items.trashed_before(before)
        purged = sum(self._purge(item) for item in over)
        self._companions.purge(before)
        return purged

    def _purge(self, item: Item) -> bool:
        """Unless it was brought back meanwhile."""
        with self._filing.holding(item) as now:
            if now != item:
                return False
            if item.trash_name is not None:
                self._store.purge(item.trash_name)
            self._change(item, replace(item, state=ItemState.MISSING, trash_name=None))
            return True

    def _change(self, old: Item, new: Item) -> None:
        self._catalogue.write(
            lambda connection: item_rows.change(connection, old, new), durable=True
        )

"""Repair what a check of the library found, from the files that are there."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

import structlog

from daydrop.care.companion_trash import CompanionTrash
from daydrop.care.recovery import Recovered, Recovery
from daydrop.care.trash import Trash
from daydrop.care.verify import Kept, Report
from daydrop.filing.dating import Dating
from daydrop.foundation import Foundation

_BLOCK = 1 << 20


class Repair:
    """For the first process on a store only: what others have in staging would look lost."""

    def __init__(
        self,
        foundation: Foundation,
        *,
        recovery: Recovery,
        trash: Trash,
        companions: CompanionTrash,
        dating: Dating,
    ) -> None:
        self._store, self._catalogue = foundation.store, foundation.catalogue
        self._recovery, self._trash = recovery, trash
        self._companions, self._dating = companions, dating

    def run(self, report: Report) -> tuple[Recovered, list[Kept]]:
        """Bring the catalogue in line with the tree, and whole copies over what is damaged.

        Return what the recovery found, and the files that are whole again.
        """
        mended = [kept for kept in report.damaged if self._mend(kept, report.strangers)]
        recovered = self._recovery.run()
        self._recovery.recount()
        return recovered, mended

    def forget_lost(self) -> int:
        """Give up the files that are missing; return how many items and companions that were."""
        lost = self._catalogue.items.lost()
        for item in lost:
            self._trash.give_up(item)
        forgotten = self._companions.forget_lost()
        for item_id in {each.item_id for each in forgotten if each.item_id is not None}:
            self._dating.judge_late(item_id)
        return len(lost) + len(forgotten)

    def _mend(self, kept: Kept, strangers: Iterable[PurePosixPath]) -> bool:
        """Put a whole copy in the place of a damaged file; return whether there was one."""
        for copy in self._copies(kept, strangers):
            with copy:
                if self._put_over(kept, copy):
                    structlog.get_logger().info("mended", path=str(kept.path))
                    return True
        return False

    def _copies(self, kept: Kept, strangers: Iterable[PurePosixPath]) -> Iterator[BinaryIO]:
        """Yield what may be a copy of a damaged file, by its size or by what the trash holds."""
        for path in strangers:
            if self._store.tree.has(path, kept.size):
                yield self._store.tree.open(path)
        gone = self._catalogue.items.without_file(sha256=kept.sha256)
        there = set(self._store.trash.names())
        for item in gone:
            if item.trash_name in there:
                yield self._store.trash.path(item.trash_name).open("rb")

    def _put_over(self, kept: Kept, copy: BinaryIO) -> bool:
        """Replace a file by a copy whose hash is right, computed while it is copied."""
        staged = self._store.staging.create()
        sha256 = hashlib.sha256()
        try:
            while block := copy.read(_BLOCK):
                sha256.update(block)
                staged.write(block)
            is_whole = sha256.hexdigest() == kept.sha256
            if is_whole:
                self._store.replace(staged, kept.path)
        finally:
            staged.close()
            self._store.staging.discard(staged.name)
        return is_whole

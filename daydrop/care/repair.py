"""Repairs what a check of the library found: what can be told from the files that are there."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

import structlog

from daydrop.care.upkeep import Swept, Upkeep
from daydrop.care.verify import Kept, Report
from daydrop.catalogue.catalogue import Catalogue
from daydrop.store.local import LocalStore

_BLOCK = 1 << 20


class Repair:
    """For the first process on a store only: what others have in staging would look lost."""

    def __init__(self, store: LocalStore, catalogue: Catalogue, upkeep: Upkeep) -> None:
        self._store, self._catalogue, self._upkeep = store, catalogue, upkeep

    def run(self, report: Report) -> tuple[Swept, list[Kept]]:
        """Brings the catalogue in line with the tree, and whole copies over what is damaged.

        Returns what was settled, and the files that are whole again.
        """
        mended = [kept for kept in report.damaged if self._mend(kept, report.strangers)]
        swept = self._upkeep.sweep()
        self._upkeep.recount()
        return swept, mended

    def forget_lost(self) -> int:
        """Gives up what is missing, for who took it away; returns how many files that were."""
        return self._upkeep.forget_lost()

    def _mend(self, kept: Kept, strangers: Iterable[PurePosixPath]) -> bool:
        """Whether a copy was found, in the tree or in the trash, and lies in its place now."""
        for copy in self._copies(kept, strangers):
            with copy:
                if self._put_over(kept, copy):
                    structlog.get_logger().info("mended", path=str(kept.path))
                    return True
        return False

    def _copies(self, kept: Kept, strangers: Iterable[PurePosixPath]) -> Iterator[BinaryIO]:
        """What may be a copy of a damaged file, by its size or by what is known of the trash."""
        for path in strangers:
            if self._store.has(path, kept.size):
                yield self._store.open(path)
        gone = self._catalogue.items.without_file(sha256=kept.sha256)
        there = set(self._store.trashed_names())
        for item in gone:
            if item.trash_name in there:
                yield self._store.trashed_path(item.trash_name).open("rb")

    def _put_over(self, kept: Kept, copy: BinaryIO) -> bool:
        """The bytes are hashed as they are copied: only the right ones replace anything."""
        staged = self._store.stage()
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
            self._store.discard(staged.name)
        return is_whole

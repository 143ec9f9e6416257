"""Re-filing: what would lie elsewhere under today's rule and settings, and moving it there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from daydrop.capturedate.candidate import OWNER
from daydrop.filing.dating import Dating
from daydrop.filing.groups import Groups
from daydrop.filing.moves import Moves
from daydrop.foundation import Foundation
from daydrop.receipts.log import UploadLog
from daydrop.records.item import Item, ItemState


@dataclass(frozen=True)
class Refiling:
    """An item that belongs elsewhere; `dated` is the item as it is dated today."""

    item: Item
    dated: Item
    folder: PurePosixPath


class Refile:
    """Plans, then moves in journalled steps, so that a kill loses no file."""

    def __init__(
        self,
        foundation: Foundation,
        *,
        groups: Groups,
        dating: Dating,
        moves: Moves,
        log: UploadLog,
    ) -> None:
        self._store, self._catalogue, self._groups = foundation.store, foundation.catalogue, groups
        self._dating, self._moves, self._log = dating, moves, log

    def set_date(self, item_id: str, day: date) -> Item:
        """File an item, and what belongs to it, under the day that its owner says.

        Raises LookupError when there is no such item in the library.
        """
        item = self._catalogue.items.find(item_id)
        if item is None or item.state is not ItemState.STORED:
            raise LookupError(item_id)
        dated = self._dating.bring_to_place(item, item.under(day, OWNER))
        self._log.write_date(dated, day)
        return dated

    def finish_interrupted(self) -> int:
        """Finish the moves that a kill interrupted; return how many those were."""
        return self._moves.finish_interrupted()

    def plan(self) -> list[Refiling]:
        """Return what would move; changes nothing."""
        stored = self._catalogue.items.all_in_state(ItemState.STORED)
        return [refiling for item in stored if (refiling := self._plan(item)) is not None]

    def _plan(self, item: Item) -> Refiling | None:
        """Decide about the files of a shot together, each with its companions."""
        dated = self._groups.judged_again(item)
        folder = self._groups.belongs(dated)
        return None if folder == item.path.parent else Refiling(item, dated, folder)

    def run(self, plan: Iterable[Refiling], report: Callable[[Refiling], None]) -> int:
        """Move what was planned; return how many files have another place now.

        For the first process alone: folders that become empty are removed.
        """
        moved = 0
        for refiling in plan:
            current = self._catalogue.items.find(refiling.item.id)
            if current is None or current.state is not ItemState.STORED:
                continue
            if current.path.parent != refiling.folder:  # else it went along with its partner
                self._dating.bring_to_place(current, refiling.dated)
            self._store.tree.remove_empty(current.path.parent)
            report(refiling)
            moved += 1
        return moved

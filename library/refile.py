"""Re-filing: what would lie elsewhere under today's rule and settings, and moving it there."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from library.catalogue import items as item_rows
from library.catalogue.database import Database
from library.catalogue.items import Item, ItemState
from library.filing import Filing
from library.moves import Moves


@dataclass(frozen=True)
class Refiling:
    """An item that belongs elsewhere; `dated` is the item as it is dated today."""

    item: Item
    dated: Item
    folder: PurePosixPath


class Refile:
    """Plans, then moves, one journalled step after the other: a kill leaves each file somewhere."""

    def __init__(self, database: Database, filing: Filing, moves: Moves) -> None:
        self._database, self._filing, self._moves = database, filing, moves

    def plan(self) -> list[Refiling]:
        """What would move; nothing is changed."""
        with self._database.reading() as connection:
            stored = item_rows.all_in_state(connection, ItemState.STORED)
        return [refiling for shot in _by_shot(stored) for refiling in self._plan_shot(shot)]

    def _plan_shot(self, shot: list[Item]) -> Iterator[Refiling]:
        """The members of one scope and stem, judged together."""
        dated = {item.id: self._filing.judged_again(item) for item in shot}
        for item in shot:
            mine = dated[item.id]
            group, _ = self._filing.group_of(mine, list(dated.values()))
            folder = self._filing.folder_of(group)
            if folder != item.path.parent:
                yield Refiling(item, mine, folder)

    def run(self, plan: Iterable[Refiling], tell: Callable[[Refiling], None]) -> int:
        """Moves what was planned; returns how many files have another place now."""
        self._moves.finish_interrupted()
        moved = 0
        for refiling in plan:
            with self._database.reading() as connection:
                current = item_rows.find(connection, refiling.item.id)
            if current is None or current.state is not ItemState.STORED:
                continue
            if current.path.parent != refiling.folder:  # else it went along with its partner
                self._filing.bring_to_place(current, refiling.dated)
            tell(refiling)
            moved += 1
        return moved


def _by_shot(items: Iterable[Item]) -> list[list[Item]]:
    shots: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        shots[item.pair_scope, item.stem].append(item)
    return list(shots.values())

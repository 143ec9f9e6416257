"""Dating: a filed item gets another date, and with its partners the place that belongs to it.

A companion comes or goes, its owner knows better, a partner brings the better date, a rule has
changed: each ends here, journalled, one member after the other.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath

import structlog

from daydrop.capturedate.candidate import FOLDER, FROM_COMPANIONS, OWNER, Candidate
from daydrop.catalogue import item_rows, mark_rows
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.errors import Refused
from daydrop.filing.companions import Companions
from daydrop.filing.groups import Groups
from daydrop.filing.moves import Moves
from daydrop.filing.pairs import part_of
from daydrop.foundation import Foundation
from daydrop.media.names import stem_key
from daydrop.receipts.log import Told
from daydrop.records.companion import Companion
from daydrop.records.item import Item, ItemState, Taken
from daydrop.records.move import Move
from daydrop.records.scope import Scope

_TRIES = 3  # for the name of a group, when another process works on the same folder


class Dating:
    """Dates and places filed items again. Who calls it holds no lock, except where it is said."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        moves: Moves,
        companions: Companions,
        groups: Groups,
    ) -> None:
        self._catalogue, self._moves, self._companions = foundation.catalogue, moves, companions
        self._locks, self._groups = foundation.locks, groups

    def judge_again(self, item_id: str) -> None:
        """Date and place an item again by the companions that it has now.

        Their dates are read before anybody is kept waiting, and again if others came meanwhile.
        The newest companion speaks first: whoever sent it again corrected it.
        """
        is_done = False
        while not is_done:
            before = self._catalogue.items.find(item_id)
            if before is None:
                self.strike_off(item_id)
                return
            companions = self._companions.that_date(before)
            dates = self._companions.dates_in(companions)
            with self._locks.holding(("pair", before.stem)):
                is_done = self._judge(item_id, before.stem, companions, dates)

    def _judge(
        self, item_id: str, stem: str, companions: list[Companion], dates: tuple[Candidate, ...]
    ) -> bool:
        """Date an item again; return False when its stem or companions have changed meanwhile."""
        item = self._catalogue.items.find(item_id)
        if item is not None and item.state is ItemState.STORED:
            if item.stem != stem or self._companions.that_date(item) != companions:
                return False
            self._companions.follow(item)  # it may have moved while its companion was being linked
            self.bring(item, self._dated_beside(item, dates))
        self.strike_off(item_id)
        return True

    def strike_off(self, item_id: str) -> None:
        """Note that an item is dated and placed by all that it has."""
        self._catalogue.write(partial(mark_rows.remove, name=mark_rows.JUDGING + item_id))

    def finish_judging(self) -> None:
        """Date and places those whose companion or partner a kill or a fault has cut off."""
        left = self._catalogue.marks.beginning(mark_rows.JUDGING)
        for name in left:
            self.judge_late(name.removeprefix(mark_rows.JUDGING))

    def _dated_beside(self, item: Item, dates: tuple[Candidate, ...]) -> Item:
        """Return the item as it is dated beside companions that say these dates."""
        known = [judged.candidate for judged in item.judged]
        found = [*dates, *(each for each in known if each.source not in FROM_COMPANIONS)]
        if item.source == OWNER or set(found) == set(known):
            return item
        return item.dated(self._groups.choose(found))

    def date_found(self, paths: Iterable[PurePosixPath], told: Mapping[str, Told]) -> None:
        """Date what was found in the tree as it lies there; nothing is moved.

        First by its companions, then by the day that its owner said, as the log tells, then, since
        the tree is the truth, by its folder; and who lies together by name and times is a pair.
        """
        found = [item for path in paths if (item := self._catalogue.items.by_path(path))]
        for item in found:
            self._date_beside(item)
        for item in found:
            now = self._now(item)
            owners = told.get(item.sha256, Told()).owners_day
            if owners and self._groups.belongs(now.under(owners, OWNER)) == now.path.parent:
                self._change(now, now.under(owners, OWNER))
            elif day := self._groups.day_it_lies_under(now):
                self._change(now, now.under(day, FOLDER))
        for item in found:
            self._join_as_it_lies(self._now(item))

    def _date_beside(self, item: Item) -> None:
        try:
            dates = self._companions.dates_in(self._companions.that_date(item))
        except Refused as failure:  # nobody could read its companion
            self._catalogue.write(partial(mark_rows.write, name=mark_rows.JUDGING + item.id))
            structlog.get_logger().warning(
                "a date waits", path=str(item.path), error=in_words(failure)
            )
            return
        self._change(item, self._dated_beside(item, dates))

    def _join_as_it_lies(self, item: Item) -> None:
        """Write who is of one shot with a found item, if all of them lie where they belong."""
        group = self._groups.arranged(item).mine
        folders = {each.path.parent for each in group.members}
        if len(group.members) > 1 and folders == {self._groups.folder_of(group)}:
            for member in group.members:
                self._change(self._now(member), member)

    def _now(self, item: Item) -> Item:
        return self._catalogue.items.find(item.id) or item

    def _change(self, old: Item, new: Item) -> None:
        if new != old:
            self._catalogue.write(lambda connection: item_rows.change(connection, old, new))

    def judge_late(self, item_id: str) -> None:
        """As `judge_again`, when all is acknowledged: after a failure the next start tries."""
        try:
            self.judge_again(item_id)
        except (OSError, Refused, Taken) as failure:
            structlog.get_logger().warning(
                "a date waits for the next round", item=item_id, error=in_words(failure)
            )

    def rejoin(self, item: Item, scope: Scope, name: str) -> None:
        """Bring a filed item what waits under its new name or folder in `Upload`."""
        try:
            to_judge = self._rejoined(item, scope, name)
        except (OSError, Refused, Taken) as failure:
            structlog.get_logger().warning(
                "partners wait for the next round", path=str(item.path), error=in_words(failure)
            )
            self._catalogue.write(partial(mark_rows.write, name=mark_rows.JUDGING + item.id))
            return
        for item_id in to_judge:
            self.judge_late(item_id)

    def _rejoined(self, item: Item, scope: Scope, name: str) -> set[str]:
        with self._locks.holding_stems((item.stem, stem_key(name))):
            now = self._catalogue.items.find(item.id)
            if now is None or now.state is not ItemState.STORED:
                return set()
            return self._companions.gather(self.bring(now, now), scope, name)

    def rejoin_all(self, item: Item) -> None:
        """Bring a restored item what waits for it under any of its names."""
        known_as = self._catalogue.items.scopes_of(item)
        for scope, stem in known_as:
            self.rejoin(item, scope, f"{stem}{PurePosixPath(item.name).suffix}")

    def settle_left(self, gone: Item) -> None:
        """Pair the files that an item, now in the trash, kept apart."""
        try:
            with self._locks.holding(("pair", gone.stem)):
                scopes = self._catalogue.items.scopes_of(gone)
                for scope, _ in scopes:
                    if item := self._one_left(scope, gone.stem):
                        self.bring(item, item)
        except (OSError, Refused, Taken) as failure:
            structlog.get_logger().warning(
                "partners wait for a refile", path=str(gone.path), error=in_words(failure)
            )

    def _one_left(self, scope: Scope, stem: str) -> Item | None:
        """Any of a stem in a scope, as it is now: who brings one brings all."""
        of_stem = self._catalogue.items.of_stem(scope, stem)
        return next((each for each in of_stem if each.stem == stem and part_of(each)), None)

    def bring_to_place(self, old: Item, dated: Item) -> Item:
        """Give a filed item another date, and with its partners the folder that belongs to it.

        Returns the item as it is afterwards; journalled, one member after the other.
        """
        with self.holding(old) as now:
            if now is None or now.state is not ItemState.STORED:
                return old
            return self.bring(now, now.dated_like(dated))

    @contextmanager
    def holding(self, item: Item) -> Iterator[Item | None]:
        """Keep everybody else from an item and its partners; gives it as it is now."""

        def now() -> Item | None:
            return self._catalogue.items.find(item.id)

        with self._locks.holding_told(lambda: {(now() or item).stem}):
            yield now()

    def bring(self, old: Item, dated: Item) -> Item:
        """As `bring_to_place`, for who holds the lock of the stem and knows the item as it is."""
        number = 1
        for _ in range(_TRIES):
            arrangement = self._groups.arranged(dated)
            if self._moves.finish({old.id, *arrangement.others}):  # else they would come later
                old, arrangement = self._now(old), self._groups.arranged(dated)
            here = {**arrangement.others, old.id: old}
            number, placed = self._groups.place(arrangement, here, number)
            if all(here[item.id] == item for item in placed):
                break
            moves = self._catalogue.write(
                partial(self.planned, before=here, placed=placed), durable=True
            )
            have_arrived = [self._moves.carry_out(move) for move in moves]
            if all(have_arrived):
                break
            number += 1  # another process has taken the name meanwhile
            old = self._catalogue.items.find(old.id) or old
        return self._catalogue.items.find(old.id) or old

    def planned(
        self, connection: Connection, before: Mapping[str, Item], placed: list[Item]
    ) -> tuple[Move, ...]:
        """Return the moves that bring those who were here before to the place of their group."""
        changed = [item for item in placed if before.get(item.id, item) != item]
        moves = [self._moves.plan(connection, before[item.id], item) for item in changed]
        return tuple(move for move in moves if move is not None)

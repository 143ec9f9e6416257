"""Groups: the members of a pair as they are filed together, under today's rule and settings.

Nothing is moved here; this says which date, folder, number and name belong to whom.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import PurePosixPath

from daydrop.capturedate.candidate import FROM_COMPANIONS, SAID, WEAK_ZONES, Candidate
from daydrop.capturedate.rule import CaptureDate, choose
from daydrop.catalogue import item_rows
from daydrop.filing import pairs, placement
from daydrop.filing.companions import Companions, name_beside
from daydrop.filing.moves import free_number
from daydrop.filing.pairs import Group
from daydrop.foundation import Foundation
from daydrop.records.item import Item, ItemState, case_key

_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Arrangement:
    """What is filed together once an item is in the library as it is given.

    `mine` is its own group; `left` are those that by it lost or gained a member. `others` are all
    of its stem but itself, as they are now, by id.
    """

    mine: Group
    left: tuple[Group, ...]
    others: Mapping[str, Item]


class Groups:
    """Says what is filed together.

    `pattern` names the folders, `zone` is the setting's, `alias_life` is in seconds.
    """

    def __init__(
        self,
        *,
        foundation: Foundation,
        companions: Companions,
        pattern: str,
        zone: tzinfo | None,
        alias_life: float,
    ) -> None:
        self._store, self._catalogue, self._clock = (
            foundation.store,
            foundation.catalogue,
            foundation.clock,
        )
        self._companions, self._pattern, self._zone = companions, pattern, zone
        self._alias_life = alias_life

    def choose(self, found: list[Candidate], partner_offset: int | None = None) -> CaptureDate:
        """Return the date that the rule chooses; `partner_offset` in minutes is another file's."""
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        return choose(found, now, self._zone, partner_offset)

    def judged_again(self, item: Item) -> Item:
        """Return the item as today's rule and settings date it, from what was read when it came."""
        if item.source in SAID:
            return item
        return item.dated(self.choose([judged.candidate for judged in item.judged]))

    def arranged(self, item: Item) -> Arrangement:
        """Return how an item, and who shares its stem in the library, are filed together.

        Who belongs together is told by what the files themselves say, not by what companions,
        partners or people said since; a companion speaks for a file that says nothing.
        """
        if pairs.part_of(item) is None:
            return Arrangement(pairs.group([item], item.id), (), {})
        relatives = self._catalogue.items.relatives(item)
        if not relatives.items.keys() - {item.id} and item.state is ItemState.STORED:
            return Arrangement(self._group([item], item.id), (), {})  # most files are alone
        everyone, scopes = relatives.items | {item.id: item}, relatives.scopes

        def share(one: Item, other: Item) -> bool:
            return not scopes[one.id].isdisjoint(scopes[other.id]) and all(
                pairs.is_sender_of(giver, taker) or not self._is_corrected(everyone[giver.id])
                for giver, taker in ((one, other), (other, one))
            )

        def may_guess(one: Item, other: Item) -> bool:
            return relatives.is_whole and all(
                pairs.is_sender_of(giver, taker) or taker.pair_scope in scopes[giver.id]
                for giver, taker in ((one, other), (other, one))
                if not taker.taken
            )

        known = _without_copies(everyone.values())
        groups = []
        bare = [self._by_itself(each) for each in known]
        for shot in pairs.shots(bare, share, may_guess, self._alias_life):
            ids = {member.id for member in shot}
            if item.id in ids or _is_news(ids, everyone):
                group = self._group([everyone[each] for each in ids], item.id)
                groups.append(_waiting_for(group, known))
        (mine,) = (group for group in groups if item.id in {each.id for each in group.members})
        left = tuple(group for group in groups if group.members and group is not mine)
        del everyone[item.id]
        return Arrangement(mine, left, everyone)

    def _is_corrected(self, item: Item) -> bool:
        """Return whether a companion dates it: that may not move what another has sent."""
        return self.judged_again(item).source in FROM_COMPANIONS

    def _group(self, members: list[Item], first: str) -> Group:
        """Return the files that are together, as the rule dates them; `first` as in `pairs.group`.

        A member that only knows UTC takes the zone of another one that knows its own.
        """
        dated = [self.judged_again(member) for member in members]
        dated.sort(key=lambda member: (member.id != first, member.id))
        return pairs.group([self._zoned(member, dated) for member in dated], first)

    def _by_itself(self, item: Item) -> Item:
        """Return the item dated by its own bytes and name, else by a companion."""
        if item.source is None:
            return item
        known = [each.candidate for each in item.judged]
        by_itself = item.dated(self.choose([c for c in known if c.source not in FROM_COMPANIONS]))
        return (
            by_itself if by_itself.taken else replace(item.dated(self.choose(known)), day_only=True)
        )

    def _zoned(self, item: Item, members: list[Item]) -> Item:
        offset = pairs.known_offset(member for member in members if member.id != item.id)
        if offset is None or item.zone_source not in WEAK_ZONES:
            return item
        return item.dated(self.choose([judged.candidate for judged in item.judged], offset))

    def folder_of(self, group: Group) -> PurePosixPath:
        """Return the folder that belongs to a group under today's settings."""
        return placement.folder_for(group.kind, group.day, self._pattern)

    def day_it_lies_under(self, item: Item) -> date | None:
        """Return the day of the folder in which an item was found, where that is a person's word.

        None where it belongs there anyway, where the folder is of no day, and where a video that
        only knows UTC lies a day beside: then it was filed in another zone.
        """
        group = self.arranged(item).mine
        day = placement.day_of(item.path.parent, self._pattern)
        if day is None or self.folder_of(group) == item.path.parent:
            return None
        is_near = item.day is not None and abs(day - item.day) <= _A_DAY
        return None if is_near and item.zone_source in WEAK_ZONES else day

    def belongs(self, item: Item) -> PurePosixPath:
        """Return the folder in which an item, with its partners, would be filed today."""
        return self.folder_of(self.arranged(item).mine)

    def place(
        self, arrangement: Arrangement, here: Mapping[str, Item], start: int = 1
    ) -> tuple[int, list[Item]]:
        """Return all who are filed again, with their paths; and the number of the item's own group.

        That number is `start` or higher; who has one in its folder keeps it as long as it can.
        `here` are those of them that lie in the library, as they lie there.
        """
        number, placed = self._place(arrangement.mine, here, start, ())
        for group in arrangement.left:
            _, also = self._place(group, here, 1, placed)
            placed += also
        return number, placed

    def _place(
        self, group: Group, here: Mapping[str, Item], start: int, placed: Iterable[Item]
    ) -> tuple[int, list[Item]]:
        """Yield the members of a group: one folder, one number, nobody else's name.

        Their companions take that number too, so a name is free only if theirs are.
        """
        folder = self.folder_of(group)
        beside = self._companions.beside(group.members)
        before = [here[member.id] for member in group.members if member.id in here]
        own = {case_key(item.path) for item in before}
        own |= {case_key(companion.path) for _, companion in beside if companion.path}
        promised = {case_key(item.path) for item in placed}
        with self._catalogue.reading() as connection:
            begins = placement.numbered(group.members[0].name, 1).rpartition(".")[0]
            taken = item_rows.names_beginning(connection, folder, begins) - own

        def is_free(name: str) -> bool:
            path = folder / name
            key = case_key(path)
            if key in promised:
                return False
            return key in own or (key not in taken and not self._store.tree.is_there(path))

        def names(number: int) -> Iterator[str]:
            for member in group.members:
                yield placement.numbered(member.name, number)
            for member, companion in beside:
                stem = PurePosixPath(placement.numbered(member.name, number)).stem
                yield name_beside(companion, stem)

        numbers = [number_of(item) for item in before if item.path.parent == folder]
        number = free_number(names, is_free, max(start, min(numbers, default=1)))
        return number, [
            replace(member, path=folder / placement.numbered(member.name, number))
            for member in group.members
        ]


def number_of(item: Item) -> int:
    """Return the number that an item has in its folder."""
    found = re.search(r" \(([1-9][0-9]{0,4})\)$", item.path.stem)
    number = int(found[1]) if found else 1
    return number if placement.numbered(item.name, number) == item.path.name else 1


def _without_copies(everyone: Iterable[Item]) -> list[Item]:
    """Return those of a stem, but nobody in the trash whose bytes are here again."""
    there = list(everyone)
    here = {each.sha256 for each in there if each.state is ItemState.STORED}
    return [each for each in there if each.state is ItemState.STORED or each.sha256 not in here]


def _waiting_for(group: Group, known: list[Item]) -> Group:
    """Return a single file with its pair id, if its partner is in the trash: it may be restored.

    Else it would be in doubt between that one and another today, and follow the other tomorrow.
    """
    before = {each.id: each.pair for each in known}
    gone = {each.pair for each in known if each.state is not ItemState.STORED}
    members = tuple(
        replace(each, pair=before[each.id])
        if each.pair is None and before[each.id] in gone
        else each
        for each in group.members
    )
    return replace(group, members=members)


def _is_news(ids: set[str], everyone: Mapping[str, Item]) -> bool:
    """Return whether these were not filed together up to now, or with others beside."""
    pairs_before = {everyone[each].pair for each in ids} - {None}
    together = {each.id for each in everyone.values() if each.pair in pairs_before}
    return together != ids and bool(together or len(ids) > 1)

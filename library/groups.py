"""Groups: the members of a pair as they are filed together, under today's rule and settings.

Nothing is moved here; this says which date, folder, number and name belong to whom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import PurePosixPath

from library import pairs, placement
from library.capturedate.candidate import FROM_COMPANIONS, Candidate
from library.capturedate.rule import CaptureDate, choose
from library.catalogue import items as item_rows
from library.catalogue.database import Database
from library.catalogue.items import Item
from library.clock import Clock
from library.moves import free_number
from library.pairs import SAID, WEAK_ZONES, Group
from library.sidecars import Sidecars, name_beside
from library.store.local import LocalStore

_A_DAY = timedelta(days=1)


class Groups:
    """Says what is filed together. `pattern` names the folders, `zone` is the setting's."""

    def __init__(
        self,
        *,
        store: LocalStore,
        database: Database,
        clock: Clock,
        sidecars: Sidecars,
        pattern: str,
        zone: tzinfo | None,
    ) -> None:
        self._store, self._database, self._clock = store, database, clock
        self._sidecars, self._pattern, self._zone = sidecars, pattern, zone

    def choose(self, found: list[Candidate], partner_offset: int | None = None) -> CaptureDate:
        """The date that today's rule believes; `partner_offset` in minutes is another member's."""
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        return choose(found, now, self._zone, partner_offset)

    def judged_again(self, item: Item) -> Item:
        """The item as today's rule and settings date it, from what was read when it came."""
        if item.source in SAID:
            return item
        return item.dated(self.choose([judged.candidate for judged in item.judged]))

    def _of(self, item: Item, of_stem: list[Item]) -> tuple[Group, dict[str, Item]]:
        """What an item is filed as together with its partners, and those as they are now, by id.

        Who belongs together is told by what the files themselves say, not by what companions,
        partners or people said since. A member that only knows UTC takes the zone of another one
        that knows its own.
        """
        others = {other.id: other for other in of_stem if other.id != item.id}
        if not others:
            return pairs.group(item, ()), {}
        bare = [self._by_itself(other) for other in others.values()]
        partners = [others[each.id] for each in pairs.partners_of(self._by_itself(item), bare)]
        members = [item, *(self.judged_again(partner) for partner in partners)]
        zoned = [self._zoned(member, members) for member in members]
        group = pairs.group(zoned[0], zoned[1:], bare)
        return group, {partner.id: partner for partner in partners}

    def in_library(self, item: Item) -> tuple[Group, dict[str, Item]]:
        """What an item is together with the partners it has in the library."""
        with self._database.reading() as connection:
            of_stem = {
                other.id: other
                for scope, stem in item_rows.scopes_of(connection, item)
                for other in item_rows.of_stem(connection, scope, stem)
            }
        return self._of(item, list(of_stem.values()))

    def _by_itself(self, item: Item) -> Item:
        """The item as its own bytes and name date it."""
        if item.source is None:
            return item
        own = [each.candidate for each in item.judged]
        return item.dated(self.choose([c for c in own if c.source not in FROM_COMPANIONS]))

    def _zoned(self, item: Item, members: list[Item]) -> Item:
        offset = pairs.known_offset(member for member in members if member.id != item.id)
        if offset is None or item.zone_source not in WEAK_ZONES:
            return item
        return item.dated(self.choose([judged.candidate for judged in item.judged], offset))

    def folder_of(self, group: Group) -> PurePosixPath:
        """The folder that belongs to a group under today's settings."""
        return placement.folder_for(group.kind, group.day, self._pattern)

    def day_it_lies_under(self, item: Item) -> date | None:
        """The day of the folder in which an item was found, where that is a person's word.

        None where it belongs there anyway, where the folder is of no day, and where a film that
        only knows UTC lies a day beside: then it was filed in another zone.
        """
        group, _ = self.in_library(item)
        day = placement.day_of(item.path.parent, self._pattern)
        if day is None or self.folder_of(group) == item.path.parent:
            return None
        is_near = item.day is not None and abs(day - item.day) <= _A_DAY
        return None if is_near and item.zone_source in WEAK_ZONES else day

    def belongs(self, item: Item) -> PurePosixPath:
        """The folder in which an item, with its partners, would be filed today."""
        group, _ = self.in_library(item)
        return self.folder_of(group)

    def place(self, group: Group, here: Mapping[str, Item], start: int) -> tuple[int, list[Item]]:
        """The members of a group with their paths: one folder, one number, nobody else's name.

        Their companions take that number too, so a name is free only if theirs are.
        """
        folder = self.folder_of(group)
        beside = self._sidecars.beside(group.members)
        own = {item_rows.fold(item.path) for item in here.values()}
        own |= {str(companion.path).casefold() for _, companion in beside}
        with self._database.reading() as connection:
            begins = placement.numbered(group.members[0].name, 1).rpartition(".")[0]
            taken = item_rows.names_beginning(connection, folder, begins) - own

        def is_free(name: str) -> bool:
            path = folder / name
            fold = item_rows.fold(path)
            return fold in own or (fold not in taken and not self._store.is_there(path))

        def names(number: int) -> Iterator[str]:
            for member in group.members:
                yield placement.numbered(member.name, number)
            for member, companion in beside:
                stem = PurePosixPath(placement.numbered(member.name, number)).stem
                yield name_beside(companion, stem)

        number = free_number(names, is_free, start)
        return number, [
            replace(member, path=folder / placement.numbered(member.name, number))
            for member in group.members
        ]

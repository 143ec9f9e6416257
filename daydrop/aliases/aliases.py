"""Aliases: the paths in `Upload` that go on answering, whatever became of what was sent there.

One state machine for each (origin, path): absent, placeholder, staged, filed, removed, litter,
companion, collection. Programs may list, rename, copy and delete here as on any disk; an item in
the tree is moved or removed by none of it. Each step that changes something is one transaction.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import BinaryIO

from daydrop.aliases.life import AliasLife, sweeper
from daydrop.catalogue import alias_rows as rows
from daydrop.catalogue import companion_rows, item_rows, property_rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Missing, Refused
from daydrop.filing.announcement import Announcement, Guard, all_of, drive_scope, no_guard
from daydrop.filing.dating import Dating
from daydrop.foundation import Foundation
from daydrop.intake.door import Door
from daydrop.intake.refusals import Refusals
from daydrop.media.names import Role, checked_path, companion_target, printable, role, stem_key
from daydrop.origin import Origin
from daydrop.records.alias import Alias, Member, State, empty_state
from daydrop.records.item import Item, ItemState
from daydrop.records.property import Property

__all__ = ["Alias", "Aliases", "Content", "Exists", "LeftOut", "Member", "Missing", "State"]

PROPERTIES_MOST = 64 << 10  # characters noted by programs for one alias
_BLOCK = 256 << 10


class NoParent(Exception):
    """The folder that this path would lie in does not exist."""


class Exists(Exception):
    """There is something at this path already."""


class Gone(Exception):
    """The owner has deleted what this path stood for."""


class Entangled(Exception):
    """A path cannot go to itself, below itself, or over a folder that holds it."""


class TooMuchNoted(Exception):
    """An alias may hold 64 KB of properties."""


@dataclass(frozen=True)
class LeftOut:
    """A member that did not come along when its folder was copied: where to, and why not."""

    path: str
    error: Exception


class _Way(Enum):
    """How something gets to another name."""

    RENAME = "only the row changes"
    SETTLE = "staged bytes are judged and filed"
    CARRY = "the bytes come in by the door again"


@dataclass(frozen=True)
class Content:
    """Open bytes of an alias, with what a reply says of them; `place` is where the item lies."""

    file: BinaryIO
    size: int
    etag: str
    modified: float
    media_type: str | None
    place: PurePosixPath | None


class Aliases:
    """The collection `Upload`, as each origin sees it. Paths are relative to it and in NFC."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        door: Door,
        refusals: Refusals,
        dating: Dating,
        life: AliasLife,
    ) -> None:
        self._catalogue, self._clock, self._store = (
            foundation.catalogue,
            foundation.clock,
            foundation.store,
        )
        self._door, self._life = door, life
        self._refusals, self._dating = refusals, dating

    # ---- looking ----------------------------------------------------------------------------

    def find(self, origin: Origin, path: str) -> Alias | None:
        """The alias of this path; else the only one that differs in case alone."""
        with self._catalogue.reading() as connection:
            found = rows.find(connection, origin.key, path)
            if found is None:
                alike = rows.by_fold(connection, origin.key, path)
                found = alike[0] if len(alike) == 1 else None
        self._life.see(origin, found)
        return found

    def find_exact(self, origin: Origin, path: str) -> Alias | None:
        """The alias of this path, letter by letter: names that differ in case are two names."""
        found = self._catalogue.aliases.find(origin.key, path)
        self._life.see(origin, found)
        return found

    def target(self, origin: Origin, path: str) -> str:
        """The path under which something new stands: its folder spelled as it was made.

        Raises NoParent, and Refused(BAD_NAME) for what is no path.
        """
        folder, _, name = checked_path(path).rpartition("/")
        if not folder:
            return name
        parent = self.find(origin, folder)
        if parent is None or parent.state is not State.COLLECTION:
            raise NoParent(folder)
        return f"{parent.path}/{name}"

    def member(self, alias: Alias) -> Member | None:
        """An alias as it is listed."""
        return self._catalogue.aliases.member(alias.id)

    def members(self, origin: Origin, folder: str) -> list[Member]:
        """What a folder lists: all but litter."""
        self._life.see_folder(origin.key, folder)
        found = self._catalogue.aliases.members(origin.key, folder)
        return [member for member in found if not _is_hidden(member.alias)]

    def newest(self, origin: Origin, folder: str) -> float | None:
        """When something in a folder was last sent, in seconds since 1970; None for never."""
        return self._catalogue.aliases.newest(origin.key, folder)

    def count_below(self, origin: Origin, folder: str) -> int:
        """How many aliases a listing of all that lies below a folder would show."""
        return self._catalogue.aliases.count_listed(origin.key, folder)

    def open(self, alias: Alias) -> Content:
        """The bytes that stand at a path; raises Gone for those of a deleted item."""
        member = self.member(alias)
        if member is None or alias.state is State.REMOVED:
            raise Gone(alias.path)
        place = None
        try:
            if alias.item_id is not None:
                place = self._place(alias.item_id)
                file: BinaryIO = self._store.open(place)
            else:
                file = self._open_kept(alias)
        except FileNotFoundError as lost:
            raise Gone(alias.path) from lost
        return Content(file, alias.size, alias.etag, alias.modified, member.media_type, place)

    def _place(self, item_id: str) -> PurePosixPath:
        item = self._catalogue.items.find(item_id)
        if item is None or item.state is not ItemState.STORED:
            raise FileNotFoundError(item_id)
        return item.path

    def _open_kept(self, alias: Alias) -> BinaryIO:
        """What is no item: staged bytes, a companion, litter, nothing at all."""
        if alias.companion_id is not None:
            return self._open_companion(alias.companion_id)
        if alias.staged is not None:
            return self._store.staged_path(alias.staged).open("rb")
        if alias.state is not State.LITTER:
            return io.BytesIO()
        return io.BytesIO(self._catalogue.aliases.content(alias.id))

    def _open_companion(self, companion_id: str) -> BinaryIO:
        companion = self._catalogue.companions.find(companion_id)
        if companion is not None and companion.path is not None:
            return self._store.open(companion.path)
        if companion is not None and companion.staged is not None:
            return self._store.staged_path(companion.staged).open("rb")
        raise FileNotFoundError(companion_id)

    # ---- new names --------------------------------------------------------------------------

    def check(self, origin: Origin, path: str) -> None:
        """Raises, and tells, what an upload to this path would be refused for, before it begins."""
        announcement = Announcement(_name(path), origin, alias=path)
        with self._refusals.recording(announcement):
            self._door.check(announcement)

    def announce(self, origin: Origin, path: str, guard: Guard = no_guard) -> Alias:
        """A name before its bytes: by an empty PUT, or by a LOCK. What stood there is empty now.

        The item of a filed alias is untouched. Raises Refused for a name that is not taken.
        """
        self.check(origin, path)

        def work(connection: Connection) -> tuple[Alias | None, Alias]:
            guard(connection)
            before = rows.find(connection, origin.key, path)
            return before, rows.put(connection, Alias.empty(origin.key, path, self._clock.now()))

        before, now = self._catalogue.write(work)
        self._let_go([before] if before is not None else [])
        return now

    def make_folder(self, origin: Origin, path: str, guard: Guard = no_guard) -> Alias:
        """A folder of this origin: a row, and nothing on disk. Raises Exists, NoParent."""
        target = self.target(origin, path)

        def work(connection: Connection) -> Alias:
            guard(connection)
            if rows.find(connection, origin.key, target) is not None:
                raise Exists(target)
            return rows.put(connection, Alias.folder_at(origin.key, target, self._clock.now()))

        return self._catalogue.write(work)

    # ---- removing ---------------------------------------------------------------------------

    def remove(self, origin: Origin, path: str, guard: Guard = no_guard) -> None:
        """Takes a name, and all below it, out of `Upload`; items stay where they are (D1)."""

        def work(connection: Connection) -> list[Alias]:
            guard(connection)
            gone = rows.remove(connection, origin.key, path, self._clock.now())
            if not gone:
                raise Missing(path)
            return gone

        self._let_go(self._catalogue.write(work))

    def _let_go(self, gone: list[Alias]) -> None:
        """Removes what only these aliases kept: staged bytes, companions that waited alone."""
        for alias in gone:
            if alias.staged is not None:
                self._store.discard(alias.staged)
            if alias.companion_id is not None:
                self._let_companion_go(alias.companion_id)

    def _let_companion_go(self, companion_id: str) -> None:
        def work(connection: Connection) -> str | None:
            companion = companion_rows.find(connection, companion_id)
            if companion is None or companion.item_id is not None:
                return None
            if rows.refers_to_companion(connection, companion_id):
                return None
            companion_rows.remove(connection, companion_id)
            return companion.staged

        staged = self._catalogue.write(work)
        if staged is not None:
            self._store.discard(staged)

    # ---- moving and copying -----------------------------------------------------------------

    def move(self, origin: Origin, source: Alias, path: str, guard: Guard = no_guard) -> None:
        """Gives an alias another name; what stood there goes. An item keeps its place and name.

        A temporary name is filed now, if its new one says so. What is sent to the old name
        meanwhile comes before or after, and is never lost. Raises Refused, and then all is as it
        was (RFC 4918 §9.9.4); Missing, NoParent, Entangled.
        """
        path = self._way_to(origin, source, path)
        while not self._has_moved(origin, source, path, guard):
            now = self.find_exact(origin, source.path)
            if now is None:
                raise Missing(source.path)
            source = now

    def _has_moved(self, origin: Origin, source: Alias, path: str, guard: Guard) -> bool:
        """False when the source is no more what it was when this was judged."""
        try:
            match self._judge(origin, source, path):
                case _Way.RENAME:
                    self._rename(source, path, guard)
                case _Way.SETTLE:
                    self._settle(origin, source, path, guard)
                case _Way.CARRY:
                    self._carry(origin, source, path, _taking(source, guard, self._clock.now()))
                    self._let_go([source])
        except (Missing, Gone):
            if self.find_exact(origin, source.path) == source:
                raise
            return False
        return True

    def _settle(self, origin: Origin, source: Alias, path: str, guard: Guard) -> None:
        announcement = self._announcement(origin, source, path, all_of(guard, _still(source)))
        try:
            with self._replacing(origin, path):
                self._door.receive_staged(source, announcement)
        except Missing:
            self._discard_unkept(source.staged)
            raise

    def _discard_unkept(self, staged: str | None) -> None:
        """Where there are no links, what was taken back may lie in staging again for nobody."""
        with self._catalogue.reading() as connection:
            kept = rows.staged_names(connection) | companion_rows.staged_names(connection)
        if staged is not None and staged not in kept:
            self._store.discard(staged)

    def copy(
        self,
        origin: Origin,
        source: Alias,
        path: str,
        guard: Guard = no_guard,
        *,
        deep: bool = True,
    ) -> list[LeftOut]:
        """A second name for the same item, without a second file (C1); properties go along.

        Without `deep` a folder comes without what lies in it. Returns what did not come along:
        one member that is refused keeps no other back (RFC 4918 §9.8.3).
        """
        path = self._way_to(origin, source, path)
        inside = self._catalogue.aliases.below(origin.key, source.path) if deep else []
        self._copy_one(origin, source, path, guard)
        left_out = []
        for alias in inside:
            target = f"{path}{alias.path[len(source.path) :]}"
            try:
                self._copy_one(origin, alias, target, no_guard)
            except (Refused, Gone) as error:
                left_out.append(LeftOut(target, error))
        return left_out

    def copy_item(self, origin: Origin, item: Item, path: str, guard: Guard = no_guard) -> None:
        """A name in `Upload` for an item of the tree (C1)."""
        path = self.target(origin, path)
        self._judge_name(origin, path)
        now = self._clock.now()

        def work(connection: Connection) -> list[Alias]:
            guard(connection)
            gone = rows.remove(connection, origin.key, path, now)
            rows.put(connection, _of_item(origin, item, path, now))
            return gone

        self._let_go(self._catalogue.write(work))

    def copy_folder(
        self,
        origin: Origin,
        folder: PurePosixPath,
        path: str,
        guard: Guard = no_guard,
        *,
        deep: bool = True,
    ) -> list[LeftOut]:
        """Name all items below a folder of the tree, in one transaction.

        What is no item is passed over. Return the items whose names are not accepted.
        """
        path = self.target(origin, path)
        folders, items = self._below(folder, path) if deep else ([], [])
        left_out = [refused for _, target in items if (refused := self._refused(origin, target))]
        names = {refused.path for refused in left_out}
        now = self._clock.now()

        def copy(connection: Connection) -> list[Alias]:
            guard(connection)
            gone = rows.remove(connection, origin.key, path, now)
            for each in (path, *folders):
                rows.put(connection, Alias.folder_at(origin.key, each, now))
            for item, target in items:
                if target not in names:
                    rows.put(connection, _of_item(origin, item, target, now))
            return gone

        self._let_go(self._catalogue.write(copy))
        return left_out

    def _below(self, folder: PurePosixPath, path: str) -> tuple[list[str], list[tuple[Item, str]]]:
        """Return the folders below one of the tree, and its items, each with its new path."""
        folders: list[str] = []
        items: list[tuple[Item, str]] = []
        for entry in self._store.listing(folder):
            place, target = folder / entry.name, f"{path}/{entry.name}"
            if entry.is_folder:
                inner = self._below(place, target)
                folders += [target, *inner[0]]
                items += inner[1]
            elif (item := self._catalogue.items.by_path(place)) is not None:
                items.append((item, target))
        return folders, items

    def _refused(self, origin: Origin, path: str) -> LeftOut | None:
        try:
            self._judge_name(origin, path)
        except Refused as refused:
            return LeftOut(path, refused)
        return None

    def _way_to(self, origin: Origin, source: Alias, path: str) -> str:
        path = self.target(origin, path)
        if f"{path}/".startswith(f"{source.path}/") or source.path.startswith(f"{path}/"):
            raise Entangled(path)
        return path

    def _judge(self, origin: Origin, source: Alias, path: str) -> _Way:
        if source.state is not State.COLLECTION:
            self._judge_name(origin, path)
        return _way(source, path)

    def _judge_name(self, origin: Origin, path: str) -> None:
        """A MOVE judges, and tells, a name as a PUT does, or the rule could be walked around."""
        name = _name(path)
        if role(name) in (Role.MEDIUM, Role.OTHER) and not self._door.accepts(name):
            with self._refusals.recording(Announcement(name, origin, alias=path)):
                raise Refused(Code.UNSUPPORTED_TYPE, "name", name=printable(name))

    def _rename(self, source: Alias, path: str, guard: Guard) -> None:
        now = self._clock.now()
        judged = all_of(guard, _still(source))

        def work(connection: Connection) -> tuple[list[Alias], list[Item]]:
            judged(connection)
            gone = rows.remove(connection, source.origin, path, now)
            moved = rows.rename(connection, source, path, now)
            if source.size == 0 and source.state in (State.PLACEHOLDER, State.LITTER):
                rows.set_state(connection, source.id, empty_state(path))
            return gone, list(_appearing(connection, moved))

        gone, appeared = self._catalogue.write(work)
        self._let_go(gone)
        if source.state is not State.COLLECTION:  # partners of one folder are together already
            for item in appeared:
                self._dating.rejoin(item, drive_scope(source.origin, path), _name(path))

    @contextmanager
    def _replacing(self, origin: Origin, path: str) -> Iterator[None]:
        """A file comes to where a folder may be: what lay in that goes, once the file is there."""
        inside = self._catalogue.aliases.below(origin.key, path)
        yield
        if inside:
            now = self._clock.now()
            self._catalogue.write(lambda c: rows.remove_below(c, origin.key, path, now))
            self._let_go(inside)

    def _announcement(self, origin: Origin, source: Alias, path: str, guard: Guard) -> Announcement:
        sent = Announcement(_name(path), origin, size=source.size, alias=path, guard=guard)
        return replace(sent, modified=source.modified)

    def _carry(self, origin: Origin, source: Alias, path: str, guard: Guard) -> None:
        """Sends bytes that are no item through the door under another name."""
        content = self.open(source)
        announcement = self._announcement(origin, source, path, guard)
        with (
            self._replacing(origin, path),
            content.file,
            self._door.begin(announcement) as incoming,
        ):
            while block := content.file.read(_BLOCK):
                incoming.write(block)
            incoming.commit()

    def _copy_one(self, origin: Origin, source: Alias, path: str, guard: Guard) -> None:
        if source.state is not State.COLLECTION:
            self._judge_name(origin, path)
        if source.state in (State.STAGED, State.COMPANION) or (
            source.state is State.LITTER and source.size
        ):
            self._carry(origin, source, path, guard)
            self._copy_properties(origin, source, path)
            return
        self._let_go(self._catalogue.write(lambda c: self._clone(c, source, path, guard)))

    def _copy_properties(self, origin: Origin, source: Alias, path: str) -> None:
        target = self.find_exact(origin, path)
        if target is not None:
            self._catalogue.write(lambda c: property_rows.copy(c, source.id, target.id))

    def _clone(self, connection: Connection, source: Alias, path: str, guard: Guard) -> list[Alias]:
        guard(connection)
        now = self._clock.now()
        gone = rows.remove(connection, source.origin, path, now)
        clone = rows.put(connection, source.copied_to(path, now))
        property_rows.copy(connection, source.id, clone.id)
        return gone

    # ---- times and notes --------------------------------------------------------------------

    def set_modified(self, alias: Alias, when: float) -> None:
        """Gives an alias, and the file it stands for, the client's time. It never decides a day."""
        self._catalogue.write(lambda connection: rows.set_modified(connection, alias.id, when))
        if alias.item_id is not None:
            with suppress(FileNotFoundError):
                self._store.set_modified(self._place(alias.item_id), when)

    def properties(self, alias: Alias) -> list[Property]:
        """What programs have noted for an alias."""
        return self._catalogue.properties.of_alias(alias.id)

    def properties_of_members(self, origin: Origin, folder: str) -> Mapping[int, list[Property]]:
        """What programs have noted for the members of a folder, by the id of the alias."""
        return self._catalogue.properties.of_folder(origin.key, folder)

    def note(self, alias: Alias, noted: Property) -> None:
        """Sets a property; raises TooMuchNoted."""

        def work(connection: Connection) -> None:
            already = property_rows.size(connection, alias.id, noted.name)
            if already + len(noted.name) + len(noted.value) > PROPERTIES_MOST:
                raise TooMuchNoted(alias.path)
            property_rows.write(connection, alias.id, noted)

        self._catalogue.write(work)

    def forget(self, alias: Alias, name: str) -> None:
        """Removes a property; harmless when there is none."""
        self._catalogue.write(lambda connection: property_rows.remove(connection, alias.id, name))

    # ---- life -------------------------------------------------------------------------------

    def sweep(self) -> int:
        """Housekeeping: ends what has lived; returns how many aliases that were."""
        ended = self._life.over()
        for alias in ended:
            with suppress(Missing):
                self.remove(sweeper(alias), alias.path, _still(alias))
        return len(ended)


def _appearing(connection: Connection, moved: list[Alias]) -> Iterator[Item]:
    """Partners and companions are looked for where files stand now; yields the items of these.

    What waits for its picture waits there too.
    """
    for alias in moved:
        scope = drive_scope(alias.origin, alias.path)
        if alias.companion_id is not None:
            companion_rows.wait_elsewhere(connection, alias.companion_id, scope)
        item = item_rows.find(connection, alias.item_id) if alias.item_id else None
        stem = stem_key(_name(alias.path))
        if item is not None and item_rows.note_appearance(connection, item, scope, stem):
            yield item


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_hidden(alias: Alias) -> bool:
    """Folders that systems make for themselves: `.Trashes`, `.Spotlight-V100`."""
    return alias.state is State.COLLECTION and role(alias.name) is Role.LITTER


def _way(source: Alias, path: str) -> _Way:
    """How what is at `source` gets to `path`. Pure."""
    wanted = role(_name(path))
    if source.state is State.STAGED:
        known = {Role.TEMPORARY: _Way.RENAME, Role.LITTER: _Way.CARRY}
        return known.get(wanted, _Way.SETTLE)
    if source.state is State.LITTER and source.size:
        return _Way.RENAME if wanted is Role.LITTER else _Way.CARRY
    if source.state is State.COMPANION:
        return _Way.RENAME if _stays_companion(source, path, wanted) else _Way.CARRY
    return _Way.RENAME


def _stays_companion(source: Alias, path: str, wanted: Role) -> bool:
    """Whether a companion still belongs to the same picture under another name."""
    return (
        wanted is Role.COMPANION
        and path.rpartition("/")[0] == source.folder
        and companion_target(_name(path)) == companion_target(source.name)
    )


def _still(alias: Alias) -> Guard:
    """A request may have come between the look and the step: then nothing is done by that look."""

    def guard(connection: Connection) -> None:
        if rows.find(connection, alias.origin, alias.path) != alias:
            raise Missing(alias.path)

    return guard


def _taking(alias: Alias, guard: Guard, now: float) -> Guard:
    """Takes a name away in the transaction that accepts its bytes under another one."""

    def take(connection: Connection) -> None:
        all_of(guard, _still(alias))(connection)
        rows.remove(connection, alias.origin, alias.path, now)

    return take


def _of_item(origin: Origin, item: Item, path: str, now: float) -> Alias:
    return Alias.filed(origin.key, path, item, item.modified or item.filed, now)

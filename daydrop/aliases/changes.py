"""Names made and removed in `Upload`. Each step is one transaction."""

from collections.abc import Iterable
from contextlib import suppress

from daydrop.aliases.life import sweeper
from daydrop.aliases.paths import Paths
from daydrop.catalogue import alias_rows as rows
from daydrop.catalogue import companion_rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Missing, Refused
from daydrop.filing.announcement import Announcement, Guard, no_guard
from daydrop.foundation import Foundation
from daydrop.intake.door import Door
from daydrop.intake.refusals import Refusals
from daydrop.media.names import Role, printable, role
from daydrop.origin import Origin
from daydrop.records.alias import Alias


class Exists(Exception):
    """There is something at this path already."""


class Changes:
    """Announces names, makes folders, and removes both; items in the tree stay where they are."""

    def __init__(
        self, foundation: Foundation, paths: Paths, door: Door, refusals: Refusals
    ) -> None:
        self._catalogue, self._clock = foundation.catalogue, foundation.clock
        self._store, self._paths = foundation.store, paths
        self._door, self._refusals = door, refusals

    def check(self, origin: Origin, path: str) -> None:
        """Raise, and record, what an upload to this path would be refused for, before it begins."""
        announcement = Announcement(name_of(path), origin, alias=path)
        with self._refusals.recording(announcement):
            self._door.check(announcement)

    def check_name(self, origin: Origin, path: str) -> None:
        """Check a new name as a PUT does, or a MOVE would evade the rule; a refusal is recorded."""
        name = name_of(path)
        if role(name) in (Role.MEDIUM, Role.OTHER) and not self._door.accepts(name):
            with self._refusals.recording(Announcement(name, origin, alias=path)):
                raise Refused(Code.UNSUPPORTED_TYPE, "name", name=printable(name))

    def announce(self, origin: Origin, path: str, guard: Guard = no_guard) -> Alias:
        """Announce a name before its bytes, by an empty PUT; what stood there is empty now.

        The item of a filed alias is untouched. Raises Refused for a name that is not accepted.
        """
        self.check(origin, path)

        def work(connection: Connection) -> tuple[Alias | None, Alias]:
            guard(connection)
            before = rows.find(connection, origin.key, path)
            return before, rows.put(connection, Alias.empty(origin.key, path, self._clock.now()))

        before, now = self._catalogue.write(work)
        self.let_go([before] if before is not None else [])
        return now

    def make_folder(self, origin: Origin, path: str, guard: Guard = no_guard) -> Alias:
        """Make a folder of this origin, nothing on disk; raises Exists, NoParent."""
        target = self._paths.target(origin, path)

        def work(connection: Connection) -> Alias:
            guard(connection)
            if rows.find(connection, origin.key, target) is not None:
                raise Exists(target)
            return rows.put(connection, Alias.folder_at(origin.key, target, self._clock.now()))

        return self._catalogue.write(work)

    def remove(self, origin: Origin, path: str, guard: Guard = no_guard) -> None:
        """Remove a name, and all below it, from `Upload`; items stay where they are."""

        def work(connection: Connection) -> list[Alias]:
            guard(connection)
            gone = rows.remove(connection, origin.key, path, self._clock.now())
            if not gone:
                raise Missing(path)
            return gone

        self.let_go(self._catalogue.write(work))

    def remove_ended(self, ended: Iterable[Alias]) -> None:
        """Remove aliases whose life is over, unless a request has changed them meanwhile."""
        for alias in ended:
            with suppress(Missing):
                self.remove(sweeper(alias), alias.path, still(alias))

    def let_go(self, gone: list[Alias]) -> None:
        """Remove what only these aliases kept: staged bytes, companions that waited for an item."""
        for alias in gone:
            if alias.staged is not None:
                self._store.staging.discard(alias.staged)
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
            self._store.staging.discard(staged)

    def set_modified(self, alias: Alias, when: float) -> None:
        """Give an alias and its file the client's time, which never decides a day."""
        self._catalogue.write(lambda connection: rows.set_modified(connection, alias.id, when))
        if alias.item_id is not None:
            with suppress(FileNotFoundError):
                self._store.tree.set_modified(self._paths.place_of(alias.item_id), when)


def name_of(path: str) -> str:
    """Return the last segment of a path."""
    return path.rpartition("/")[2]


def still(alias: Alias) -> Guard:
    """Return a guard that raises Missing when a request has changed the alias since its look-up."""

    def guard(connection: Connection) -> None:
        if rows.find(connection, alias.origin, alias.path) != alias:
            raise Missing(alias.path)

    return guard

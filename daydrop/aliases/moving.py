"""MOVE in `Upload`: another name for an alias; an item in the tree keeps its place and name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum

from daydrop.aliases.changes import Changes, name_of, still
from daydrop.aliases.paths import Gone, Paths
from daydrop.catalogue import alias_rows as rows
from daydrop.catalogue import companion_rows, item_rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Missing
from daydrop.filing.announcement import Announcement, Guard, all_of, drive_scope, no_guard
from daydrop.filing.dating import Dating
from daydrop.foundation import Foundation
from daydrop.intake.door import Door
from daydrop.media.names import Role, companion_target, role, stem_key
from daydrop.origin import Origin
from daydrop.records.alias import Alias, State, empty_state
from daydrop.records.item import Item

_BLOCK = 256 << 10


class Entangled(Exception):
    """A path cannot go to itself, below itself, or over a folder that holds it."""


class _Way(Enum):
    """How something gets to another name."""

    RENAME = "only the row changes"
    FILE = "staged bytes are checked and filed"
    CARRY = "the bytes come in by the door again"


class Moving:
    """Moves aliases, and sends bytes that are not an item through the door again."""

    def __init__(
        self, foundation: Foundation, paths: Paths, changes: Changes, door: Door, dating: Dating
    ) -> None:
        self._catalogue, self._clock = foundation.catalogue, foundation.clock
        self._store, self._paths, self._changes = foundation.store, paths, changes
        self._door, self._dating = door, dating

    def move(self, origin: Origin, source: Alias, path: str, guard: Guard = no_guard) -> None:
        """Give an alias another name, replacing what stood there.

        Bytes under a temporary name are filed now if the new name calls for it. An upload to the
        old name at the same time comes before or after, and is never lost. Raises Refused, and
        then nothing has changed (RFC 4918 §9.9.4); Missing, NoParent, Entangled.
        """
        path = target_of(self._paths, origin, source, path)
        while not self._has_moved(origin, source, path, guard):
            now = self._paths.find_exact(origin, source.path)
            if now is None:
                raise Missing(source.path)
            source = now

    def _has_moved(self, origin: Origin, source: Alias, path: str, guard: Guard) -> bool:
        """Return False when the source has changed since it was looked up."""
        try:
            match self._way_to(origin, source, path):
                case _Way.RENAME:
                    self._rename(source, path, guard)
                case _Way.FILE:
                    self._file_staged(origin, source, path, guard)
                case _Way.CARRY:
                    self.carry(origin, source, path, _taking(source, guard, self._clock.now()))
                    self._changes.let_go([source])
        except (Missing, Gone):
            if self._paths.find_exact(origin, source.path) == source:
                raise
            return False
        return True

    def _file_staged(self, origin: Origin, source: Alias, path: str, guard: Guard) -> None:
        announcement = self._announcement(origin, source, path, all_of(guard, still(source)))
        try:
            with self._replacing(origin, path):
                self._door.receive_staged(source, announcement)
        except Missing:
            self._discard_unkept(source.staged)
            raise

    def _discard_unkept(self, staged: str | None) -> None:
        """Discard a staged file that no row refers to: without hard links one may be left there."""
        with self._catalogue.reading() as connection:
            kept = rows.staged_names(connection) | companion_rows.staged_names(connection)
        if staged is not None and staged not in kept:
            self._store.staging.discard(staged)

    def _way_to(self, origin: Origin, source: Alias, path: str) -> _Way:
        if source.state is not State.COLLECTION:
            self._changes.check_name(origin, path)
        return _way(source, path)

    def _rename(self, source: Alias, path: str, guard: Guard) -> None:
        now = self._clock.now()
        judged = all_of(guard, still(source))

        def work(connection: Connection) -> tuple[list[Alias], list[Item]]:
            judged(connection)
            gone = rows.remove(connection, source.origin, path, now)
            moved = rows.rename(connection, source, path, now)
            if source.size == 0 and source.state in (State.PLACEHOLDER, State.LITTER):
                rows.set_state(connection, source.id, empty_state(path))
            return gone, list(_appearing(connection, moved))

        gone, appeared = self._catalogue.write(work)
        self._changes.let_go(gone)
        if source.state is not State.COLLECTION:  # files of one folder are paired already
            for item in appeared:
                self._dating.rejoin(item, drive_scope(source.origin, path), name_of(path))

    @contextmanager
    def _replacing(self, origin: Origin, path: str) -> Iterator[None]:
        """Remove the members of a folder that a file replaces, once the file is there."""
        inside = self._catalogue.aliases.below(origin.key, path)
        yield
        if inside:
            now = self._clock.now()
            self._catalogue.write(lambda c: rows.remove_below(c, origin.key, path, now))
            self._changes.let_go(inside)

    def _announcement(self, origin: Origin, source: Alias, path: str, guard: Guard) -> Announcement:
        sent = Announcement(name_of(path), origin, size=source.size, alias=path, guard=guard)
        return replace(sent, modified=source.modified)

    def carry(self, origin: Origin, source: Alias, path: str, guard: Guard) -> None:
        """Send bytes that are not an item through the door under another name."""
        content = self._paths.open(source)
        announcement = self._announcement(origin, source, path, guard)
        with (
            self._replacing(origin, path),
            content.file,
            self._door.begin(announcement) as incoming,
        ):
            while block := content.file.read(_BLOCK):
                incoming.write(block)
            incoming.commit()


def target_of(paths: Paths, origin: Origin, source: Alias, path: str) -> str:
    """Return the path that an alias is moved or copied to; raises Entangled, NoParent."""
    path = paths.target(origin, path)
    if f"{path}/".startswith(f"{source.path}/") or source.path.startswith(f"{path}/"):
        raise Entangled(path)
    return path


def _appearing(connection: Connection, moved: list[Alias]) -> Iterator[Item]:
    """Note the folder in which moved files are paired from now on, and yield their items.

    Companions that wait for their item wait there too.
    """
    for alias in moved:
        scope = drive_scope(alias.origin, alias.path)
        if alias.companion_id is not None:
            companion_rows.wait_elsewhere(connection, alias.companion_id, scope)
        item = item_rows.find(connection, alias.item_id) if alias.item_id else None
        stem = stem_key(name_of(alias.path))
        if item is not None and item_rows.note_appearance(connection, item, scope, stem):
            yield item


def _way(source: Alias, path: str) -> _Way:
    """Return how what is at `source` gets to `path`."""
    wanted = role(name_of(path))
    if source.state is State.STAGED:
        known = {Role.TEMPORARY: _Way.RENAME, Role.LITTER: _Way.CARRY}
        return known.get(wanted, _Way.FILE)
    if source.state is State.LITTER and source.size:
        return _Way.RENAME if wanted is Role.LITTER else _Way.CARRY
    if source.state is State.COMPANION:
        return _Way.RENAME if _stays_companion(source, path, wanted) else _Way.CARRY
    return _Way.RENAME


def _stays_companion(source: Alias, path: str, wanted: Role) -> bool:
    """Return whether a companion still belongs to the same item under another name."""
    return (
        wanted is Role.COMPANION
        and path.rpartition("/")[0] == source.folder
        and companion_target(name_of(path)) == companion_target(source.name)
    )


def _taking(alias: Alias, guard: Guard, now: float) -> Guard:
    """Return a guard that also removes a name, as its bytes are accepted under another one."""

    def take(connection: Connection) -> None:
        all_of(guard, still(alias))(connection)
        rows.remove(connection, alias.origin, alias.path, now)

    return take

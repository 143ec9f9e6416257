"""COPY in `Upload`: second names for the same items, without second files."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from daydrop.aliases.changes import Changes
from daydrop.aliases.moving import Moving, target_of
from daydrop.aliases.paths import Gone, Paths
from daydrop.catalogue import alias_rows as rows
from daydrop.catalogue import property_rows
from daydrop.catalogue.database import Connection
from daydrop.errors import Refused
from daydrop.filing.announcement import Guard, no_guard
from daydrop.foundation import Foundation
from daydrop.origin import Origin
from daydrop.records.alias import Alias, State
from daydrop.records.item import Item


@dataclass(frozen=True)
class LeftOut:
    """A member that was not copied with its folder: its target, and the reason."""

    path: str
    error: Exception


class Copying:
    """Copies aliases, and gives items and folders of the tree names in `Upload`."""

    def __init__(
        self, foundation: Foundation, paths: Paths, changes: Changes, moving: Moving
    ) -> None:
        self._catalogue, self._clock = foundation.catalogue, foundation.clock
        self._store, self._paths = foundation.store, paths
        self._changes, self._moving = changes, moving

    def copy(
        self,
        origin: Origin,
        source: Alias,
        path: str,
        guard: Guard = no_guard,
        *,
        deep: bool = True,
    ) -> list[LeftOut]:
        """Give an item a second name, without a second file; properties are copied.

        Without `deep` a folder is copied without its members. Returns the members that were
        refused; the others are copied anyway (RFC 4918 §9.8.3).
        """
        path = target_of(self._paths, origin, source, path)
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
        """Give an item of the tree a name in `Upload`."""
        path = self._paths.target(origin, path)
        self._changes.check_name(origin, path)
        now = self._clock.now()

        def work(connection: Connection) -> list[Alias]:
            guard(connection)
            gone = rows.remove(connection, origin.key, path, now)
            rows.put(connection, _of_item(origin, item, path, now))
            return gone

        self._changes.let_go(self._catalogue.write(work))

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

        Files that are not items are skipped. Return the items whose names are not accepted.
        """
        path = self._paths.target(origin, path)
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

        self._changes.let_go(self._catalogue.write(copy))
        return left_out

    def _below(self, folder: PurePosixPath, path: str) -> tuple[list[str], list[tuple[Item, str]]]:
        """Return the folders below one of the tree, and its items, each with its new path."""
        folders: list[str] = []
        items: list[tuple[Item, str]] = []
        for entry in self._store.tree.listing(folder):
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
            self._changes.check_name(origin, path)
        except Refused as refused:
            return LeftOut(path, refused)
        return None

    def _copy_one(self, origin: Origin, source: Alias, path: str, guard: Guard) -> None:
        if source.state is not State.COLLECTION:
            self._changes.check_name(origin, path)
        if source.state in (State.STAGED, State.COMPANION) or (
            source.state is State.LITTER and source.size
        ):
            self._moving.carry(origin, source, path, guard)
            self._copy_properties(origin, source, path)
            return
        self._changes.let_go(self._catalogue.write(lambda c: self._clone(c, source, path, guard)))

    def _copy_properties(self, origin: Origin, source: Alias, path: str) -> None:
        target = self._paths.find_exact(origin, path)
        if target is not None:
            self._catalogue.write(lambda c: property_rows.copy(c, source.id, target.id))

    def _clone(self, connection: Connection, source: Alias, path: str, guard: Guard) -> list[Alias]:
        guard(connection)
        now = self._clock.now()
        gone = rows.remove(connection, source.origin, path, now)
        clone = rows.put(connection, source.copied_to(path, now))
        property_rows.copy(connection, source.id, clone.id)
        return gone


def _of_item(origin: Origin, item: Item, path: str, now: float) -> Alias:
    return Alias.filed(origin.key, path, item, item.modified or item.filed, now)

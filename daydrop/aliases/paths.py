"""The paths in `Upload`: look one up, list a folder, open what stands there."""

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from daydrop.aliases.life import AliasLife
from daydrop.catalogue import alias_rows as rows
from daydrop.foundation import Foundation
from daydrop.media.names import Role, checked_path, role
from daydrop.origin import Origin
from daydrop.records.alias import Alias, Member, State
from daydrop.records.item import ItemState


class NoParent(Exception):
    """The folder that this path would lie in does not exist."""


class Gone(Exception):
    """The owner has deleted what this path stood for."""


@dataclass(frozen=True)
class Content:
    """Open bytes of an alias, with what a reply says of them; `place` is where the item lies."""

    file: BinaryIO
    size: int
    etag: str
    modified: float
    media_type: str | None
    place: PurePosixPath | None


class Paths:
    """What each origin sees in `Upload`. Paths are relative to it and in NFC."""

    def __init__(self, foundation: Foundation, life: AliasLife) -> None:
        self._catalogue, self._store = foundation.catalogue, foundation.store
        self._life = life

    def find(self, origin: Origin, path: str) -> Alias | None:
        """Return the alias of this path, else the only one that differs in case alone."""
        with self._catalogue.reading() as connection:
            found = rows.find(connection, origin.key, path)
            if found is None:
                alike = rows.by_fold(connection, origin.key, path)
                found = alike[0] if len(alike) == 1 else None
        self._life.see(origin, found)
        return found

    def find_exact(self, origin: Origin, path: str) -> Alias | None:
        """Return the alias of exactly this path: names that differ in case are two names."""
        found = self._catalogue.aliases.find(origin.key, path)
        self._life.see(origin, found)
        return found

    def target(self, origin: Origin, path: str) -> str:
        """Return the path for something new, with its folder spelled as it was made.

        Raises NoParent, and Refused(BAD_NAME) for what is not a path.
        """
        folder, _, name = checked_path(path).rpartition("/")
        if not folder:
            return name
        parent = self.find(origin, folder)
        if parent is None or parent.state is not State.COLLECTION:
            raise NoParent(folder)
        return f"{parent.path}/{name}"

    def member(self, alias: Alias) -> Member | None:
        """Return an alias as it is listed."""
        return self._catalogue.aliases.member(alias.id)

    def members(self, origin: Origin, folder: str) -> list[Member]:
        """Return what a folder lists: all but litter."""
        self._life.see_folder(origin.key, folder)
        found = self._catalogue.aliases.members(origin.key, folder)
        return [member for member in found if not _is_hidden(member.alias)]

    def newest(self, origin: Origin, folder: str) -> float | None:
        """Return when something in a folder was last sent (seconds since 1970); None for never."""
        return self._catalogue.aliases.newest(origin.key, folder)

    def count_below(self, origin: Origin, folder: str) -> int:
        """Return how many aliases a listing of everything below a folder would show."""
        return self._catalogue.aliases.count_listed(origin.key, folder)

    def open(self, alias: Alias) -> Content:
        """Return the bytes at a path; raises Gone for those of a deleted item."""
        member = self.member(alias)
        if member is None or alias.state is State.REMOVED:
            raise Gone(alias.path)
        place = None
        try:
            if alias.item_id is not None:
                place = self.place_of(alias.item_id)
                file: BinaryIO = self._store.tree.open(place)
            else:
                file = self._open_kept(alias)
        except FileNotFoundError as lost:
            raise Gone(alias.path) from lost
        return Content(file, alias.size, alias.etag, alias.modified, member.media_type, place)

    def place_of(self, item_id: str) -> PurePosixPath:
        """Return where the file of an item lies; raises FileNotFoundError."""
        item = self._catalogue.items.find(item_id)
        if item is None or item.state is not ItemState.STORED:
            raise FileNotFoundError(item_id)
        return item.path

    def _open_kept(self, alias: Alias) -> BinaryIO:
        """Return the bytes of what is not an item: staged, a companion, litter, or empty."""
        if alias.companion_id is not None:
            return self._open_companion(alias.companion_id)
        if alias.staged is not None:
            return self._store.staging.path(alias.staged).open("rb")
        if alias.state is not State.LITTER:
            return io.BytesIO()
        return io.BytesIO(self._catalogue.aliases.content(alias.id))

    def _open_companion(self, companion_id: str) -> BinaryIO:
        companion = self._catalogue.companions.find(companion_id)
        if companion is not None and companion.path is not None:
            return self._store.tree.open(companion.path)
        if companion is not None and companion.staged is not None:
            return self._store.staging.path(companion.staged).open("rb")
        raise FileNotFoundError(companion_id)


def _is_hidden(alias: Alias) -> bool:
    """Return whether a system made this folder for itself: `.Trashes`, `.Spotlight-V100`."""
    return alias.state is State.COLLECTION and role(alias.name) is Role.LITTER

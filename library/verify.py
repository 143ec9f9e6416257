"""Re-reads every file against its SHA-256, and the tree against the catalogue."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import PurePosixPath

from library.catalogue import items as item_rows
from library.catalogue import sidecars as sidecar_rows
from library.catalogue.database import Database
from library.catalogue.items import Item, ItemState
from library.store.local import LocalStore
from library.upkeep import SUMS


class Condition(StrEnum):
    """How an item's file was found."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True)
class Report:
    """What a check found; `strangers` are files of the tree that no row speaks of."""

    whole: int = 0
    damaged: tuple[PurePosixPath, ...] = ()
    missing: tuple[PurePosixPath, ...] = ()
    strangers: tuple[PurePosixPath, ...] = field(default=())

    @property
    def is_clean(self) -> bool:
        """Whether every item is whole and nothing else lies in the tree."""
        return not (self.damaged or self.missing or self.strangers)


class Verify:
    """Checks a library; changes nothing but the `SHA256SUMS` it is asked to write."""

    def __init__(self, store: LocalStore, database: Database) -> None:
        self._store, self._database = store, database

    def stored(self) -> list[Item]:
        """The items that are checked."""
        with self._database.reading() as connection:
            return item_rows.all_in_state(connection, ItemState.STORED)

    def check(self, items: Iterable[Item], tell: Callable[[int], None] | None = None) -> Report:
        """Reads every file; `tell` is given the bytes read so far, for a progress bar."""
        found: dict[Condition, list[PurePosixPath]] = {condition: [] for condition in Condition}
        for item in items:
            found[self.condition(item)].append(item.path)
            if tell is not None:
                tell(item.size)
        return Report(
            whole=len(found[Condition.WHOLE]),
            damaged=tuple(found[Condition.DAMAGED]),
            missing=tuple(found[Condition.MISSING]),
            strangers=tuple(self.strangers()),
        )

    def condition(self, item: Item) -> Condition:
        """How the file of one item is."""
        try:
            file = self._store.open(item.path)
        except FileNotFoundError:
            return Condition.MISSING
        with file:
            digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]  # any raw file reads
        return Condition.WHOLE if digest.hexdigest() == item.sha256 else Condition.DAMAGED

    def strangers(self) -> Iterator[PurePosixPath]:
        """Files of the tree that neither an item nor a companion is."""
        with self._database.reading() as connection:
            known = item_rows.stored_paths(connection) | sidecar_rows.paths(connection)
        return (
            path
            for path in sorted(self._store.files())
            if str(path) not in known and path.name != SUMS
        )

    def write_sums(self, items: Iterable[Item]) -> int:
        """Writes a `SHA256SUMS` into each folder, for `sha256sum -c`; returns how many."""
        by_folder = sorted(items, key=lambda item: (str(item.path.parent), item.path.name))
        folders = 0
        for folder, members in groupby(by_folder, key=lambda item: item.path.parent):
            lines = "".join(f"{item.sha256}  {item.path.name}\n" for item in members)
            self._store.write_text(folder / SUMS, lines)
            folders += 1
        return folders

"""Read every file again against its SHA-256, and the tree against the catalogue."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import PurePosixPath

from daydrop.catalogue import companion_rows, item_rows
from daydrop.catalogue.catalogue import Catalogue
from daydrop.records.item import ItemState
from daydrop.store.local import LocalStore

SUMS = "SHA256SUMS"
_SETTLING = 1.0  # seconds from a file's link or move to its row, at most


class Condition(StrEnum):
    """How a file was found."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Kept:
    """A file that the catalogue speaks of: an item or a companion; `size` in bytes."""

    path: PurePosixPath
    sha256: str
    size: int


@dataclass(frozen=True)
class Report:
    """What a check found; `strangers` are files of the tree that no row speaks of."""

    whole: int = 0
    damaged: tuple[Kept, ...] = ()
    missing: tuple[Kept, ...] = ()
    unreadable: tuple[Kept, ...] = ()
    strangers: tuple[PurePosixPath, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Return whether every file is whole and nothing else lies in the tree."""
        return not (self.damaged or self.missing or self.unreadable or self.strangers)


class Verify:
    """Checks a library; changes nothing but the `SHA256SUMS` it is asked to write."""

    def __init__(self, store: LocalStore, catalogue: Catalogue) -> None:
        self._store, self._catalogue = store, catalogue

    def kept(self) -> list[Kept]:
        """Return what should lie in the tree according to the catalogue, by path."""
        with self._catalogue.reading() as connection:
            items = item_rows.all_in_state(connection, ItemState.STORED)
            companions = companion_rows.in_tree(connection)
        found = [Kept(item.path, item.sha256, item.size) for item in items]
        found += [Kept(each.path, each.sha256, each.size) for each in companions if each.path]
        return sorted(found, key=lambda kept: kept.path)

    def lost(self) -> list[Kept]:
        """Return what an earlier start found missing and what was not given up since."""
        return [Kept(item.path, item.sha256, item.size) for item in self._catalogue.items.lost()]

    def check(self, files: Iterable[Kept], report: Callable[[int], None] | None = None) -> Report:
        """Read every file; `report` is given the bytes of each, for a progress bar."""
        found = self._by_condition(files, report)
        whole = len(found.pop(Condition.WHOLE))
        doubtful = [kept for group in found.values() for kept in group]
        strangers = self._without_rows(sorted(self._store.tree.files()))
        if (
            doubtful or strangers
        ):  # beside a server, some may be on their way and get their rows now
            time.sleep(_SETTLING)
        now = set(self.kept())  # what was moved or removed meanwhile is not damaged
        found = self._by_condition(kept for kept in doubtful if kept in now)
        return Report(
            whole=whole + len(found[Condition.WHOLE]),
            damaged=tuple(found[Condition.DAMAGED]),
            missing=(*found[Condition.MISSING], *self.lost()),
            unreadable=tuple(found[Condition.UNREADABLE]),
            strangers=tuple(self._without_rows(strangers)),
        )

    def _by_condition(
        self, files: Iterable[Kept], report: Callable[[int], None] | None = None
    ) -> dict[Condition, list[Kept]]:
        found: dict[Condition, list[Kept]] = {condition: [] for condition in Condition}
        for kept in files:
            found[self.condition(kept)].append(kept)
            if report is not None:
                report(kept.size)
        return found

    def condition(self, kept: Kept) -> Condition:
        """Return how one file is."""
        try:
            sha256 = self._store.tree.sha256(kept.path)
        except FileNotFoundError:
            return Condition.MISSING
        except OSError:  # no permission, or a disk that fails
            return Condition.UNREADABLE
        return Condition.WHOLE if sha256 == kept.sha256 else Condition.DAMAGED

    def _without_rows(self, paths: Iterable[PurePosixPath]) -> list[PurePosixPath]:
        """Return the files of the tree that are neither an item nor a companion."""
        with self._catalogue.reading() as connection:
            known = item_rows.stored_paths(connection) | companion_rows.paths(connection)
        return [
            path
            for path in paths
            if str(path) not in known and path.name != SUMS and self._store.tree.is_there(path)
        ]

    def write_sums(self, files: Iterable[Kept]) -> int:
        """Write a `SHA256SUMS` into each folder, for `sha256sum -c`; return how many."""
        by_folder = sorted(files, key=lambda kept: (str(kept.path.parent), kept.path.name))
        folders = 0
        for folder, members in groupby(by_folder, key=lambda kept: kept.path.parent):
            lines = "".join(_sum_line(kept) for kept in members)
            self._store.write_text(folder / SUMS, lines)
            folders += 1
        return folders


def _sum_line(kept: Kept) -> str:
    """Return a line as coreutils write it: backslashes and line feeds in the name escaped."""
    name = kept.path.name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if name == kept.path.name else chr(92)}{kept.sha256}  {name}\n"

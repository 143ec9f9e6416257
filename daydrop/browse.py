"""The reading side: folders, months, days, search, and an item with all its reasons."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from daydrop.catalogue import browse_rows as rows
from daydrop.catalogue import item_rows as items
from daydrop.catalogue import receipt_rows as receipts
from daydrop.catalogue.catalogue import Catalogue
from daydrop.catalogue.database import Connection
from daydrop.records.item import Item, ItemState
from daydrop.records.query import Position, Query
from daydrop.records.receipt import Receipt
from daydrop.store.trees import TREES

__all__ = [
    "Browse",
    "Bucket",
    "Folder",
    "FolderPage",
    "ItemPage",
    "Month",
    "Page",
    "Position",
    "Query",
]

BUCKET_ITEMS = 400
DATED = ("images", "videos")


@dataclass(frozen=True)
class Folder:
    """A folder below another, how many items it holds in all, and the hash of its cover."""

    path: PurePosixPath
    items: int
    cover: str | None

    @property
    def name(self) -> str:
        """Return the last segment of its path."""
        return self.path.name


@dataclass(frozen=True)
class FolderPage:
    """A folder: what lies below it, a page of its items, and the days beside it."""

    path: PurePosixPath
    folders: tuple[Folder, ...]
    items: tuple[Item, ...]
    total: int
    following: Position | None
    day_before: PurePosixPath | None
    day_after: PurePosixPath | None


@dataclass(frozen=True)
class Month:
    """How many items of each tree were taken in a month; `month` is `2024-05`."""

    month: str
    images: int
    videos: int

    @property
    def items(self) -> int:
        """Return the number of all of them."""
        return self.images + self.videos


@dataclass(frozen=True)
class Bucket:
    """A part of a month, small enough to be shown at once; `part` counts from 1."""

    month: str
    part: int
    items: int

    @property
    def key(self) -> str:
        """Return its name in addresses: `2024-05` or, for a later part, `2024-05.2`."""
        return self.month if self.part == 1 else f"{self.month}.{self.part}"


@dataclass(frozen=True)
class Page:
    """A page of a list and where the next one begins."""

    items: tuple[Item, ...]
    following: Position | None


@dataclass(frozen=True)
class ItemPage:
    """An item, what is told of it, and what lies beside it."""

    item: Item
    receipts: tuple[Receipt, ...]
    pair: tuple[Item, ...]
    newer: str | None
    older: str | None


class Browse:
    """The library as people look at it; changes nothing."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def folder(
        self, path: PurePosixPath, after: Position | None = None, limit: int = 200
    ) -> FolderPage | None:
        """Return a folder of the tree, or None. The trees themselves always exist."""
        with self._catalogue.reading() as connection:
            counts = rows.folder_counts(connection, path)
            if not counts and (len(path.parts) != 1 or path.parts[0] not in TREES):
                return None
            found = rows.in_folder_page(connection, path, after, limit + 1)
            before, behind = self._beside(connection, path)
            return FolderPage(
                path=path,
                folders=_below(path, counts, rows.covers(connection, path)),
                items=tuple(found[:limit]),
                total=sum(counts.values()),
                following=_following(found, limit),
                day_before=before,
                day_after=behind,
            )

    def months(self, trees: tuple[str, ...] = DATED) -> list[Month]:
        """Return the months in which something was taken, newest first, from the counters."""
        found = self._catalogue.gallery.month_counts()
        counts: dict[str, Counter[str]] = {}
        for tree, month, number in found:
            if month and tree in trees:
                counts.setdefault(month, Counter())[tree] += number
        return [Month(month, each["images"], each["videos"]) for month, each in counts.items()]

    def missing_count(self) -> int:
        """Return how many files are missing from the disk and not given up."""
        return self._catalogue.items.count_lost()

    def undated_count(self) -> int:
        """Return how many items have no date, from the counters."""
        found = self._catalogue.gallery.month_counts()
        return sum(number for tree, _, number in found if tree == "no_date")

    def total(self) -> int:
        """Return how many items there are, from the counters."""
        return sum(number for _, _, number in self._catalogue.gallery.month_counts())

    def senders(self) -> list[str]:
        """Return the origins that have sent something that is here."""
        return self._catalogue.gallery.senders()

    def buckets(self, trees: tuple[str, ...] = DATED) -> list[Bucket]:
        """Return the months cut into parts of at most BUCKET_ITEMS, newest first."""
        return [bucket for month in self.months(trees) for bucket in _parts(month)]

    def bucket(self, trees: tuple[str, ...], month: str, part: int) -> list[Item]:
        """Return the items of one bucket, newest first."""
        skip = (part - 1) * BUCKET_ITEMS
        return self._catalogue.gallery.in_month(trees, month, skip, BUCKET_ITEMS)

    def search(self, query: Query, after: Position | None = None, limit: int = 200) -> Page:
        """Return what a query finds, newest first."""
        found = self._catalogue.gallery.matching(query, after, limit + 1)
        return Page(tuple(found[:limit]), _following(found, limit))

    def count(self, query: Query) -> int:
        """Return how many items a query finds."""
        return self._catalogue.gallery.count_matching(query)

    def kinds(self, query: Query) -> dict[str, int]:
        """Return how many items of each kind a query finds."""
        return self._catalogue.gallery.kinds_matching(query)

    def item(self, item_id: str) -> ItemPage | None:
        """Return a stored item with its receipts, its shot and its neighbours."""
        with self._catalogue.reading() as connection:
            item = items.find(connection, item_id)
            if item is None or item.state is ItemState.TRASHED:
                return None
            return ItemPage(
                item=item,
                receipts=tuple(receipts.of_item(connection, item_id)),
                pair=tuple(rows.pair_of(connection, item)),
                newer=rows.neighbour(connection, item, newer=True),
                older=rows.neighbour(connection, item, newer=False),
            )

    def items_in(self, folder: PurePosixPath) -> list[Item]:
        """Return the items that lie in a folder of the tree."""
        return self._catalogue.items.in_folder(folder)

    def by_path(self, path: PurePosixPath) -> Item | None:
        """Return the item at this place."""
        return self._catalogue.items.by_path(path)

    def by_sha256(self, sha256: str) -> Item | None:
        """Return the item with these bytes."""
        return self._catalogue.items.by_sha256(sha256)

    def selection(self, ids: Iterable[str]) -> list[Item]:
        """Return the stored items of these ids; unknown ones are left out."""
        return self._catalogue.gallery.by_ids(tuple(ids))

    def _beside(
        self, connection: Connection, path: PurePosixPath
    ) -> tuple[PurePosixPath | None, PurePosixPath | None]:
        """Return the folders of items before and behind this one, cut to its own depth."""
        if len(path.parts) == 1:
            return None, None
        depth = len(path.parts)
        before = rows.folder_before(connection, path)
        behind = rows.folder_after(connection, path)
        cut = [
            found and PurePosixPath(*PurePosixPath(found).parts[:depth])
            for found in (before, behind)
        ]
        return cut[0] or None, cut[1] or None


def _below(
    path: PurePosixPath, counts: dict[str, int], covers: dict[str, str]
) -> tuple[Folder, ...]:
    """Return the folders one level below `path`, with everything in them counted; newest first."""
    depth = len(path.parts)
    totals: Counter[PurePosixPath] = Counter()
    pictures: dict[PurePosixPath, str] = {}
    for name in sorted(counts):
        parts = PurePosixPath(name).parts
        if len(parts) > depth:
            child = PurePosixPath(*parts[: depth + 1])
            totals[child] += counts[name]
            pictures[child] = covers[name]
    return tuple(
        Folder(child, totals[child], pictures.get(child)) for child in sorted(totals, reverse=True)
    )


def _parts(month: Month) -> list[Bucket]:
    whole, rest = divmod(month.items, BUCKET_ITEMS)
    sizes = [BUCKET_ITEMS] * whole + ([rest] if rest else [])
    return [Bucket(month.month, number, size) for number, size in enumerate(sizes, start=1)]


def _following(found: list[Item], limit: int) -> Position | None:
    if len(found) <= limit:
        return None
    return Position.of(found[limit - 1])

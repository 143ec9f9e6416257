"""The catalogue: the rows of a store, each kind asked for by its name.

`catalogue.items.find(id)` is a read of its own. What must be seen in one state of the catalogue
calls the functions of the row modules within one `catalogue.reading()`, and what changes rows
within one `catalogue.write(work)`.
"""

from daydrop.catalogue import (
    alias_rows,
    batch_rows,
    browse_rows,
    companion_rows,
    item_rows,
    lock_rows,
    mark_rows,
    move_rows,
    property_rows,
    receipt_rows,
    upload_rows,
)
from daydrop.catalogue.database import Database
from daydrop.disk import Disk


class _Aliases:
    """Paths in `Upload`."""

    def __init__(self, database: Database) -> None:
        self.below = database.asking(alias_rows.below)
        self.content = database.asking(alias_rows.content)
        self.count_listed = database.asking(alias_rows.count_listed)
        self.find = database.asking(alias_rows.find)
        self.member = database.asking(alias_rows.member)
        self.members = database.asking(alias_rows.members)
        self.newest = database.asking(alias_rows.newest)
        self.staged_names = database.asking(alias_rows.staged_names)


class _Batches:
    """Batches and reservations."""

    def __init__(self, database: Database) -> None:
        self.closed = database.asking(batch_rows.closed)
        self.find = database.asking(batch_rows.find)
        self.newest_open = database.asking(batch_rows.newest_open)
        self.recent = database.asking(batch_rows.recent)
        self.reservation = database.asking(batch_rows.reservation)


class _Gallery:
    """Lists of items as the pages show them."""

    def __init__(self, database: Database) -> None:
        self.by_ids = database.asking(browse_rows.by_ids)
        self.count_matching = database.asking(browse_rows.count_matching)
        self.in_month = database.asking(browse_rows.in_month)
        self.kinds_matching = database.asking(browse_rows.kinds_matching)
        self.matching = database.asking(browse_rows.matching)
        self.month_counts = database.asking(browse_rows.month_counts)
        self.senders = database.asking(browse_rows.senders)


class _Companions:
    """Companions."""

    def __init__(self, database: Database) -> None:
        self.alike = database.asking(companion_rows.alike)
        self.at = database.asking(companion_rows.at)
        self.everything = database.asking(companion_rows.everything)
        self.find = database.asking(companion_rows.find)
        self.given_up = database.asking(companion_rows.given_up)
        self.in_tree = database.asking(companion_rows.in_tree)
        self.of_batch = database.asking(companion_rows.of_batch)
        self.of_item = database.asking(companion_rows.of_item)
        self.of_stem = database.asking(companion_rows.of_stem)
        self.same_beside = database.asking(companion_rows.same_beside)
        self.trashed_before = database.asking(companion_rows.trashed_before)
        self.trashed_with = database.asking(companion_rows.trashed_with)


class _Items:
    """Items."""

    def __init__(self, database: Database) -> None:
        self.all_in_state = database.asking(item_rows.all_in_state)
        self.by_path = database.asking(item_rows.by_path)
        self.by_sha256 = database.asking(item_rows.by_sha256)
        self.count_lost = database.asking(item_rows.count_lost)
        self.find = database.asking(item_rows.find)
        self.has_size = database.asking(item_rows.has_size)
        self.in_folder = database.asking(item_rows.in_folder)
        self.lost = database.asking(item_rows.lost)
        self.of_stem = database.asking(item_rows.of_stem)
        self.relatives = database.asking(item_rows.relatives)
        self.scopes_of = database.asking(item_rows.scopes_of)
        self.trashed = database.asking(item_rows.trashed)
        self.trashed_before = database.asking(item_rows.trashed_before)
        self.without_file = database.asking(item_rows.without_file)


class _Locks:
    """WebDAV locks."""

    def __init__(self, database: Database) -> None:
        self.covering = database.asking(lock_rows.covering)
        self.find = database.asking(lock_rows.find)
        self.of_folder = database.asking(lock_rows.of_folder)


class _Marks:
    """Marks of work to be finished."""

    def __init__(self, database: Database) -> None:
        self.beginning = database.asking(mark_rows.beginning)


class _Moves:
    """The journal of moves."""

    def __init__(self, database: Database) -> None:
        self.all_moves = database.asking(move_rows.all_moves)
        self.is_left = database.asking(move_rows.is_left)
        self.target_of = database.asking(move_rows.target_of)


class _Properties:
    """Dead properties."""

    def __init__(self, database: Database) -> None:
        self.of_alias = database.asking(property_rows.of_alias)
        self.of_folder = database.asking(property_rows.of_folder)


class _Receipts:
    """Receipts."""

    def __init__(self, database: Database) -> None:
        self.find = database.asking(receipt_rows.find)
        self.holders = database.asking(receipt_rows.holders)
        self.holder_of_companion = database.asking(receipt_rows.holder_of_companion)
        self.items_of_batch = database.asking(receipt_rows.items_of_batch)
        self.of_batch = database.asking(receipt_rows.of_batch)
        self.of_item = database.asking(receipt_rows.of_item)
        self.recent = database.asking(receipt_rows.recent)


class _Uploads:
    """Files of a manifest."""

    def __init__(self, database: Database) -> None:
        self.find = database.asking(upload_rows.find)
        self.of_batch = database.asking(upload_rows.of_batch)
        self.over = database.asking(upload_rows.over)
        self.pending = database.asking(upload_rows.pending)


class Catalogue(Database):
    """The rows of a store. `read_only` opens them as they lie on a read-only disk."""

    def __init__(self, url: str, disk: Disk | None = None, *, read_only: bool = False) -> None:
        super().__init__(url, disk, read_only=read_only)
        self.aliases = _Aliases(self)
        self.batches = _Batches(self)
        self.gallery = _Gallery(self)
        self.companions = _Companions(self)
        self.items = _Items(self)
        self.locks = _Locks(self)
        self.marks = _Marks(self)
        self.moves = _Moves(self)
        self.properties = _Properties(self)
        self.receipts = _Receipts(self)
        self.uploads = _Uploads(self)

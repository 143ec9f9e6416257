"""Adoption: files that lie in the tree or in the trash without a row get one."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

import structlog

from daydrop.care.trash import Trash
from daydrop.care.verify import SUMS
from daydrop.catalogue import item_rows
from daydrop.errors import Refused
from daydrop.filing.filing import Filing
from daydrop.foundation import Foundation
from daydrop.media.names import is_companion
from daydrop.origin import LOCAL
from daydrop.receipts.log import Told
from daydrop.records.item import Item, ItemState, Taken
from daydrop.store.trees import NO_DATE

Senders = Mapping[str, Told]
"""What the log knows of the sender and the place of bytes, by their SHA-256."""


class Adoption:
    """Finds the item that a file without a row was, or makes one for it."""

    def __init__(self, foundation: Foundation, *, filing: Filing, trash: Trash) -> None:
        self._store, self._catalogue = foundation.store, foundation.catalogue
        self._filing, self._trash = filing, trash

    def find_again(self, path: PurePosixPath) -> Item | None:
        """Return the item that had lost these bytes, as it was before; it lies here from now on.

        The file came back or was moved by hand, or a kill came between the trash and the row.
        """
        if not self._catalogue.items.without_file(size=self._store.tree.size(path)):
            return None
        if (sha256 := self._digest(path)) is None:
            return None
        with self._catalogue.reading() as connection:
            lost = item_rows.without_file(connection, sha256=sha256)
            has_another = item_rows.by_sha256(connection, sha256) is not None
        trashed = set(self._store.trash.names())
        candidates = [item for item in lost if item.trash_name not in trashed]
        if has_another or not candidates:
            return None
        item = min(candidates, key=lambda item: (item.path != path, -item.filed))
        return item if self._put_back(item, path) else None

    def _put_back(self, item: Item, path: PurePosixPath) -> bool:
        is_half_restored = item.state is ItemState.TRASHED and item.path == path
        try:
            with self._filing.holding(item) as now:
                if now != item or self._store.tree.is_gone(path):
                    return False  # another process has restored it, or filed it elsewhere
                found = replace(item, path=path)
                self._trash.record_restored(item, found, is_to_be_dated=is_half_restored)
        except Taken as reason:
            structlog.get_logger().info("not found again", path=str(path), reason=str(reason))
            return False
        structlog.get_logger().info("found again", path=str(path))
        return True

    def adopt(self, path: PurePosixPath, senders: Senders) -> bool:
        """Give a file of the tree an item; return False for what is not accepted here.

        Name and sender come from the log when it knows these bytes.
        """
        if path.name == SUMS or is_companion(path.name):  # a THM is a JPEG by its bytes
            return False
        if (sha256 := self._digest(path)) is None:
            return False
        sent = senders.get(sha256, Told())
        try:
            item = self._filing.as_found(
                path,
                name=sent.name or path.name,
                origin=sent.origin or LOCAL,
                sha256=sha256,
            )
            with self._filing.holding_bytes(sha256):  # an upload links its bytes under this lock
                if self._store.tree.is_gone(path):
                    return False
                self._insert(item)
        except (OSError, Refused, Taken) as reason:
            structlog.get_logger().info("not adopted", path=str(path), reason=str(reason))
            return False
        structlog.get_logger().info("adopted", path=str(path))
        return True

    def adopt_trashed(self, name: str, senders: Senders) -> None:
        """List a photo or video in the trash again, with its days there to come."""
        file = self._store.trash.path(name)
        try:
            with file.open("rb") as opened:
                sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            sent = senders.get(sha256, Told())
            was = PurePosixPath(sent.place or f"{NO_DATE}/{name}")
            item = self._filing.as_found(
                was,
                name=sent.name or was.name,
                origin=sent.origin or LOCAL,
                sha256=sha256,
                trash_name=name,
            )
        except (OSError, Refused) as reason:
            structlog.get_logger().info("left in the trash", name=name, reason=str(reason))
            return
        self._insert(self._trash.as_trashed(item, name))

    def _insert(self, item: Item) -> None:
        self._catalogue.write(
            lambda connection: item_rows.insert_item(connection, item), durable=True
        )

    def _digest(self, path: PurePosixPath) -> str | None:
        """Return the hash of a file; None, with a warning in the log, for an unreadable one."""
        try:
            return self._store.tree.sha256(path)
        except OSError as failure:
            structlog.get_logger().warning(
                "a file cannot be read", path=str(path), error=failure.strerror
            )
            return None

"""Companions after a crash: their files, their rows and their items brought together."""

import secrets
from collections.abc import Container, Iterable
from dataclasses import replace
from pathlib import PurePosixPath

import structlog

from daydrop.care.companion_trash import CompanionTrash
from daydrop.catalogue import companion_rows, mark_rows
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.errors import Refused
from daydrop.filing.companions import Companions, lies_beside
from daydrop.foundation import Foundation
from daydrop.media.names import is_companion
from daydrop.origin import LOCAL
from daydrop.records.companion import Companion
from daydrop.records.item import Item, ItemState
from daydrop.records.scope import NOWHERE

Digests = dict[PurePosixPath, str]
"""The SHA-256 of files that lie in the tree without a row."""


class CompanionRecovery:
    """Finishes what a kill interrupted between a companion's file and its row."""

    def __init__(
        self, foundation: Foundation, companions: Companions, trash: CompanionTrash
    ) -> None:
        self._store, self._catalogue = foundation.store, foundation.catalogue
        self._clock, self._locks = foundation.clock, foundation.locks
        self._companions, self._trash = companions, trash

    def reconcile(
        self, without_row: Iterable[PurePosixPath], found: Container[PurePosixPath]
    ) -> set[PurePosixPath]:
        """Bring companions, their rows and their items together; return the files adopted.

        Items whose path was `found` by this start are not moved for them.
        """
        companions = self._catalogue.companions.everything()
        homeless = self._digests(path for path in without_row if is_companion(path.name))
        for companion in companions:
            if companion.trashed is None:
                self._mend(companion, homeless)
        adopted = {path for path, sha256 in homeless.items() if self._adopt(path, sha256, found)}
        for item_id in {companion.item_id for companion in companions}:
            self._follow_item(item_id)
        return adopted

    def _mend(self, companion: Companion, homeless: Digests) -> None:
        try:
            with self._trash.holding(companion) as now:
                if now == companion:
                    self._mend_held(companion, homeless)
        except Refused as failure:  # no reader could read it
            structlog.get_logger().warning(
                "a companion waits for the next start", name=companion.name, error=in_words(failure)
            )

    def _mend_held(self, companion: Companion, homeless: Digests) -> None:
        if companion.path is None:
            self._attach(companion, homeless)
        elif self._store.trash.path(companion.id).exists():
            item = self._catalogue.items.find(companion.item_id or "")
            self._trash.put(companion, item.trashed if item is not None else None)
        elif not self._store.tree.is_there(companion.path):
            self._find_again(companion, homeless)

    def _attach(self, companion: Companion, homeless: Digests) -> None:
        """Put a companion that waits beside an item that came just before the kill."""
        item = self._companions.picture_of(companion)
        if item is None or companion.staged is None or not self._companions.has(companion):
            return
        if self._companions.join(companion, item):
            return
        placed = self._companions.link(companion, item)
        self._companions.change(placed, to_judge={item.id})
        self._store.staging.discard(companion.staged)
        homeless.pop(placed.path or PurePosixPath(), None)

    def _find_again(self, companion: Companion, homeless: Digests) -> None:
        """Record where a companion lies that was moved just before the kill."""
        for path, sha256 in homeless.items():
            if sha256 == companion.sha256:
                self._companions.change(replace(companion, path=path))
                del homeless[path]
                return

    def _adopt(self, path: PurePosixPath, sha256: str, found: Container[PurePosixPath]) -> bool:
        """Give a companion without a row to the item that it lies beside."""
        unknown = self._unknown(path, sha256)
        there = self._catalogue.items.in_folder(path.parent)
        beside = (item for item in there if lies_beside(path.name, item.path.name))
        item = self._companions.choose(unknown, beside)
        if item is None:
            return False
        known = replace(unknown, item_id=item.id, pair_scope=item.pair_scope, stem=item.stem)

        def insert(connection: Connection) -> None:
            companion_rows.insert_companion(connection, known)
            if item.path not in found:
                mark_rows.write(connection, mark_rows.JUDGING + item.id)

        with self._locks.holding(("pair", item.stem)):
            is_new = self._catalogue.companions.at(path) is None
            if is_new and self._store.tree.is_there(path):  # else another process was about to
                self._catalogue.write(insert)
        return True

    def _unknown(self, path: PurePosixPath, sha256: str) -> Companion:
        return Companion(
            id=secrets.token_hex(12),
            item_id=None,
            pair_scope=NOWHERE,
            stem="",
            name=path.name,
            origin=LOCAL,
            batch_id=None,
            sha256=sha256,
            size=self._store.tree.size(path),
            path=path,
            staged=None,
            arrived=self._clock.now(),
        )

    def _follow_item(self, item_id: str | None) -> None:
        """Move companions after an item that was moved just before the kill."""
        item = self._find(item_id)
        if item is None:
            return
        with self._locks.holding(("pair", item.stem)):
            now = self._find(item_id)
            if now is not None and now.state is ItemState.STORED:
                self._companions.follow(now)
            elif now is not None and now.state is ItemState.TRASHED:
                self._trash.follow_to_trash(now)

    def _find(self, item_id: str | None) -> Item | None:
        return self._catalogue.items.find(item_id) if item_id is not None else None

    def _digests(self, paths: Iterable[PurePosixPath]) -> Digests:
        """Return the hashes of the files that can be read."""
        found: Digests = {}
        for path in paths:
            try:
                found[path] = self._store.tree.sha256(path)
            except OSError as failure:
                structlog.get_logger().warning(
                    "a file cannot be read", path=str(path), error=failure.strerror
                )
        return found

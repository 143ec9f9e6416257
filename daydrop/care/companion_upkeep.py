"""What keeps companions in order: the trash, undoing, what waits for nobody, and after a crash."""

import secrets
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

import structlog

from daydrop.catalogue import companion_rows as rows
from daydrop.catalogue import item_rows, mark_rows
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.errors import Refused
from daydrop.filing.companions import Companions, first_free, lies_beside
from daydrop.foundation import Foundation
from daydrop.media.names import companion_picture, is_companion
from daydrop.origin import LOCAL
from daydrop.records.companion import Companion
from daydrop.records.item import Item, ItemState


class CompanionUpkeep:
    """Takes companions away with their pictures and back, and mends what a kill left of them."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        companions: Companions,
    ) -> None:
        self._store, self._catalogue, self._clock = (
            foundation.store,
            foundation.catalogue,
            foundation.clock,
        )
        self._locks, self._companions = foundation.locks, companions

    # ---- the trash --------------------------------------------------------------------------

    def trash(self, item: Item) -> set[str]:
        """An item has gone to the trash: so do its companions, save what is another member's too.

        `DSC_1.xmp` of a RAW with its JPEG stays as long as one of the two does. Returns the items
        that have got one: they are to be judged again.
        """
        with self._catalogue.reading() as connection:
            companions = rows.of_item(connection, item.id)
            heir = item_rows.partner(connection, item) if companions else None
        heirs: set[str] = set()
        for companion in companions:
            if heir is not None and companion_picture(companion.name) is None:
                self._companions.change(replace(companion, item_id=heir.id), to_judge={heir.id})
                heirs.add(heir.id)
            else:
                self._trash(companion, item.trashed)
        return heirs

    def _trash(
        self, companion: Companion, when: float | None = None, to_judge: Iterable[str] = ()
    ) -> None:
        """`when` is the time of the item it goes with: it comes back with it."""
        if companion.path is not None and self._store.is_there(companion.path):
            self._store.move_to_trash(companion.path, companion.id)
        self._companions.change(replace(companion, trashed=when or self._clock.now()), to_judge)

    def restore(self, item: Item, trashed: float) -> None:
        """An item is back: what went to the trash with it lies beside it again."""
        companions = self._catalogue.companions.trashed_with(item.id, trashed)
        there = set(self._store.trashed_names())
        for companion in companions:
            if companion.id in there:
                move = partial(self._store.move_from_trash, companion.id)
                path = first_free(companion, item, move)
                self._companions.change(replace(companion, path=path, trashed=None))

    def take_back(self, batch_id: str) -> set[str]:
        """A batch is undone: what it brought beside pictures of others goes to the trash.

        Not what another batch was told to be here. Returns the items that it was beside, also of
        an earlier try that a kill ended.
        """
        brought = self._catalogue.companions.of_batch(batch_id)
        for companion in brought:
            with self._held(companion) as now:
                if now is not None and now.batch_id == batch_id:
                    self._take_back(now, batch_id)
        return {companion.item_id for companion in brought if companion.item_id is not None}

    def _take_back(self, companion: Companion, batch_id: str) -> None:
        holder = self._catalogue.receipts.holder_of_companion(companion, batch_id)
        if holder is not None:
            self._companions.change(replace(companion, batch_id=holder))
        elif companion.staged is not None:
            self._give_up(companion)
        else:  # also what lies in the trash with its picture: it comes back without it
            self._trash(companion, to_judge={companion.item_id} if companion.item_id else ())

    def purge(self, before: float) -> None:
        """Removes for good what went to the trash before a time."""
        over = self._catalogue.companions.trashed_before(before)
        for companion in over:
            with self._held(companion) as now:
                if now == companion:  # else it has come back with its picture
                    self._store.purge(companion.id)
                    self._forget(companion)

    def sweep(self, before: float) -> int:
        """Gives up those that wait since before a time; returns how many those were.

        What a path in `Upload` stands for lives as long as that path.
        """
        over = self._catalogue.companions.given_up(before)
        for companion in over:
            with self._held(companion) as now:
                if now == companion:  # else its picture has come
                    self._give_up(companion)
        return len(over)

    @contextmanager
    def _held(self, companion: Companion) -> Iterator[Companion | None]:
        """Keeps everybody else from a companion and its picture; gives it as it is now."""

        def now() -> Companion | None:
            return self._catalogue.companions.find(companion.id)

        with self._locks.holding_told(lambda: self._companions.stems_of(now() or companion)):
            yield now()

    def _give_up(self, companion: Companion) -> None:
        self._forget(companion)
        if companion.staged is not None:
            self._store.discard(companion.staged)

    def forget_lost(self) -> list[Companion]:
        """Gives up the companions whose files are gone; returns which those were."""
        beside = self._catalogue.companions.in_tree()
        gone = [each for each in beside if each.path is not None and self._store.is_gone(each.path)]
        for companion in gone:
            self._forget(companion)
        return gone

    def _forget(self, companion: Companion) -> None:
        def work(connection: Connection) -> None:
            rows.remove(connection, companion.id)
            if companion.item_id is not None and companion.trashed is None:
                mark_rows.write(connection, mark_rows.JUDGING + companion.item_id)

        self._catalogue.write(work)

    # ---- after a crash ----------------------------------------------------------------------

    def reconcile(
        self, strangers: Iterable[PurePosixPath], found: Container[PurePosixPath]
    ) -> set[PurePosixPath]:
        """At the start: brings companions, their rows and their pictures together.

        Returns those files without a row that are companions with one now. Pictures that were
        `found` themselves are not moved for them.
        """
        companions = self._catalogue.companions.everything()
        homeless = self._digests(path for path in strangers if is_companion(path.name))
        for companion in companions:
            if companion.trashed is None:
                self._settle_late(companion, homeless)
        adopted = {path for path, sha256 in homeless.items() if self._adopt(path, sha256, found)}
        for item_id in {companion.item_id for companion in companions}:
            self._follow_late(item_id)
        return adopted

    def _settle_late(self, companion: Companion, homeless: dict[PurePosixPath, str]) -> None:
        try:
            with self._held(companion) as now:
                if now == companion:
                    self._settle(companion, homeless)
        except Refused as failure:  # nobody could read it
            structlog.get_logger().warning(
                "a companion waits for the next start", name=companion.name, error=in_words(failure)
            )

    def _settle(self, companion: Companion, homeless: dict[PurePosixPath, str]) -> None:
        if companion.path is None:
            self._attach_late(companion, homeless)
        elif self._store.trashed_path(companion.id).exists():
            self._trash_late(companion)
        elif not self._store.is_there(companion.path):
            self._find_again(companion, homeless)

    def _attach_late(self, companion: Companion, homeless: dict[PurePosixPath, str]) -> None:
        """A kill came between a picture and the companions that had waited for it."""
        picture = self._companions.picture_of(companion)
        if picture is None or companion.staged is None or not self._companions.has(companion):
            return
        if self._companions.join(companion, picture):
            return
        placed = self._companions.link(companion, picture)
        self._companions.change(placed, to_judge={picture.id})
        self._store.discard(companion.staged)
        homeless.pop(placed.path or PurePosixPath(), None)

    def _find_again(self, companion: Companion, homeless: dict[PurePosixPath, str]) -> None:
        """A kill came between a companion's move and its row."""
        for path, sha256 in homeless.items():
            if sha256 == companion.sha256:
                self._companions.change(replace(companion, path=path))
                del homeless[path]
                return

    def _adopt(self, path: PurePosixPath, sha256: str, found: Container[PurePosixPath]) -> bool:
        """A companion without a row belongs to the picture that it lies beside."""
        there = self._catalogue.items.in_folder(path.parent)
        unknown = Companion(
            id=secrets.token_hex(12),
            item_id=None,
            pair_scope="",
            stem="",
            name=path.name,
            origin=LOCAL,  # whoever keeps the tree has left it there
            batch_id=None,
            sha256=sha256,
            size=self._store.size(path),
            path=path,
            staged=None,
            arrived=self._clock.now(),
        )
        beside = (item for item in there if lies_beside(path.name, item.path.name))
        item = self._companions.choose(unknown, beside)
        if item is None:
            return False
        known = replace(unknown, item_id=item.id, pair_scope=item.pair_scope, stem=item.stem)

        def work(connection: Connection) -> None:
            rows.insert_companion(connection, known)
            if item.path not in found:
                mark_rows.write(connection, mark_rows.JUDGING + item.id)

        with self._locks.holding(("pair", item.stem)):
            is_new = self._catalogue.companions.at(path) is None
            if is_new and self._store.is_there(path):  # else another process was about to
                self._catalogue.write(work)
        return True

    def _trash_late(self, companion: Companion) -> None:
        """A kill came between a companion's move to the trash and its row."""
        item = self._catalogue.items.find(companion.item_id or "")
        self._trash(companion, item.trashed if item is not None else None)

    def _follow_late(self, item_id: str | None) -> None:
        """A kill came between a picture's move and that of its companions."""
        if item_id is None:
            return
        item = self._catalogue.items.find(item_id)
        if item is None:
            return
        with self._locks.holding(("pair", item.stem)):
            now = self._catalogue.items.find(item_id)
            if now is not None and now.state is ItemState.STORED:
                self._companions.follow(now)
            elif now is not None and now.state is ItemState.TRASHED:
                self.trash(now)

    def _digests(self, paths: Iterable[PurePosixPath]) -> dict[PurePosixPath, str]:
        """The hashes of those that can be read."""
        found: dict[PurePosixPath, str] = {}
        for path in paths:
            try:
                found[path] = self._store.sha256(path)
            except OSError as failure:
                structlog.get_logger().warning(
                    "a file cannot be read", path=str(path), error=failure.strerror
                )
        return found

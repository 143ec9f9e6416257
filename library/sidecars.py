"""Companions of pictures (XMP, AAE, THM, SRT, Takeout's JSON): they follow their picture.

A companion whose picture has not come yet waits in staging, listed in `Upload`.
"""

import errno
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import structlog

from library.batch import Batches
from library.capturedate.candidate import Candidate
from library.catalogue import aliases as alias_rows
from library.catalogue import items as item_rows
from library.catalogue import receipts as receipt_rows
from library.catalogue import sidecars as rows
from library.catalogue.aliases import State
from library.catalogue.database import Connection, Database
from library.catalogue.items import Item, ItemState
from library.catalogue.receipts import Outcome, Receipt
from library.catalogue.sidecars import Sidecar
from library.clock import Clock
from library.keyedlocks import KeyedLocks
from library.media import Kind, extension
from library.names import (
    fit,
    is_sidecar,
    nfc,
    sidecar_ending,
    sidecar_picture,
    sidecar_target,
    stem_key,
    stored_name,
)
from library.origin import LOCAL, is_owner_key
from library.pairs import Part, part_of
from library.receipts import etag
from library.store.local import LocalStore, Staged
from library.upload import Announcement, unsaved_receipt
from library.workers import Unreadable

_PICTURES = (Part.STILL, Part.RAW, Part.FILM)
_FILMS = (Part.FILM, Part.STILL, Part.RAW)
_DESCRIBES = {"xmp": (Part.RAW, Part.STILL, Part.FILM), "thm": _FILMS, "srt": _FILMS}


class SidecarReader(Protocol):
    """Who reads the dates of companions: the killable workers."""

    def read_sidecar(self, file: Path, name: str) -> tuple[Candidate, ...] | Unreadable:
        """The dates of a companion that was sent as `name`."""


class Sidecars:
    """Receives companions, and keeps them beside their pictures."""

    def __init__(
        self,
        *,
        store: LocalStore,
        database: Database,
        clock: Clock,
        batches: Batches,
        reader: SidecarReader,
        locks: KeyedLocks,
    ) -> None:
        self._store, self._database, self._clock, self._batches = store, database, clock, batches
        self._reader, self._locks = reader, locks

    def receive(
        self, announcement: Announcement, staged: Staged, sha256: str, replaces: int | None
    ) -> Receipt:
        """Keeps a whole, flushed companion: beside its picture, or waiting for it."""
        sidecar = Sidecar(
            id=secrets.token_hex(12),
            item_id=None,
            pair_scope=announcement.pair_scope,
            stem=sidecar_target(announcement.name),
            name=nfc(announcement.name),
            origin=announcement.origin.key,
            batch_id=None,
            sha256=sha256,
            size=staged.size,
            path=None,
            staged=staged.name,
            arrived=self._clock.now(),
        )
        with self._locks.holding(("pair", sidecar.stem)):
            known = self._known(sidecar)
            placed = known or self._placed(sidecar)
            with self._linked(placed if known is None else sidecar, staged.name):
                receipt = self._write(announcement, placed, replaces, is_new=known is None)
        if placed.staged != staged.name:
            self._store.discard(staged.name)
        return receipt

    def _known(self, sidecar: Sidecar) -> Sidecar | None:
        """The same companion, if its picture has it already: bytes are stored once."""
        with self._database.reading() as connection:
            alike = rows.alike(connection, sidecar)
        picture = sidecar_picture(sidecar.name)
        return next(
            (each for each in alike if sidecar_picture(each.name) == picture and self._has(each)),
            None,
        )

    def _has(self, sidecar: Sidecar) -> bool:
        if sidecar.path is not None:
            return self._store.has(sidecar.path, sidecar.size)
        return sidecar.staged is not None and self._store.staged_path(sidecar.staged).exists()

    def _placed(self, sidecar: Sidecar) -> Sidecar:
        """Where a new companion is kept: beside its picture, or in staging until that comes."""
        picture = self._picture_of(sidecar)
        if picture is not None:
            return self._link(sidecar, picture)
        self._store.sync_staging()
        return sidecar

    def that_date(self, item: Item) -> list[Sidecar]:
        """The companions beside an item that may date it, the newest first.

        Not one whose sender did not send that picture: the bytes came from there as well, but who
        sent them first has filed them, and a stranger's word moves no photo.
        """
        with self._database.reading() as connection:
            companions = rows.of_item(connection, item.id)
        may_date = [
            each for each in companions if each.origin == item.origin or is_owner_key(each.origin)
        ]
        return sorted(may_date, key=lambda sidecar: -sidecar.arrived)

    def dates_in(self, companions: Iterable[Sidecar]) -> tuple[Candidate, ...]:
        """The dates in companions that lie beside their picture."""
        return tuple(
            date
            for each in companions
            if each.path is not None
            for date in self._read(self._store.path(each.path), each.name)
        )

    def waiting_dates(self, pair_scope: str, name: str) -> dict[str, tuple[Candidate, ...]]:
        """The dates in the companions that wait for a picture of this scope and name, by their id.

        The newest stands first.
        """
        with self._database.reading() as connection:
            waiting = _waiting(connection, pair_scope, name)
        return {
            sidecar.id: self._read(self._store.staged_path(sidecar.staged), sidecar.name)
            for sidecar in sorted(waiting, key=lambda sidecar: -sidecar.arrived)
            if sidecar.staged is not None
        }

    def beside(self, members: Iterable[Item]) -> list[tuple[Item, Sidecar]]:
        """The companions that lie beside these items, or wait for them."""
        with self._database.reading() as connection:
            return [
                (member, companion)
                for member in members
                for companion in (
                    *rows.of_item(connection, member.id),
                    *_waiting(connection, member.pair_scope, member.name),
                )
            ]

    def _read(self, file: Path, name: str) -> tuple[Candidate, ...]:
        read = self._reader.read_sidecar(file, name)
        return () if isinstance(read, Unreadable) else read

    def attach(self, item: Item, pair_scope: str, name: str) -> list[Sidecar]:
        """A picture has come in this scope: the companions that waited for it there come to it."""
        with self._database.reading() as connection:
            waiting = _waiting(connection, pair_scope, name)
        return [self._attach(sidecar, item) for sidecar in waiting]

    def _attach(self, sidecar: Sidecar, item: Item) -> Sidecar:
        placed = self._link(sidecar, item)
        with self._linked(placed, sidecar.staged or ""):
            self._change(placed)
        if sidecar.staged is not None:
            self._store.discard(sidecar.staged)
        return placed

    @contextmanager
    def _linked(self, placed: Sidecar, staged: str) -> Iterator[None]:
        """Writes the row of a companion that was just linked; without one it goes back.

        After an error of the disk it stays in both places: whether its row is there shows at the
        next start, which needs the bytes in either case.
        """
        try:
            yield
        except Exception as failure:
            is_lost = isinstance(failure, OSError) and failure.errno == errno.EIO
            if placed.path is not None and not is_lost:
                self._store.take_back(placed.path, staged)
            raise

    def follow(self, item: Item) -> None:
        """An item has been moved: its companions come after it."""
        with self._database.reading() as connection:
            companions = rows.of_item(connection, item.id)
        for sidecar in companions:
            if sidecar.path is None:
                continue
            if not self._store.is_there(sidecar.path):
                self._follow_row(sidecar, item)
                continue
            number = 1
            while True:
                target = _path_beside(sidecar, item, number)
                if target == sidecar.path:
                    break
                if self._store.move(sidecar.path, target):
                    self._change(replace(sidecar, path=target))
                    break
                number += 1

    def _follow_row(self, sidecar: Sidecar, item: Item) -> None:
        """A kill came between a companion's move and its row."""
        target = _path_beside(sidecar, item, 1)
        with self._database.reading() as connection:
            is_known = rows.at(connection, target) is not None
        if not is_known and self._store.has(target, sidecar.size):
            self._change(replace(sidecar, path=target))

    # ---- the trash --------------------------------------------------------------------------

    def trash(self, item: Item) -> None:
        """An item has gone to the trash: so do its companions, save what is another member's too.

        `DSC_1.xmp` of a RAW with its JPEG stays as long as one of the two does.
        """
        with self._database.reading() as connection:
            companions = rows.of_item(connection, item.id)
            heir = item_rows.partner(connection, item) if companions else None
        for sidecar in companions:
            if heir is not None and sidecar_picture(sidecar.name) is None:
                self._change(replace(sidecar, item_id=heir.id))
            else:
                self._trash(sidecar)

    def _trash(self, sidecar: Sidecar) -> None:
        if sidecar.path is not None and self._store.is_there(sidecar.path):
            self._store.move_to_trash(sidecar.path, sidecar.id)
        self._change(replace(sidecar, trashed=self._clock.now()))

    def restore(self, item: Item, since: float) -> None:
        """An item is back: what went to the trash with it lies beside it again."""
        with self._database.reading() as connection:
            companions = rows.trashed_of(connection, item.id, since)
        for sidecar in companions:
            self._restore(sidecar, item)

    def _restore(self, sidecar: Sidecar, item: Item) -> None:
        if sidecar.id not in self._store.trashed_names():
            return
        number = 1
        while not self._store.move_from_trash(sidecar.id, _path_beside(sidecar, item, number)):
            number += 1
        self._change(replace(sidecar, path=_path_beside(sidecar, item, number), trashed=None))

    def take_back(self, batch_id: str) -> set[str]:
        """A batch is undone: what it brought beside pictures of others goes to the trash.

        Returns the items that it was beside, also of an earlier try that a kill ended.
        """
        with self._database.reading() as connection:
            brought = rows.of_batch(connection, batch_id)
        for sidecar in brought:
            if sidecar.staged is not None:
                self._give_up(sidecar)
            elif sidecar.trashed is None:
                self._trash(sidecar)
        return {sidecar.item_id for sidecar in brought if sidecar.item_id is not None}

    def purge(self, before: float) -> None:
        """Removes for good what went to the trash before a time."""
        with self._database.reading() as connection:
            over = rows.trashed_before(connection, before)
        for sidecar in over:
            self._store.purge(sidecar.id)
            self._forget(sidecar)

    def sweep(self, before: float) -> int:
        """Gives up those that wait since before a time; returns how many those were.

        What a path in `Upload` stands for lives as long as that path.
        """
        with self._database.reading() as connection:
            over = rows.given_up(connection, before)
        for sidecar in over:
            self._give_up(sidecar)
        return len(over)

    def _give_up(self, sidecar: Sidecar) -> None:
        self._forget(sidecar)
        if sidecar.staged is not None:
            self._store.discard(sidecar.staged)

    def forget_lost(self) -> list[Sidecar]:
        """Gives up the companions whose files are gone; returns which those were."""
        with self._database.reading() as connection:
            beside = rows.in_tree(connection)
        gone = [each for each in beside if each.path is not None and self._store.is_gone(each.path)]
        for sidecar in gone:
            self._forget(sidecar)
        return gone

    def _forget(self, sidecar: Sidecar) -> None:
        self._database.write(lambda connection: rows.remove(connection, sidecar.id))

    # ---- after a crash ----------------------------------------------------------------------

    def reconcile(self, strangers: Iterable[PurePosixPath]) -> set[PurePosixPath]:
        """At the start: brings companions, their rows and their pictures together.

        Returns those files without a row that are companions with one now.
        """
        with self._database.reading() as connection:
            companions = rows.everything(connection)
        homeless = self._digests(path for path in strangers if is_sidecar(path.name))
        for sidecar in companions:
            if sidecar.trashed is not None:
                continue
            if sidecar.path is None:
                self._attach_late(sidecar, homeless)
            elif sidecar.id in self._store.trashed_names():
                self._trash(sidecar)  # a kill came between its move to the trash and its row
            elif not self._store.is_there(sidecar.path):
                self._find_again(sidecar, homeless)
        adopted = {path for path, sha256 in homeless.items() if self._adopt(path, sha256)}
        for item_id in {sidecar.item_id for sidecar in companions}:
            self._follow_late(item_id)
        return adopted

    def _attach_late(self, sidecar: Sidecar, homeless: dict[PurePosixPath, str]) -> None:
        """A kill came between a picture and the companions that had waited for it."""
        picture = self._picture_of(sidecar)
        if picture is None or sidecar.staged is None or not self._has(sidecar):
            return
        placed = self._link(sidecar, picture)
        self._change(placed)
        self._store.discard(sidecar.staged)
        homeless.pop(placed.path or PurePosixPath(), None)

    def _find_again(self, sidecar: Sidecar, homeless: dict[PurePosixPath, str]) -> None:
        """A kill came between a companion's move and its row."""
        for path, sha256 in homeless.items():
            if sha256 == sidecar.sha256:
                self._change(replace(sidecar, path=path))
                del homeless[path]
                return

    def _adopt(self, path: PurePosixPath, sha256: str) -> bool:
        """A companion without a row belongs to the picture that it lies beside."""
        with self._database.reading() as connection:
            beside = item_rows.in_folder(connection, path.parent)
        target = sidecar_target(path.name)
        item = next(
            (
                item
                for item in beside
                if stem_key(item.path.name) == target and _speaks_of(path.name, item.path.name)
            ),
            None,
        )
        if item is None:
            return False
        adopted = Sidecar(
            id=secrets.token_hex(12),
            item_id=item.id,
            pair_scope=item.pair_scope,
            stem=item.stem,
            name=path.name,
            origin=LOCAL,  # whoever keeps the tree has left it there
            batch_id=None,
            sha256=sha256,
            size=self._store.path(path).stat().st_size,
            path=path,
            staged=None,
            arrived=self._clock.now(),
        )
        self._database.write(lambda connection: rows.insert_sidecar(connection, adopted))
        return True

    def _follow_late(self, item_id: str | None) -> None:
        """A kill came between a picture's move and that of its companions."""
        if item_id is None:
            return
        with self._database.reading() as connection:
            item = item_rows.find(connection, item_id)
        if item is not None and item.state is ItemState.STORED:
            self.follow(item)
        elif item is not None and item.state is ItemState.TRASHED:
            self.trash(item)

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

    # ---- inside -----------------------------------------------------------------------------

    def _picture_of(self, sidecar: Sidecar) -> Item | None:
        """The picture it names in full, else what its kind describes: an `.xmp` the RAW file."""
        with self._database.reading() as connection:
            of_stem = item_rows.of_stem(connection, sidecar.pair_scope, sidecar.stem)
        found = [item for item in of_stem if _speaks_of(sidecar.name, item.name)]
        named = sidecar_picture(sidecar.name)
        described = _DESCRIBES.get(extension(sidecar.name), _PICTURES)

        def rank(item: Item) -> tuple[bool, int, float]:
            part = part_of(item) or (Part.FILM if item.kind is Kind.VIDEO else Part.STILL)
            return item.name.casefold() != named, described.index(part), -item.filed

        return min(found, key=rank, default=None)

    def _link(self, sidecar: Sidecar, item: Item) -> Sidecar:
        if sidecar.staged is None:
            raise ValueError(f"{sidecar.name} has no bytes in staging")
        number = 1
        while not self._store.link(sidecar.staged, _path_beside(sidecar, item, number)):
            number += 1
        path = _path_beside(sidecar, item, number)
        self._store.sync_folder(path.parent)
        return replace(sidecar, item_id=item.id, path=path, staged=None)

    def _change(self, sidecar: Sidecar) -> None:
        """Writes a companion's row; the receipt that spoke of it says where it lies now."""

        def work(connection: Connection) -> None:
            rows.change(connection, sidecar)
            if sidecar.path is not None and sidecar.batch_id and sidecar.item_id:
                receipt_rows.retell_companion(
                    connection,
                    sidecar.sha256,
                    sidecar.batch_id,
                    sidecar.item_id,
                    str(sidecar.path),
                    self._clock.now(),
                )

        self._database.write(work, durable=True)

    def _write(
        self, announcement: Announcement, sidecar: Sidecar, replaces: int | None, *, is_new: bool
    ) -> Receipt:
        now = self._clock.now()
        receipt = unsaved_receipt(
            announcement,
            Outcome.SIDECAR,
            now,
            words_key="sidecar" if sidecar.path else "waiting",
            facts={"name": announcement.name, "place": str(sidecar.path or "")},
        ).of_bytes(sidecar.size, sidecar.sha256)
        told = replace(
            receipt,
            item_id=sidecar.item_id,
            place=str(sidecar.path) if sidecar.path else None,
        )

        def work(connection: Connection) -> tuple[Receipt, Sidecar | None]:
            announcement.guard(connection)
            replaced = self._replaced(connection, announcement, sidecar)
            batch_id = self._batches.batch_that_tells(
                connection, announcement.origin, announcement.batch_id
            )
            if is_new:
                rows.insert_sidecar(connection, replace(sidecar, batch_id=batch_id))
            if announcement.alias is not None:
                if replaces is not None:
                    alias_rows.take_over(connection, replaces, announcement.alias)
                alias_rows.settle(
                    connection,
                    origin=announcement.origin.key,
                    path=announcement.alias,
                    state=State.SIDECAR,
                    size=sidecar.size,
                    modified=announcement.modified or now,
                    etag=etag(sidecar.sha256),
                    now=now,
                    sha256=sidecar.sha256,
                    sidecar_id=sidecar.id,
                )
            if replaced is not None:
                rows.remove(connection, replaced.id)
            return receipt_rows.write(connection, replace(told, batch_id=batch_id)), replaced

        written, gone = self._database.write(work, durable=True)
        if gone is not None and gone.staged is not None:
            self._store.discard(gone.staged)
        return written

    def _replaced(
        self, connection: Connection, announcement: Announcement, sidecar: Sidecar
    ) -> Sidecar | None:
        """What still waits under the same path, and is sent anew: nothing filed is overwritten."""
        if announcement.alias is None:
            return None
        before = alias_rows.find(connection, announcement.origin.key, announcement.alias)
        if before is None or before.sidecar_id in (None, sidecar.id):
            return None
        waited = rows.find(connection, before.sidecar_id or "")
        return waited if waited is not None and waited.item_id is None else None


def _waiting(connection: Connection, pair_scope: str, name: str) -> list[Sidecar]:
    """The companions that wait for a picture of this scope and name."""
    of_stem = rows.waiting(connection, pair_scope, stem_key(name))
    return [sidecar for sidecar in of_stem if _speaks_of(sidecar.name, name)]


def _speaks_of(companion: str, picture: str) -> bool:
    """Whether a companion can be of a picture of its stem: `IMG_1.jpg.xmp` is of no `IMG_1.png`.

    Stems were compared before, by who knows all names under which the bytes came.
    """
    named = sidecar_picture(companion)
    return named is None or extension(named) == extension(picture)


def name_beside(sidecar: Sidecar, stem: str, number: int = 1) -> str:
    """`IMG_1 (2).xmp` beside `IMG_1 (2).jpg`, `IMG_1 (2).jpg.xmp` where it was sent so.

    `stem` is the picture's; another `number` than 1 is for a companion that was sent again.
    """
    ending = stored_name(f"_{sidecar_ending(sidecar.name)}")[1:]
    again = "" if number == 1 else f" ({number})"
    return fit(stem, f"{again}{ending}")


def _path_beside(sidecar: Sidecar, item: Item, number: int) -> PurePosixPath:
    return item.path.with_name(name_beside(sidecar, item.path.stem, number))

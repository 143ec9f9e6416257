"""Companions of pictures (XMP, AAE, THM, SRT, Takeout's JSON): they follow their picture.

A companion whose picture has not come yet waits in staging, listed in `Upload`.
"""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from library.batch import Batches
from library.capturedate.candidate import Candidate
from library.catalogue import aliases as alias_rows
from library.catalogue import items as item_rows
from library.catalogue import receipts as receipt_rows
from library.catalogue import sidecars as rows
from library.catalogue.aliases import State
from library.catalogue.database import Connection, Database
from library.catalogue.items import Item
from library.catalogue.receipts import Outcome, Receipt
from library.catalogue.sidecars import Sidecar
from library.clock import Clock
from library.keyedlocks import KeyedLocks
from library.media import Kind, extension
from library.names import fit, nfc, sidecar_ending, sidecar_picture, sidecar_target, stored_name
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
        batch = None if announcement.batch_id else self._batches.current(announcement.origin)
        sidecar = Sidecar(
            id=secrets.token_hex(12),
            item_id=None,
            pair_scope=announcement.pair_scope,
            stem=sidecar_target(announcement.name),
            name=nfc(announcement.name),
            origin=announcement.origin.key,
            batch_id=announcement.batch_id or (batch.id if batch else None),
            sha256=sha256,
            size=staged.size,
            path=None,
            staged=staged.name,
            arrived=self._clock.now(),
        )
        with self._locks.holding(("pair", sidecar.stem)):
            picture = self._picture_of(sidecar)
            if picture is None:
                self._store.sync_staging()
                placed = sidecar
            else:
                placed = self._link(sidecar, picture)
            receipt = self._write(announcement, placed, replaces)
        if placed.staged is None:
            self._store.discard(staged.name)
        return receipt

    def dates(self, receipt: Receipt) -> tuple[Candidate, ...]:
        """The dates in a companion that has just come to its picture."""
        if receipt.place is None:
            return ()
        return self._read(self._store.path(PurePosixPath(receipt.place)), receipt.name)

    def dates_in(self, sidecar: Sidecar) -> tuple[Candidate, ...]:
        """The dates in a companion that lies beside its picture."""
        if sidecar.path is None:
            return ()
        return self._read(self._store.path(sidecar.path), sidecar.name)

    def waiting_dates(self, pair_scope: str, stem: str) -> dict[str, tuple[Candidate, ...]]:
        """The dates in the companions that wait for a picture of this scope and stem, by their id.

        The newest stands first.
        """
        with self._database.reading() as connection:
            waiting = rows.waiting(connection, pair_scope, stem)
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
                    *rows.waiting(connection, member.pair_scope, member.stem),
                )
            ]

    def _read(self, file: Path, name: str) -> tuple[Candidate, ...]:
        read = self._reader.read_sidecar(file, name)
        return () if isinstance(read, Unreadable) else read

    def attach(self, item: Item, pair_scope: str, stem: str) -> list[Sidecar]:
        """A picture has come in this scope: the companions that waited for it there come to it."""
        with self._database.reading() as connection:
            waiting = rows.waiting(connection, pair_scope, stem)
        return [self._attach(sidecar, item) for sidecar in waiting]

    def _attach(self, sidecar: Sidecar, item: Item) -> Sidecar:
        placed = self._link(sidecar, item)
        self._change(placed)
        if sidecar.staged is not None:
            self._store.discard(sidecar.staged)
        return placed

    def follow(self, item: Item) -> None:
        """An item has been moved: its companions come after it."""
        with self._database.reading() as connection:
            companions = rows.of_item(connection, item.id)
        for sidecar in companions:
            if sidecar.path is None:
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

    # ---- inside -----------------------------------------------------------------------------

    def _picture_of(self, sidecar: Sidecar) -> Item | None:
        """The picture it names in full, else what its kind describes: an `.xmp` the RAW file."""
        with self._database.reading() as connection:
            found = item_rows.of_stem(connection, sidecar.pair_scope, sidecar.stem)
        named = sidecar_picture(sidecar.name)
        described = _DESCRIBES.get(extension(sidecar.name), _PICTURES)

        def rank(item: Item) -> tuple[bool, int, bool, float]:
            part = part_of(item)
            order = described.index(part) if part else len(described)
            return item.name.casefold() != named, order, item.kind is not Kind.IMAGE, -item.filed

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
        self._database.write(lambda connection: rows.change(connection, sidecar), durable=True)

    def _write(self, announcement: Announcement, sidecar: Sidecar, replaces: int | None) -> Receipt:
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
            batch_id=sidecar.batch_id,
            item_id=sidecar.item_id,
            place=str(sidecar.path) if sidecar.path else None,
        )

        def work(connection: Connection) -> Receipt:
            rows.insert_sidecar(connection, sidecar)
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
            return receipt_rows.write(connection, told)

        return self._database.write(work, durable=True)


def name_beside(sidecar: Sidecar, stem: str, number: int = 1) -> str:
    """`IMG_1 (2).xmp` beside `IMG_1 (2).jpg`, `IMG_1 (2).jpg.xmp` where it was sent so.

    `stem` is the picture's; another `number` than 1 is for a companion that was sent again.
    """
    ending = stored_name(f"_{sidecar_ending(sidecar.name)}")[1:]
    again = "" if number == 1 else f" ({number})"
    return fit(f"{stem}{again}", ending)


def _path_beside(sidecar: Sidecar, item: Item, number: int) -> PurePosixPath:
    return item.path.with_name(name_beside(sidecar, item.path.stem, number))

"""Companions of pictures (XMP, AAE, THM, SRT, Takeout's JSON): they follow their picture.

A companion whose picture has not come yet waits in staging, listed in `Upload`.
"""

import errno
import re
import secrets
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

from daydrop.capturedate.candidate import FROM_COMPANIONS, PARTNER, Candidate
from daydrop.capturedate.rule import Verdict
from daydrop.catalogue import alias_rows, item_rows, mark_rows, receipt_rows
from daydrop.catalogue import companion_rows as rows
from daydrop.catalogue.database import Connection, Database
from daydrop.clock import Clock
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement, unsaved_receipt
from daydrop.filing.moves import MOST_NUMBERS
from daydrop.filing.pairs import Part, part_of
from daydrop.limits.batches import Batches
from daydrop.locks.keyed import KeyedLocks
from daydrop.media.kinds import Kind, extension
from daydrop.media.names import (
    NAME_BYTES,
    fit,
    nfc,
    sidecar_ending,
    sidecar_picture,
    sidecar_target,
    stem_key,
    stored_name,
)
from daydrop.origin import is_owner_key
from daydrop.readers.workers import RETRY_SECONDS, Unreadable
from daydrop.receipts.receipts import etag
from daydrop.records.alias import State
from daydrop.records.companion import Sidecar
from daydrop.records.item import Item, ItemState
from daydrop.records.receipt import Outcome, Receipt
from daydrop.store.local import LocalStore, Staged

_PICTURES = (Part.STILL, Part.RAW, Part.FILM)
_FILMS = (Part.FILM, Part.STILL, Part.RAW)
_AGAIN = re.compile(r"\.[1-9][0-9]{0,4}$")  # of a companion that was sent again
_A_DAY = timedelta(days=1)
_DESCRIBES = {"xmp": (Part.RAW, Part.STILL, Part.FILM), "thm": _FILMS, "srt": _FILMS}


class SidecarReader(Protocol):
    """Who reads the dates of companions: the killable workers."""

    def read_sidecar(self, file: Path, name: str) -> tuple[Candidate, ...] | Unreadable:
        """The dates of a companion that was sent as `name`."""


class Sidecars:
    """Receives companions, and keeps them beside their pictures.

    `alias_life` is in seconds: for what came longer ago no other picture is looked for.
    """

    def __init__(
        self,
        *,
        store: LocalStore,
        database: Database,
        clock: Clock,
        batches: Batches,
        reader: SidecarReader,
        locks: KeyedLocks,
        alias_life: float,
    ) -> None:
        self._store, self._database, self._clock, self._batches = store, database, clock, batches
        self._reader, self._locks, self._alias_life = reader, locks, alias_life

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
        with self._locks.holding_told(lambda: self.stems_of(sidecar)):
            placed, receipt = self._kept(announcement, sidecar, replaces)
        if placed.staged != staged.name:
            self._store.discard(staged.name)
        return receipt

    def _kept(
        self, announcement: Announcement, sidecar: Sidecar, replaces: int | None
    ) -> tuple[Sidecar, Receipt]:
        """Keeps a companion whose stems are held, unless the same is here; tells of which is."""
        picture = self.picture_of(sidecar)
        while True:
            known = self._known(sidecar) or self._known_beside(picture, sidecar)
            placed = known or self._placed(sidecar, picture)
            with self._linked(placed if known is None else sidecar, sidecar.staged or ""):
                receipt = self._write(announcement, placed, replaces, is_new=known is None)
            if receipt is not None:
                return placed, receipt

    def stems_of(self, sidecar: Sidecar) -> set[str]:
        """What guards a companion: its own stem, and that of the picture it has or would get."""
        with self._database.reading() as connection:
            picture = item_rows.find(connection, sidecar.item_id) if sidecar.item_id else None
        picture = picture or self.picture_of(sidecar)
        return {sidecar.stem} if picture is None else {sidecar.stem, picture.stem}

    def _known(self, sidecar: Sidecar) -> Sidecar | None:
        """The same companion, if its picture has it already: bytes are stored once."""
        with self._database.reading() as connection:
            alike = rows.alike(connection, sidecar)
        picture = sidecar_picture(sidecar.name)
        return next(
            (each for each in alike if sidecar_picture(each.name) == picture and self.has(each)),
            None,
        )

    def _known_beside(self, picture: Item | None, sidecar: Sidecar) -> Sidecar | None:
        """The same companion beside its picture, whatever folder or batch it came from.

        Never another sender's: whose word counts hangs on who sent it.
        """
        if picture is None:
            return None
        with self._database.reading() as connection:
            same = rows.same_beside(connection, sidecar, picture.id)
        ending = sidecar_ending(sidecar.name).casefold()
        alike = (each for each in same if sidecar_ending(each.name).casefold() == ending)
        return next((each for each in alike if self.has(each)), None)

    def join(self, sidecar: Sidecar, picture: Item) -> bool:
        """Whether what waited is beside its picture already: then its names stand for that one."""
        known = self._known_beside(picture, sidecar)
        if known is None:
            return False

        def work(connection: Connection) -> None:
            alias_rows.stand_for_another(connection, sidecar.id, known.id)
            rows.remove(connection, sidecar.id)
            receipt_rows.retell_companion(connection, sidecar, known, self._clock.now())

        self._database.write(work, durable=True)
        if sidecar.staged is not None:
            self._store.discard(sidecar.staged)
        return True

    def has(self, sidecar: Sidecar) -> bool:
        """Whether the bytes of a companion are where its row says."""
        if sidecar.path is not None:
            return self._store.has(sidecar.path, sidecar.size)
        return sidecar.staged is not None and self._store.staged_path(sidecar.staged).exists()

    def _placed(self, sidecar: Sidecar, picture: Item | None) -> Sidecar:
        """Where a new companion is kept: beside its picture, or in staging until that comes."""
        if picture is not None:
            return self.link(sidecar, picture)
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
        """Raises Refused(BUSY) when nobody could read it."""
        read = self._reader.read_sidecar(file, name)
        if isinstance(read, Unreadable) and read.is_passing:
            raise Refused(Code.BUSY, wait=RETRY_SECONDS)
        return () if isinstance(read, Unreadable) else read

    def gather(
        self, item: Item, pair_scope: str, name: str, judged: Container[str] = ()
    ) -> set[str]:
        """A picture has come in this scope: what waited for it there, or had to do without, comes.

        Returns the items that are to be judged again, since they lost or gained a companion; those
        of the ids `judged` have dated the picture already.
        """
        with self._database.reading() as connection:
            of_stem = rows.of_stem(connection, pair_scope, stem_key(name))
        to_judge: set[str] = set()
        for sidecar in of_stem:
            if sidecar.item_id is not None:
                to_judge |= self._rehome(sidecar, item)
            elif speaks_of(sidecar.name, name):
                to_judge |= self._attach(sidecar, item, judged)
        return to_judge

    def _attach(self, sidecar: Sidecar, item: Item, judged: Container[str]) -> set[str]:
        if self.join(sidecar, item):
            return set()
        to_judge = set() if sidecar.id in judged else {item.id}
        placed = self.link(sidecar, item)
        with self._linked(placed, sidecar.staged or ""):
            is_wanted = self.change(placed, to_judge)
        if placed.path is not None and not is_wanted:  # its name was deleted meanwhile
            self._store.take_back(placed.path, sidecar.staged or "")
        if sidecar.staged is not None:
            self._store.discard(sidecar.staged)
        return to_judge if is_wanted else set()

    def _rehome(self, sidecar: Sidecar, item: Item) -> set[str]:
        """One that came lately may be of this one after all."""
        if sidecar.item_id is None or item.filed - sidecar.arrived > self._alias_life:
            return set()
        picture = self.picture_of(sidecar)
        if picture is None or picture.id == sidecar.item_id:
            return set()
        if not self.stems_of(sidecar) | {picture.stem} <= {sidecar.stem, item.stem}:
            return set()  # beside bytes of a third name, which others may be moving now
        to_judge = {sidecar.item_id, picture.id}
        self.change(replace(sidecar, item_id=picture.id), to_judge)
        self.follow(picture)
        return to_judge

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
            move = partial(self._is_moved, sidecar.path)
            if (path := first_free(sidecar, item, move)) != sidecar.path:
                self.change(replace(sidecar, path=path))

    def _is_moved(self, source: PurePosixPath, target: PurePosixPath) -> bool:
        return source == target or self._store.move(source, target)

    def _follow_row(self, sidecar: Sidecar, item: Item) -> None:
        """A kill came between a companion's move and its row."""
        target = _path_beside(sidecar, item, 1)
        with self._database.reading() as connection:
            is_known = rows.at(connection, target) is not None
        if not is_known and self._store.has(target, sidecar.size):
            self.change(replace(sidecar, path=target))

    # ---- inside -----------------------------------------------------------------------------

    def picture_of(self, sidecar: Sidecar) -> Item | None:
        """The picture of its scope and stem that a companion belongs to."""
        with self._database.reading() as connection:
            of_stem = item_rows.of_stem(connection, sidecar.pair_scope, sidecar.stem)
        if item_rows.is_full(of_stem):
            of_stem += self._older(sidecar)
        return self.choose(sidecar, of_stem)

    def _older(self, sidecar: Sidecar) -> list[Item]:
        """The picture that a companion has and those whose day it says, however many came since."""
        days = self._days_in(sidecar)
        with self._database.reading() as connection:
            older = item_rows.akin(connection, sidecar.pair_scope, sidecar.stem, days)
            its_own = item_rows.find(connection, sidecar.item_id) if sidecar.item_id else None
        if its_own is not None and its_own.state is ItemState.STORED:
            older.append(its_own)
        return older

    def choose(self, sidecar: Sidecar, of_stem: Iterable[Item]) -> Item | None:
        """The one that it names in full, then whose day it says, then what its kind describes.

        An `.xmp` describes the RAW file. Of two that fit as well it stays with the one it has,
        else it belongs to the one that came last.
        """
        found = [item for item in of_stem if speaks_of(sidecar.name, item.name)]
        if len(found) <= 1:
            return next(iter(found), None)
        named = sidecar_picture(sidecar.name)
        days = self._days_in(sidecar)
        described = _DESCRIBES.get(extension(sidecar.name), _PICTURES)

        def rank(item: Item) -> tuple[bool, int, int, bool, float]:
            part = part_of(item) or (Part.FILM if item.kind is Kind.VIDEO else Part.STILL)
            is_other = item.id != sidecar.item_id
            is_named = item.name.casefold() == named
            return not is_named, _says(days, item), described.index(part), is_other, -item.filed

        return min(found, key=rank)

    def _days_in(self, sidecar: Sidecar) -> set[date]:
        lies_at = self._store.path(sidecar.path) if sidecar.path is not None else None
        if lies_at is None and sidecar.staged is not None:
            lies_at = self._store.staged_path(sidecar.staged)
        dates = self._read(lies_at, sidecar.name) if lies_at is not None else ()
        return {each.wall.date() for each in dates if each.wall is not None}

    def link(self, sidecar: Sidecar, item: Item) -> Sidecar:
        """Puts a companion that lies in staging beside its picture; its row is not written yet."""
        if sidecar.staged is None:
            raise ValueError(f"{sidecar.name} has no bytes in staging")
        path = first_free(sidecar, item, partial(self._store.link, sidecar.staged))
        self._store.sync_folder(path.parent)
        return replace(sidecar, item_id=item.id, path=path, staged=None)

    def change(self, sidecar: Sidecar, to_judge: Iterable[str] = ()) -> bool:
        """Writes a companion's row; the receipt that spoke of it says where it lies now.

        `to_judge` are the items that a kill may leave with dates that are not theirs. False when
        there is no such row any more.
        """

        def work(connection: Connection) -> bool:
            before = rows.find(connection, sidecar.id)
            if before is None:
                return False
            rows.change(connection, sidecar)
            for item_id in to_judge:
                mark_rows.write(connection, mark_rows.JUDGING + item_id)
            if sidecar.path is not None and sidecar.item_id:
                receipt_rows.retell_companion(connection, before, sidecar, self._clock.now())
            return True

        return self._database.write(work, durable=True)

    def _write(
        self, announcement: Announcement, sidecar: Sidecar, replaces: int | None, *, is_new: bool
    ) -> Receipt | None:
        """None when one that is known went meanwhile with its last name."""
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

        def work(connection: Connection) -> tuple[Receipt | None, Sidecar | None]:
            if not is_new and rows.find(connection, sidecar.id) is None:
                return None, None  # before the guard, which may take the old name away
            announcement.guard(connection)
            replaced = self._replaced(connection, announcement, sidecar)
            batch_id = self._batches.batch_that_tells(
                connection, announcement.origin, announcement.batch_id
            )
            if is_new:
                rows.insert_sidecar(connection, replace(sidecar, batch_id=batch_id))
            if sidecar.item_id is not None:
                mark_rows.write(connection, mark_rows.JUDGING + sidecar.item_id)
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
            if replaced is not None and alias_rows.refers_to_companion(connection, replaced.id):
                replaced = None  # it still waits under another name
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
    return [sidecar for sidecar in of_stem if speaks_of(sidecar.name, name)]


def _says(days: set[date], item: Item) -> int:
    """How the days in a companion stand to what a picture says itself: 0 agrees, 2 contradicts.

    A day beside is no contradiction: one of the two may be told in UTC.
    """
    own = {
        judged.candidate.wall.date()
        for judged in item.judged
        if judged.candidate.wall is not None
        and judged.candidate.source not in FROM_COMPANIONS
        and judged.verdict is not Verdict.REJECTED
    }
    if item.source == PARTNER and item.day is not None:
        own.add(item.day)
    if not own or not days:
        return 1
    return 0 if any(abs(one - other) <= _A_DAY for one in own for other in days) else 2


def speaks_of(companion: str, picture: str) -> bool:
    """Whether a companion can be of a picture of its stem: `IMG_1.jpg.xmp` is of no `IMG_1.png`.

    Stems were compared before, by who knows all names under which the bytes came.
    """
    named = sidecar_picture(companion)
    return named is None or extension(named) == extension(picture)


def name_beside(sidecar: Sidecar, stem: str, number: int = 1) -> str:
    """`IMG_1 (2).xmp` beside `IMG_1 (2).jpg`, `IMG_1 (2).jpg.xmp` where it was sent so.

    `stem` is the picture's; another `number` than 1 is for a companion that was sent again: its
    name, `IMG_1.2.xmp`, is none that a companion of `IMG_1 (2).jpg` could need.
    """
    ending = stored_name(f"_{sidecar_ending(sidecar.name)}")[1:]
    again = "" if number == 1 else f".{number}"
    return fit(stem, f"{again}{ending}")


def lies_beside(companion: str, picture: str) -> bool:
    """Whether a file of the tree has the name of a companion of another one: see `name_beside`.

    Names of 255 bytes are cut, the companion's before the picture's.
    """
    if not speaks_of(companion, picture):
        return False
    target, stem = sidecar_target(companion), stem_key(picture)
    is_cut = len(companion.encode()) > NAME_BYTES - 4 and stem.startswith(target)
    return is_cut or stem in (target, _AGAIN.sub("", target))


def first_free(sidecar: Sidecar, item: Item, put: Callable[[PurePosixPath], bool]) -> PurePosixPath:
    """Puts a companion under the first name beside its picture that `put` does not find taken."""
    for number in range(1, MOST_NUMBERS):
        if put(path := _path_beside(sidecar, item, number)):
            return path
    raise RuntimeError(f"{item.path} has {MOST_NUMBERS} companions of one name")


def _path_beside(sidecar: Sidecar, item: Item, number: int) -> PurePosixPath:
    return item.path.with_name(name_beside(sidecar, item.path.stem, number))

"""Companions of photos (XMP, AAE, THM, SRT, Takeout's JSON): they follow their photo.

A companion whose photo has not come yet waits in staging, listed in `Upload`.
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
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement, unsaved_receipt
from daydrop.filing.moves import MOST_NUMBERS
from daydrop.filing.pairs import Part, part_of
from daydrop.foundation import Foundation
from daydrop.limits.batches import Batches
from daydrop.media.kinds import Kind, extension
from daydrop.media.names import (
    NAME_BYTES,
    companion_ending,
    companion_picture,
    companion_target,
    fit,
    nfc,
    stem_key,
    stored_name,
)
from daydrop.origin import is_owner_key
from daydrop.readers.workers import RETRY_SECONDS, Unreadable
from daydrop.records.alias import Alias
from daydrop.records.companion import Companion
from daydrop.records.item import Item, ItemState
from daydrop.records.receipt import Outcome, Receipt
from daydrop.records.scope import Scope
from daydrop.store.staging import Staged

_PICTURES = (Part.STILL, Part.RAW, Part.FILM)
_FILMS = (Part.FILM, Part.STILL, Part.RAW)
_AGAIN = re.compile(r"\.[1-9][0-9]{0,4}$")  # of a companion that was sent again
_A_DAY = timedelta(days=1)
_DESCRIBES = {"xmp": (Part.RAW, Part.STILL, Part.FILM), "thm": _FILMS, "srt": _FILMS}


class CompanionReader(Protocol):
    """Who reads the dates of companions: the killable workers."""

    def read_companion(self, file: Path, name: str) -> tuple[Candidate, ...] | Unreadable:
        """Return the dates of a companion that was sent as `name`."""


class Companions:
    """Receives companions, and keeps them beside their photos.

    `alias_life` is in seconds: for what came longer ago no other photo is looked for.
    """

    def __init__(
        self,
        *,
        foundation: Foundation,
        batches: Batches,
        reader: CompanionReader,
        alias_life: float,
    ) -> None:
        self._store, self._catalogue, self._clock, self._batches = (
            foundation.store,
            foundation.catalogue,
            foundation.clock,
            batches,
        )
        self._reader, self._locks, self._alias_life = reader, foundation.locks, alias_life

    def receive(
        self, announcement: Announcement, staged: Staged, sha256: str, replaces: int | None
    ) -> Receipt:
        """Keep a whole, flushed companion: beside its photo, or waiting for it."""
        companion = Companion(
            id=secrets.token_hex(12),
            item_id=None,
            pair_scope=announcement.pair_scope,
            stem=companion_target(announcement.name),
            name=nfc(announcement.name),
            origin=announcement.origin.key,
            batch_id=None,
            sha256=sha256,
            size=staged.size,
            path=None,
            staged=staged.name,
            arrived=self._clock.now(),
        )
        with self._locks.holding_told(lambda: self.stems_of(companion)):
            placed, receipt = self._kept(announcement, companion, replaces)
        if placed.staged != staged.name:
            self._store.staging.discard(staged.name)
        return receipt

    def _kept(
        self, announcement: Announcement, companion: Companion, replaces: int | None
    ) -> tuple[Companion, Receipt]:
        """Keep a companion whose stems are held, unless the same is here; tells of which is."""
        picture = self.picture_of(companion)
        while True:
            known = self._known(companion) or self._known_beside(picture, companion)
            placed = known or self._placed(companion, picture)
            with self._linked(placed if known is None else companion, companion.staged or ""):
                receipt = self._write(announcement, placed, replaces, is_new=known is None)
            if receipt is not None:
                return placed, receipt

    def stems_of(self, companion: Companion) -> set[str]:
        """Return the stems that guard a companion: its own, and that of its photo to be."""
        picture = self._catalogue.items.find(companion.item_id) if companion.item_id else None
        picture = picture or self.picture_of(companion)
        return {companion.stem} if picture is None else {companion.stem, picture.stem}

    def _known(self, companion: Companion) -> Companion | None:
        """Return the same companion, if its photo has it already: bytes are stored once."""
        alike = self._catalogue.companions.alike(companion)
        picture = companion_picture(companion.name)
        return next(
            (each for each in alike if companion_picture(each.name) == picture and self.has(each)),
            None,
        )

    def _known_beside(self, picture: Item | None, companion: Companion) -> Companion | None:
        """Return the same companion beside its photo, whatever folder or batch it came from.

        Never another sender's: whose word counts hangs on who sent it.
        """
        if picture is None:
            return None
        same = self._catalogue.companions.same_beside(companion, picture.id)
        ending = companion_ending(companion.name).casefold()
        alike = (each for each in same if companion_ending(each.name).casefold() == ending)
        return next((each for each in alike if self.has(each)), None)

    def join(self, companion: Companion, picture: Item) -> bool:
        """Return whether a waiting companion is stored beside its photo already."""
        known = self._known_beside(picture, companion)
        if known is None:
            return False

        def work(connection: Connection) -> None:
            alias_rows.stand_for_another(connection, companion.id, known.id)
            rows.remove(connection, companion.id)
            receipt_rows.retell_companion(connection, companion, known, self._clock.now())

        self._catalogue.write(work, durable=True)
        if companion.staged is not None:
            self._store.staging.discard(companion.staged)
        return True

    def has(self, companion: Companion) -> bool:
        """Return whether the bytes of a companion are where its row says."""
        if companion.path is not None:
            return self._store.tree.has(companion.path, companion.size)
        return companion.staged is not None and self._store.staging.path(companion.staged).exists()

    def _placed(self, companion: Companion, picture: Item | None) -> Companion:
        """Return a new companion as it is kept: beside its photo, or waiting in staging."""
        if picture is not None:
            return self.link(companion, picture)
        self._store.staging.sync()
        return companion

    def that_date(self, item: Item) -> list[Companion]:
        """Return the companions beside an item that may date it, the newest first.

        Not one whose sender did not send that photo: the bytes came from there as well, but who
        sent them first has filed them, and a stranger's word moves no photo.
        """
        companions = self._catalogue.companions.of_item(item.id)
        may_date = [
            each for each in companions if each.origin == item.origin or is_owner_key(each.origin)
        ]
        return sorted(may_date, key=lambda companion: -companion.arrived)

    def dates_in(self, companions: Iterable[Companion]) -> tuple[Candidate, ...]:
        """Return the dates in companions that lie beside their photo."""
        return tuple(
            date
            for each in companions
            if each.path is not None
            for date in self._read(self._store.tree.path(each.path), each.name)
        )

    def waiting_dates(self, pair_scope: Scope, name: str) -> dict[str, tuple[Candidate, ...]]:
        """Return the dates in the companions that wait for a photo of this name, by their id.

        The newest stands first.
        """
        with self._catalogue.reading() as connection:
            waiting = _waiting(connection, pair_scope, name)
        return {
            companion.id: self._read(self._store.staging.path(companion.staged), companion.name)
            for companion in sorted(waiting, key=lambda companion: -companion.arrived)
            if companion.staged is not None
        }

    def beside(self, members: Iterable[Item]) -> list[tuple[Item, Companion]]:
        """Return the companions that lie beside these items, or wait for them."""
        with self._catalogue.reading() as connection:
            return [
                (member, companion)
                for member in members
                for companion in (
                    *rows.of_item(connection, member.id),
                    *_waiting(connection, member.pair_scope, member.name),
                )
            ]

    def _read(self, file: Path, name: str) -> tuple[Candidate, ...]:
        """Raise Refused(BUSY) when nobody could read it."""
        read = self._reader.read_companion(file, name)
        if isinstance(read, Unreadable) and read.is_passing:
            raise Refused(Code.BUSY, wait=RETRY_SECONDS)
        return () if isinstance(read, Unreadable) else read

    def gather(
        self, item: Item, pair_scope: Scope, name: str, judged: Container[str] = ()
    ) -> set[str]:
        """Bring a photo that has come the companions that waited for it, or that had no better one.

        Returns the items that are to be judged again, since they lost or gained a companion; those
        of the ids `judged` have dated the photo already.
        """
        of_stem = self._catalogue.companions.of_stem(pair_scope, stem_key(name))
        to_judge: set[str] = set()
        for companion in of_stem:
            if companion.item_id is not None:
                to_judge |= self._rehome(companion, item)
            elif speaks_of(companion.name, name):
                to_judge |= self._attach(companion, item, judged)
        return to_judge

    def _attach(self, companion: Companion, item: Item, judged: Container[str]) -> set[str]:
        if self.join(companion, item):
            return set()
        to_judge = set() if companion.id in judged else {item.id}
        placed = self.link(companion, item)
        with self._linked(placed, companion.staged or ""):
            is_wanted = self.change(placed, to_judge)
        if placed.path is not None and not is_wanted:  # its name was deleted meanwhile
            self._store.take_back(placed.path, companion.staged or "")
        if companion.staged is not None:
            self._store.staging.discard(companion.staged)
        return to_judge if is_wanted else set()

    def _rehome(self, companion: Companion, item: Item) -> set[str]:
        """One that came lately may be of this one after all."""
        if companion.item_id is None or item.filed - companion.arrived > self._alias_life:
            return set()
        picture = self.picture_of(companion)
        if picture is None or picture.id == companion.item_id:
            return set()
        if not self.stems_of(companion) | {picture.stem} <= {companion.stem, item.stem}:
            return set()  # beside bytes of a third name, which others may be moving now
        to_judge = {companion.item_id, picture.id}
        self.change(replace(companion, item_id=picture.id), to_judge)
        self.follow(picture)
        return to_judge

    @contextmanager
    def _linked(self, placed: Companion, staged: str) -> Iterator[None]:
        """Write the row of a companion that was just linked; without one it goes back.

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
        """Move the companions of an item that has been moved after it."""
        companions = self._catalogue.companions.of_item(item.id)
        for companion in companions:
            if companion.path is None:
                continue
            if not self._store.tree.is_there(companion.path):
                self._follow_row(companion, item)
                continue
            move = partial(self._is_moved, companion.path)
            if (path := first_free(companion, item, move)) != companion.path:
                self.change(replace(companion, path=path))

    def _is_moved(self, source: PurePosixPath, target: PurePosixPath) -> bool:
        return source == target or self._store.tree.move(source, target)

    def _follow_row(self, companion: Companion, item: Item) -> None:
        """Record a move of a companion that a kill interrupted before its row."""
        target = _path_beside(companion, item, 1)
        is_known = self._catalogue.companions.at(target) is not None
        if not is_known and self._store.tree.has(target, companion.size):
            self.change(replace(companion, path=target))

    # ---- inside -----------------------------------------------------------------------------

    def picture_of(self, companion: Companion) -> Item | None:
        """Return the photo of its scope and stem that a companion belongs to."""
        of_stem = self._catalogue.items.of_stem(companion.pair_scope, companion.stem)
        if item_rows.is_full(of_stem):
            of_stem += self._older(companion)
        return self.choose(companion, of_stem)

    def _older(self, companion: Companion) -> list[Item]:
        """Return the photo that a companion has, and those whose day it says."""
        days = self._days_in(companion)
        with self._catalogue.reading() as connection:
            older = item_rows.akin(connection, companion.pair_scope, companion.stem, days)
            its_own = item_rows.find(connection, companion.item_id) if companion.item_id else None
        if its_own is not None and its_own.state is ItemState.STORED:
            older.append(its_own)
        return older

    def choose(self, companion: Companion, of_stem: Iterable[Item]) -> Item | None:
        """Choose the photo that it names in full, then whose day it says, then what its kind means.

        An `.xmp` describes the RAW file. Of two that fit as well it stays with the one it has,
        else it belongs to the one that came last.
        """
        found = [item for item in of_stem if speaks_of(companion.name, item.name)]
        if len(found) <= 1:
            return next(iter(found), None)
        named = companion_picture(companion.name)
        days = self._days_in(companion)
        described = _DESCRIBES.get(extension(companion.name), _PICTURES)

        def rank(item: Item) -> tuple[bool, int, int, bool, float]:
            part = part_of(item) or (Part.FILM if item.kind is Kind.VIDEO else Part.STILL)
            is_other = item.id != companion.item_id
            is_named = item.name.casefold() == named
            return not is_named, _says(days, item), described.index(part), is_other, -item.filed

        return min(found, key=rank)

    def _days_in(self, companion: Companion) -> set[date]:
        lies_at = self._store.tree.path(companion.path) if companion.path is not None else None
        if lies_at is None and companion.staged is not None:
            lies_at = self._store.staging.path(companion.staged)
        dates = self._read(lies_at, companion.name) if lies_at is not None else ()
        return {each.wall.date() for each in dates if each.wall is not None}

    def link(self, companion: Companion, item: Item) -> Companion:
        """Put a companion that lies in staging beside its photo; its row is not written yet."""
        if companion.staged is None:
            raise ValueError(f"{companion.name} has no bytes in staging")
        path = first_free(companion, item, partial(self._store.link, companion.staged))
        self._store.tree.sync_folder(path.parent)
        return replace(companion, item_id=item.id, path=path, staged=None)

    def change(self, companion: Companion, to_judge: Iterable[str] = ()) -> bool:
        """Write a companion's row; the receipt that spoke of it says where it lies now.

        `to_judge` are the items that a kill may leave with dates that are not theirs. False when
        there is no such row any more.
        """

        def work(connection: Connection) -> bool:
            before = rows.find(connection, companion.id)
            if before is None:
                return False
            rows.change(connection, companion)
            for item_id in to_judge:
                mark_rows.write(connection, mark_rows.JUDGING + item_id)
            if companion.path is not None and companion.item_id:
                receipt_rows.retell_companion(connection, before, companion, self._clock.now())
            return True

        return self._catalogue.write(work, durable=True)

    def _write(
        self,
        announcement: Announcement,
        companion: Companion,
        replaces: int | None,
        *,
        is_new: bool,
    ) -> Receipt | None:
        """None when one that is known went meanwhile with its last name."""
        now = self._clock.now()
        receipt = unsaved_receipt(
            announcement,
            Outcome.COMPANION,
            now,
            words_key="sidecar" if companion.path else "waiting",
            facts={"name": announcement.name, "place": str(companion.path or "")},
        ).of_bytes(companion.size, companion.sha256)
        told = replace(
            receipt,
            item_id=companion.item_id,
            place=str(companion.path) if companion.path else None,
        )

        def work(connection: Connection) -> tuple[Receipt | None, Companion | None]:
            if not is_new and rows.find(connection, companion.id) is None:
                return None, None  # before the guard, which may take the old name away
            announcement.guard(connection)
            replaced = self._replaced(connection, announcement, companion)
            batch_id = self._batches.batch_that_tells(
                connection, announcement.origin, announcement.batch_id
            )
            if is_new:
                rows.insert_companion(connection, replace(companion, batch_id=batch_id))
            if companion.item_id is not None:
                mark_rows.write(connection, mark_rows.JUDGING + companion.item_id)
            if announcement.alias is not None:
                if replaces is not None:
                    alias_rows.take_over(connection, replaces, announcement.alias)
                alias_rows.put(
                    connection,
                    Alias.companion(
                        announcement.origin.key,
                        announcement.alias,
                        companion,
                        announcement.modified or now,
                        now,
                    ),
                )
            if replaced is not None and alias_rows.refers_to_companion(connection, replaced.id):
                replaced = None  # it still waits under another name
            if replaced is not None:
                rows.remove(connection, replaced.id)
            written = receipt_rows.write(connection, replace(told, batch_id=batch_id))
            announcement.ending(connection, written)
            return written, replaced

        written, gone = self._catalogue.write(work, durable=True)
        if gone is not None and gone.staged is not None:
            self._store.staging.discard(gone.staged)
        return written

    def _replaced(
        self, connection: Connection, announcement: Announcement, companion: Companion
    ) -> Companion | None:
        """Return what waits under the same path and is replaced; nothing filed is overwritten."""
        if announcement.alias is None:
            return None
        before = alias_rows.find(connection, announcement.origin.key, announcement.alias)
        if before is None or before.companion_id in (None, companion.id):
            return None
        waited = rows.find(connection, before.companion_id or "")
        return waited if waited is not None and waited.item_id is None else None


def _waiting(connection: Connection, pair_scope: Scope, name: str) -> list[Companion]:
    """Return the companions that wait for a photo of this scope and name."""
    of_stem = rows.waiting(connection, pair_scope, stem_key(name))
    return [companion for companion in of_stem if speaks_of(companion.name, name)]


def _says(days: set[date], item: Item) -> int:
    """Rate how well the days in a companion agree with those in a photo: 0 agrees, 2 contradicts.

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
    """Return whether a companion can belong to a photo of its stem: `IMG_1.jpg.xmp` to no PNG.

    Stems were compared before, by who knows all names under which the bytes came.
    """
    named = companion_picture(companion)
    return named is None or extension(named) == extension(picture)


def name_beside(companion: Companion, stem: str, number: int = 1) -> str:
    """`IMG_1 (2).xmp` beside `IMG_1 (2).jpg`, `IMG_1 (2).jpg.xmp` where it was sent so.

    `stem` is the photo's; another `number` than 1 is for a companion that was sent again: its
    name, `IMG_1.2.xmp`, is none that a companion of `IMG_1 (2).jpg` could need.
    """
    ending = stored_name(f"_{companion_ending(companion.name)}")[1:]
    again = "" if number == 1 else f".{number}"
    return fit(stem, f"{again}{ending}")


def lies_beside(companion: str, picture: str) -> bool:
    """Return whether a file of the tree is named as a companion of another; see `name_beside`.

    Names of 255 bytes are cut, the companion's before the photo's.
    """
    if not speaks_of(companion, picture):
        return False
    target, stem = companion_target(companion), stem_key(picture)
    is_cut = len(companion.encode()) > NAME_BYTES - 4 and stem.startswith(target)
    return is_cut or stem in (target, _AGAIN.sub("", target))


def first_free(
    companion: Companion, item: Item, put: Callable[[PurePosixPath], bool]
) -> PurePosixPath:
    """Put a companion under the first name beside its photo that `put` does not find taken."""
    for number in range(1, MOST_NUMBERS):
        if put(path := _path_beside(companion, item, number)):
            return path
    raise RuntimeError(f"{item.path} has {MOST_NUMBERS} companions of one name")


def _path_beside(companion: Companion, item: Item, number: int) -> PurePosixPath:
    return item.path.with_name(name_beside(companion, item.path.stem, number))

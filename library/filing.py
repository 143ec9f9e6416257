"""Filing: a whole upload that lies in staging gets its date, its place and its rows.

The order is the promise (design section 2): what kind it is, read its metadata while the disk is
flushed, look the bytes up, choose date and place, link without replacing, flush the folder, one
transaction, and only then the answer.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

import structlog

from library import placement
from library.batch import Batches
from library.capturedate import names as dated_names
from library.capturedate.candidate import FROM_COMPANIONS, Candidate
from library.capturedate.metadata import Medium, Metadata
from library.catalogue import aliases as alias_rows
from library.catalogue import items as item_rows
from library.catalogue import receipts as receipt_rows
from library.catalogue import uploads as upload_rows
from library.catalogue.aliases import State
from library.catalogue.database import Connection, Database
from library.catalogue.items import Item, ItemState, Taken
from library.catalogue.moves import Move
from library.catalogue.receipts import Outcome, Receipt
from library.catalogue.sidecars import Sidecar
from library.catalogue.uploads import UploadState
from library.clock import Clock
from library.console import in_words
from library.errors import Code, Refused
from library.groups import Groups
from library.keyedlocks import KeyedLocks
from library.media import HEAD_BYTES, Kind, MediaType, sniff
from library.moves import Moves
from library.names import nfc, printable, stem_key
from library.pairs import FOLDER, OWNER
from library.receipts import etag, told_of
from library.sidecars import Sidecars
from library.store.local import LocalStore
from library.upload import Whole, unsaved_receipt
from library.workers import Unreadable

FOUND = "found:"  # how the scope of files begins that lay in the tree without a row
_TRIES = 3  # for the name of a group, when another process works on the same folder
_OTHER = MediaType(Kind.OTHER, "application/octet-stream", "file")


@dataclass(frozen=True)
class _Facts:
    """What is known of a file without reading it."""

    name: str
    sha256: str
    size: int
    origin: str
    pair_scope: str
    batch_id: str | None
    modified: float | None
    note: str


def _facts(whole: Whole) -> _Facts:
    announcement = whole.announcement
    return _Facts(
        name=nfc(announcement.name),
        sha256=whole.sha256,
        size=whole.staged.size,
        origin=announcement.origin.key,
        pair_scope=announcement.pair_scope,
        batch_id=whole.batch_id,
        modified=announcement.modified,
        note=announcement.upload_path.rpartition("/")[0],
    )


@dataclass(frozen=True)
class _Settled:
    """What an upload has become: its receipt, its item, and moves of partners that follow.

    `is_new` when its bytes were not here; `came_again` when they came in another folder or batch
    than before, so that other partners may wait for them there.
    """

    receipt: Receipt
    item: Item
    moves: tuple[Move, ...] = ()
    is_new: bool = False
    came_again: bool = False


class Reader(Protocol):
    """Who reads metadata: the killable workers, or a stand-in."""

    def read(self, file: Path, name: str, media: MediaType) -> Metadata | Unreadable:
        """What a file says of itself."""


class Filing:
    """Files whole uploads. `accept` holds the kinds that are taken."""

    def __init__(
        self,
        *,
        store: LocalStore,
        database: Database,
        clock: Clock,
        reader: Reader,
        moves: Moves,
        sidecars: Sidecars,
        locks: KeyedLocks,
        batches: Batches,
        groups: Groups,
        accept: frozenset[Kind],
        on_filed: Callable[[Item], None],
    ) -> None:
        self._store, self._database, self._clock = store, database, clock
        self._reader, self._moves, self._sidecars = reader, moves, sidecars
        self._batches, self._on_filed = batches, on_filed
        self._groups, self._accept = groups, accept
        self._locks = locks
        self._flushes = ThreadPoolExecutor(max_workers=64, thread_name_prefix="flush")

    def close(self) -> None:
        """Waits for flushes under way."""
        self._flushes.shutdown()

    def file(self, whole: Whole) -> Receipt:
        """Files an upload and answers with its receipt; raises Refused when it is no medium.

        The staging name is gone afterwards, unless it was refused.
        """
        replaced = self._staged_before(whole)
        media = self._media(whole)
        metadata = self._read_while_flushing(whole, media)
        facts = _facts(whole)
        beside = self._sidecars.waiting_dates(facts.pair_scope, facts.name)
        dates = tuple(candidate for found in beside.values() for candidate in found)
        draft = self._draft(facts, media, metadata, dates)
        with self._locks.holding(("pair", draft.stem)):
            with self._locks.holding(("bytes", draft.sha256)):
                settled = self._settle_known(whole, draft) or self._settle_new(whole, draft)
            attached = self._bring_together(settled, draft)
        judged = beside if settled.is_new else {}
        if any(companion.id not in judged for companion in attached):
            self._judge_late(settled.item)
        for name in {whole.staged.name, *replaced}:
            self._store.discard(name)
        may_have_moved = attached or settled.moves or settled.came_again
        return self._receipt_now(settled.receipt) if may_have_moved else settled.receipt

    def _bring_together(self, settled: "_Settled", draft: Item) -> list[Sidecar]:
        """What follows from an upload that is acknowledged already: no failure takes it back.

        Returns the companions that had waited for it.
        """
        try:
            done = [self._moves.carry_out_later(move) for move in settled.moves]
            if settled.came_again or not all(done):
                self._bring(settled.item, settled.item)
            attached = self._sidecars.attach(settled.item, draft.pair_scope, draft.name)
        except (OSError, Refused, Taken) as failure:
            structlog.get_logger().warning(
                "partners wait for the next start",
                path=str(settled.item.path),
                error=in_words(failure),
            )
            return []
        if settled.is_new:
            self._on_filed(settled.item)
        return attached

    def _judge_late(self, item: Item) -> None:
        """By the dates of companions that came meanwhile, or to bytes that were here."""
        try:
            self.judge_again(item.id)
        except (OSError, Refused, Taken) as failure:
            structlog.get_logger().warning(
                "dates of companions not joined", path=str(item.path), error=in_words(failure)
            )

    def _receipt_now(self, receipt: Receipt) -> Receipt:
        """The receipt as it stands: partners and companions may have moved what it speaks of."""
        with self._database.reading() as connection:
            return receipt_rows.find(connection, receipt.id) or receipt

    @contextmanager
    def holding(self, item: Item) -> Iterator[Item | None]:
        """Keeps everybody else from an item, its partners and its bytes; gives it as it is now."""
        with (
            self._locks.holding(("pair", item.stem)),
            self.holding_bytes(item.sha256),
        ):
            with self._database.reading() as connection:
                now = item_rows.find(connection, item.id)
            yield now

    @contextmanager
    def holding_bytes(self, sha256: str) -> Iterator[None]:
        """Keeps everybody else from saying whether some bytes are here."""
        with self._locks.holding(("bytes", sha256)):
            yield

    def _staged_before(self, whole: Whole) -> set[str]:
        """What the path had in staging: nobody asks for it once this upload stands there."""
        announcement = whole.announcement
        if announcement.alias is None:
            return set()
        with self._database.reading() as connection:
            before = alias_rows.find(connection, announcement.origin.key, announcement.alias)
        return {before.staged} if before and before.staged else set()

    def as_found(
        self,
        path: PurePosixPath,
        *,
        name: str,
        origin: str,
        sha256: str,
        trash_name: str | None = None,
    ) -> Item:
        """The item of a file that lies in the tree already, or in the trash; it stays where it is.

        Raises Refused when it is no medium that is taken here, OSError when it cannot be read.
        """
        file = self._store.path(path)
        if trash_name is not None:
            file = self._store.trashed_path(trash_name)
        with file.open("rb") as opened:
            media = self.media_of(opened.read(HEAD_BYTES))
        if media is None:
            raise Refused(Code.UNSUPPORTED_TYPE, "bytes", name=printable(name))
        read = None if media.kind is Kind.OTHER else self._reader.read(file, name, media)
        status = file.stat()
        facts = _Facts(
            name=nfc(name),
            sha256=sha256,
            size=status.st_size,
            origin=origin,
            pair_scope=f"{FOUND}{path.parent}",
            batch_id=None,
            modified=status.st_mtime,
            note="",
        )
        return replace(self._draft(facts, media, read), path=path)

    def judge_again(self, item_id: str) -> None:
        """A companion has come or gone: its item is dated, and placed, by those it has now.

        Their dates are read before anybody is kept waiting, and again if others came meanwhile.
        The newest companion speaks first: whoever sent it again corrected it.
        """
        is_done = False
        while not is_done:
            with self._database.reading() as connection:
                before = item_rows.find(connection, item_id)
            if before is None:
                return
            companions = self._sidecars.that_date(before)
            dates = self._sidecars.dates_in(companions)
            with self._locks.holding(("pair", before.stem)):
                is_done = self._judge(item_id, companions, dates)

    def _judge(self, item_id: str, companions: list[Sidecar], dates: tuple[Candidate, ...]) -> bool:
        """False when these are not the item's companions any more."""
        with self._database.reading() as connection:
            item = item_rows.find(connection, item_id)
        if item is None or item.state is not ItemState.STORED:
            return True
        if self._sidecars.that_date(item) != companions:
            return False
        self._sidecars.follow(item)  # it may have moved while its companion was being linked
        self._bring(item, self._dated_beside(item, dates))
        return True

    def _dated_beside(self, item: Item, dates: tuple[Candidate, ...]) -> Item:
        """The item as it is dated beside companions that say these dates."""
        known = [judged.candidate for judged in item.judged]
        found = [*dates, *(each for each in known if each.source not in FROM_COMPANIONS)]
        if item.source == OWNER or set(found) == set(known):
            return item
        return item.dated(self._groups.choose(found))

    def date_found(self, paths: Iterable[PurePosixPath]) -> None:
        """Dates what was found in the tree as it lies there; nothing is moved.

        First by its companions, then, since the tree is the truth, by its folder: it may have been
        filed by a date that its owner set, which nothing else remembers.
        """
        with self._database.reading() as connection:
            found = [item for path in paths if (item := item_rows.by_path(connection, path))]
        for item in found:
            dates = self._sidecars.dates_in(self._sidecars.that_date(item))
            self._change(item, self._dated_beside(item, dates))
        for item in found:
            with self._database.reading() as connection:
                now = item_rows.find(connection, item.id) or item
            day = self._groups.day_it_lies_under(now)
            if day is not None:
                self._change(now, now.under(day, FOLDER))

    def _change(self, old: Item, new: Item) -> None:
        if new != old:
            self._database.write(lambda connection: item_rows.change(connection, old, new))

    def rejoin(self, item: Item, scope: str) -> None:
        """A filed item stands in another folder of `Upload`: who waits there comes to it."""
        with self._locks.holding(("pair", item.stem)):
            with self._database.reading() as connection:
                now = item_rows.find(connection, item.id)
            if now is None or now.state is not ItemState.STORED:
                return
            try:
                attached = self._sidecars.attach(self._bring(now, now), scope, now.name)
            except (OSError, Refused, Taken) as failure:
                structlog.get_logger().warning(
                    "partners wait for the next start", path=str(now.path), error=in_words(failure)
                )
                return
        if attached:
            self._judge_late(now)

    def bring_to_place(self, old: Item, dated: Item) -> Item:
        """Gives a filed item another date, and with its partners the folder that belongs to it.

        Returns the item as it is afterwards; journalled, one member after the other.
        """
        with self._locks.holding(("pair", old.stem)):
            with self._database.reading() as connection:
                now = item_rows.find(connection, old.id)
            if now is None or now.state is not ItemState.STORED:
                return old
            return self._bring(now, _dated_like(now, dated))

    def _bring(self, old: Item, dated: Item) -> Item:
        """As `bring_to_place`, for who holds the lock of the stem and knows the item as it is."""
        number = 1
        for _ in range(_TRIES):
            group, partners = self._groups.in_library(dated)
            here = partners | {old.id: old}
            number = max(number, _number_of(old, self._groups.folder_of(group)))
            number, placed = self._groups.place(group, here, number)
            if all(here[item.id] == item for item in placed):
                break
            moves = self._database.write(
                partial(self._planned, before=here, placed=placed), durable=True
            )
            have_arrived = [self._moves.carry_out(move) for move in moves]
            if all(have_arrived):
                break
            number += 1  # another process has taken the name meanwhile
        with self._database.reading() as connection:
            return item_rows.find(connection, old.id) or old

    # ---- what it is -------------------------------------------------------------------------

    def media_of(self, head: bytes) -> MediaType | None:
        """What the first bytes are, if that is taken here; None for what is refused."""
        media = sniff(head)
        if media is not None and media.kind in self._accept:
            return media
        return _OTHER if Kind.OTHER in self._accept else None

    def _media(self, whole: Whole) -> MediaType:
        media = self.media_of(whole.head)
        if media is None:
            raise Refused(Code.UNSUPPORTED_TYPE, "bytes", name=printable(whole.announcement.name))
        return media

    def _read_while_flushing(self, whole: Whole, media: MediaType) -> Metadata | Unreadable | None:
        flushed = self._flushes.submit(whole.staged.sync)
        try:
            if media.kind is Kind.OTHER:
                return None
            read = self._reader.read(whole.staged.path, whole.announcement.name, media)
        finally:
            flushed.result()
        if isinstance(read, Metadata) and read.verdict is Medium.NO:
            if Kind.OTHER in self._accept:
                return None
            raise Refused(Code.UNSUPPORTED_TYPE, "bytes", name=printable(whole.announcement.name))
        return read

    def _draft(
        self,
        facts: _Facts,
        media: MediaType,
        read: Metadata | Unreadable | None,
        beside: tuple[Candidate, ...] = (),
    ) -> Item:
        """The item as it would be if it were alone; its path is still to be found.

        `beside` are the dates of companions that came before it.
        """
        known = read if isinstance(read, Metadata) else Metadata(Medium.UNKNOWN)
        kind = media.kind if read is not None else Kind.OTHER
        draft = Item(
            id=secrets.token_hex(12),
            state=ItemState.STORED,
            sha256=facts.sha256,
            size=facts.size,
            kind=kind,
            media_type=media.mime if read is not None else _OTHER.mime,
            path=PurePosixPath(),
            name=facts.name,
            stem=stem_key(facts.name),
            pair_scope=facts.pair_scope,
            pair=None,
            content_id=known.content_identifier,
            camera=known.camera,
            origin=facts.origin,
            batch_id=facts.batch_id,
            filed=self._clock.now(),
            taken="",
            offset_minutes=None,
            source=None,
            zone_source=None,
            day_only=False,
            candidates="[]",
            unreadable=read.reason.value if isinstance(read, Unreadable) else None,
            width=known.width,
            height=known.height,
            duration=known.duration_seconds,
            modified=facts.modified,
            note=facts.note,
        )
        named = dated_names.candidate(facts.name) if kind is not Kind.OTHER else None
        found = [*beside, *known.candidates, *([named] if named is not None else [])]
        return draft.dated(self._groups.choose(found))

    # ---- the same bytes again ---------------------------------------------------------------

    def _settle_known(self, whole: Whole, draft: Item) -> _Settled | None:
        """A success without a second copy when the bytes are here; None when they are not."""
        with self._database.reading() as connection:
            known = item_rows.by_sha256(connection, draft.sha256)
        if known is None:
            return None
        if not self._store.has(known.path, known.size):
            return self._settle_restored(whole, known)
        if draft.modified is not None:
            self._store.set_modified(known.path, draft.modified)
        if known.pair_scope.startswith(FOUND):
            return self._settle_claimed(whole, known, draft)

        def work(connection: Connection) -> _Settled:
            self._batches.release(connection, whole.reservation_id)
            came_again = item_rows.note_appearance(connection, known, draft.pair_scope, draft.stem)
            receipt = self._tell(connection, whole, known, Outcome.DUPLICATE)
            return _Settled(receipt, known, came_again=came_again)

        return self._database.write(work, durable=True)

    def _settle_claimed(self, whole: Whole, known: Item, draft: Item) -> _Settled:
        """A file that was found in the tree has a sender now, and with it partners.

        That is how an upload ends whose acknowledgement a crash prevented.
        """
        claimed = replace(draft, id=known.id, path=known.path, filed=known.filed)
        if known.source == OWNER:
            claimed = _dated_like(claimed, known)
        group, partners = self._groups.in_library(claimed)
        here = {**partners, known.id: known}
        _, placed = self._groups.place(group, here, 1)

        def work(connection: Connection) -> tuple[Receipt, tuple[Move, ...]]:
            self._batches.release(connection, whole.reservation_id)
            item_rows.change(connection, known, claimed)
            moves = self._planned(connection, {**partners, known.id: claimed}, placed)
            receipt = self._tell(connection, whole, _own(claimed, placed), Outcome.DUPLICATE)
            return receipt, moves

        receipt, moves = self._database.write(work, durable=True)
        return _Settled(receipt, _own(claimed, placed), moves, is_new=True)

    def _settle_restored(self, whole: Whole, known: Item) -> _Settled:
        """The bytes of an item whose file was taken away by hand: the item gets a file again."""
        number = 1
        while True:
            restored = known if number == 1 else self._numbered(known, number)
            if self._store.link(whole.staged.name, restored.path):
                break
            number += 1

        def work(connection: Connection) -> Receipt:
            item_rows.change(connection, known, restored)
            self._batches.spend(connection, whole.reservation_id, restored.size)
            return self._tell(connection, whole, restored, Outcome.FILED)

        try:
            self._store.sync_folder(restored.path.parent)
            return _Settled(self._database.write(work, durable=True), restored)
        except Exception:
            self._store.take_back(restored.path, whole.staged.name)
            raise

    def _numbered(self, item: Item, number: int) -> Item:
        return replace(item, path=item.path.with_name(placement.numbered(item.name, number)))

    # ---- new bytes --------------------------------------------------------------------------

    def _settle_new(self, whole: Whole, draft: Item) -> _Settled:
        """Links a file into its day folder under the first free number, and writes its rows."""
        group, partners = self._groups.in_library(draft)
        number = 1
        while True:
            number, placed = self._groups.place(group, partners, number)
            item = _own(draft, placed)
            if self._store.link(whole.staged.name, item.path):
                try:
                    return self._write_new(whole, item, partners, placed)
                except Taken:  # a name that differs in case only, or another process was faster
                    self._store.take_back(item.path, whole.staged.name)
                    if settled := self._settle_known(whole, draft):
                        return settled
                except Exception:  # a disk that failed, a catalogue that is full: never visible
                    self._store.take_back(item.path, whole.staged.name)
                    raise
            number += 1

    def _write_new(
        self, whole: Whole, item: Item, partners: Mapping[str, Item], placed: list[Item]
    ) -> _Settled:
        self._store.sync_folder(item.path.parent)

        def work(connection: Connection) -> _Settled:
            item_rows.insert_item(connection, item)
            self._batches.spend(connection, whole.reservation_id, item.size)
            moves = self._planned(connection, partners, placed)
            receipt = self._tell(connection, whole, item, Outcome.FILED)
            return _Settled(receipt, item, moves, is_new=True)

        return self._database.write(work, durable=True)

    def _planned(
        self, connection: Connection, before: Mapping[str, Item], placed: list[Item]
    ) -> tuple[Move, ...]:
        """The moves that bring those who were here before to the place of their group."""
        changed = [item for item in placed if before.get(item.id, item) != item]
        moves = [self._moves.plan(connection, before[item.id], item) for item in changed]
        return tuple(move for move in moves if move is not None)

    # ---- rows -------------------------------------------------------------------------------

    def _tell(self, connection: Connection, whole: Whole, item: Item, outcome: Outcome) -> Receipt:
        """Alias, receipt, the end of a resumable upload: in the transaction that acknowledges."""
        announcement = whole.announcement
        announcement.guard(connection)
        if announcement.alias is not None:
            if whole.replaces is not None:
                alias_rows.take_over(connection, whole.replaces, announcement.alias)
            alias_rows.settle(
                connection,
                origin=announcement.origin.key,
                path=announcement.alias,
                state=State.FILED,
                size=item.size,
                modified=announcement.modified or self._clock.now(),
                etag=etag(item.sha256),
                now=self._clock.now(),
                sha256=item.sha256,
                item_id=item.id,
            )
        receipt = _receipt(whole, item, outcome, self._clock.now())
        told = receipt_rows.write(connection, receipt)
        is_known = outcome is Outcome.DUPLICATE
        state = UploadState.DUPLICATE if is_known else UploadState.FILED
        upload_rows.settle_held(connection, whole.reservation_id, state, told.id)
        return told


def _dated_like(item: Item, other: Item) -> Item:
    """The item under the date of another one."""
    return replace(
        item,
        taken=other.taken,
        offset_minutes=other.offset_minutes,
        source=other.source,
        zone_source=other.zone_source,
        day_only=other.day_only,
        candidates=other.candidates,
    )


def _number_of(item: Item, folder: PurePosixPath) -> int:
    """The number an item has in this folder already: it keeps it as long as it can."""
    found = re.search(r" \(([1-9][0-9]{0,4})\)$", item.path.stem)
    number = int(found[1]) if found and item.path.parent == folder else 1
    return number if placement.numbered(item.name, number) == item.path.name else 1


def _own(item: Item, placed: list[Item]) -> Item:
    """An item among the members of its group."""
    return next(member for member in placed if member.id == item.id)


def _receipt(whole: Whole, item: Item, outcome: Outcome, now: float) -> Receipt:
    sent = unsaved_receipt(
        whole.announcement,
        outcome,
        now,
        words_key="",
        facts={"name": printable(whole.announcement.name)},
    )
    told = replace(sent.of_bytes(item.size, item.sha256), batch_id=whole.batch_id)
    return told_of(told, item)

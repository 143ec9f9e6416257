"""Filing: a whole upload that lies in staging gets its date, its place and its rows.

The order is the promise: what kind it is, read its metadata while the disk is
flushed, look the bytes up, choose date and place, link without replacing, flush the folder, one
transaction, and only then the answer.
"""

import itertools
import secrets
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import structlog

from daydrop.capturedate import names as dated_names
from daydrop.capturedate.candidate import FOLDER, OWNER, Candidate
from daydrop.capturedate.metadata import Medium, Metadata
from daydrop.catalogue import (
    item_rows,
)
from daydrop.catalogue.database import Connection
from daydrop.console import in_words
from daydrop.errors import Code, Refused
from daydrop.filing import placement
from daydrop.filing.acknowledgement import Acknowledgement, Held
from daydrop.filing.announcement import Announcement, Whole
from daydrop.filing.companions import Companions
from daydrop.filing.dating import Dating
from daydrop.filing.groups import Groups
from daydrop.filing.moves import Moves
from daydrop.filing.pairs import is_sender_of
from daydrop.foundation import Foundation
from daydrop.media.kinds import HEAD_BYTES, Kind, MediaType, sniff
from daydrop.media.names import nfc, printable, stem_key
from daydrop.origin import LOCAL
from daydrop.readers.workers import RETRY_SECONDS, Unreadable
from daydrop.records.item import Item, ItemState, Taken, case_key
from daydrop.records.move import Move
from daydrop.records.receipt import Receipt
from daydrop.records.scope import Scope
from daydrop.store.staging import Staged

_OTHER = MediaType(Kind.OTHER, "application/octet-stream", "file")


@dataclass(frozen=True)
class _Facts:
    """What is known of a file without reading it."""

    name: str
    sha256: str
    size: int
    origin: str
    pair_scope: Scope
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
        """Return what a file says of itself."""


class Filing:
    """Files whole uploads. `accept` holds the kinds that are taken."""

    def __init__(
        self,
        *,
        foundation: Foundation,
        reader: Reader,
        moves: Moves,
        companions: Companions,
        acknowledgement: Acknowledgement,
        groups: Groups,
        dating: Dating,
        accept: frozenset[Kind],
        on_filed: Callable[[Item], None],
    ) -> None:
        self._store, self._catalogue, self._clock = (
            foundation.store,
            foundation.catalogue,
            foundation.clock,
        )
        self._reader, self._moves, self._companions = reader, moves, companions
        self._acknowledgement, self._on_filed = acknowledgement, on_filed
        self._groups, self._dating, self._accept = groups, dating, accept
        self._locks = foundation.locks
        self._flushes = ThreadPoolExecutor(max_workers=64, thread_name_prefix="flush")

    def close(self) -> None:
        """Wait for flushes under way."""
        self._flushes.shutdown()

    def file(self, whole: Whole) -> Receipt:
        """File an upload and answers with its receipt; raises Refused when it is no medium.

        The staging name is gone afterwards, unless it was refused.
        """
        replaced = self._staged_before(whole)
        media = self._media(whole)
        metadata = self._read_while_flushing(whole, media)
        facts = _facts(whole)
        beside = self._companions.waiting_dates(facts.pair_scope, facts.name)
        dates = tuple(candidate for found in beside.values() for candidate in found)
        draft = self._draft(facts, media, metadata, dates)
        settled, to_judge = self._settle(whole, draft, beside)
        for item_id in to_judge:
            self._dating.judge_late(item_id)
        for name in {whole.staged.name, *replaced}:
            self._store.staging.discard(name)
        may_have_moved = to_judge or settled.moves or settled.came_again
        return self._receipt_now(settled.receipt) if may_have_moved else settled.receipt

    def file_companion(
        self,
        announcement: Announcement,
        staged: Staged,
        sha256: str,
        replaces: int | None = None,
    ) -> Receipt:
        """Keep a companion beside its item, or waiting for it; its dates may move the item."""
        receipt = self._companions.receive(announcement, staged, sha256, replaces)
        if receipt.item_id is not None:
            self._dating.judge_late(receipt.item_id)
        return receipt

    def _settle(
        self, whole: Whole, draft: Item, beside: Container[str]
    ) -> tuple[_Settled, set[str]]:
        """Write the upload's rows; return also the items that are to be judged again.

        The companions `beside` have dated the draft. All stems are held under which it is known.
        """
        stems = {draft.stem}
        while True:
            with self._locks.holding_stems(stems):
                if settled := self._settle_within(stems, whole, draft):
                    judged = beside if settled.is_new else ()
                    return settled, self._bring_together(settled, draft, judged)

    def _settle_within(self, stems: set[str], whole: Whole, draft: Item) -> _Settled | None:
        """None when the bytes are here under a stem that is not among `stems`; then it is.

        None also when they were on the way to another place; then they have arrived.
        """
        with self.holding_bytes(draft.sha256):
            known = self._of_bytes(draft.sha256)
            if known is None:
                return self._settle_new(whole, draft)
            if known.stem not in stems:
                stems.add(known.stem)
                return None
            if not self._is_under_way(known):
                return self._settle_known(whole, known, draft)
        self._moves.finish({known.id})  # of another process that a kill ended
        return None

    def _is_under_way(self, item: Item) -> bool:
        if self._store.tree.has(item.path, item.size):
            return False
        target = self._catalogue.moves.target_of(item.id)
        return target is not None and self._store.tree.has(target, item.size)

    def _of_bytes(self, sha256: str) -> Item | None:
        return self._catalogue.items.by_sha256(sha256)

    def _bring_together(self, settled: _Settled, draft: Item, judged: Container[str]) -> set[str]:
        """Do what follows from an upload that is acknowledged already: no failure takes it back.

        Returns the items to judge again; the companions `judged` have dated the upload already.
        """
        item = settled.item
        try:
            done = [self._moves.carry_out_later(move) for move in settled.moves]
            if settled.came_again or not all(done):
                self._dating.bring(item, item)
            to_judge = self._companions.gather(item, draft.pair_scope, draft.name, judged)
        except (OSError, Refused, Taken) as failure:
            structlog.get_logger().warning(
                "partners wait for the next start", path=str(item.path), error=in_words(failure)
            )
            return set()
        if settled.is_new:
            self._on_filed(item)
        return to_judge

    def _receipt_now(self, receipt: Receipt) -> Receipt:
        """Return the receipt as it stands: files of the same shot may have moved its item."""
        return self._catalogue.receipts.find(receipt.id) or receipt

    @contextmanager
    def holding(self, item: Item) -> Iterator[Item | None]:
        """Keep everybody else from an item, its partners and its bytes; gives it as it is now."""
        with self._dating.holding(item) as now, self.holding_bytes(item.sha256):
            yield now

    @contextmanager
    def holding_bytes(self, sha256: str) -> Iterator[None]:
        """Keep everybody else from saying whether some bytes are here."""
        with self._locks.holding(("bytes", sha256)):
            yield

    def _staged_before(self, whole: Whole) -> set[str]:
        """Return what the path had in staging: nobody asks for it once this upload stands there."""
        announcement = whole.announcement
        if announcement.alias is None:
            return set()
        before = self._catalogue.aliases.find(announcement.origin.key, announcement.alias)
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
        """Return an item for a file that lies in the tree or the trash already, and stays there.

        Raises Refused when it is no medium that is taken here, OSError when it cannot be read.
        """
        file = self._store.tree.path(path)
        if trash_name is not None:
            file = self._store.trash.path(trash_name)
        with file.open("rb") if trash_name is not None else self._store.tree.open(path) as opened:
            media = self.media_of(opened.read(HEAD_BYTES))
        if media is None:
            raise Refused(Code.UNSUPPORTED_TYPE, "bytes", name=printable(name))
        read = None if media.kind is Kind.OTHER else self._read(file, name, media)
        status = file.stat()
        facts = _Facts(
            name=nfc(name),
            sha256=sha256,
            size=status.st_size,
            origin=origin,
            pair_scope=Scope.found(path.parent),
            batch_id=None,
            modified=status.st_mtime,
            note="",
        )
        return replace(self._draft(facts, media, read), path=path)

    # ---- what it is -------------------------------------------------------------------------

    def media_of(self, head: bytes) -> MediaType | None:
        """Return what the first bytes are, if that is taken here; None for what is refused."""
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
            read = self._read(whole.staged.path, whole.announcement.name, media)
        finally:
            flushed.result()
        if isinstance(read, Metadata) and read.verdict is Medium.NO:
            if Kind.OTHER in self._accept:
                return None
            raise Refused(Code.UNSUPPORTED_TYPE, "bytes", name=printable(whole.announcement.name))
        return read

    def _read(self, file: Path, name: str, media: MediaType) -> Metadata | Unreadable:
        """Raise Refused(BUSY) when nobody could read it: a day would be lost that it knows."""
        read = self._reader.read(file, name, media)
        if isinstance(read, Unreadable) and read.is_passing:
            raise Refused(Code.BUSY, wait=RETRY_SECONDS)
        return read

    def _draft(
        self,
        facts: _Facts,
        media: MediaType,
        read: Metadata | Unreadable | None,
        beside: tuple[Candidate, ...] = (),
    ) -> Item:
        """Return the item as it would be if it were alone; its path is still to be found.

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

    def _settle_known(self, whole: Whole, known: Item, draft: Item) -> _Settled:
        """Return a success without a second copy: the bytes are here."""
        if not self._store.tree.has(known.path, known.size):
            return self._settle_restored(whole, known)
        if draft.modified is not None:
            self._store.tree.set_modified(known.path, draft.modified)
        if known.pair_scope.is_found and _may_claim(draft, known):
            return self._settle_claimed(whole, known, draft)

        acknowledged = self._catalogue.write(
            lambda connection: self._acknowledgement.known(connection, _held(whole), known),
            durable=True,
        )
        return _Settled(acknowledged.receipt, known, came_again=acknowledged.came_again)

    def _settle_claimed(self, whole: Whole, known: Item, draft: Item) -> _Settled:
        """Return a file that was found in the tree has a sender now, and with it partners.

        That is how an upload ends whose acknowledgement a crash prevented.
        """
        claimed = replace(draft, id=known.id, path=known.path, filed=known.filed)
        if beside := self._companions.dates_in(self._companions.that_date(known)):
            own = (judged.candidate for judged in draft.judged)
            claimed = claimed.dated(self._groups.choose([*beside, *own]))
        arrangement = self._groups.arranged(claimed)
        lies_elsewhere = self._groups.folder_of(arrangement.mine) != known.path.parent
        if known.source == OWNER or (known.source == FOLDER and lies_elsewhere):
            claimed = claimed.dated_like(known)
            arrangement = self._groups.arranged(claimed)
        _, placed = self._groups.place(arrangement, {**arrangement.others, known.id: known})

        def work(connection: Connection) -> tuple[Receipt, tuple[Move, ...]]:
            item_rows.change(connection, known, claimed)
            before = {**arrangement.others, known.id: claimed}
            moves = self._dating.planned(connection, before, placed)
            own = _own(claimed, placed)
            receipt = self._acknowledgement.claimed(connection, _held(whole), own)
            return receipt, moves

        receipt, moves = self._catalogue.write(work, durable=True)
        return _Settled(receipt, _own(claimed, placed), moves, is_new=True)

    def _settle_restored(self, whole: Whole, known: Item) -> _Settled:
        """Give an item a file again whose own was removed by hand."""
        number = 1
        while True:
            restored = known if number == 1 else self._numbered(known, number)
            if self._store.link(whole.staged.name, restored.path):
                break
            number += 1

        def work(connection: Connection) -> Receipt:
            item_rows.change(connection, known, restored)
            held = self._acknowledgement.credited(connection, _held(whole))
            return self._acknowledgement.stored(connection, held, restored)

        try:
            self._store.tree.sync_folder(restored.path.parent)
            return _Settled(self._catalogue.write(work, durable=True), restored)
        except Exception:
            self._store.take_back(restored.path, whole.staged.name)
            raise

    def _numbered(self, item: Item, number: int) -> Item:
        return replace(item, path=item.path.with_name(placement.numbered(item.name, number)))

    # ---- new bytes --------------------------------------------------------------------------

    def _settle_new(self, whole: Whole, draft: Item) -> _Settled:
        """Link a file into its day folder under the first free number, and writes its rows."""
        arrangement = self._groups.arranged(draft)
        here = arrangement.others
        left = self._left_behind(draft, self._groups.folder_of(arrangement.mine))
        if left is not None:
            here = {**here, draft.id: replace(draft, path=left)}
        number = 1
        while True:
            number, placed = self._groups.place(arrangement, here, number)
            item = _own(draft, placed)
            if self._put(whole, left, item.path):
                try:
                    return self._write_new(whole, item, arrangement.others, placed)
                except Taken:  # a name that differs in case only; the row decides of bytes too
                    left = self._withdrawn(whole, left, item.path)
                    if known := self._of_bytes(draft.sha256):
                        return self._settle_known(whole, known, draft)
                except Exception:  # a disk that failed, a catalogue that is full: never visible
                    self._withdrawn(whole, left, item.path)
                    raise
            number += 1

    def _put(self, whole: Whole, left: PurePosixPath | None, path: PurePosixPath) -> bool:
        """Bring the bytes into the tree; False when the name is taken."""
        if left is None:
            return self._store.link(whole.staged.name, path)
        return left == path or self._store.tree.move(left, path)

    def _withdrawn(
        self, whole: Whole, left: PurePosixPath | None, path: PurePosixPath
    ) -> PurePosixPath | None:
        """Undo `_put`; what was left behind stays in the tree, where this gives."""
        if left is not None:
            return path
        self._store.take_back(path, whole.staged.name)
        return None

    def _left_behind(self, draft: Item, folder: PurePosixPath) -> PurePosixPath | None:
        """Return the path of the same bytes, if a process linked them and died before their row.

        A start adopts such files; a sender who tries again beside a running server comes first.
        """
        with self._catalogue.reading() as connection:
            begins = PurePosixPath(placement.numbered(draft.name, 1)).stem
            known = item_rows.names_beginning(connection, folder, begins)
        for number in itertools.count(1):
            path = folder / placement.numbered(draft.name, number)
            if case_key(path) in known:
                continue
            if not self._store.tree.is_there(path):
                return None
            if self._store.tree.has(path, draft.size) and self._is_unknown(path, draft.sha256):
                self._store.tree.sync_file(path)
                return path
        return None

    def _is_unknown(self, path: PurePosixPath, sha256: str) -> bool:
        """Return whether these bytes lie there, and no row speaks of them."""
        is_companion = self._catalogue.companions.at(path) is not None
        try:
            return not is_companion and self._store.tree.sha256(path) == sha256
        except OSError:  # it cannot be read: a stranger that keeps its name
            return False

    def _write_new(
        self, whole: Whole, item: Item, here: Mapping[str, Item], placed: list[Item]
    ) -> _Settled:
        self._store.tree.sync_folder(item.path.parent)

        def work(connection: Connection) -> _Settled:
            held = self._acknowledgement.credited(connection, _held(whole))
            new = replace(item, batch_id=held.batch_id)
            item_rows.insert_item(connection, new)
            moves = self._dating.planned(connection, here, placed)
            receipt = self._acknowledgement.stored(connection, held, new)
            return _Settled(receipt, new, moves, is_new=True)

        return self._catalogue.write(work, durable=True)


def _may_claim(sent: Item, found: Item) -> bool:
    """Return whether who sends the bytes of a found file is its sender, as far as the log tells."""
    return found.origin == LOCAL or is_sender_of(sent, found)


def _own(item: Item, placed: list[Item]) -> Item:
    """Return an item among the members of its group."""
    return next(member for member in placed if member.id == item.id)


def _held(whole: Whole) -> Held:
    return Held(whole.announcement, whole.batch_id, whole.reservation_id, whole.replaces)

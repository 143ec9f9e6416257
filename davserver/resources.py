"""What stands at an address: `Upload` and its aliases, the dated tree, the receipts.

Thin over the library: each class says what WsgiDAV asks for, and what a listing tells (`entry`,
`below`). Nothing is decided here that concerns an upload.
"""

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from wsgidav.dav_provider import DAVCollection, DAVNonCollection
from wsgidav.xml_tools import etree  # type: ignore[attr-defined]  # lxml, or the standard one

from davserver import put, shelves
from davserver.errors import Refusal, refusal
from davserver.locks import Locks, lockdiscovery, ref_url
from davserver.properties import apply, plan
from davserver.propfind import FINITE_MOST as FINITE
from davserver.propfind import Entry, Wanted, too_deep
from library.aliases import Alias, Aliases, Content, Gone, Member, State
from library.catalogue.batches import Batch
from library.catalogue.locks import INFINITY, Lock
from library.errors import Code, Refused
from library.library import Library
from library.origin import Origin
from library.placement import TREES
from library.store.local import Entry as Stored

UPLOAD, RECEIPTS = "Upload", "Receipts"
UNTOLD = "application/octet-stream"
RECEIPTS_LISTED = 1000


def origin_of(environ: dict[str, Any]) -> Origin:
    """Who asks, as the gate before both faces has found."""
    origin: Origin = environ["daydrop.origin"]
    return origin


def guard_tokens(environ: dict[str, Any]) -> tuple[str, ...]:
    """The lock tokens that were submitted with the request."""
    return tuple(environ.get("wsgidav.ifLockTokenList", ()))


class Folder(DAVCollection):
    """A collection."""

    def __init__(self, path: str, environ: dict[str, Any], library: Library) -> None:
        super().__init__(path, environ)
        self.library = library
        self.origin = origin_of(environ)

    def entry(self, wanted: Wanted) -> Entry:
        """What a listing tells of the folder itself."""
        return Entry(self.path, self.name, is_folder=True, quota=self._quota(wanted))

    def _quota(self, wanted: Wanted) -> tuple[int, int] | None:
        """Room for one batch at most; never what is left of a batch: that may be nothing (§4)."""
        if not wanted.wants_quota:
            return None
        available = self.library.room.available()
        most = self.library.batches.limits(self.origin).bytes
        return min(available, most), self.library.store.free().used

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """What a listing tells of what lies in it; with `deep`, of all below."""
        raise NotImplementedError

    def get_ref_url(self) -> str:
        """Locks belong to origin and path."""
        return ref_url(self.origin.key, self.path)

    def prevent_locking(self) -> bool:
        """Only what can be written can be locked."""
        return True

    def get_member_names(self) -> list[str]:
        """Nobody asks: listings are written by `below`."""
        raise NotImplementedError

    def create_empty_resource(self, name: str) -> "AliasFile":
        """Nothing is made outside `Upload`."""
        raise _not_here(name)

    def create_collection(self, name: str) -> None:
        """Nothing is made outside `Upload`."""
        raise _not_here(name)


def _not_here(name: str) -> Refusal:
    return refusal(Refused(Code.UNSUPPORTED_TYPE, "folder", name=name))


class File(DAVNonCollection):
    """A resource with content. WsgiDAV reads and writes none of them by itself but in PUT."""

    def __init__(self, path: str, environ: dict[str, Any], library: Library) -> None:
        super().__init__(path, environ)
        self.library = library
        self.origin = origin_of(environ)

    def entry(self, wanted: Wanted) -> Entry:
        """What a listing tells of it."""
        raise NotImplementedError

    def open(self) -> Content:
        """Its bytes; raises Gone."""
        raise NotImplementedError

    def get_ref_url(self) -> str:
        """Locks belong to origin and path."""
        return ref_url(self.origin.key, self.path)

    def prevent_locking(self) -> bool:
        """Only what can be written can be locked."""
        return True

    def get_content_length(self) -> int | None:
        """Nobody asks: listings are written by `entry`."""
        return None

    def get_content(self) -> None:
        """Nobody asks: files are sent by the file server."""
        raise NotImplementedError

    def get_etag(self) -> str | None:
        """The entity tag, without quotes."""
        return None

    def support_etag(self) -> bool:
        """Every file has one."""
        return True

    def begin_write(self, *, content_type: str | None = None) -> put.Sink:  # noqa: ARG002
        """Nothing is written outside `Upload`."""
        raise _not_here(self.name)


# ---- the root -------------------------------------------------------------------------------


class Root(Folder):
    """`/`: what a drive shows first."""

    def entry(self, wanted: Wanted) -> Entry:
        """The drive itself."""
        return Entry("/", "Daydrop", is_folder=True, quota=self._quota(wanted))

    def members(self) -> list[Folder]:
        """The folders of the drive."""
        takes_others = "others" in self.library.settings.limits.accept
        trees = TREES if takes_others else TREES[:3]
        make = (self.environ, self.library)
        return [
            UploadFolder(f"/{UPLOAD}", *make, None),
            *(TreeFolder(f"/{tree}", *make, PurePosixPath(tree)) for tree in trees),
            ReceiptsFolder(f"/{RECEIPTS}", *make),
        ]

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """The folders of the drive, and with `deep` all there is."""
        for member in self.members():
            yield member.entry(wanted)
            if deep:
                yield from member.below(wanted, deep=True)


# ---- Upload ---------------------------------------------------------------------------------


class Listed:
    """Turns aliases into entries; looks up once per folder what was asked for."""

    def __init__(self, library: Library, locks: Locks, origin: Origin, wanted: Wanted) -> None:
        self._aliases: Aliases = library.aliases
        self._locks, self._origin, self._wanted = locks, origin, wanted

    def one(self, member: Member) -> Entry:
        """The entry of a single alias."""
        alias = member.alias
        notes = self._aliases.properties(alias) if self._wanted.wants_notes else ()
        held = self._told(self._locks.covering(self._origin.key, alias.path), alias.path)
        return entry_of(member)._replace(
            notes=notes, locks=held if self._wanted.wants_locks else ()
        )

    def folder(self, path: str, *, deep: bool) -> Iterator[Entry]:
        """The entries of what a folder lists."""
        notes = (
            self._aliases.properties_of_members(self._origin, path)
            if self._wanted.wants_notes
            else {}
        )
        locks = self._locks.of_folder(self._origin.key, path) if self._wanted.wants_locks else []
        for member in self._aliases.members(self._origin, path):
            entry = entry_of(member)
            if notes or locks:
                entry = entry._replace(
                    notes=notes.get(member.alias.id, ()),
                    locks=self._told(locks, member.alias.path),
                )
            yield entry
            if deep and entry.is_folder:
                yield from self.folder(member.alias.path, deep=True)

    def _told(self, locks: list[Lock], path: str) -> list[tuple[Lock, int]]:
        return [
            (lock, self._locks.remaining(lock))
            for lock in locks
            if lock.path == path
            or (lock.depth == INFINITY and f"{path}/".startswith(lock.path and f"{lock.path}/"))
        ]


def entry_of(member: Member) -> Entry:
    """What a listing tells of an alias, notes and locks left out."""
    alias = member.alias
    is_folder = alias.state is State.COLLECTION
    return Entry(
        path=f"/{UPLOAD}/{alias.path}",
        name=alias.name,
        is_folder=is_folder,
        size=alias.size,
        modified=alias.modified,
        created=alias.created,
        etag=alias.etag,
        media_type="" if is_folder else member.media_type or UNTOLD,
        is_lockable=True,
    )


def _locks_of(environ: dict[str, Any]) -> Locks:
    locks: Locks = environ["wsgidav.provider"].lock_manager
    return locks


def _discovery(environ: dict[str, Any], origin: Origin, path: str, name: str) -> Any:
    """`DAV:lockdiscovery` as an element, for WsgiDAV's reply to LOCK."""
    if name != "{DAV:}lockdiscovery":
        raise Refusal(404)
    locks = _locks_of(environ)
    told = [(lock, locks.remaining(lock)) for lock in locks.covering(origin.key, path)]
    text = f'<D:lockdiscovery xmlns:D="DAV:">{lockdiscovery(told)}</D:lockdiscovery>'
    return etree.fromstring(text)


class UploadFolder(Folder):
    """`Upload`, or a folder that somebody made in it."""

    def __init__(
        self, path: str, environ: dict[str, Any], library: Library, alias: Alias | None
    ) -> None:
        super().__init__(path, environ, library)
        self.alias = alias

    @property
    def upload_path(self) -> str:
        """Its path in `Upload`."""
        return self.alias.path if self.alias else ""

    def _listed(self, wanted: Wanted) -> Listed:
        return Listed(self.library, _locks_of(self.environ), self.origin, wanted)

    def entry(self, wanted: Wanted) -> Entry:
        """The folder itself."""
        quota = self._quota(wanted)
        member = self.alias and self.library.aliases.member(self.alias)
        if member:
            return self._listed(wanted).one(member)._replace(quota=quota)
        held: list[tuple[Lock, int]] = []
        if wanted.wants_locks:
            locks = _locks_of(self.environ)
            held = [(each, locks.remaining(each)) for each in locks.covering(self.origin.key, "")]
        return Entry(
            f"/{UPLOAD}",
            UPLOAD,
            is_folder=True,
            modified=self.library.aliases.newest(self.origin, ""),
            is_lockable=True,
            locks=held,
            quota=quota,
        )

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """What this origin sees here; a listing without end is counted before it begins."""
        if deep and self.library.aliases.count_below(self.origin, self.upload_path) > FINITE:
            raise too_deep()
        return self._listed(wanted).folder(self.upload_path, deep=deep)

    def prevent_locking(self) -> bool:
        """Programs lock folders too."""
        return False

    def get_property_value(self, name: str) -> Any:
        """What WsgiDAV tells in its reply to LOCK."""
        return _discovery(self.environ, self.origin, self.upload_path, name)

    def set_property_value(self, name: str, value: Any, *, dry_run: bool = False) -> None:
        """Sets or removes a property; judges only, with `dry_run`."""
        if self.alias is None:
            raise Refusal(403)
        change = plan(name, value)
        if not dry_run:
            apply(self.library.aliases, self.alias, change)

    def create_empty_resource(self, name: str) -> "AliasFile":
        """A name for a PUT or a LOCK. It gets a row with its first byte, or with its lock."""
        path = self._target(name)
        if self.environ["REQUEST_METHOD"] == "LOCK":
            _answered(lambda: self.library.aliases.check(self.origin, path))
        return AliasFile(f"/{UPLOAD}/{path}", self.environ, self.library, path, None)

    def _target(self, name: str) -> str:
        """The path of a new member, in NFC."""
        path: str = _answered(
            lambda: self.library.aliases.target(self.origin, f"{self.upload_path}/{name}")
        )
        return path

    def create_collection(self, name: str) -> None:
        """MKCOL."""
        path = self._target(name)
        guard = _locks_of(self.environ).guard(
            self.origin.key, self.upload_path, guard_tokens(self.environ)
        )
        _answered(lambda: self.library.aliases.make_folder(self.origin, path, guard))


def _answered(step: Any) -> Any:
    """Runs a step of the library; what it refuses becomes an answer."""
    try:
        return step()
    except Exception as error:
        raise refusal(error) from error


class AliasFile(File):
    """A name in `Upload` that is no folder; `alias` is None until it has a row."""

    def __init__(
        self,
        path: str,
        environ: dict[str, Any],
        library: Library,
        upload_path: str,
        alias: Alias | None,
    ) -> None:
        super().__init__(path, environ, library)
        self.upload_path, self.alias = upload_path, alias
        self._sink: put.Sink | None = None

    def entry(self, wanted: Wanted) -> Entry:
        """The alias as it is listed."""
        member = self.alias and self.library.aliases.member(self.alias)
        if not member:
            raise Refusal(404)
        return Listed(self.library, _locks_of(self.environ), self.origin, wanted).one(member)

    def open(self) -> Content:
        """The bytes it stands for."""
        if self.alias is None:
            raise Gone(self.upload_path)
        return self.library.aliases.open(self.alias)

    def prevent_locking(self) -> bool:
        """Names in `Upload` can be locked, whatever stands behind them."""
        return False

    def get_etag(self) -> str | None:
        """The entity tag of what was stored last."""
        return self.alias.etag if self.alias else None

    def get_last_modified(self) -> float | None:
        """The client's time, where it sent one."""
        return self.alias.modified if self.alias else None

    def get_property_value(self, name: str) -> Any:
        """What WsgiDAV tells in its reply to LOCK."""
        return _discovery(self.environ, self.origin, self.upload_path, name)

    def set_property_value(self, name: str, value: Any, *, dry_run: bool = False) -> None:
        """Sets or removes a property; judges only, with `dry_run`."""
        change = plan(name, value)
        if not dry_run and self.alias is not None:
            alias = self.alias
            _answered(lambda: apply(self.library.aliases, alias, change))

    def begin_write(self, *, content_type: str | None = None) -> put.Sink:  # noqa: ARG002
        """Opens the door for a body. Its type is not heeded: clients send all kinds of it."""
        locks = _locks_of(self.environ)
        self._sink = put.open_sink(
            put.Sink,
            self.environ,
            aliases=self.library.aliases,
            ingest=self.library.ingest,
            origin=self.origin,
            path=self.upload_path,
            guard=locks.guard(self.origin.key, self.upload_path, guard_tokens(self.environ)),
        )
        return self._sink

    def end_write(self, *, with_errors: bool) -> None:
        """Cleans up, or tells what was stored in the headers of the reply."""
        if with_errors:
            if self._sink is not None:
                self._sink.abort()
            return
        self.alias = self.library.aliases.find_exact(self.origin, self.upload_path)
        if self.alias is not None:
            self.environ["daydrop.reply"].tell_stored(self.alias.modified)


# ---- the tree -------------------------------------------------------------------------------


class TreeFolder(Folder):
    """A folder of the dated tree: read only."""

    def __init__(
        self, path: str, environ: dict[str, Any], library: Library, place: PurePosixPath
    ) -> None:
        super().__init__(path, environ, library)
        self.place = place

    def entry(self, wanted: Wanted) -> Entry:
        """The folder itself."""
        when = shelves.folder_time(self.library.store, self.place)
        return super().entry(wanted)._replace(modified=when, created=when)

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """What lies in it on disk, with the entity tags of the catalogue."""
        return self._walk(self.place, wanted, deep=deep)

    def _walk(self, place: PurePosixPath, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        known = shelves.shelf(self.library, place) if wanted.wants_content else {}
        for stored in self.library.store.listing(place):
            yield _tree_entry(place / stored.name, stored, known.get(stored.name))
            if deep and stored.is_folder:
                yield from self._walk(place / stored.name, wanted, deep=True)


def _tree_entry(path: PurePosixPath, stored: Stored, known: shelves.Known | None) -> Entry:
    label = known or shelves.unknown(stored)
    return Entry(
        path=f"/{path}",
        name=stored.name,
        is_folder=stored.is_folder,
        size=stored.size,
        modified=stored.modified,
        created=stored.modified if known is None else known.filed,
        etag="" if stored.is_folder else label.etag,
        media_type="" if stored.is_folder else label.media_type,
    )


class TreeFile(File):
    """A file of the dated tree: read only."""

    def __init__(
        self, path: str, environ: dict[str, Any], library: Library, place: PurePosixPath
    ) -> None:
        super().__init__(path, environ, library)
        self.place = place

    def entry(self, wanted: Wanted) -> Entry:  # noqa: ARG002  all of it costs the same
        """The file as it is listed."""
        with self._file() as file:
            status = os.fstat(file.fileno())
        stored = Stored(self.name, False, status.st_size, status.st_mtime)
        return _tree_entry(self.place, stored, shelves.known(self.library, self.place))

    def open(self) -> Content:
        """Its bytes."""
        file = self._file()
        status = os.fstat(file.fileno())
        stored = Stored(self.name, False, status.st_size, status.st_mtime)
        label = shelves.known(self.library, self.place) or shelves.unknown(stored)
        return Content(file, stored.size, label.etag, stored.modified, label.media_type, place=None)

    def _file(self) -> BinaryIO:
        try:
            return self.library.store.open(self.place)
        except FileNotFoundError as lost:
            raise Refusal(404) from lost


# ---- receipts -------------------------------------------------------------------------------


class ReceiptsFolder(Folder):
    """`Receipts`: a text file for each batch that is over."""

    def batches(self) -> list[Batch]:
        """The batches that are told: one's own; the owner's are all."""
        key = None if self.origin.is_owner else self.origin.key
        return self.library.batches.closed(key, None, RECEIPTS_LISTED)

    def entry(self, wanted: Wanted) -> Entry:
        """The folder itself."""
        newest = next((batch.closed for batch in self.batches()[:1]), None)
        return super().entry(wanted)._replace(modified=newest)

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:  # noqa: ARG002  flat
        """The receipts, newest first."""
        for batch in self.batches():
            file = ReceiptFile(
                f"/{RECEIPTS}/{receipt_name(batch)}", self.environ, self.library, batch
            )
            yield file.entry(wanted)


class ReceiptFile(File):
    """The receipt of a batch, in English."""

    def __init__(self, path: str, environ: dict[str, Any], library: Library, batch: Batch) -> None:
        super().__init__(path, environ, library)
        self.batch = batch

    def entry(self, wanted: Wanted) -> Entry:
        """The receipt as it is listed; its length is known only when it is written."""
        provider: Any = self.provider  # ours, where WsgiDAV's hints know its own alone
        size = provider.receipt_size(self.batch.id, self._when) if wanted.wants_content else 0
        return Entry(
            path=self.path,
            name=self.name,
            is_folder=False,
            size=size,
            modified=self._when,
            created=self.batch.opened,
            etag=self._etag,
            media_type="text/plain; charset=utf-8",
        )

    @property
    def _when(self) -> float:
        batch = self.batch
        return max(batch.opened, batch.closed or 0, batch.undone or 0, batch.retold or 0)

    @property
    def _etag(self) -> str:
        return f"receipt-{self.batch.id}-{round(self._when * 1000):x}"

    def open(self) -> Content:
        """The receipt."""
        text = receipt_text(self.library, self.batch.id)
        return Content(
            io.BytesIO(text), len(text), self._etag, self._when, "text/plain; charset=utf-8", None
        )


def receipt_text(library: Library, batch_id: str) -> bytes:
    """A receipt as it stands now: when a file of it moves, it says so."""
    return (library.receipts.plain_text(batch_id) or "").encode()


def receipt_name(batch: Batch) -> str:
    """The name of a receipt: when its batch began, in UTC, and its id."""
    return f"{datetime.fromtimestamp(batch.opened, UTC):%Y-%m-%d %H.%M.%S} {batch.id}.txt"

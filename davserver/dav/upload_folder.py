"""`Upload`: the one collection that clients write to, and the names in it."""

from collections.abc import Iterator
from typing import Any

from wsgidav.xml_tools import etree  # type: ignore[attr-defined]  # lxml, or the standard one

from davserver.dav.errors import Refusal, answered
from davserver.dav.locks import lockdiscovery
from davserver.dav.properties import apply, plan
from davserver.dav.propfind import FINITE_MOST as FINITE
from davserver.dav.propfind import Entry, Wanted, too_deep
from davserver.dav.resources import File, Folder, guard_tokens
from daydrop.aliases.aliases import Aliases
from daydrop.aliases.locks import WriteLocks
from daydrop.aliases.paths import Content, Gone
from daydrop.library import Library
from daydrop.origin import Origin
from daydrop.records.alias import Alias, Member, State
from daydrop.records.lock import INFINITY, Lock

UPLOAD = "Upload"
UNKNOWN_TYPE = "application/octet-stream"


class Listed:
    """Turns aliases into entries; looks up once per folder what was asked for."""

    def __init__(self, library: Library, origin: Origin, wanted: Wanted) -> None:
        self._aliases: Aliases = library.aliases
        self._locks, self._origin, self._wanted = library.locks, origin, wanted

    def one(self, member: Member) -> Entry:
        """Return the entry of a single alias."""
        alias = member.alias
        notes = self._aliases.notes.properties(alias) if self._wanted.wants_notes else ()
        held = self._held(self._locks.covering(self._origin.key, alias.path), alias.path)
        return entry_of(member)._replace(
            notes=notes, locks=held if self._wanted.wants_locks else ()
        )

    def folder(self, path: str, *, deep: bool) -> Iterator[Entry]:
        """Yield the entries of what a folder lists."""
        notes = (
            self._aliases.notes.properties_of_members(self._origin, path)
            if self._wanted.wants_notes
            else {}
        )
        locks = self._locks.of_folder(self._origin.key, path) if self._wanted.wants_locks else []
        for member in self._aliases.paths.members(self._origin, path):
            entry = entry_of(member)
            if notes or locks:
                entry = entry._replace(
                    notes=notes.get(member.alias.id, ()),
                    locks=self._held(locks, member.alias.path),
                )
            yield entry
            if deep and entry.is_folder:
                yield from self.folder(member.alias.path, deep=True)

    def _held(self, locks: list[Lock], path: str) -> list[tuple[Lock, int]]:
        return [
            (lock, self._locks.remaining(lock))
            for lock in locks
            if lock.path == path
            or (lock.depth == INFINITY and f"{path}/".startswith(lock.path and f"{lock.path}/"))
        ]


def entry_of(member: Member) -> Entry:
    """Return what a listing shows of an alias, without notes and locks."""
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
        media_type="" if is_folder else member.media_type or UNKNOWN_TYPE,
        is_lockable=True,
    )


def _discovery(locks: WriteLocks, origin: Origin, path: str, name: str) -> Any:
    """Return `DAV:lockdiscovery` as an element, for WsgiDAV's reply to LOCK."""
    if name != "{DAV:}lockdiscovery":
        raise Refusal(404)
    held = [(lock, locks.remaining(lock)) for lock in locks.covering(origin.key, path)]
    text = f'<D:lockdiscovery xmlns:D="DAV:">{lockdiscovery(held)}</D:lockdiscovery>'
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
        """Return its path in `Upload`."""
        return self.alias.path if self.alias else ""

    def _listed(self, wanted: Wanted) -> Listed:
        return Listed(self.library, self.origin, wanted)

    def entry(self, wanted: Wanted) -> Entry:
        """Return the entry of the folder itself."""
        quota = self._quota(wanted)
        member = self.alias and self.library.aliases.paths.member(self.alias)
        if member:
            return self._listed(wanted).one(member)._replace(quota=quota)
        held: list[tuple[Lock, int]] = []
        if wanted.wants_locks:
            locks = self.library.locks
            held = [(each, locks.remaining(each)) for each in locks.covering(self.origin.key, "")]
        return Entry(
            f"/{UPLOAD}",
            UPLOAD,
            is_folder=True,
            modified=self.library.aliases.paths.newest(self.origin, ""),
            is_lockable=True,
            locks=held,
            quota=quota,
        )

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """Yield what this origin sees here; a deep listing is counted before it begins."""
        if deep and self.library.aliases.paths.count_below(self.origin, self.upload_path) > FINITE:
            raise too_deep()
        return self._listed(wanted).folder(self.upload_path, deep=deep)

    def prevent_locking(self) -> bool:
        """Return False: programs lock folders too."""
        return False

    def get_property_value(self, name: str) -> Any:
        """Return the property that WsgiDAV puts into its reply to LOCK."""
        return _discovery(self.library.locks, self.origin, self.upload_path, name)

    def set_property_value(self, name: str, value: Any, *, dry_run: bool = False) -> None:
        """Set or remove a property; with `dry_run` only check that it may be."""
        if self.alias is None:
            raise Refusal(403)
        change = plan(name, value)
        if not dry_run:
            apply(self.library.aliases, self.alias, change)

    def create_empty_resource(self, name: str) -> "AliasFile":
        """Return a name that a LOCK is about; it gets a row with its lock."""
        path = self._target(name)
        answered(lambda: self.library.aliases.changes.check(self.origin, path))
        return AliasFile(f"/{UPLOAD}/{path}", self.environ, self.library, path, None)

    def _target(self, name: str) -> str:
        """Return the path of a new member, in NFC."""
        path = f"{self.upload_path}/{name}"
        return answered(lambda: self.library.aliases.paths.target(self.origin, path))

    def create_collection(self, name: str) -> None:
        """Make a folder (MKCOL)."""
        path = self._target(name)
        guard = self.library.locks.guard(
            self.origin.key, self.upload_path, guard_tokens(self.environ)
        )
        answered(lambda: self.library.aliases.changes.make_folder(self.origin, path, guard))


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

    def entry(self, wanted: Wanted) -> Entry:
        """Return the entry of the alias."""
        member = self.alias and self.library.aliases.paths.member(self.alias)
        if not member:
            raise Refusal(404)
        return Listed(self.library, self.origin, wanted).one(member)

    def open(self) -> Content:
        """Return the bytes it stands for."""
        if self.alias is None:
            raise Gone(self.upload_path)
        return self.library.aliases.paths.open(self.alias)

    def prevent_locking(self) -> bool:
        """Return False: any name in `Upload` can be locked."""
        return False

    def get_etag(self) -> str | None:
        """Return the entity tag of what was stored last."""
        return self.alias.etag if self.alias else None

    def get_last_modified(self) -> float | None:
        """Return the client's time, or else when the file came."""
        return self.alias.modified if self.alias else None

    def get_property_value(self, name: str) -> Any:
        """Return the property that WsgiDAV puts into its reply to LOCK."""
        return _discovery(self.library.locks, self.origin, self.upload_path, name)

    def set_property_value(self, name: str, value: Any, *, dry_run: bool = False) -> None:
        """Set or remove a property; with `dry_run` only check that it may be."""
        change = plan(name, value)
        if not dry_run and self.alias is not None:
            alias = self.alias
            answered(lambda: apply(self.library.aliases, alias, change))

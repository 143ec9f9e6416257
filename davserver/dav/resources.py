"""What every address of the drive has in common: a folder lists, a file is opened.

Thin over the library: a class answers what WsgiDAV asks, and what a listing shows (`entry`,
`below`). Nothing is decided here that concerns an upload.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

from wsgidav.dav_provider import DAVCollection, DAVNonCollection

from davserver.dav.addresses import ref_url
from davserver.dav.errors import Refusal, refusal
from davserver.dav.propfind import Entry, Mode, Wanted
from daydrop.aliases.paths import Content
from daydrop.errors import Code, Refused
from daydrop.library import Library
from daydrop.origin import Origin


def origin_of(environ: dict[str, Any]) -> Origin:
    """Return who asks, as the gate before both faces has found."""
    origin: Origin = environ["daydrop.origin"]
    return origin


def guard_tokens(environ: dict[str, Any]) -> tuple[str, ...]:
    """Return the lock tokens that were submitted with the request."""
    return tuple(environ.get("wsgidav.ifLockTokenList", ()))


class Folder(DAVCollection):
    """A collection."""

    def __init__(self, path: str, environ: dict[str, Any], library: Library) -> None:
        super().__init__(path, environ)
        self.library = library
        self.origin = origin_of(environ)

    def entry(self, wanted: Wanted) -> Entry:
        """Return what a listing shows of the folder itself."""
        return Entry(self.path, self.name, is_folder=True, quota=self._quota(wanted))

    def _quota(self, wanted: Wanted) -> tuple[int, int] | None:
        """Return the room for a whole batch, and what is used.

        Never what is left of a batch: that may be nothing, and clients would not even begin.
        """
        if not wanted.wants_quota:
            return None
        available = self.library.room.available()
        most = self.library.batches.limits(self.origin).bytes
        return min(available, most), self.library.store.free().used

    def below(self, wanted: Wanted, *, deep: bool) -> Iterator[Entry]:
        """Yield what a listing shows of the members; with `deep`, of everything below."""
        raise NotImplementedError

    def get_ref_url(self) -> str:
        """Return the key of its locks: they belong to origin and path."""
        return ref_url(self.origin.key, self.path)

    def prevent_locking(self) -> bool:
        """Return True: only what can be written can be locked."""
        return True

    def get_member_names(self) -> list[str]:
        """Return the names that a listing shows."""
        return [entry.name for entry in self.below(Wanted(Mode.SOME), deep=False)]

    def create_empty_resource(self, name: str) -> "File":
        """Refuse: nothing is made outside `Upload`."""
        raise _not_here(name)

    def create_collection(self, name: str) -> None:
        """Refuse: nothing is made outside `Upload`."""
        raise _not_here(name)


def _not_here(name: str) -> Refusal:
    return refusal(Refused(Code.UNSUPPORTED_TYPE, "folder", name=name))


class File(DAVNonCollection):
    """A resource with content. Our own methods read and write it."""

    def __init__(self, path: str, environ: dict[str, Any], library: Library) -> None:
        super().__init__(path, environ)
        self.library = library
        self.origin = origin_of(environ)

    def entry(self, wanted: Wanted) -> Entry:
        """Return what a listing shows of it."""
        raise NotImplementedError

    def open(self) -> Content:
        """Return its bytes; raises Gone."""
        raise NotImplementedError

    def get_ref_url(self) -> str:
        """Return the key of its locks: they belong to origin and path."""
        return ref_url(self.origin.key, self.path)

    def prevent_locking(self) -> bool:
        """Return True: only what can be written can be locked."""
        return True

    def get_content_length(self) -> int | None:
        """Return the length in bytes, as a listing shows it."""
        return self.entry(Wanted(Mode.SOME)).size

    def get_content(self) -> BinaryIO:
        """Open the content."""
        return self.open().file

    def get_etag(self) -> str | None:
        """Return the entity tag, without quotes."""
        return None

    def support_etag(self) -> bool:
        """Return True: every file has one."""
        return True

"""What every address of the drive has in common: a folder lists, a file is opened.

Thin over the library: a class says what WsgiDAV asks for, and what a listing tells (`entry`,
`below`). Nothing is decided here that concerns an upload.
"""

from collections.abc import Iterator
from typing import Any

from wsgidav.dav_provider import DAVCollection, DAVNonCollection

from davserver.dav import put
from davserver.dav.errors import Refusal, refusal
from davserver.dav.locks import ref_url
from davserver.dav.propfind import Entry, Wanted
from daydrop.aliases.aliases import Content
from daydrop.errors import Code, Refused
from daydrop.library import Library
from daydrop.origin import Origin


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

    def create_empty_resource(self, name: str) -> "File":
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

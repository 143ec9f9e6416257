"""The one gate before both faces: method and path decide which of them answers.

WebDAV's methods outside `/api/` and GET of a stored file go to the drive, everything else to the
page; never by program. What no row of the table allows is refused. Who asks, and whether a page of
another site sent a change, is decided here for both faces: neither looks again.
"""

import secrets
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, Final

from davserver.dav import errors
from davserver.dav.errors import Refusal, refusal
from davserver.peers import Peers, is_foreign
from davserver.request_log import Line
from daydrop.errors import Code, Refused
from daydrop.library import Library
from daydrop.media.names import checked_path
from daydrop.records.alias import State
from daydrop.store.trees import TREES

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Area(Enum):
    """Parts of the address space, each with its own rights."""

    ROOT = "the drive's root and the upload page"
    UPLOAD = "the writable collection"
    TREE = "the dated tree"
    RECEIPTS = "receipts"
    API = "JSON"
    PAGES = "all other pages"


class Kind(Enum):
    """What a GET outside the pages is about."""

    FILE = "a file"
    PAGE = "a folder with a page"
    OTHER = "nothing, or a folder without a page"


_READ: Final = frozenset({"OPTIONS", "GET", "HEAD", "PROPFIND"})
_DAV: Final = _READ | {"PUT", "MKCOL", "DELETE", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK"}
_DAV_ONLY: Final = _DAV - {"OPTIONS", "GET", "HEAD"}
_FLASK: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

ALLOWED: Final[dict[Area, frozenset[str]]] = {
    Area.ROOT: _READ,
    Area.UPLOAD: _DAV,
    Area.TREE: _READ | {"COPY"},
    Area.RECEIPTS: _READ,
    Area.API: _FLASK,
    Area.PAGES: frozenset({"GET", "HEAD", "POST", "OPTIONS", "PROPFIND"}),
}
"""Methods by area, denied by default. COPY and MOVE also depend on their destination."""

_FOREIGN: Final = "A page of another site asked for this change: it was not made."
_NOT_US: Final = "This server does not answer to this name: add it to the setting server.hosts."
_NOT_OPEN: Final = "This server answers its own machine only: its owner opens it with --open."
_UNKNOWN: Final = "This server does not know this method."


def area_of(path: str) -> Area:
    """Return the area of a path."""
    first, _, _ = path.strip("/").partition("/")
    if first in ("", "*"):
        return Area.ROOT
    if first == "Upload":
        return Area.UPLOAD
    if first in TREES:
        return Area.TREE
    if first == "Receipts":
        return Area.RECEIPTS
    return Area.API if first == "api" else Area.PAGES


def check_method(method: str, area: Area) -> None:
    """Raise Refusal for a method that an area does not allow."""
    if method in ALLOWED[area]:
        return
    if method in _DAV and area is not Area.API:
        raise refusal(Refused(Code.UNSUPPORTED_TYPE, "folder", name="This"))
    status = 405 if method in _DAV | _FLASK else 501
    raise Refusal(status, _UNKNOWN, headers=[("Allow", ", ".join(sorted(ALLOWED[area])))])


class Gate:
    """A WSGI application over both faces.

    It tells them in the environ who asks (`daydrop.origin`) and which addresses mean this server
    (`daydrop.site`). Unless it `is_open` by its owner's word, it answers this machine alone, also
    when a proxy brings clients from elsewhere.
    """

    def __init__(
        self, dav: Application, web: Application, library: Library, *, is_open: bool = True
    ) -> None:
        self._dav, self._web, self._library = dav, web, library
        self._is_open = is_open
        self._peers = Peers(library.settings.server)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, and write a line about it when it is over."""
        environ.setdefault("daydrop.request_id", secrets.token_hex(8))
        environ["daydrop.origin"] = self._peers.origin(environ)
        line = Line(environ)
        blocks = self._answer(environ, line.watch(start_response))
        return line.until_end(blocks)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            path = _decoded(environ)
            environ["daydrop.site"] = self._peers.site(environ)
            self._check_sender(environ)
            area = area_of(path)
            check_method(environ["REQUEST_METHOD"], area)
            application = self._choose(environ, path, area)
        except Exception as error:  # noqa: BLE001  each becomes an answer, a fault of ours a logged one
            is_head = environ["REQUEST_METHOD"] == "HEAD"
            status, headers, body = errors.reply(refusal(error), with_body=not is_head)
            start_response(status, headers)
            return [body]
        return application(environ, start_response)

    def _check_sender(self, environ: Environ) -> None:
        """Raise Refusal for a request that was not meant for this server, or not by its sender."""
        site = environ["daydrop.site"]
        if not self._is_open and not environ["daydrop.origin"].is_owner:
            raise Refusal(403, _NOT_OPEN)
        if site.asked and not self._peers.names.include(site.asked):
            raise Refusal(403, _NOT_US)
        if is_foreign(environ, site):
            raise Refusal(403, _FOREIGN)

    def _choose(self, environ: Environ, path: str, area: Area) -> Application:
        method = environ["REQUEST_METHOD"]
        if area is not Area.API and method in _DAV_ONLY:
            return self._dav
        if area in (Area.API, Area.PAGES):
            return self._web
        if method == "OPTIONS":
            return self._dav
        return self._web if area is Area.ROOT else self._reader(environ, path, area)

    def _reader(self, environ: Environ, path: str, area: Area) -> Application:
        """Return who answers a GET: the drive for files, the page for folders and for browsers."""
        kind = self._kind(environ, path, area)
        if kind is Kind.FILE:
            return self._dav
        wants_page = "text/html" in environ.get("HTTP_ACCEPT", "")
        return self._web if kind is Kind.PAGE or wants_page else self._dav

    def _kind(self, environ: Environ, path: str, area: Area) -> Kind:
        _, _, rest = path.strip("/").partition("/")
        if area is Area.TREE:
            return self._kind_in_tree(PurePosixPath(path.strip("/")))
        if not rest:
            return Kind.PAGE
        if area is Area.RECEIPTS:
            return Kind.FILE if rest.endswith(".txt") else Kind.OTHER
        alias = self._library.aliases.paths.find(environ["daydrop.origin"], checked_path(rest))
        if alias is None or alias.state in (State.COLLECTION, State.REMOVED):
            return Kind.OTHER
        return Kind.FILE

    def _kind_in_tree(self, place: PurePosixPath) -> Kind:
        if self._library.store.tree.is_folder(place):
            return Kind.PAGE
        return Kind.FILE if self._library.store.tree.is_file(place) else Kind.OTHER


def _decoded(environ: Environ) -> str:
    """Return the path as text; raise Refusal(400) for one that is not UTF-8 or climbs."""
    try:
        path: str = environ.get("PATH_INFO", "").encode("latin-1").decode()
    except UnicodeError as broken:
        raise Refusal(400) from broken
    if any(part in (".", "..") for part in path.split("/")):
        raise Refusal(400)
    return path

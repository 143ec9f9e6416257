"""The one gate before both faces: who asks, whether the method belongs there, and who answers.

WebDAV's methods outside `/api/` and GET of a stored file go to the drive, all else to the page.
By method and path, never by program. What no row of the table allows is refused.
"""

import ipaddress
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from davserver.dav import errors
from davserver.dav.clients import program
from davserver.dav.errors import Refusal, refusal
from daydrop.aliases.aliases import State
from daydrop.errors import Code, Refused
from daydrop.library import Library
from daydrop.media.names import checked_path
from daydrop.origin import Origin, origin_of
from daydrop.settings import ServerSettings
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
"""Method by area, denied by default. A COPY or MOVE is judged by its destination too."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND"})
_FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})
_FOREIGN: Final = "The request came from a page of another site: nothing was changed."
_NOT_US: Final = "This server does not accept this host name: add it to the setting server.hosts."
_NOT_OPEN: Final = "This server serves only its own machine until its owner opens it with --open."
_UNKNOWN: Final = "This server does not know this method."


def area_of(path: str) -> Area:
    """The area of a path."""
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


def judge(method: str, area: Area) -> None:
    """Raises Refusal for a method that an area does not allow."""
    if method in ALLOWED[area]:
        return
    if method in _DAV and area is not Area.API:
        raise refusal(Refused(Code.UNSUPPORTED_TYPE, "folder", name="This"))
    status = 405 if method in _DAV | _FLASK else 501
    raise Refusal(status, _UNKNOWN, headers=[("Allow", ", ".join(sorted(ALLOWED[area])))])


# ---- who asks -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peers:
    """Whose word about a client's address is believed."""

    networks: tuple[IPv4Network | IPv6Network, ...]

    def trusts(self, address: str) -> bool:
        """Whether this is a proxy of ours."""
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(mapped in network for network in self.networks)


def client_address(peer: str, forwarded: str, trusted: Peers) -> str:
    """The first address from the right that is no trusted proxy's; a stranger's word is ignored."""
    address = peer
    for hop in reversed([each.strip() for each in forwarded.split(",") if each.strip()]):
        if not trusted.trusts(address):
            return address
        address = hop.strip("[]") if hop.count(":") != 1 else hop.partition(":")[0]
    return address


# ---- names of this server -------------------------------------------------------------------


def host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name = host.rpartition(":")[0] if ":" in host else host
    return name.rstrip(".").lower()


def own_names(settings: ServerSettings) -> frozenset[str]:
    """The names this server answers to, beside plain addresses."""
    here = socket.gethostname().lower()
    names = {"localhost", here, f"{here.partition('.')[0]}.local"}  # no resolver: it may hang
    names |= {name.lower() for name in settings.hosts}
    if settings.public_url:
        names.add((urlsplit(settings.public_url).hostname or "").lower())
    return frozenset(names - {""})


def is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header names this server: a browser lured by DNS would name another."""
    name = host_name(host)
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.endswith(".localhost")
    return True


def is_foreign(environ: Environ) -> bool:
    """Whether another site's page sent this change; drives send neither header."""
    if environ["REQUEST_METHOD"] in _SAFE:
        return False
    if environ.get("HTTP_SEC_FETCH_SITE", "").lower() in _FOREIGN_SITES:
        return True
    origin = environ.get("HTTP_ORIGIN")
    return origin is not None and urlsplit(origin).netloc.lower() != _host(environ).lower()


def _host(environ: Environ) -> str:
    host: str = environ.get("daydrop.host") or environ.get("HTTP_HOST", "")
    return host


# ---- the gate -------------------------------------------------------------------------------


class Dispatcher:
    """A WSGI application over both faces.

    Unless it `is_open` by its owner's word, it answers this machine alone, also when a proxy
    brings strangers to it.
    """

    def __init__(
        self, dav: Application, web: Application, library: Library, *, is_open: bool = True
    ) -> None:
        self._dav, self._web, self._library = dav, web, library
        self._is_open = is_open
        server = library.settings.server
        self._names, self._peers = own_names(server), Peers(server.trusted_proxies)
        self._has_warned = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answers a request, and writes a line about it when it is over."""
        environ.setdefault("daydrop.request_id", secrets.token_hex(8))
        environ["daydrop.origin"] = self._origin(environ)
        line = Line(environ)
        blocks = self._answer(environ, line.watch(start_response))
        return line.until_end(blocks)

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            path = _decoded(environ)
            self._believe_proxy(environ)
            self._admit(environ)
            area = area_of(path)
            judge(environ["REQUEST_METHOD"], area)
            application = self._choose(environ, path, area)
        except Exception as error:  # noqa: BLE001  each becomes an answer, a fault of ours a logged one
            is_head = environ["REQUEST_METHOD"] == "HEAD"
            status, headers, body = errors.reply(refusal(error), with_body=not is_head)
            start_response(status, headers)
            return [body]
        return application(environ, start_response)

    def _admit(self, environ: Environ) -> None:
        """Raises Refusal for a request that was not meant for us, or not by its sender."""
        if not self._is_open and not environ["daydrop.origin"].is_owner:
            raise Refusal(403, _NOT_OPEN)
        if environ.get("HTTP_HOST") and not is_ours(_host(environ), self._names):
            raise Refusal(403, _NOT_US)
        if is_foreign(environ):
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
        """Who answers a GET: the drive for files, the page for folders and for browsers."""
        wants_page = "text/html" in environ.get("HTTP_ACCEPT", "")
        kind = self._kind(environ, path, area)
        if kind is Kind.FILE:
            return self._dav
        if kind is Kind.PAGE or wants_page:
            return self._web
        return self._dav

    def _kind(self, environ: Environ, path: str, area: Area) -> "Kind":
        """What a GET is about: a file, a folder that has a page, or something else."""
        _, _, rest = path.strip("/").partition("/")
        if area is Area.TREE:
            place = PurePosixPath(path.strip("/"))
            if self._library.store.is_folder(place):
                return Kind.PAGE
            return Kind.FILE if self._is_file(place) else Kind.OTHER
        if not rest:
            return Kind.PAGE
        if area is Area.RECEIPTS:
            return Kind.FILE if rest.endswith(".txt") else Kind.OTHER
        alias = self._library.aliases.find(environ["daydrop.origin"], checked_path(rest))
        if alias is None or alias.state in (State.COLLECTION, State.REMOVED):
            return Kind.OTHER
        return Kind.FILE

    def _is_file(self, place: PurePosixPath) -> bool:
        try:
            self._library.store.open(place).close()
        except FileNotFoundError:
            return False
        return True

    # ---- who asks ---------------------------------------------------------------------------

    def _origin(self, environ: Environ) -> Origin:
        peer = environ.get("REMOTE_ADDR", "")
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
        address = client_address(peer, forwarded, self._peers)
        origin = origin_of(address, program=program(environ.get("HTTP_USER_AGENT", "")))
        if forwarded and not self._peers.trusts(peer):
            self._warn_of_proxy(peer)
            # whoever it speaks for, it is not somebody at this machine's keyboard
            return replace(origin, is_owner=False)
        return origin

    def _warn_of_proxy(self, peer: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            structlog.get_logger().warning(
                "X-Forwarded-For is ignored: add the proxy to server.trusted_proxies", proxy=peer
            )

    def _believe_proxy(self, environ: Environ) -> None:
        """Takes from a trusted proxy how it was asked."""
        if not self._peers.trusts(environ.get("REMOTE_ADDR", "")):
            return
        if host := environ.get("HTTP_X_FORWARDED_HOST", "").split(",")[0].strip():
            environ["daydrop.host"] = host
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")[0].strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme


class Kind(Enum):
    """What a GET outside the pages is about."""

    FILE = "a file"
    PAGE = "a folder with a page"
    OTHER = "nothing, or a folder without a page"


def _decoded(environ: Environ) -> str:
    """The path as text; raises Refusal(400) for one that is not UTF-8 or climbs."""
    try:
        path: str = environ.get("PATH_INFO", "").encode("latin-1").decode()
    except UnicodeError as broken:
        raise Refusal(400) from broken
    if any(part in (".", "..") for part in path.split("/")):
        raise Refusal(400)
    return path


def _shown(path: str) -> str:
    """A path for the log, as a JSON string: nothing in it can begin another line."""
    text = path.encode("latin-1", "replace").decode("utf-8", "replace")
    return json.dumps(text, ensure_ascii=True)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


class Line:
    """The line that is written about each request."""

    def __init__(self, environ: Environ) -> None:
        self._environ = environ
        self._path = _shown(environ.get("PATH_INFO", ""))  # before WsgiDAV decodes it in place
        self._began = time.monotonic()
        self._status, self._length, self._sent = "", 0, 0

    def watch(self, start_response: StartResponse) -> StartResponse:
        """A start_response that notes the status on its way."""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self._status = status
            told = [value for name, value in headers if name.lower() == "content-length"]
            self._length = int(told[0]) if told else 0
            named = [*headers, ("X-Request-Id", self._environ["daydrop.request_id"])]
            return (
                start_response(status, named, exc_info)
                if exc_info
                else start_response(status, named)
            )

        return start

    def until_end(self, blocks: Iterable[bytes]) -> Iterable[bytes]:
        """The same blocks; the line is written when they are sent."""
        return _Watched(self, blocks)

    def count(self, size: int) -> None:
        """Bytes that went out through us; a file sent by the engine is known by its length."""
        self._sent += size

    def write(self) -> None:
        """One line, of plain facts."""
        environ, origin = self._environ, self._environ["daydrop.origin"]
        structlog.get_logger("daydrop.requests").info(
            "request",
            id=environ["daydrop.request_id"],
            origin=origin.key,
            address=origin.address,
            method=environ["REQUEST_METHOD"],
            path=self._path,
            status=int(self._status[:3] or 0),
            received=_number(environ.get("CONTENT_LENGTH") or ""),
            sent=max(self._sent, self._length),
            ms=round((time.monotonic() - self._began) * 1000),
            program=origin.program,
        )


class _Watched:
    """The blocks of a reply, counted."""

    def __init__(self, line: Line, blocks: Iterable[bytes]) -> None:
        self._line, self._blocks = line, blocks

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._line.count(len(block))
            yield block

    def close(self) -> None:
        """Lets the reply close, then writes the line."""
        try:
            close = getattr(self._blocks, "close", None)
            if close is not None:
                close()
        finally:
            self._line.write()

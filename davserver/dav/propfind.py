"""PROPFIND: a listing written as text, piece by piece, however large the folder is.

WsgiDAV would make an object and a tree node for each member and resolve each path on disk; here
a row becomes a line of text. What a client asks for is read once, into a `Wanted`.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element, fromstring
from xml.sax.saxutils import escape, quoteattr

from davserver.dav.dates import to_http, to_iso
from davserver.dav.errors import Refusal
from davserver.dav.locks import SUPPORTED, lockdiscovery
from daydrop.records.lock import Lock
from daydrop.records.property import Property

PIECE: Final = 64 << 10
FINITE_MOST: Final = 5000
"""Most members that `Depth: infinity` may list."""

DAV: Final = "{DAV:}"
_SAFE_IN_PATHS = "/!*'(),$-_.~@"
_HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">'
_TAIL: Final = "</D:multistatus>\n"


class Entry(NamedTuple):
    """What a listing may say of one resource; times in seconds since 1970, the etag unquoted."""

    path: str
    name: str
    is_folder: bool
    size: int = 0
    modified: float | None = None
    created: float | None = None
    etag: str = ""
    media_type: str = ""
    notes: Sequence[Property] = ()
    locks: Sequence[tuple[Lock, int]] = ()
    is_lockable: bool = False
    quota: tuple[int, int] | None = None
    """Bytes available and bytes used (RFC 4331)."""


class Mode(Enum):
    """What a PROPFIND asks for (RFC 4918 §14.20)."""

    ALL = "allprop"
    NAMES = "propname"
    SOME = "prop"


@dataclass(frozen=True)
class Wanted:
    """The properties asked for; with `is_minimal` missing ones are left out of the reply."""

    mode: Mode
    names: tuple[str, ...] = ()
    is_minimal: bool = False

    @property
    def wants_locks(self) -> bool:
        """Whether locks must be looked up."""
        return f"{DAV}lockdiscovery" in self.names

    @property
    def wants_notes(self) -> bool:
        """Whether dead properties must be looked up."""
        return self.mode is not Mode.SOME or any(not name.startswith(DAV) for name in self.names)

    @property
    def wants_quota(self) -> bool:
        """Whether the disk must be asked."""
        return any(name in _QUOTA for name in self.names)

    @property
    def wants_content(self) -> bool:
        """Whether size or entity tag must be known, which cost work where they are not stored."""
        return self.mode is not Mode.SOME or any(name in _OF_CONTENT for name in self.names)


# ---- properties -----------------------------------------------------------------------------


def _resourcetype(entry: Entry) -> str:
    return "<D:collection/>" if entry.is_folder else ""


def _creationdate(entry: Entry) -> str | None:
    return None if entry.created is None else to_iso(entry.created)


def _getcontentlength(entry: Entry) -> str | None:
    return None if entry.is_folder else str(entry.size)


def _getcontenttype(entry: Entry) -> str | None:
    return escape(entry.media_type) if entry.media_type else None


def _getlastmodified(entry: Entry) -> str | None:
    return None if entry.modified is None else to_http(entry.modified)


def _getetag(entry: Entry) -> str | None:
    return f'"{entry.etag}"' if entry.etag else None


def _displayname(entry: Entry) -> str:
    return escape(entry.name)


def _supportedlock(entry: Entry) -> str | None:
    return SUPPORTED if entry.is_lockable else None


def _lockdiscovery(entry: Entry) -> str | None:
    return lockdiscovery(entry.locks) if entry.is_lockable else None


def _available(entry: Entry) -> str | None:
    return None if entry.quota is None else str(entry.quota[0])


def _used(entry: Entry) -> str | None:
    return None if entry.quota is None else str(entry.quota[1])


LIVE: Final[dict[str, Callable[[Entry], str | None]]] = {
    f"{DAV}resourcetype": _resourcetype,
    f"{DAV}creationdate": _creationdate,
    f"{DAV}getcontentlength": _getcontentlength,
    f"{DAV}getcontenttype": _getcontenttype,
    f"{DAV}getlastmodified": _getlastmodified,
    f"{DAV}getetag": _getetag,
    f"{DAV}displayname": _displayname,
    f"{DAV}supportedlock": _supportedlock,
    f"{DAV}lockdiscovery": _lockdiscovery,
    f"{DAV}quota-available-bytes": _available,
    f"{DAV}quota-used-bytes": _used,
}
_QUOTA = (f"{DAV}quota-available-bytes", f"{DAV}quota-used-bytes")
_OF_CONTENT = (f"{DAV}getcontentlength", f"{DAV}getetag")
_IN_ALL = tuple(list(LIVE)[:7])
"""Those of `allprop`: RFC 4331 keeps quota out of it, and locks must be asked for by name."""


# ---- reading the request --------------------------------------------------------------------


def read(body: bytes, prefer: str = "") -> Wanted:
    """Return what a body asks for; an empty one asks for all. Raises Refusal(400)."""
    is_minimal = "return=minimal" in prefer.replace(" ", "").lower()
    if not body:
        return Wanted(Mode.ALL, _IN_ALL, is_minimal)
    root = fromstring(body)  # noqa: S314  xml_bounds has refused document types and sizes
    if root.tag != f"{DAV}propfind":
        raise Refusal(400)
    asked = {child.tag: child for child in root}
    modes = [mode for mode in Mode if f"{DAV}{mode.value}" in asked]
    if len(modes) != 1:
        raise Refusal(400)
    match modes[0]:
        case Mode.SOME:
            return Wanted(Mode.SOME, _names(asked[f"{DAV}prop"]), is_minimal)
        case Mode.ALL:
            included = asked.get(f"{DAV}include")
            more = () if included is None else _names(included)
            return Wanted(Mode.ALL, tuple(dict.fromkeys(_IN_ALL + more)), is_minimal)
        case Mode.NAMES:
            return Wanted(Mode.NAMES, tuple(LIVE))


def _names(element: Element) -> tuple[str, ...]:
    return tuple(dict.fromkeys(child.tag for child in element))


def depth_of(header: str | None, *, is_folder: bool) -> float:
    """Return how deep to list: 0, 1 or infinity; without the header 1, for a file always 0.

    RFC 4918 §9.1 says infinity then, but clients that leave it out mean one folder.
    """
    depth = (header or "1").strip().lower()
    if depth not in ("0", "1", "infinity"):
        raise Refusal(400, "The Depth of the request must be 0, 1 or infinity.")
    if not is_folder:
        return 0
    return float("inf") if depth == "infinity" else int(depth)


# ---- writing the reply ----------------------------------------------------------------------


def written(entries: Iterable[Entry], wanted: Wanted) -> Iterator[bytes]:
    """Return the multistatus of some resources, in pieces of about 64 KB."""
    pieces, size = [_HEAD], 0
    write = Writer(wanted).response
    for entry in entries:
        text = write(entry)
        pieces.append(text)
        size += len(text)
        if size >= PIECE:
            yield "".join(pieces).encode()
            pieces, size = [], 0
    pieces.append(_TAIL)
    yield "".join(pieces).encode()


class Writer:
    """Writes the response elements of resources, one at a time."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._live = [(name, *_tags(name), LIVE[name]) for name in wanted.names if name in LIVE]
        self._other = [name for name in wanted.names if name not in LIVE]

    def response(self, entry: Entry) -> str:
        """Return the response element of a resource."""
        found, missing = self._properties(entry)
        return (
            f"<D:response><D:href>{href(entry)}</D:href>"
            f"{self._propstats(found, missing)}</D:response>\n"
        )

    def _propstats(self, found: str, missing: str) -> str:
        minimal = self._wanted.is_minimal
        parts = ""
        if found or not missing or minimal:
            parts = _propstat(found, "200 OK")
        if missing and not minimal:
            parts += _propstat(missing, "404 Not Found")
        return parts

    def _properties(self, entry: Entry) -> tuple[str, str]:
        """Return the elements that are there, and those that were asked for and are missing."""
        found, missing = [], []
        names_only = self._wanted.mode is Mode.NAMES
        for _, opening, closing, empty, value_of in self._live:
            value = value_of(entry)
            if value is None:
                missing.append(empty)
            elif names_only or not value:
                found.append(empty)
            else:
                found.append(f"{opening}{value}{closing}")
        if self._wanted.mode is Mode.SOME:
            self._add_noted(entry, found, missing)
            return "".join(found), "".join(missing)
        found += [_empty(note.name) if names_only else note.value for note in entry.notes]
        # of those that were not asked for by name nothing is missing
        return "".join(found), ""

    def _add_noted(self, entry: Entry, found: list[str], missing: list[str]) -> None:
        if not self._other:
            return
        noted = {note.name: note.value for note in entry.notes}
        for name in self._other:
            if name in noted:
                found.append(noted[name])
            else:
                missing.append(_empty(name))


def _propstat(elements: str, status: str) -> str:
    line = f"<D:status>HTTP/1.1 {status}</D:status>"
    return f"<D:propstat><D:prop>{elements}</D:prop>{line}</D:propstat>"


def _tags(name: str) -> tuple[str, str, str]:
    local = name.removeprefix(DAV)
    return f"<D:{local}>", f"</D:{local}>", f"<D:{local}/>"


def _empty(name: str) -> str:
    """Return an empty element for a name in Clark notation."""
    if name.startswith(DAV):
        return f"<D:{name.removeprefix(DAV)}/>"
    namespace, _, local = name.removeprefix("{").rpartition("}")
    if not namespace:
        return f"<{local}/>"
    return f"<x:{local} xmlns:x={quoteattr(namespace)}/>"


def href(entry: Entry) -> str:
    """Return the address of a resource as XML text: folders end in a slash."""
    path = quote(entry.path, safe=_SAFE_IN_PATHS)
    return f"{path}/" if entry.is_folder and not path.endswith("/") else path


def bounded(entries: Iterable[Entry]) -> list[Entry]:
    """Return all entries of an infinite listing; raise Refusal(403) when there are too many."""
    found = list(itertools.islice(entries, FINITE_MOST + 1))
    if len(found) > FINITE_MOST:
        raise too_deep()
    return found


def too_deep() -> Refusal:
    """Return the refusal of an infinite listing (RFC 4918 §9.1)."""
    return Refusal(
        403, "There is too much here to list at once.", condition="propfind-finite-depth"
    )

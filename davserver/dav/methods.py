"""The methods that Daydrop answers itself, over the resources of the provider.

PROPFIND is written as it is read; GET goes to the one file server; UNLOCK never fails for a lock
of one's own; DELETE, MOVE and COPY are one step in the catalogue each, and leave all as it was
when they are refused.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Protocol
from urllib.parse import quote, unquote

from davserver.dav import files, propfind
from davserver.dav.dates import moment
from davserver.dav.errors import Refusal, answered, multistatus, refusal
from davserver.dav.locks import Locks
from davserver.dav.resources import File, Folder, guard_tokens, origin_of
from davserver.dav.tree import TreeFile, TreeFolder
from davserver.dav.upload_folder import UPLOAD, AliasFile, UploadFolder
from daydrop.aliases.aliases import Content, LeftOut
from daydrop.catalogue.database import Connection
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Guard
from daydrop.library import Library
from daydrop.origin import Origin
from daydrop.records.item import Item
from daydrop.store.trees import TREES

WRITABLE = "OPTIONS, GET, HEAD, PROPFIND, PUT, MKCOL, DELETE, COPY, MOVE, PROPPATCH, LOCK, UNLOCK"
READABLE = "OPTIONS, GET, HEAD, PROPFIND"
COPYABLE = f"{READABLE}, COPY"
READING = frozenset({"OPTIONS", "GET", "HEAD", "PROPFIND"})
_USUAL_PORTS = (":80", ":443")
# some programs leave `#` and `?` in names as they are: no query and no fragment is looked for
_ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[^/]*))?(?P<path>/.*)")

_BAD_RANGE = "A part of a file cannot be written: send the whole file."
_NO_DESTINATION = "The request does not name a destination."
_ONTO_ITSELF = "A file cannot be moved or copied onto itself, nor a folder into itself."
_NO_ITEM = "Only photos and videos can be copied: a companion file goes with its photo or video."
_OUT = "Files cannot be moved out of Upload: uploaded files are already in their folders."


class Provides(Protocol):
    """What the methods need of the provider."""

    library: Library
    locks: Locks

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Folder | File | None:
        """What stands at a path."""

    def exact(self, path: str, environ: dict[str, Any]) -> Folder | File | None:
        """What stands at a path in `Upload`, letter by letter."""


def _target(provider: Provides, environ: dict[str, Any]) -> Folder | File:
    found = provider.get_resource_inst(environ["PATH_INFO"], environ)
    if found is None:
        raise Refusal(404)
    return found


def _start(environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> None:
    """Begins a reply past WsgiDAV, which would close the connection of a streamed one."""
    environ["daydrop.reply"].start(status, headers)


def _done(environ: dict[str, Any], status: str) -> list[bytes]:
    _start(environ, status, [("Content-Length", "0")])
    return [b""]


# ---- reading --------------------------------------------------------------------------------


def allowed(path: str) -> str:
    """The methods of an address. Windows mounts nothing whose root takes no files."""
    first = path.strip("/").partition("/")[0]
    by_name = {UPLOAD: WRITABLE, "": WRITABLE, "*": WRITABLE} | dict.fromkeys(TREES, COPYABLE)
    return by_name.get(first, READABLE)


def do_options(provider: Provides, environ: dict[str, Any]) -> list[bytes]:  # noqa: ARG001
    """What can be done at an address; asks nobody to sign in (O1)."""
    headers = [
        ("DAV", "1, 2"),
        ("MS-Author-Via", "DAV"),
        ("Allow", allowed(environ["PATH_INFO"])),
        ("Content-Length", "0"),
    ]
    _start(environ, "200 OK", headers)
    return [b""]


def do_propfind(provider: Provides, environ: dict[str, Any]) -> Iterable[bytes]:
    """A listing, streamed (P1-P4)."""
    target = _target(provider, environ)
    wanted = propfind.read(environ["wsgi.input"].read(), environ.get("HTTP_PREFER", ""))
    depth = propfind.depth_of(environ.get("HTTP_DEPTH"), is_folder=isinstance(target, Folder))
    entries: Iterator[propfind.Entry] = iter([target.entry(wanted)])
    if isinstance(target, Folder) and depth:
        below = target.below(wanted, deep=depth > 1)
        entries = chain(entries, propfind.bounded(below) if depth > 1 else below)
    headers = [("Content-Type", "application/xml; charset=utf-8")]
    if wanted.is_minimal:
        headers.append(("Preference-Applied", "return=minimal"))
    _start(environ, "207 Multi-Status", headers)
    return propfind.written(entries, wanted)


def do_get(provider: Provides, environ: dict[str, Any]) -> Iterable[bytes]:
    """GET and HEAD of a file, by the file server; of a folder in words (G1)."""
    target = _target(provider, environ)
    if isinstance(target, Folder):
        return _names_of(target, environ)
    try:
        content = target.open()
    except Exception as error:
        raise refusal(error) from error
    return files.serve_file(
        environ,
        environ["daydrop.reply"].start,
        content.file,
        size=content.size,
        etag=content.etag,
        modified=moment(content.modified),
        media_type=content.media_type or "application/octet-stream",
        name=target.name,
        headers=_canonical(content),
    )


def _canonical(content: Content) -> list[tuple[str, str]]:
    """An alias says where its item lies (RFC 9110 §8.7, RFC 6596)."""
    if content.place is None:
        return []
    place = quote(f"/{content.place}")
    return [("Content-Location", place), ("Link", f'<{place}>; rel="canonical"')]


def _names_of(folder: Folder, environ: dict[str, Any]) -> list[bytes]:
    wanted = propfind.Wanted(propfind.Mode.SOME)
    names = (
        f"{entry.name}/" if entry.is_folder else entry.name
        for entry in folder.below(wanted, deep=False)
    )
    text = "".join(f"{name}\n" for name in names).encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(text))),
        ("X-Content-Type-Options", "nosniff"),
    ]
    _start(environ, "200 OK", headers)
    return [text if environ["REQUEST_METHOD"] == "GET" else b""]


# ---- writing --------------------------------------------------------------------------------


def check_writing(library: Library, environ: dict[str, Any]) -> None:
    """Raises Refusal for what may not be written at all.

    A PUT of a part must never look like a success (RFC 9110 §14.5).
    """
    if environ["REQUEST_METHOD"] in READING:
        return
    if library.is_read_only:
        raise refusal(Refused(Code.READ_ONLY))
    if environ["REQUEST_METHOD"] == "PUT" and "HTTP_CONTENT_RANGE" in environ:
        raise Refusal(400, _BAD_RANGE)


def do_unlock(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """A lock of one's own goes, whatever became of the file (L3)."""
    token = environ.get("HTTP_LOCK_TOKEN", "").strip().strip("<>")
    if not token:
        raise Refusal(400)
    found = provider.get_resource_inst(environ["PATH_INFO"], environ)
    asked = environ["PATH_INFO"].strip("/").partition("/")[2]
    path = found.upload_path if isinstance(found, UploadFolder | AliasFile) else asked
    provider.locks.release_own(origin_of(environ).key, path, token)
    return _done(environ, "204 No Content")


def do_delete(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """A name goes out of `Upload`; no item does (D1, D2)."""
    target = _target(provider, environ)
    if not isinstance(target, UploadFolder | AliasFile) or target.alias is None:
        raise Refusal(403)
    if isinstance(target, UploadFolder) and environ.get("HTTP_DEPTH", "infinity") != "infinity":
        raise Refusal(400)
    path = target.alias.path
    guard = _both(
        _parent_guard(provider, environ, path), _guard(provider, environ, path, deep=True)
    )
    answered(lambda: provider.library.aliases.remove(target.origin, path, guard))
    return _done(environ, "204 No Content")


def do_move(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """Another name for an alias; a temporary one is filed now (M1-M3)."""
    source = _target(provider, environ)
    path = _destination(environ)
    if not isinstance(source, UploadFolder | AliasFile) or source.alias is None:
        raise Refusal(403)
    if path is None:
        raise Refusal(403, _OUT)
    alias = source.alias
    is_new = _check_destination(provider, environ, alias.path, path)
    guard = _both(
        _parent_guard(provider, environ, alias.path),
        _guard(provider, environ, alias.path, deep=True),
        _destination_guard(provider, environ, path),
    )
    answered(lambda: provider.library.aliases.move(source.origin, alias, path, guard))
    return _done(environ, "201 Created" if is_new else "204 No Content")


def do_copy(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """A second name for the same file; also for one of the tree (C1)."""
    source = _target(provider, environ)
    path = _destination(environ)
    if path is None:
        raise Refusal(403)
    deep = environ.get("HTTP_DEPTH", "infinity").lower() != "0"
    own = source.alias if isinstance(source, UploadFolder | AliasFile) else None
    is_new = _check_destination(provider, environ, own.path if own else None, path)
    guard = _destination_guard(provider, environ, path)
    aliases, origin = provider.library.aliases, origin_of(environ)
    left_out: list[LeftOut] = []
    if own is not None:
        left_out = answered(lambda: aliases.copy(origin, own, path, guard, deep=deep))
    elif isinstance(source, TreeFile):
        item = _item(provider, source)
        answered(lambda: aliases.copy_item(origin, item, path, guard))
    elif isinstance(source, TreeFolder):
        left_out = answered(lambda: _copy_shelf(provider, origin, source, path, guard, deep=deep))
    else:
        raise Refusal(403)
    if left_out:
        return _partly_done(environ, left_out)
    return _done(environ, "201 Created" if is_new else "204 No Content")


def _partly_done(environ: dict[str, Any], left_out: list[LeftOut]) -> list[bytes]:
    """The rest was copied; what was not is told one by one (RFC 4918 §9.8.3)."""
    body = multistatus(
        (quote(f"/{UPLOAD}/{member.path}"), refusal(member.error)) for member in left_out
    )
    headers = [
        ("Content-Type", "application/xml; charset=utf-8"),
        ("Content-Length", str(len(body))),
    ]
    _start(environ, "207 Multi-Status", headers)
    return [body]


def _copy_shelf(
    provider: Provides,
    origin: Origin,
    source: TreeFolder,
    path: str,
    guard: Guard,
    *,
    deep: bool,
) -> list[LeftOut]:
    """A folder of the tree: names for all its items. What is no item is passed over."""
    aliases, library = provider.library.aliases, provider.library
    if aliases.find_exact(origin, aliases.target(origin, path)) is not None:
        aliases.remove(origin, aliases.target(origin, path), guard)
    aliases.make_folder(origin, path, guard)
    left_out: list[LeftOut] = []
    for stored in library.store.listing(source.place) if deep else ():
        there, target = source.place / stored.name, f"{path}/{stored.name}"
        if stored.is_folder:
            inner = TreeFolder(f"/{there}", source.environ, library, there)
            left_out += _copy_shelf(provider, origin, inner, target, guard, deep=True)
            continue
        item = library.catalogue.items.by_path(there)
        if item is None:
            continue
        try:
            aliases.copy_item(origin, item, target, guard)
        except Refused as error:
            left_out.append(LeftOut(target, error))
    return left_out


def _item(provider: Provides, source: TreeFile) -> Item:
    item = provider.library.catalogue.items.by_path(source.place)
    if item is None:
        raise Refusal(403, _NO_ITEM)
    return item


# ---- where to -------------------------------------------------------------------------------


def _destination(environ: dict[str, Any]) -> str | None:
    """The path in `Upload` that a MOVE or COPY names; None for one elsewhere on this server.

    Raises Refusal: 400 for none, 502 for another server (RFC 4918 §9.8.5).
    """
    header = environ.get("HTTP_DESTINATION", "").strip()
    if not header:
        raise Refusal(400, _NO_DESTINATION)
    address = _ADDRESS.fullmatch(header)
    if address is None:
        raise Refusal(400)
    own = {_host(environ.get(name, "")) for name in ("HTTP_HOST", "daydrop.host")}
    if address["host"] and _host(address["host"]) not in own:
        raise Refusal(502)
    try:
        path = unquote(address["path"].encode("latin-1", "replace"), errors="strict")
    except UnicodeDecodeError as broken:
        raise Refusal(400) from broken
    first, _, rest = path.strip("/").partition("/")
    return rest if first == UPLOAD and rest else None


def _host(netloc: str) -> str:
    """A host and its port, the usual ones left out: a proxy for https may say either.

    Some programs put name and password before it.
    """
    lower = netloc.rpartition("@")[2].lower()
    for port in _USUAL_PORTS:
        lower = lower.removesuffix(port)
    return lower


def _check_destination(
    provider: Provides, environ: dict[str, Any], source: str | None, path: str
) -> bool:
    """Whether the destination is free; raises Refusal when it must not be taken."""
    overwrite = environ.get("HTTP_OVERWRITE", "T").upper()
    if overwrite not in ("T", "F"):
        raise Refusal(400)
    target = answered(lambda: provider.library.aliases.target(origin_of(environ), path))
    if source is not None and (
        target == source or target.startswith(f"{source}/") or source.startswith(f"{target}/")
    ):
        raise Refusal(403, _ONTO_ITSELF)
    there = provider.exact(target, environ)
    if there is not None and overwrite == "F":
        raise Refusal(412)
    return there is None


# ---- locks ----------------------------------------------------------------------------------


def _guard(provider: Provides, environ: dict[str, Any], path: str, *, deep: bool) -> Guard:
    return provider.locks.guard(origin_of(environ).key, path, guard_tokens(environ), deep=deep)


def _parent_guard(provider: Provides, environ: dict[str, Any], path: str) -> Guard:
    """Taking a member out of a locked folder, or putting one in, needs its token (§7.4)."""
    return _guard(provider, environ, path.rpartition("/")[0], deep=False)


def _destination_guard(provider: Provides, environ: dict[str, Any], path: str) -> Guard:
    target = answered(lambda: provider.library.aliases.target(origin_of(environ), path))
    here = _guard(provider, environ, target, deep=True)
    if provider.exact(target, environ) is not None:
        return here
    return _both(here, _parent_guard(provider, environ, target))


def _both(*guards: Guard) -> Guard:
    def check(connection: Connection) -> None:
        for guard in guards:
            guard(connection)

    return check


OWN: dict[str, Callable[[Any, dict[str, Any]], Iterable[bytes]]] = {
    "OPTIONS": do_options,
    "PROPFIND": do_propfind,
    "GET": do_get,
    "HEAD": do_get,
    "UNLOCK": do_unlock,
    "DELETE": do_delete,
    "MOVE": do_move,
    "COPY": do_copy,
}

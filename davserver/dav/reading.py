"""OPTIONS, PROPFIND, GET and HEAD: listings are streamed, files sent by the file server."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any
from urllib.parse import quote

from davserver.dav import files, propfind
from davserver.dav.dates import moment
from davserver.dav.errors import refusal
from davserver.dav.provides import Provides, target_of
from davserver.dav.replies import start
from davserver.dav.resources import Folder
from davserver.dav.upload_folder import UPLOAD
from daydrop.aliases.paths import Content
from daydrop.store.trees import TREES

WRITABLE = "OPTIONS, GET, HEAD, PROPFIND, PUT, MKCOL, DELETE, COPY, MOVE, PROPPATCH, LOCK, UNLOCK"
READABLE = "OPTIONS, GET, HEAD, PROPFIND"
COPYABLE = f"{READABLE}, COPY"


def allowed(path: str) -> str:
    """Return the methods of an address. Windows mounts no drive whose root takes no files."""
    first = path.strip("/").partition("/")[0]
    by_name = {UPLOAD: WRITABLE, "": WRITABLE, "*": WRITABLE} | dict.fromkeys(TREES, COPYABLE)
    return by_name.get(first, READABLE)


def do_options(provider: Provides, environ: dict[str, Any]) -> list[bytes]:  # noqa: ARG001
    """Answer what can be done at an address, also before anyone has signed in."""
    headers = [
        ("DAV", "1, 2"),
        ("MS-Author-Via", "DAV"),
        ("Allow", allowed(environ["PATH_INFO"])),
        ("Content-Length", "0"),
    ]
    start(environ, "200 OK", headers)
    return [b""]


def do_propfind(provider: Provides, environ: dict[str, Any]) -> Iterable[bytes]:
    """Stream a listing."""
    target = target_of(provider, environ)
    wanted = propfind.read(environ["wsgi.input"].read(), environ.get("HTTP_PREFER", ""))
    depth = propfind.depth_of(environ.get("HTTP_DEPTH"), is_folder=isinstance(target, Folder))
    entries: Iterator[propfind.Entry] = iter([target.entry(wanted)])
    if isinstance(target, Folder) and depth:
        below = target.below(wanted, deep=depth > 1)
        entries = chain(entries, propfind.bounded(below) if depth > 1 else below)
    headers = [("Content-Type", "application/xml; charset=utf-8")]
    if wanted.is_minimal:
        headers.append(("Preference-Applied", "return=minimal"))
    start(environ, "207 Multi-Status", headers)
    return propfind.written(entries, wanted)


def do_get(provider: Provides, environ: dict[str, Any]) -> Iterable[bytes]:
    """Answer GET and HEAD: a file as the file server sends it, a folder as a list of names."""
    target = target_of(provider, environ)
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
    """Return the headers that say where the item of an alias lies (RFC 9110 §8.7, RFC 6596)."""
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
    start(environ, "200 OK", headers)
    return [text if environ["REQUEST_METHOD"] == "GET" else b""]

"""Scripts and styles: one version for all of them in their address, compressed where that helps."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from webui.stylesheet import cut, words_of_pages

FOLDER = Path(__file__).parent / "static"
_PAGES = Path(__file__).parent / "templates"
_BOOTSTRAP = "vendor/bootstrap/bootstrap.min.css"
_COMPRESSED = (".js", ".css", ".svg", ".json")
_VENDOR = "vendor"
_FOREVER = "public, max-age=31536000, immutable"

blueprint = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """A file as it goes out; `compressed` is its gzip form, where that is smaller."""

    plain: bytes
    compressed: bytes | None
    media_type: str
    etag: str


@cache
def version() -> str:
    """Return a word that changes with any file: modules import each other by relative paths.

    With the templates too: what is sent of Bootstrap depends on them.
    """
    digest = hashlib.sha256()
    for file in sorted([*FOLDER.rglob("*"), *_PAGES.rglob("*.html")]):
        if file.is_file() and file.suffix in (*_COMPRESSED, ".html"):
            name = file.relative_to(FOLDER.parent).as_posix()
            digest.update(name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:10]


def asset_url(path: str) -> str:
    """Return the address of a file of the pages."""
    return f"/static/{version()}/{path}"


@blueprint.get("/static/<seen>/<path:path>")
def asset(seen: str, path: str) -> Response:
    """Send a file of the pages; under the current version it may be cached forever."""
    found = _asset(path)
    if found is None:
        raise NotFound
    compresses = found.compressed is not None and request.accept_encodings.quality("gzip") > 0
    reply = Response(found.compressed if compresses else found.plain, content_type=found.media_type)
    reply.headers["Cache-Control"] = _FOREVER if seen == version() else "no-cache"
    reply.headers["Vary"] = "Accept-Encoding"
    if compresses:
        reply.headers["Content-Encoding"] = "gzip"
    reply.set_etag(f"{found.etag}-gz" if compresses else found.etag)
    reply.make_conditional(request.environ)
    return reply


def _minified(script: bytes) -> bytes:
    """Return a script of ours without its comments and indents."""
    lines = (line.strip() for line in script.splitlines())
    return b"\n".join(line for line in lines if line and not line.startswith(b"//"))


@cache
def _asset(path: str) -> Asset | None:
    joined = safe_join(str(FOLDER), path)
    file = Path(joined) if joined else None
    if file is None or not file.is_file() or file.name.startswith("."):
        return None
    plain = file.read_bytes()
    if file.suffix == ".js" and _VENDOR not in file.parts:
        plain = _minified(plain)
    elif file == FOLDER / _BOOTSTRAP:
        plain = cut(plain.decode(), words_of_pages(FOLDER.parent)).encode()
    compressed = gzip.compress(plain, 9, mtime=0) if file.suffix in _COMPRESSED else None
    media_type = mimetypes.types_map.get(file.suffix, "application/octet-stream")
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    return Asset(plain, compressed, media_type, hashlib.sha256(plain).hexdigest()[:16])

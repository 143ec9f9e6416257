"""PUT: from the headers of a request to the receipt that it is answered from."""

from typing import Any

from davserver.dav.dates import seconds, to_http
from davserver.dav.errors import Header, Refusal
from davserver.dav.provides import Provides
from davserver.dav.replies import done
from davserver.dav.resources import guard_tokens, origin_of
from davserver.dav.upload_folder import UPLOAD
from daydrop.checksum import HEADERS, Checksums, read_checksums
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement, Guard, all_of
from daydrop.intake.body import announced_length
from daydrop.origin import Origin
from daydrop.records.alias import Alias, State
from daydrop.records.item import etag
from daydrop.records.receipt import Receipt


def do_put(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """Receive a file and file it; an empty one is a placeholder (RFC 4918 §9.7)."""
    origin, path = origin_of(environ), _path(provider, environ)
    there = provider.library.aliases.paths.find_exact(origin, path)
    if there is not None and there.state is State.COLLECTION:
        raise Refusal(405)
    guard = _guard(provider, environ, origin, path, is_new=there is None)
    provider.library.locks.check(guard)
    receipt = _receive(provider, environ, _announcement(environ, origin, path, guard))
    if receipt is None:
        headers = _announced(provider, environ, origin, path, guard)
    else:
        headers = _stored(environ, receipt)
    return done(environ, "201 Created" if there is None else "204 No Content", headers)


def _path(provider: Provides, environ: dict[str, Any]) -> str:
    """Return the path in `Upload`; raises NoParent, and Refused for any place but there."""
    first, _, rest = environ["PATH_INFO"].strip("/").partition("/")
    if first != UPLOAD:
        raise Refused(Code.UNSUPPORTED_TYPE, "folder", name=environ["PATH_INFO"])
    if not rest:
        raise Refusal(405)
    return provider.library.aliases.paths.target(origin_of(environ), rest)


def _guard(
    provider: Provides, environ: dict[str, Any], origin: Origin, path: str, *, is_new: bool
) -> Guard:
    """Return the check of the locks on the path, and of its folder when it gets a new member."""
    tokens = guard_tokens(environ)
    here = provider.library.locks.guard(origin.key, path, tokens)
    if not is_new:
        return here
    return all_of(here, provider.library.locks.guard(origin.key, path.rpartition("/")[0], tokens))


def _announcement(environ: dict[str, Any], origin: Origin, path: str, guard: Guard) -> Announcement:
    return Announcement(
        name=path.rpartition("/")[2],
        origin=origin,
        size=announced_size(environ),
        alias=path,
        modified=modified(environ),
        checksums=checksums(environ),
        guard=guard,
    )


def _receive(
    provider: Provides, environ: dict[str, Any], announcement: Announcement
) -> Receipt | None:
    """Take the body in; return None when there was none, also after chunks of nothing."""
    if announcement.size == 0:
        return None
    with provider.library.door.begin(announcement) as incoming:
        incoming.receive(environ["wsgi.input"], announced_length(environ.get("CONTENT_LENGTH")))
        if incoming.received == 0 and announcement.size is None:
            return None
        return incoming.commit()


def _announced(
    provider: Provides, environ: dict[str, Any], origin: Origin, path: str, guard: Guard
) -> list[Header]:
    """Keep a name whose bytes come later; return the headers of the reply."""
    aliases = provider.library.aliases
    alias: Alias = aliases.changes.announce(origin, path, guard)
    when = modified(environ)
    if when is not None:
        aliases.changes.set_modified(alias, when)
    return _headers(environ, alias.etag, alias.modified if when is None else when)


def _stored(environ: dict[str, Any], receipt: Receipt) -> list[Header]:
    """Return the headers that tell a client what was stored: what a listing will say."""
    when = modified(environ)
    return _headers(environ, etag(receipt.sha256 or ""), receipt.at if when is None else when)


def _headers(environ: dict[str, Any], tag: str, when: float) -> list[Header]:
    headers = [("ETag", f'"{tag}"'), ("Last-Modified", to_http(when))]
    if modified(environ) is not None:
        headers.append(("X-OC-Mtime", "accepted"))
    return headers


# ---- headers --------------------------------------------------------------------------------


def announced_size(environ: dict[str, Any]) -> int | None:
    """Return the length of the body by its headers; None for chunks of unknown length.

    Finder sends chunks and gives their total in a header of its own.
    """
    length = (environ.get("CONTENT_LENGTH") or "").strip()
    if length:
        if not length.isdigit():
            raise Refusal(400)
        return int(length)
    if "HTTP_TRANSFER_ENCODING" not in environ:
        return 0
    expected = environ.get("HTTP_X_EXPECTED_ENTITY_LENGTH", "").strip()
    return int(expected) if expected.isdigit() and int(expected) > 0 else None


def modified(environ: dict[str, Any]) -> float | None:
    """Return the client's time (`X-OC-Mtime`); text that is not a time counts as absent."""
    return seconds(environ.get("HTTP_X_OC_MTIME", ""))


def checksums(environ: dict[str, Any]) -> Checksums:
    """Return what the client says the bytes sum up to."""
    return read_checksums(
        {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}") for name in HEADERS}
    )

"""UNLOCK, DELETE, MOVE and COPY in `Upload`.

Each is one step of the core, and leaves all as it was when it is refused.
"""

from typing import Any
from urllib.parse import quote

from davserver.dav.errors import Refusal, answered, multistatus, refusal
from davserver.dav.provides import Provides, target_of
from davserver.dav.replies import done, start
from davserver.dav.resources import guard_tokens, origin_of
from davserver.dav.tree import TreeFile, TreeFolder
from davserver.dav.upload_folder import UPLOAD, AliasFile, UploadFolder
from daydrop.aliases.copying import LeftOut
from daydrop.filing.announcement import Guard, all_of
from daydrop.records.item import Item

_NO_DESTINATION = "The request does not say where to."
_ONTO_ITSELF = "A file cannot be moved or copied onto itself, nor a folder into itself."
_NO_ITEM = "Only photos and videos can be copied: a companion goes with its photo."
_OUT = "Files cannot be moved out of Upload: what was sent lies in its folder already."


def do_unlock(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """Release a lock of the client's own, whatever became of the file."""
    token = environ.get("HTTP_LOCK_TOKEN", "").strip().strip("<>")
    if not token:
        raise Refusal(400)
    found = provider.get_resource_inst(environ["PATH_INFO"], environ)
    asked = environ["PATH_INFO"].strip("/").partition("/")[2]
    path = found.upload_path if isinstance(found, UploadFolder | AliasFile) else asked
    answered(lambda: provider.library.locks.release(origin_of(environ).key, path, token))
    return done(environ, "204 No Content")


def do_delete(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """Remove a name from `Upload`; its item stays in the library."""
    target = target_of(provider, environ)
    if not isinstance(target, UploadFolder | AliasFile) or target.alias is None:
        raise Refusal(403)
    if isinstance(target, UploadFolder) and environ.get("HTTP_DEPTH", "infinity") != "infinity":
        raise Refusal(400)
    path = target.alias.path
    guard = all_of(
        _parent_guard(provider, environ, path), _guard(provider, environ, path, deep=True)
    )
    answered(lambda: provider.library.aliases.changes.remove(target.origin, path, guard))
    return done(environ, "204 No Content")


def do_move(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """Rename an alias; what had a temporary name is filed now."""
    source = target_of(provider, environ)
    path = _destination(environ)
    if not isinstance(source, UploadFolder | AliasFile) or source.alias is None:
        raise Refusal(403)
    if path is None:
        raise Refusal(403, _OUT)
    alias = source.alias
    is_new = _check_destination(provider, environ, alias.path, path)
    guard = all_of(
        _parent_guard(provider, environ, alias.path),
        _guard(provider, environ, alias.path, deep=True),
        _destination_guard(provider, environ, path),
    )
    answered(lambda: provider.library.aliases.moving.move(source.origin, alias, path, guard))
    return done(environ, "201 Created" if is_new else "204 No Content")


def do_copy(provider: Provides, environ: dict[str, Any]) -> list[bytes]:
    """Give the same file a second name in `Upload`; also one of the tree."""
    source = target_of(provider, environ)
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
        left_out = answered(lambda: aliases.copying.copy(origin, own, path, guard, deep=deep))
    elif isinstance(source, TreeFile):
        item = _item(provider, source)
        answered(lambda: aliases.copying.copy_item(origin, item, path, guard))
    elif isinstance(source, TreeFolder):
        place = source.place
        left_out = answered(
            lambda: aliases.copying.copy_folder(origin, place, path, guard, deep=deep)
        )
    else:
        raise Refusal(403)
    if left_out:
        return _partly_done(environ, left_out)
    return done(environ, "201 Created" if is_new else "204 No Content")


def _partly_done(environ: dict[str, Any], left_out: list[LeftOut]) -> list[bytes]:
    """Report one by one what was not copied with the rest (RFC 4918 §9.8.3)."""
    body = multistatus(
        (quote(f"/{UPLOAD}/{member.path}"), refusal(member.error)) for member in left_out
    )
    headers = [
        ("Content-Type", "application/xml; charset=utf-8"),
        ("Content-Length", str(len(body))),
    ]
    start(environ, "207 Multi-Status", headers)
    return [body]


def _item(provider: Provides, source: TreeFile) -> Item:
    item = provider.library.browse.by_path(source.place)
    if item is None:
        raise Refusal(403, _NO_ITEM)
    return item


# ---- where to -------------------------------------------------------------------------------


def _destination(environ: dict[str, Any]) -> str | None:
    """Return the path in `Upload` that a MOVE or COPY names; None for one elsewhere on this server.

    Raises Refusal: 400 for none, 502 for another server (RFC 4918 §9.8.5, §9.9.4).
    """
    header = environ.get("HTTP_DESTINATION", "").strip()
    if not header:
        raise Refusal(400, _NO_DESTINATION)
    try:
        path = environ["daydrop.site"].path_of(header)
    except ValueError as broken:
        raise Refusal(400) from broken
    if path is None:
        raise Refusal(502)
    first, _, rest = path.strip("/").partition("/")
    return rest if first == UPLOAD and rest else None


def _check_destination(
    provider: Provides, environ: dict[str, Any], source: str | None, path: str
) -> bool:
    """Return whether the destination is free; raises Refusal when it must not be taken."""
    overwrite = environ.get("HTTP_OVERWRITE", "T").upper()
    if overwrite not in ("T", "F"):
        raise Refusal(400)
    target = answered(lambda: provider.library.aliases.paths.target(origin_of(environ), path))
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
    return provider.library.locks.guard(
        origin_of(environ).key, path, guard_tokens(environ), deep=deep
    )


def _parent_guard(provider: Provides, environ: dict[str, Any], path: str) -> Guard:
    """Return the guard of a folder that loses or gains a member (RFC 4918 §7.4)."""
    return _guard(provider, environ, path.rpartition("/")[0], deep=False)


def _destination_guard(provider: Provides, environ: dict[str, Any], path: str) -> Guard:
    target = answered(lambda: provider.library.aliases.paths.target(origin_of(environ), path))
    here = _guard(provider, environ, target, deep=True)
    if provider.exact(target, environ) is not None:
        return here
    return all_of(here, _parent_guard(provider, environ, target))

"""The one provider at `/`: from a path to what stands there, and from a method to who answers."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from wsgidav.dav_provider import DAVProvider

from davserver.dav import conditions, methods
from davserver.dav.conditions import Found
from davserver.dav.errors import Refusal, refusal
from davserver.dav.locks import LockManager
from davserver.dav.receipts import (
    RECEIPTS,
    RECEIPTS_LISTED,
    ReceiptFile,
    ReceiptsFolder,
    receipt_name,
    receipt_text,
)
from davserver.dav.resources import File, Folder, origin_of
from davserver.dav.root import Root
from davserver.dav.tree import TreeFile, TreeFolder
from davserver.dav.upload_folder import UPLOAD, AliasFile, UploadFolder
from daydrop.aliases.paths import NoParent
from daydrop.errors import Refused
from daydrop.library import Library
from daydrop.media.names import checked_path
from daydrop.records.alias import Alias, State
from daydrop.store.trees import TREES

_EXACT = frozenset({"PUT", "LOCK", "MKCOL"})
_CHECKED = (
    "HTTP_IF",
    "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
)

Handler = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Provider(DAVProvider):
    """Resolves paths; answers itself what WsgiDAV does not answer well enough."""

    def __init__(self, library: Library, locks: LockManager) -> None:
        super().__init__()
        self.library = library
        self.set_lock_manager(locks)
        self.receipt_size = lru_cache(maxsize=RECEIPTS_LISTED)(self._receipt_size)

    # ---- paths ------------------------------------------------------------------------------

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Folder | File | None:
        """Return what stands at a path; None for nothing."""
        first, _, rest = path.strip("/").partition("/")
        if not first:
            return Root("/", environ, self.library)
        if first == UPLOAD:
            return self._in_upload(rest, path, environ)
        if first in TREES:
            return self._in_tree(PurePosixPath(path.strip("/")), environ)
        if first == RECEIPTS:
            return self._in_receipts(rest, environ)
        return None

    def _in_upload(self, rest: str, path: str, environ: dict[str, Any]) -> Folder | File | None:
        if not rest.strip("/"):
            return UploadFolder(f"/{UPLOAD}", environ, self.library, None)
        origin, aliases = origin_of(environ), self.library.aliases
        try:
            wanted = checked_path(rest)
        except Refused as refused:
            raise refusal(refused) from refused
        is_target = path.rstrip("/") == environ["PATH_INFO"].rstrip("/")
        if is_target and environ["REQUEST_METHOD"] in _EXACT:
            return self.exact(wanted, environ)
        return self._of(aliases.paths.find(origin, wanted), environ)

    def exact(self, path: str, environ: dict[str, Any]) -> Folder | File | None:
        """Return what stands at a path to be written: names that differ in case are two names."""
        origin, aliases = origin_of(environ), self.library.aliases
        try:
            alias = aliases.paths.find_exact(origin, aliases.paths.target(origin, path))
        except NoParent:
            return None
        return self._of(alias, environ)

    def _of(self, alias: Alias | None, environ: dict[str, Any]) -> Folder | File | None:
        if alias is None:
            return None
        if alias.state is State.COLLECTION:
            return UploadFolder(f"/{UPLOAD}/{alias.path}", environ, self.library, alias)
        return AliasFile(f"/{UPLOAD}/{alias.path}", environ, self.library, alias.path, alias)

    def _in_tree(self, place: PurePosixPath, environ: dict[str, Any]) -> Folder | File | None:
        if any(part.startswith(".") for part in place.parts):
            return None
        if place.parts[0] == TREES[3] and "others" not in self.library.settings.limits.accept:
            return None
        if self.library.store.tree.is_folder(place):
            return TreeFolder(f"/{place}", environ, self.library, place)
        if not self.library.store.tree.is_file(place):
            return None
        return TreeFile(f"/{place}", environ, self.library, place)

    def _in_receipts(self, name: str, environ: dict[str, Any]) -> Folder | File | None:
        folder = ReceiptsFolder(f"/{RECEIPTS}", environ, self.library)
        if not name:
            return folder
        batch = next((each for each in folder.batches() if receipt_name(each) == name), None)
        if batch is None:
            return None
        return ReceiptFile(f"/{RECEIPTS}/{name}", environ, self.library, batch)

    def _receipt_size(self, batch_id: str, _when: float) -> int:
        """Return how long a receipt is, as it was then: a listing asks for all of them."""
        return len(receipt_text(self.library, batch_id))

    def ref_url_to_path(self, ref_url: str) -> str:
        """Return the path of a key made by `addresses.ref_url`, without the origin."""
        path: str = super().ref_url_to_path(ref_url)
        return "/" + path.lstrip("/").partition("/")[2]

    # ---- requests ---------------------------------------------------------------------------

    def custom_request_handler(
        self, environ: dict[str, Any], start_response: Callable[..., Any], default_handler: Handler
    ) -> Iterable[bytes]:
        """Check the conditions, and answer the methods that are ours.

        MKCOL, LOCK and PROPPATCH are WsgiDAV's, over our resources, locks and properties.
        """
        tokens = conditions.check(environ, lambda path: self._look(path, environ))
        for name in _CHECKED:
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                environ.pop(name, None)
        environ["wsgidav.conditions.if"] = None
        environ["wsgidav.ifLockTokenList"] = list(tokens)
        methods.check_writing(self.library, environ)
        own = methods.OWN.get(environ["REQUEST_METHOD"])
        return own(self, environ) if own else default_handler(environ, start_response)

    def _look(self, path: str | None, environ: dict[str, Any]) -> Found:
        """Return the state of a path, for the conditions of a request."""
        wanted = environ["PATH_INFO"] if path is None else path
        resource = self.get_resource_inst(wanted, environ)
        inside = wanted.strip("/").partition("/")
        tokens: set[str] = set()
        if inside[0] == UPLOAD:
            held = self.library.locks.covering(
                origin_of(environ).key, _upload_path(resource, inside[2])
            )
            tokens = {lock.token for lock in held}
        return Found(
            etag=_etag(resource),
            is_there=resource is not None,
            modified=resource.get_last_modified() if isinstance(resource, AliasFile) else None,
            tokens=tokens,
        )


def _upload_path(resource: Folder | File | None, asked: str) -> str:
    if isinstance(resource, UploadFolder | AliasFile):
        return resource.upload_path
    try:
        return checked_path(asked)
    except Refused as refused:
        raise Refusal(400) from refused


def _etag(resource: Folder | File | None) -> str | None:
    if isinstance(resource, AliasFile):
        return resource.get_etag()
    if isinstance(resource, File):
        content = resource.open()
        content.file.close()
        return content.etag
    return None

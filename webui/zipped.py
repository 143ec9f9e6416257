"""A selection as one zip: of a size that is known before it begins, stored and not deflated."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from flask import Blueprint, Response, abort, request
from werkzeug.wrappers import Response as AnyResponse
from zipstream import ZIP_STORED, ZipStream  # type: ignore[import-untyped]  # it ships none

from library.catalogue.items import Item
from library.store.local import LocalStore
from webui.request_body import BLOCK
from webui.site import library

blueprint = Blueprint("zipped", __name__)

MOST_ITEMS = 2000
MOST_BYTES = 20 << 30


@blueprint.post("/api/v1/zip")
def selection() -> AnyResponse:
    """The items whose ids are sent, as JSON or as fields of a form, under their own folders."""
    ids = _ids()
    if not ids or len(ids) > MOST_ITEMS:
        abort(400)
    found = library().browse.selection(ids)
    if not found:
        abort(404)
    if sum(item.size for item in found) > MOST_BYTES:
        abort(413)
    packed = _packed(library().store, found)
    reply = Response(iter(packed), content_type="application/zip")
    reply.content_length = len(packed)
    name = f"daydrop-{len(found)}.zip"
    reply.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    reply.headers["Cache-Control"] = "no-store"
    return reply


def _ids() -> tuple[str, ...]:
    if request.is_json:
        body = request.get_json(silent=True)
        wished = body.get("items") if isinstance(body, dict) else None
        return tuple(map(str, wished)) if isinstance(wished, list) else ()
    return tuple(request.form.getlist("item"))


def _packed(store: LocalStore, found: list[Item]) -> ZipStream:
    packed = ZipStream(compress_type=ZIP_STORED, sized=True)
    for item in found:
        packed.add(_bytes(store, item.path, item.size), str(item.path), size=item.size)
    return packed


def _bytes(store: LocalStore, path: PurePosixPath, size: int) -> Iterator[bytes]:
    """The original; opened when its turn comes, and exactly as long as was promised."""
    with store.open(path) as file:
        left = size
        while left and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block

"""A selection as one zip, stored and not deflated, so that its size is known before it begins."""

from flask import Blueprint, Response, abort, request
from werkzeug.wrappers import Response as AnyResponse
from zipstream import ZIP_STORED, ZipStream  # type: ignore[import-untyped]  # it ships none

from daydrop.records.item import Item
from daydrop.store.local import LocalStore
from daydrop.words import readable_size
from webui.site import failure, library, words

blueprint = Blueprint("zipped", __name__)

MOST_ITEMS = 2000
MOST_BYTES = 20 << 30


@blueprint.post("/api/v1/zip")
def selection() -> AnyResponse:
    """Send the selected items as a zip; ids come as JSON or as fields of a form."""
    ids = _ids()
    if not ids:
        return failure(400, "nothing_selected", words().text("error.nothing_selected"))
    found = library().browse.selection(ids[:MOST_ITEMS])
    if not found:
        abort(404)
    if len(ids) > MOST_ITEMS or sum(item.size for item in found) > MOST_BYTES:
        size = readable_size(MOST_BYTES)
        text = words().text("error.too_much_selected", n=MOST_ITEMS, size=size)
        return failure(413, "too_much_selected", text)
    zipped = _zipped(library().store, found)
    reply = Response(iter(zipped), content_type="application/zip")
    reply.content_length = len(zipped)
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


def _zipped(store: LocalStore, found: list[Item]) -> ZipStream:
    """Return a zip of each original under its place, with the time of its file."""
    zipped = ZipStream(compress_type=ZIP_STORED, sized=True)
    for item in found:
        if not store.tree.has(item.path, item.size):
            abort(404)  # removed by hand: better an error now than a download that breaks off
        zipped.add_path(store.tree.path(item.path), str(item.path), recurse=False)
    return zipped

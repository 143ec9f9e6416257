"""The owner's page: room, what is open, what failed, and the log of uploads."""

from dataclasses import dataclass

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from daydrop.records.item import Item
from webui.receipts import stored_of
from webui.site import library, page
from webui.visitor import visitor

blueprint = Blueprint("admin", __name__)

LISTED = 100


@dataclass(frozen=True)
class Undrawn:
    """An item without a preview, and why it has none."""

    item: Item
    reason: str


@blueprint.get("/admin")
def admin() -> str:
    """Show what only the owner sees."""
    if not visitor().is_owner:
        abort(403)
    by = request.args.get("by", "").strip()
    receipts = library().receipts.recent(by or None, LISTED)
    free = library().store.free()
    batches = [each for each in library().batches.recent(None, LISTED) if each.closed is None]
    return page(
        "admin.html",
        free=free,
        keep_free=library().settings.limits.keep_free,
        fault=library().door.fault,
        open_batches=batches,
        uploads=library().uploads.pending(),
        items=library().browse.total(),
        lost=library().browse.missing_count(),
        undated=library().browse.undated_count(),
        failed=_failed_previews(),
        trash=library().trash.newest(LISTED),
        trash_days=library().settings.store.trash_days,
        receipts=receipts,
        stored=stored_of(receipts),
        by=by,
        senders=library().browse.senders(),
    )


@blueprint.post("/admin/trash/<item_id>/restore")
def restore(item_id: str) -> AnyResponse:
    """Bring an item back from the trash, and show it."""
    if not visitor().is_owner:
        abort(403)
    item = library().trash.find(item_id)
    if item is None:
        abort(404)
    library().trash.restore(item)
    return redirect(url_for("items.item", item_id=item_id), 303)


def _failed_previews() -> list[Undrawn]:
    """Return the items that have no preview; those that left the library do not matter."""
    marks = library().previews.failed()[:LISTED]
    found = [(library().browse.by_sha256(mark.sha256), mark.reason.value) for mark in marks]
    return [Undrawn(item, reason) for item, reason in found if item is not None]

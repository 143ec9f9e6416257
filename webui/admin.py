"""The owner's page: room, what is open, what failed, and the log of uploads."""

from flask import Blueprint, abort, request

from webui.site import library, page
from webui.visitor import visitor

blueprint = Blueprint("admin", __name__)

LISTED = 100


@blueprint.get("/admin")
def admin() -> str:
    """What only the owner sees."""
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
        fault=library().ingest.fault,
        open_batches=batches,
        uploads=library().uploads.pending(),
        items=library().browse.total(),
        undated=library().browse.undated_count(),
        receipts=receipts,
        by=by,
        senders=library().browse.senders(),
    )

"""One item: its page, its previews, and what its owner changes: date and trash."""

from datetime import UTC, date, datetime, timedelta

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from daydrop import words as sentences
from daydrop.capturedate.belief import OLDEST_YEAR
from daydrop.readers.drawing import EDGES, VIEW
from daydrop.receipts.reasons import lines, offset
from daydrop.receipts.receipts import why_of
from webui.assets import asset_url
from webui.site import library, page, root_url, words
from webui.tiles import address, crumbs, parsed_day, tile
from webui.visitor import visitor

blueprint = Blueprint("items", __name__)


@blueprint.get("/i/<item_id>")
def item(item_id: str) -> str:
    """Show an item, where it lies, and why there."""
    found = library().browse.item(item_id)
    if found is None:
        abort(404)
    return page(
        "item.html",
        **date_bounds(),
        item=found.item,
        crumbs=crumbs(found.item.path),
        tile=tile(found.item, words()),
        pair=[tile(other, words()) for other in found.pair],
        newer=found.newer,
        older=found.older,
        receipts=found.receipts,
        taken=datetime.fromisoformat(found.item.taken) if found.item.taken else None,
        folder=f"{address(found.item.path.parent)}/",
        drive_address=root_url().rstrip("/") + address(found.item.path),
        trash_days=library().settings.store.trash_days,
        offset=None if found.item.offset_minutes is None else offset(found.item.offset_minutes),
        why=sentences.sentence(why_of(found.item), {}, words().language),
        reasons=lines(found.item, words().language),
    )


def _last_day() -> date:
    """Return the last day that a photo may be from, anywhere on earth."""
    return datetime.fromtimestamp(library().clock.now(), UTC).date() + timedelta(days=1)


def date_bounds() -> dict[str, str]:
    """Return the bounds of a field for a date."""
    return {"first_day": f"{OLDEST_YEAR}-01-01", "last_day": _last_day().isoformat()}


def _is_believable(day: date) -> bool:
    """Return whether a day can be meant: a year typed with two digits is not."""
    return day.year >= OLDEST_YEAR and day <= _last_day()


@blueprint.post("/i/<item_id>/date")
def set_date(item_id: str) -> AnyResponse:
    """Set the date that the owner gives; the item moves there."""
    if not visitor().is_owner:
        abort(403)
    day = parsed_day(request.form.get("date"))
    if day is None or not _is_believable(day) or library().browse.item(item_id) is None:
        abort(400)
    library().refile.set_date(item_id, day)
    if request.form.get("next") == "queue":
        return redirect("/no_date/", 303)
    return redirect(url_for("items.item", item_id=item_id), 303)


@blueprint.post("/i/<item_id>/trash")
def trash(item_id: str) -> AnyResponse:
    """Move an item to the trash; then show what is left of its folder."""
    if not visitor().is_owner:
        abort(403)
    found = library().browse.item(item_id)
    if found is None:
        abort(404)
    library().trash.put(found.item)
    folder = found.item.path.parent
    is_left = library().browse.folder(folder, limit=1) is not None
    return redirect(f"{address(folder)}/" if is_left else "/timeline", 303)


@blueprint.get("/t/<sha256>-<int:edge>.webp")
def preview(sha256: str, edge: int) -> AnyResponse:
    """Send a preview; its address names the content, so it may be cached forever."""
    if edge not in (*EDGES, VIEW) or not (len(sha256) == 64 and sha256.isalnum()):  # noqa: PLR2004  SHA-256
        abort(404)
    return preview_reply(sha256, edge)


def preview_reply(sha256: str, edge: int) -> AnyResponse:
    """Return the preview, drawn now if missing; a plain image where none can be drawn."""
    found = library().browse.by_sha256(sha256)
    file = library().previews.path(found, edge) if found else None
    if file is None:
        return redirect(asset_url("no-preview.svg"))
    reply = Response(file.read_bytes(), content_type="image/webp")
    reply.set_etag(f"{sha256[:32]}-{edge}")
    reply.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return reply.make_conditional(request.environ)

"""The gallery: folders at the drive's own addresses, the timeline, search, items, previews."""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import PurePosixPath

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from daydrop import words as sentences
from daydrop.browse import DATED, Position, Query
from daydrop.capturedate.belief import OLDEST_YEAR
from daydrop.readers.drawing import EDGES, VIEW
from daydrop.receipts.reasons import lines, offset
from daydrop.receipts.receipts import why_of
from daydrop.records.item import Item
from daydrop.store.trees import TREES
from webui.assets import asset_url
from webui.site import library, page, root_url, words
from webui.tiles import Tile, address, parsed_day, tile, year_links
from webui.visitor import visitor

blueprint = Blueprint("gallery", __name__)

PAGE_ITEMS = 200
_TREE = f"<any({', '.join(TREES)}):tree>"
_PART = re.compile(r"[0-9]{1,6}")
_QUERY = ("q", "from", "to", "kind", "by", "batch")


# ---- folders --------------------------------------------------------------------------------


@blueprint.get(f"/{_TREE}/")
def tree(tree: str) -> str | AnyResponse:
    """A whole tree: its timeline where it has days, else its folder; or a search in it."""
    if not request.path.endswith("/"):
        return redirect(f"/{tree}/", 308)
    if tree == "others" and "others" not in library().settings.limits.accept:
        abort(404)
    if "part" in request.args:
        return _part((tree,), request.args["part"])
    if any(request.args.get(name) for name in _QUERY):
        return _search(tree)
    return _timeline((tree,)) if tree in DATED else _folder(PurePosixPath(tree))


@blueprint.get(f"/{_TREE}/<path:below>")
def folder(tree: str, below: str) -> str | AnyResponse:
    """A folder of the tree; files are sent by the file server and never come here."""
    path = PurePosixPath(tree, below.rstrip("/"))
    if ".." in path.parts:
        abort(404)
    if not below.endswith("/"):
        if library().browse.folder(path, limit=1) is None:
            abort(404)
        return redirect(f"{address(path)}/", 308)
    return _folder(path)


def _folder(path: PurePosixPath) -> str:
    found = library().browse.folder(path, _position(), PAGE_ITEMS)
    if found is None:
        abort(404)
    return page(
        "folder.html",
        **_days(),
        folder=found,
        crumbs=_crumbs(path),
        label=_label(path),
        tiles=_tiles(found.items),
        following=_cursor(found.following),
    )


def _crumbs(path: PurePosixPath) -> list[tuple[str, str]]:
    """Name and address of each folder down to this one."""
    return [
        (path.parts[depth], f"{address(PurePosixPath(*path.parts[: depth + 1]))}/")
        for depth in range(len(path.parts))
    ]


def _label(path: PurePosixPath) -> str:
    """What the folder's numbers mean, where they are a date: 17 May 2024."""
    numbers = path.parts[1:]
    if path.parts[0] not in DATED or not numbers or not all(part.isdigit() for part in numbers):
        return ""
    try:
        day = datetime.strptime("-".join(numbers), "%Y-%m-%d"[: 3 * len(numbers) - 1])  # noqa: DTZ007
    except ValueError:
        return ""
    names = (str(day.year), words().month(f"{day:%Y-%m}"), words().day(day.date()))
    return names[len(numbers) - 1]


# ---- timeline -------------------------------------------------------------------------------


@blueprint.get("/timeline")
def timeline() -> str:
    """All photos and videos, newest day first."""
    if "part" in request.args:
        return _part(DATED, request.args["part"])
    if any(request.args.get(name) for name in _QUERY):
        return _search("")
    return _timeline(DATED)


def _timeline(trees: tuple[str, ...]) -> str:
    buckets = library().browse.buckets(trees)
    return page(
        "timeline.html",
        trees=trees,
        base=f"/{trees[0]}/" if len(trees) == 1 else "/timeline",
        buckets=buckets,
        years=year_links(buckets),
        total=sum(bucket.items for bucket in buckets),
    )


def _part(trees: tuple[str, ...], key: str) -> str:
    """One bucket: as a fragment for the script, as a page of its own without one."""
    month, _, part = key.partition(".")
    if not _is_month(month) or not _PART.fullmatch(part or "1"):
        abort(404)
    number = int(part or 1)
    found = library().browse.bucket(trees, month, number)
    if not found:
        abort(404)
    days = [
        (day, _tiles(members)) for day, members in groupby(found, key=lambda item: item.taken[:10])
    ]
    keys = [bucket.key for bucket in library().browse.buckets(trees)]
    here = keys.index(key) if key in keys else 0
    return page(
        "bucket.html" if request.headers.get("X-Fragment") else "month.html",
        trees=trees,
        base=f"/{trees[0]}/" if len(trees) == 1 else "/timeline",
        month=month,
        days=[(parsed_day(day), tiles) for day, tiles in days],
        newer=keys[here - 1] if here > 0 else None,
        older=keys[here + 1] if here + 1 < len(keys) else None,
    )


def _is_month(text: str) -> bool:
    return parsed_day(f"{text}-01") is not None


# ---- search ---------------------------------------------------------------------------------


def _search(tree: str) -> str:
    first, last = parsed_day(request.args.get("from")), parsed_day(request.args.get("to"))
    query = Query(
        tree=tree,
        text=request.args.get("q", "").strip()[:200],
        first=first.isoformat() if first else "",
        last=last.isoformat() if last else "",
        kind=request.args.get("kind", ""),
        uploader=request.args.get("by", "") if visitor().is_owner else "",
        batch=request.args.get("batch", ""),
    )
    found = library().browse.search(query, _position(), PAGE_ITEMS)
    return page(
        "search.html",
        query=query,
        kinds=library().browse.kinds(replace(query, kind="")),
        tree=tree,
        tiles=_tiles(found.items),
        total=library().browse.count(query),
        following=_cursor(found.following),
    )


# ---- items ----------------------------------------------------------------------------------


@blueprint.get("/i/<item_id>")
def item(item_id: str) -> str:
    """A picture, where it lies, and why there."""
    found = library().browse.item(item_id)
    if found is None:
        abort(404)
    return page(
        "item.html",
        **_days(),
        item=found.item,
        crumbs=_crumbs(found.item.path),
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


def last_day() -> date:
    """The last day that a picture may be from, anywhere on earth."""
    return datetime.fromtimestamp(library().clock.now(), UTC).date() + timedelta(days=1)


def _days() -> dict[str, str]:
    """The bounds of a field for a date."""
    return {"first_day": f"{OLDEST_YEAR}-01-01", "last_day": last_day().isoformat()}


def _is_believable(day: date) -> bool:
    """Two digits typed for a year are none."""
    return day.year >= OLDEST_YEAR and day <= last_day()


@blueprint.post("/i/<item_id>/date")
def set_date(item_id: str) -> AnyResponse:
    """The owner says when it was taken; the item moves there."""
    if not visitor().is_owner:
        abort(403)
    day = parsed_day(request.form.get("date"))
    if day is None or not _is_believable(day) or library().browse.item(item_id) is None:
        abort(400)
    library().refile.set_date(item_id, day)
    if request.form.get("next") == "queue":
        return redirect("/no_date/", 303)
    return redirect(url_for("gallery.item", item_id=item_id), 303)


@blueprint.post("/i/<item_id>/trash")
def trash(item_id: str) -> AnyResponse:
    """The owner takes an item out of the library; then follows what is left of its folder."""
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
    """A preview; its address names the content, so it may be kept for ever."""
    if edge not in (*EDGES, VIEW) or not (len(sha256) == 64 and sha256.isalnum()):  # noqa: PLR2004  SHA-256
        abort(404)
    return preview_reply(sha256, edge)


def preview_reply(sha256: str, edge: int) -> AnyResponse:
    """The preview, made now when it is missing; a plain picture says so where none can be made."""
    found = library().browse.by_sha256(sha256)
    file = library().previews.path(found, edge) if found else None
    if file is None:
        return redirect(asset_url("no-preview.svg"))
    reply = Response(file.read_bytes(), content_type="image/webp")
    reply.set_etag(f"{sha256[:32]}-{edge}")
    reply.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return reply.make_conditional(request.environ)


# ---- shared ---------------------------------------------------------------------------------


def _tiles(items: Iterable[Item]) -> list[Tile]:
    return [tile(each, words()) for each in items]


def _position() -> Position | None:
    """Where the page before this one ended, from an opaque cursor; aborts on a broken one."""
    return read_cursor(request.args.get("cursor"))


def read_cursor(text: str | None) -> Position | None:
    """A position from its opaque form; aborts with 400 when it is none of ours."""
    if not text:
        return None
    try:
        taken, path = json.loads(base64.urlsafe_b64decode(text.encode()))
        return Position(str(taken), str(path))
    except (ValueError, TypeError):
        abort(400)


def _cursor(position: Position | None) -> str | None:
    return write_cursor(position) if position else None


def write_cursor(position: Position) -> str:
    """A position as an opaque word for addresses."""
    return base64.urlsafe_b64encode(json.dumps([position.taken, position.path]).encode()).decode()

"""The gallery: folders at the drive's own addresses, the timeline, and search."""

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import PurePosixPath

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from daydrop.browse import DATED, Position, Query
from daydrop.records.item import Item
from daydrop.store.trees import TREES
from webui.items import date_bounds
from webui.site import library, page, words
from webui.tiles import Tile, address, crumbs, parsed_day, tile, year_links
from webui.visitor import visitor

blueprint = Blueprint("gallery", __name__)

PAGE_ITEMS = 200
_TREE = f"<any({', '.join(TREES)}):tree>"
_PART = re.compile(r"[0-9]{1,6}")
_QUERY = ("q", "from", "to", "kind", "by", "batch")


# ---- folders --------------------------------------------------------------------------------


@blueprint.get(f"/{_TREE}/")
def tree(tree: str) -> str | AnyResponse:
    """Show a whole tree: its timeline where it has days, else its folder; or a search in it."""
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
    """Show a folder of the tree; files go to the file server and never come here."""
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
        **date_bounds(),
        folder=found,
        crumbs=crumbs(path),
        label=_label(path),
        tiles=_tiles(found.items),
        following=_cursor(found.following),
    )


def _label(path: PurePosixPath) -> str:
    """Return what the folder's numbers mean, where they are a date: 17 May 2024."""
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
    """Show all photos and videos, newest day first."""
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
    """Show one bucket: as a fragment for the script, else as a page of its own."""
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


# ---- shared ---------------------------------------------------------------------------------


def _tiles(items: Iterable[Item]) -> list[Tile]:
    return [tile(each, words()) for each in items]


def _position() -> Position | None:
    """Return where the page before this one ended."""
    return read_cursor(request.args.get("cursor"))


def _cursor(position: Position | None) -> str | None:
    return write_cursor(position) if position else None


def read_cursor(text: str | None) -> Position | None:
    """Return a position from its opaque form; abort with 400 when it is not one of ours."""
    if not text:
        return None
    try:
        taken, path = json.loads(base64.urlsafe_b64decode(text.encode()))
        return Position(str(taken), str(path))
    except (ValueError, TypeError):
        abort(400)


def write_cursor(position: Position) -> str:
    """Return a position as an opaque word for addresses."""
    return base64.urlsafe_b64encode(json.dumps([position.taken, position.path]).encode()).decode()

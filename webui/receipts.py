"""Receipts as pages, as JSON, as a table and as text; and undoing a batch."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from flask import Blueprint, Response, abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from daydrop.care.undo import UNDO_SECONDS
from daydrop.receipts.receipts import Outcome, Receipt
from daydrop.records.batch import Batch
from daydrop.words import Language
from webui.codes import qr_svg
from webui.site import is_local, library, page, root_url, wants_json, words
from webui.visitor import may_change, visitor

blueprint = Blueprint("receipts", __name__)

LISTED = 50
LINES = 500  # receipts on a page; only an import has more
COVERS = 4
_BESIDE = (Outcome.DUPLICATE, Outcome.REFUSED, Outcome.UNFINISHED)
_HIDDEN = frozenset({Outcome.STAGED, Outcome.LITTER})


@dataclass(frozen=True)
class Summary:
    """A batch in a list: its files in numbers, and previews of some of them."""

    batch: Batch
    kept: int
    refused: int
    covers: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """The files of a batch that went to one folder."""

    folder: str
    receipts: tuple[Receipt, ...]


def stored_of(receipts: list[Receipt]) -> set[str]:
    """Return the ids of those items of receipts that are in the library now."""
    ids = [each.item_id for each in receipts if each.item_id]
    return {item.id for item in library().browse.selection(ids)}


@blueprint.get("/Receipts/")
def batches() -> str:
    """Show the batches of this visitor; the owner sees all."""
    origin = visitor()
    before = request.args.get("before", type=float)
    mine = None if origin.is_owner else origin.key
    if before is None:
        found = library().batches.recent(mine, LISTED)
    else:
        found = library().batches.closed(mine, before, LISTED)
    older = found[-1].opened if len(found) == LISTED else None
    return page("receipts.html", summaries=summaries(found), older=older)


@blueprint.get("/b/<batch_id>")
def receipt(batch_id: str) -> str | AnyResponse:
    """Show where each file of a batch went, and why, to anyone who has the address."""
    batch = _found(batch_id)
    if wants_json():
        return batch_json(batch_id)
    after = request.args.get("after", 0, type=int)
    found = library().receipts.of_batch(batch_id, after, LINES + 1)
    receipts = [each for each in found[:LINES] if each.outcome not in _HIDDEN]
    tally = library().receipts.tally(batch_id)
    left = () if after else library().manifests.left_over(batch_id)
    return page(
        "receipt.html",
        batch=batch,
        why=reasons_beyond(receipts),
        groups=grouped(receipts),
        waiting=[each for each in _of(receipts, Outcome.COMPANION) if each.place is None],
        beside=[(outcome, _of(receipts, outcome), tally.outcomes[outcome]) for outcome in _BESIDE],
        left=left,
        is_empty=not (receipts or left),
        stored=stored_of(receipts),
        following=found[LINES - 1].id if len(found) > LINES else None,
        total=tally.kept,
        filed=tally.outcomes[Outcome.FILED] + tally.outcomes[Outcome.COMPANION],
        undo_left=undo_left(batch),
        may_undo=may_change(visitor(), batch),
        qr=None if is_local() else qr_svg(f"{root_url()}b/{batch_id}"),
    )


@blueprint.get("/b/<batch_id>.csv")
def table(batch_id: str) -> AnyResponse:
    """Send the receipt as a table for spreadsheets."""
    _found(batch_id)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["name", "outcome", "place", "day", "source", "size", "sha256", "sentence"])
    for each in library().receipts.of_batch(batch_id):
        cells = [each.name, each.outcome.value, each.place, each.day, each.source, each.size]
        cells += [each.sha256, each.sentence(words().language)]
        writer.writerow([_harmless(cell) for cell in cells])
    reply = Response("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    reply.headers["Content-Disposition"] = f'attachment; filename="daydrop-{batch_id}.csv"'
    return reply


@blueprint.post("/b/<batch_id>/undo")
def undo(batch_id: str) -> AnyResponse:
    """Undo a batch: its items go to the trash."""
    take_back(batch_id)
    return redirect(url_for("receipts.receipt", batch_id=batch_id), 303)


def take_back(batch_id: str) -> None:
    """Undo a batch; abort with 403 for strangers and 409 when it is too late.

    Undoing twice succeeds: the sender may not have received the first answer.
    """
    batch = _found(batch_id)
    if not may_change(visitor(), batch):
        abort(403)
    if batch.undone is not None:
        return
    if undo_left(batch) <= 0:
        abort(409)
    library().undo.run(batch_id, visitor())


def undo_left(batch: Batch) -> int:
    """Return the seconds in which a batch may still be undone, from its last byte on."""
    if batch.undone is not None:
        return 0
    return max(0, int(batch.touched + UNDO_SECONDS - library().clock.now()))


def summaries(found: Iterable[Batch]) -> list[Summary]:
    """Return batches with their numbers; those without any outcome to show are left out."""
    tallies = [(batch, library().receipts.tally(batch.id, COVERS)) for batch in found]
    return [
        Summary(batch, tally.kept, tally.outcomes[Outcome.REFUSED], tally.pictures)
        for batch, tally in tallies
        if tally.outcomes
    ]


def grouped(receipts: list[Receipt]) -> list[Group]:
    """Return what was filed, by folder; undated files last."""
    folders: dict[str, list[Receipt]] = {}
    for each in receipts:
        if each.place is not None and each.outcome in (Outcome.FILED, Outcome.COMPANION):
            folders.setdefault(str(PurePosixPath(each.place).parent), []).append(each)
    order = sorted(folders, key=lambda folder: (folder == "no_date", folder))
    return [Group(folder, tuple(folders[folder])) for folder in order]


def reasons_beyond(receipts: list[Receipt]) -> dict[int, tuple[str, ...]]:
    """Return all dates of each file, by receipt number, where its sentence is not enough.

    It is enough where one date was found and trusted.
    """
    reasons = library().receipts.reasons(receipts, words().language)
    found = {
        each.id: (each, reasons.get(each.item_id or "", ()))
        for each in receipts
        if each.outcome is Outcome.FILED
    }
    return {
        number: lines
        for number, (each, lines) in found.items()
        if len(lines) > 1 or (lines and each.source is None)
    }


def plain_receipt(receipts: list[Receipt], address: str, language: Language) -> str:
    """Return a receipt for a terminal: one line a file, then where to read it again."""
    lines = [f"{each.name}: {each.sentence(language)}" for each in receipts]
    return "\n".join([*lines, address]) + "\n"


def batch_json(batch_id: str) -> Response:
    """Return a batch with its receipts, for programs."""
    batch = _found(batch_id)
    receipts = library().receipts.of_batch(batch_id)
    return jsonify(
        {
            "id": batch.id,
            "url": url_for("receipts.receipt", batch_id=batch.id),
            "opened_at": rfc3339(batch.opened),
            "expires_at": rfc3339(batch.closes),
            "closed_at": rfc3339(batch.closed),
            "undone_at": rfc3339(batch.undone),
            "undo_seconds": undo_left(batch),
            "receipts": [receipt_json(each) for each in receipts if each.outcome not in _HIDDEN],
        }
    )


def receipt_json(receipt: Receipt) -> dict[str, object]:
    """Return one receipt, for programs."""
    return {
        "id": receipt.id,
        "name": receipt.name,
        "at": rfc3339(receipt.at),
        "outcome": receipt.outcome.value,
        "code": receipt.code,
        "detail": receipt.sentence(words().language),
        "size": receipt.size,
        "sha256": receipt.sha256,
        "path": receipt.place,
        "day": receipt.day,
        "source": receipt.source,
        "item": f"/i/{receipt.item_id}" if receipt.item_id else None,
        "times": receipt.times,
    }


def rfc3339(seconds: float | None) -> str | None:
    """Return a time of the catalogue as programs read it."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _found(batch_id: str) -> Batch:
    batch = library().batches.find(batch_id)
    if batch is None:
        abort(404)
    return batch


def _of(receipts: list[Receipt], outcome: Outcome) -> list[Receipt]:
    return [each for each in receipts if each.outcome is outcome]


def _harmless(cell: object) -> object:
    """Quote a cell that begins like a formula: a spreadsheet would run it."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

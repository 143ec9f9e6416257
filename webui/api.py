"""The JSON API: batches announced as a list, files received with the wire semantics of tus 1.0."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import cast
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, request, url_for
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from daydrop import words as sentences
from daydrop.browse import Query
from daydrop.checksum import Checksums, read_checksums
from daydrop.errors import Code, Refused
from daydrop.intake.body import BodyCut, BodyStalled, whole
from daydrop.intake.manifest import Announced, KeyUsed, Manifest
from daydrop.intake.resumable import Ended, Receiving
from daydrop.limits.batches import Batch
from daydrop.records.item import Item
from daydrop.records.upload import Upload, UploadState
from webui.errors import problem, refusal_problem, status_of
from webui.gallery import read_cursor, write_cursor
from webui.receipts import batch_json, receipt_json, rfc3339, take_back
from webui.site import body_blocks, body_length, library, words
from webui.tiles import address, parsed_day, preview
from webui.visitor import may_change, visitor

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

TUS = "1.0.0"
MOST_ANNOUNCED = 1000
MOST_JSON = 2 << 20
OFFSET_TYPE = "application/offset+octet-stream"
_FILE = "/batches/<batch_id>/files/<upload_id>"
_LISTED_MOST = 500
_MOST_SIZE = 2**62  # larger than any disk, and still a number for the catalogue


@blueprint.errorhandler(BadRequest)
def _not_understood(_error: BadRequest) -> AnyResponse:
    """Answer a body that is not valid JSON in the expected form."""
    return problem(400, "bad_request", words().text("error.json"))


# ---- batches --------------------------------------------------------------------------------


@blueprint.post("/batches")
def announce() -> AnyResponse:
    """Open a batch; say of each file whether it may come, before a byte of it is sent."""
    files = _announced(_json())
    key = request.headers.get("Idempotency-Key")
    try:
        manifest = library().manifests.announce(visitor(), files, key[:200] if key else None)
    except KeyUsed:
        return problem(422, "idempotency_key", words().text("error.key_used"))
    reply = jsonify(_manifest_json(manifest))
    is_any = any(upload.state is not UploadState.REFUSED for upload in manifest.uploads)
    reply.status_code = 201 if is_any else 422
    reply.headers["Location"] = url_for("api.state", batch_id=manifest.batch.id)
    return reply


@blueprint.get("/batches/<batch_id>")
def state(batch_id: str) -> AnyResponse:
    """Answer how far each file has come: a page that was reloaded asks this."""
    batch = _batch(batch_id)
    return jsonify(_manifest_json(Manifest(batch, tuple(library().uploads.of_batch(batch_id)))))


@blueprint.post("/batches/<batch_id>/check")
def check(batch_id: str) -> AnyResponse:
    """Compare hashes: what is here already need not be sent."""
    files = _json().get("files")
    if not isinstance(files, list) or not all(isinstance(each, dict) for each in files):
        raise BadRequest
    _own(batch_id)
    hashes = {str(each.get("ref")): str(each.get("sha256")) for each in files}
    checked = library().manifests.check(batch_id, hashes)
    return jsonify({"files": [_upload_json(upload) for upload in checked]})


@blueprint.post("/batches/<batch_id>/finish")
def finish(batch_id: str) -> AnyResponse:
    """Close the batch; the answer is its receipt."""
    _own(batch_id)
    library().uploads.finish(batch_id)
    return batch_json(batch_id)


@blueprint.delete("/batches/<batch_id>")
def cancel_batch(batch_id: str) -> AnyResponse:
    """Cancel what has not arrived yet."""
    _own(batch_id)
    library().uploads.cancel_batch(batch_id)
    return Response(status=204)


@blueprint.post("/batches/<batch_id>/undo")
def undo(batch_id: str) -> AnyResponse:
    """Take the batch back: its items go to the trash."""
    take_back(batch_id)
    return batch_json(batch_id)


def _batch(batch_id: str) -> Batch:
    batch = library().batches.find(batch_id)
    if batch is None:
        abort(404)
    return batch


def _own(batch_id: str) -> None:
    """Abort with 403 unless it is the visitor's: everyone with its address may read it, no more."""
    if not may_change(visitor(), _batch(batch_id)):
        abort(403)


# ---- one file -------------------------------------------------------------------------------


@blueprint.route("/batches", methods=["OPTIONS"])
@blueprint.route(_FILE, methods=["OPTIONS"])
def capabilities(batch_id: str = "", upload_id: str = "") -> AnyResponse:  # noqa: ARG001  the route's
    """Answer which parts of tus 1.0 are supported."""
    limits = library().batches.limits(visitor())
    headers = {
        "Tus-Resumable": TUS,
        "Tus-Version": TUS,
        "Tus-Extension": "termination,expiration",
        "Tus-Max-Size": str(limits.bytes),
        "Allow": "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
    }
    return Response(status=204, headers=headers)


@blueprint.route(_FILE, methods=["HEAD", "GET"])
def offset(batch_id: str, upload_id: str) -> AnyResponse:
    """Answer how many bytes are stored safely."""
    upload = _found(batch_id, upload_id)
    if request.method == "GET":
        return _tus(jsonify(_upload_json(upload)), upload)
    status = 410 if upload.state in (UploadState.EXPIRED, UploadState.CANCELLED) else 204
    reply = _tus(Response(status=status), upload)
    # tus-js-client and the IETF draft read it on any status
    reply.headers["Upload-Length"] = str(upload.size)
    return reply


@blueprint.patch(_FILE)
def append(batch_id: str, upload_id: str) -> AnyResponse:
    """Take the next bytes; the last one files the upload and answers with its receipt."""
    upload = _found(batch_id, upload_id)
    wrong = _wrong_request(upload)
    if wrong is not None:
        return _tus(wrong, upload)
    try:
        with library().uploads.receiving(upload_id, _wished_offset(), _checksums()) as receiving:
            _receive(receiving)
    except Ended as ended:
        return _answered_again(ended.upload)
    except Refused as refused:
        return _tus(refusal_problem(refused, words().language), _found(batch_id, upload_id))
    except BodyCut as broken:
        now = _found(batch_id, upload_id)
        code = Code.STALLED if isinstance(broken, BodyStalled) else Code.CUT_SHORT
        kept = Refused(code, "kept", name=now.name, received=now.received, size=now.size)
        return _tus(refusal_problem(kept, words().language), now)
    return _appended(_found(batch_id, upload_id))


@blueprint.delete(_FILE)
def cancel(batch_id: str, upload_id: str) -> AnyResponse:
    """Cancel the upload of this file."""
    upload = _found(batch_id, upload_id)
    library().uploads.cancel(upload_id)
    return _tus(Response(status=204), upload)


def _answered_again(upload: Upload) -> AnyResponse:
    """Answer again for an upload that is over: the first answer may have been lost."""
    if upload.code is not None and upload.words_key is not None:
        detail = sentences.sentence(upload.words_key, upload.facts, words().language)
        return _tus(problem(status_of(upload.code), upload.code, detail), upload)
    if _wished_offset() == upload.size:
        return _appended(upload)
    mismatch = Refused(Code.OFFSET_MISMATCH, offset=upload.size)
    return _tus(refusal_problem(mismatch, words().language), upload)


def _receive(receiving: Receiving) -> None:
    for block in body_blocks():
        receiving.write(block)


def _appended(upload: Upload) -> AnyResponse:
    """204 while bytes are missing, 200 with the receipt after the last one."""
    if upload.receipt_id is None:
        return _tus(Response(status=204), upload)
    return _tus(jsonify(_upload_json(upload)), upload)


def _wrong_request(upload: Upload) -> Response | None:
    """Return the answer to a PATCH that is wrong before its body is read; None if it is not."""
    if request.headers.get("Tus-Resumable", TUS) != TUS:
        reply = problem(412, "tus_version", words().text("error.tus"))
        reply.headers["Tus-Version"] = TUS
        return reply
    if request.mimetype != OFFSET_TYPE:
        return problem(415, "unsupported_media_type", words().text("error.415"))
    try:
        start = _wished_offset()
    except ValueError:
        return problem(400, "bad_offset", words().text("error.offset"))
    length = body_length()
    if upload.is_pending and length is not None and start + length > upload.size:
        refused = Refused(Code.FILE_TOO_BIG, "announced", name=upload.name, size=upload.size)
        return refusal_problem(refused, words().language)
    return None


def _wished_offset() -> int:
    text = request.headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004  beyond any file
        raise ValueError(text)
    return int(text)


def _checksums() -> Checksums:
    """Return the checksum of the whole file, compared when it is whole.

    The other headers speak of the body of one request, which is a part of the file.
    """
    return read_checksums({"Repr-Digest": request.headers.get("Repr-Digest")})


def _tus(reply: Response, upload: Upload) -> Response:
    """Add the headers that every answer about a file carries."""
    headers: Headers = reply.headers
    headers["Tus-Resumable"] = TUS
    done = upload.state in (UploadState.FILED, UploadState.DUPLICATE)
    headers["Upload-Offset"] = str(upload.size if done else upload.received)
    headers["Cache-Control"] = "no-store"
    batch = library().batches.find(upload.batch_id)
    if batch is not None and batch.closes is not None and upload.is_pending:
        expires = datetime.fromtimestamp(batch.closes, UTC)
        headers["Upload-Expires"] = expires.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return reply


def _found(batch_id: str, upload_id: str) -> Upload:
    upload = library().uploads.find(upload_id)
    if upload is None or upload.batch_id != batch_id:
        abort(404)
    return upload


# ---- items ----------------------------------------------------------------------------------


@blueprint.get("/items")
def items() -> AnyResponse:
    """Answer with the items that a query finds, newest first, in pages."""
    first, last = parsed_day(request.args.get("from")), parsed_day(request.args.get("to"))
    query = Query(
        text=request.args.get("q", "")[:200],
        first=first.isoformat() if first else "",
        last=last.isoformat() if last else "",
        kind=request.args.get("kind", ""),
        batch=request.args.get("batch", ""),
    )
    limit = min(max(request.args.get("limit", 100, type=int), 1), _LISTED_MOST)
    found = library().browse.search(query, read_cursor(request.args.get("cursor")), limit)
    following = write_cursor(found.following) if found.following else None
    reply = jsonify({"items": [_item_json(each) for each in found.items], "next": following})
    if following:
        query_string = urlencode({**request.args.to_dict(), "cursor": following})
        reply.headers["Link"] = f'</api/v1/items?{query_string}>; rel="next"'
    reply.add_etag()
    return reply.make_conditional(request.environ)


@blueprint.get("/items/<item_id>")
def item(item_id: str) -> AnyResponse:
    """Answer with an item and all the dates that were found for it."""
    found = library().browse.item(item_id)
    if found is None:
        abort(404)
    body = _item_json(found.item)
    body["candidates"] = json.loads(found.item.candidates)
    body["receipts"] = [receipt_json(each) for each in found.receipts]
    body["pair"] = [each.id for each in found.pair]
    reply = jsonify(body)
    reply.add_etag()
    return reply.make_conditional(request.environ)


def _item_json(item: Item) -> dict[str, object]:
    return {
        "id": item.id,
        "url": address(item.path),
        "path": str(item.path),
        "name": item.name,
        "kind": item.kind.value,
        "media_type": item.media_type,
        "size": item.size,
        "sha256": item.sha256,
        "taken": item.taken or None,
        "offset_minutes": item.offset_minutes,
        "source": item.source,
        "width": item.width,
        "height": item.height,
        "duration": item.duration,
        "filed_at": rfc3339(item.filed),
        "preview": preview(item.sha256, 640),
    }


# ---- shared ---------------------------------------------------------------------------------


def _json() -> Mapping[str, object]:
    """Return the body as a JSON object; aborts with 413 for a body that is too large."""
    length = body_length()
    sent = (
        whole(request.environ["wsgi.input"], length, MOST_JSON)
        if (length or 0) <= MOST_JSON
        else None
    )
    if sent is None:
        abort(413)
    try:
        body = json.loads(sent) if request.mimetype == "" or request.is_json else None
    except (ValueError, RecursionError):  # nested deeper than any list of files
        body = None
    if not isinstance(body, dict):
        raise BadRequest
    return cast("Mapping[str, object]", body)


def _announced(body: Mapping[str, object]) -> list[Announced]:
    files = body.get("files")
    if not isinstance(files, list) or not files:
        raise BadRequest
    if len(files) > MOST_ANNOUNCED:
        abort(problem(413, "too_many_files", words().text("error.too_many", n=MOST_ANNOUNCED)))
    return [_one_announced(number, each) for number, each in enumerate(files)]


def _one_announced(number: int, file: object) -> Announced:
    """Return a file of the list; aborts with 400 for one without a name and a size."""
    if not isinstance(file, dict):
        raise BadRequest
    name, size = file.get("name"), file.get("size")
    if not isinstance(name, str) or isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise BadRequest
    path = PurePosixPath(_whole(str(file.get("path") or name)))
    return Announced(
        ref=_whole(str(file.get("ref", number))),
        name=PurePosixPath(_whole(name)).name or name,
        path=str(path)[:1024],
        size=min(size, _MOST_SIZE),
        modified=_seconds(file.get("mtime")),
    )


def _whole(text: str) -> str:
    """Replace lone surrogates, which JavaScript writes for a broken name and no disk takes."""
    return text.encode("utf-8", "replace").decode()


def _seconds(text: object) -> float | None:
    """Return a time in RFC 3339 as seconds; None for text that is not one."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def _manifest_json(manifest: Manifest) -> dict[str, object]:
    batch = manifest.batch
    may_send = may_change(visitor(), batch)
    return {
        "id": batch.id,
        "url": url_for("receipts.receipt", batch_id=batch.id),
        "expires_at": rfc3339(batch.closes),
        "closed_at": rfc3339(batch.closed),
        "limits": {"max_files": batch.max_files, "max_bytes": batch.max_bytes, "max_append": None},
        "files": [_upload_json(upload, may_send=may_send) for upload in manifest.uploads],
    }


def _upload_json(upload: Upload, *, may_send: bool = True) -> dict[str, object]:
    told: dict[str, object] = {
        "ref": upload.ref,
        "name": upload.name,
        "path": upload.path,
        "size": upload.size,
        "mtime": upload.modified,
        "state": upload.state.value,
    }
    if upload.is_pending:
        told["offset"] = upload.received
    if upload.is_pending and may_send:
        told["url"] = url_for("api.offset", batch_id=upload.batch_id, upload_id=upload.id)
    if upload.state is UploadState.CHECK:
        told["reason"] = "size_known"
    if upload.code is not None and upload.words_key is not None:
        told["code"] = upload.code
        told["detail"] = sentences.sentence(upload.words_key, upload.facts, words().language)
    if upload.receipt_id is not None:
        receipt = library().receipts.find(upload.receipt_id)
        told["receipt"] = receipt_json(receipt) if receipt else None
    return told

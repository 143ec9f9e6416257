"""The upload page, and the form that works without a script and for `curl -F`."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement
from daydrop.intake.body import BodyCut, BodyStalled
from daydrop.intake.incoming import Incoming
from daydrop.limits.batches import Batch, Face
from daydrop.origin import Origin
from daydrop.receipts.receipts import KEPT, Outcome, Receipt
from daydrop.records.alias import State
from daydrop.words import readable_size
from webui.errors import problem, status_of
from webui.form_parts import (
    FileBegins,
    FileBytes,
    FileEnds,
    FormRefused,
    Part,
    parts,
)
from webui.receipts import batch_json, plain_receipt, summaries
from webui.site import (
    body_blocks,
    body_length,
    library,
    page,
    root_url,
    wants_json,
    wants_page,
    words,
)
from webui.tiles import histogram
from webui.visitor import visitor

blueprint = Blueprint("upload", __name__)

RECENT = 5
_BREAKS = {
    BodyStalled: (408, "stalled", "error.form_stalled"),
    BodyCut: (400, "cut_short", "error.form_cut"),
    FormRefused: (400, "bad_form", "error.form_broken"),
}
_FORM_ROOM = 1 << 20  # boundaries, heads and fields of a form beside its files


@blueprint.get("/")
@blueprint.get("/Upload/")
def home() -> str:
    """Show the upload card, recent uploads, and the months."""
    origin = visitor()
    limits = library().batches.limits(origin)
    recent = library().batches.recent(None if origin.is_owner else origin.key, RECENT)
    accept = library().settings.limits.accept
    return page(
        "upload.html",
        limits=limits,
        recent=summaries(recent),
        years=histogram(library().browse.months()),
        undated=library().browse.undated_count(),
        takes_others="others" in accept,
        nothing_chosen="empty" in request.args,
        script={
            "files": limits.files,
            "bytes": limits.bytes,
        },
    )


@blueprint.get("/Upload/<path:path>")
def no_file(path: str) -> AnyResponse:
    """Answer for a name that the drive does not show: unknown, or deleted by the owner."""
    alias = library().aliases.paths.find(visitor(), path)
    abort(410 if alias is not None and alias.state is State.REMOVED else 404)


@blueprint.get("/upload")
def upload_address() -> AnyResponse:
    """Lead to the page: the address of the form was typed by hand."""
    return redirect("/", 303)


@blueprint.post("/upload")
def receive_form() -> AnyResponse:
    """File every file of a form, and answer with the receipt."""
    origin = visitor()
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        return problem(415, "unsupported_media_type", words().text("error.form"))
    _refuse_too_much(origin)
    form = _Form(origin)
    try:
        for part in parts(body_blocks(), boundary):
            form.take(part)
    except (BodyCut, FormRefused) as broken:
        stalled = isinstance(broken, BodyStalled)
        form.break_off(*((Code.STALLED, "") if stalled else (Code.CUT_SHORT, "unknown")))
        return _broken_answer(form, broken)
    finally:
        form.close()
    return _answer(form)


def _refuse_too_much(origin: Origin) -> None:
    """Raise Refused for more than a whole batch, before a byte of it is read."""
    announced = body_length()
    limits = library().batches.limits(origin)
    if announced is not None and announced > limits.bytes + _FORM_ROOM:
        raise Refused(Code.BATCH_BYTES, "explicit", limit=readable_size(limits.bytes))


@dataclass
class _Form:
    """A form on its way through the door: at most one file is open at a time."""

    origin: Origin
    batch: Batch | None = None
    incoming: Incoming | None = None
    refusals: list[Refused] = field(default_factory=list)

    def take(self, part: Part) -> None:
        """Take the next part; a refused file is skipped to its end, the next one may come."""
        try:
            if isinstance(part, FileBegins):
                self._begin(part.name)
            elif self.incoming is not None and isinstance(part, FileBytes):
                self.incoming.write(part.block)
            elif self.incoming is not None and isinstance(part, FileEnds):
                self._end(self.incoming)
        except Refused as refused:
            self.refusals.append(refused)
            self.incoming = None

    def _begin(self, sent: str) -> None:
        """Begin a file; an empty name means that nothing was chosen in its field."""
        path = PurePosixPath(sent.replace("\\", "/"))  # old browsers send C:\\fakepath\\…
        if path.name == "":
            return
        if self.batch is None:
            self.batch = library().batches.open_explicit(self.origin, Face.PAGE)
        self.incoming = library().door.begin(
            Announcement(
                name=path.name,
                origin=self.origin,
                folder="" if str(path.parent) == "." else str(path.parent),
                batch_id=self.batch.id,
            )
        )

    def _end(self, incoming: Incoming) -> None:
        incoming.commit()
        self.incoming = None

    def break_off(self, code: Code, case: str = "") -> None:
        """Record that the file that was arriving failed; files that came whole before it stay."""
        if self.incoming is not None:
            self.refusals.append(self.incoming.fail(code, case))
            self.incoming = None

    def address(self) -> str | None:
        """Return the address of the receipt; None when no file came."""
        return url_for("receipts.receipt", batch_id=self.batch.id) if self.batch else None

    def close(self) -> None:
        """Leave nothing behind, and close the batch."""
        if self.incoming is not None:
            self.incoming.abort()
        if self.batch is not None:
            library().batches.finish(self.batch.id)


def _answer(form: _Form) -> AnyResponse:
    """Answer with a page for browsers, and with JSON or lines of text for programs.

    Programs get a status of failure when nothing was kept, so that `curl -f` ends with an error.
    """
    receipts = library().receipts.of_batch(form.batch.id) if form.batch is not None else []
    if not receipts and form.refusals:
        raise form.refusals[0]  # a store that takes nothing keeps no receipt of it either
    address = form.address()
    if form.batch is None or address is None:
        if wants_page():
            return redirect("/?empty=1", 303)
        return problem(422, "no_file", words().text("error.no_file"))
    if wants_page():
        return redirect(address, 303)
    is_kept = any(receipt.outcome in KEPT for receipt in receipts)
    if wants_json():
        reply: AnyResponse = batch_json(form.batch.id)
        reply.status_code = 201 if is_kept else _worst(receipts)
    else:
        text = plain_receipt(receipts, root_url().rstrip("/") + address, words().language)
        reply = Response(
            text, 303 if is_kept else _worst(receipts), content_type="text/plain; charset=utf-8"
        )
    reply.headers["Location"] = address
    return reply


def _worst(receipts: list[Receipt]) -> int:
    refused = [receipt.code for receipt in receipts if receipt.outcome is Outcome.REFUSED]
    return status_of(refused[0]) if refused and refused[0] else 422


def _broken_answer(form: _Form, broken: Exception) -> AnyResponse:
    """Answer a form that did not come whole; its receipt says which files were kept."""
    address = form.address()
    status, code, key = _BREAKS[type(broken)]
    if isinstance(broken, FormRefused) and address is None:
        key = "error.form"
    text = words().text(key)
    if wants_page():
        return Response(
            page("error.html", status=status, title=text, detail="", receipt=address), status
        )
    reply = problem(status, code, text, receipt=address)
    if address is not None:
        reply.headers["Location"] = address
    return reply

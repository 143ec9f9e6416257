"""Refusals in this face's terms: the one table from codes to statuses, and problem+json."""

import json
from http import HTTPStatus

from flask import Response

from daydrop.errors import Code, Refused
from daydrop.words import Language

STATUS: dict[Code, int] = {
    Code.UNSUPPORTED_TYPE: 415,
    Code.BAD_NAME: 422,
    Code.EMPTY_FILE: 422,
    Code.FILE_TOO_BIG: 413,
    Code.BATCH_FILES: 413,
    Code.BATCH_BYTES: 413,
    Code.NO_SPACE: 507,
    Code.READ_ONLY: 507,
    Code.CUT_SHORT: 400,
    Code.STALLED: 408,
    Code.CHECKSUM_MISMATCH: 422,
    Code.BUSY: 429,
    Code.OFFSET_MISMATCH: 409,
    Code.LOCKED: 423,
    Code.EXPIRED: 410,
    Code.INTERNAL: 500,
}


def status_of(code: str) -> int:
    """Return the status of a refusal code from a receipt."""
    return STATUS[Code(code)]


def refusal_problem(refused: Refused, language: Language) -> Response:
    """Return a refusal as `application/problem+json` (RFC 9457) with its stable code."""
    reply = problem(STATUS[refused.code], refused.code.value, refused.sentence(language))
    if (wait := refused.retry_after) is not None:
        reply.headers["Retry-After"] = str(wait)
    return reply


def problem(status: int, code: str, detail: str, receipt: str | None = None) -> Response:
    """Return a problem of the protocol, such as a request that cannot be read.

    `receipt` is the address of the receipt of what was kept nevertheless.
    """
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if receipt is not None:
        body["receipt"] = receipt
    return Response(
        json.dumps(body, ensure_ascii=False), status, content_type="application/problem+json"
    )

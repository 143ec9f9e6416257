"""Bounds of every XML body: small, shallow, UTF-8, without a document type.

WsgiDAV reads the whole body and builds the whole tree, by lxml where that can be imported: 20 MB
of empty elements cost it gigabytes. So every body is checked here before it gets there.
"""

import io
import re
from typing import Any, Final
from xml.parsers import expat

from davserver.dav.errors import Refusal
from davserver.engine.body import BodyFault

BYTES_MOST: Final = 64 << 10
ELEMENTS_MOST: Final = 1000
DEPTH_MOST: Final = 32
METHODS: Final = frozenset({"PROPFIND", "PROPPATCH", "LOCK"})
BODILESS: Final = frozenset({"MKCOL", "DELETE", "COPY", "MOVE", "UNLOCK"})

_TOO_LARGE = "The XML of the request is too large: ask for fewer things at once."
_NOT_UTF8 = "The XML of the request must be UTF-8."
_DOCTYPE = "The XML of the request must not have a document type or entities."
_MALFORMED = "The XML of the request is malformed."
_ENCODING = re.compile(rb"""<\?xml[^>]*\bencoding\s*=\s*["']([^"']*)["']""")


def check_body(environ: dict[str, Any]) -> None:
    """Check the body of a request that may carry XML, and put it back to be read again.

    Raises Refusal: 400 for anything but plain XML, 413 for too much of it, 415 for a body where
    none belongs (RFC 4918 §9.3.1).
    """
    method = environ["REQUEST_METHOD"]
    if method not in METHODS | BODILESS:
        return
    body = _read(environ)
    if method in BODILESS:
        _refuse_body(method, body)
        body = b""
    elif body.strip():
        check(body)
    else:
        body = b""
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def _refuse_body(method: str, body: bytes) -> None:
    # old clients send <propertybehavior> with COPY and MOVE (RFC 2518 §12.12): passed over
    if body and method in ("MKCOL", "UNLOCK"):
        raise Refusal(415)


def _read(environ: dict[str, Any]) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > BYTES_MOST:
        raise Refusal(415 if environ["REQUEST_METHOD"] == "MKCOL" else 413, _TOO_LARGE)
    if not length and "HTTP_TRANSFER_ENCODING" not in environ:
        return b""
    most = int(length) if length.isdigit() else BYTES_MOST + 1
    try:
        body: bytes = environ["wsgi.input"].read(most)
    except BodyFault as fault:
        raise Refusal(400, _MALFORMED, headers=[("Connection", "close")]) from fault
    if len(body) > BYTES_MOST:
        raise Refusal(413, _TOO_LARGE)
    if length.isdigit() and len(body) < most:
        raise Refusal(400, _MALFORMED, headers=[("Connection", "close")])
    return body


def check(body: bytes) -> None:
    """Raise Refusal for a body that must not reach the parser."""
    declared = _ENCODING.match(body.removeprefix(b"\xef\xbb\xbf").lstrip())
    if declared is not None and declared[1].lower() not in (b"utf-8", b"utf8"):
        raise Refusal(400, _NOT_UTF8)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise Refusal(400, _NOT_UTF8) from failure
    if "\0" in text:  # UTF-16 without a mark
        raise Refusal(400, _NOT_UTF8)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Refusal(400, _DOCTYPE)
    _Measure().run(text.encode())


class _Measure:
    """Counts elements as they come, so that a bomb is refused before it is a tree."""

    def __init__(self) -> None:
        self._elements = self._depth = 0

    def run(self, body: bytes) -> None:
        parser = expat.ParserCreate("utf-8", namespace_separator="}")  # as ElementTree does
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(body, True)
        except expat.ExpatError as failure:
            raise Refusal(400, _MALFORMED) from failure

    def _start(self, _name: str, _attributes: dict[str, str]) -> None:
        self._elements += 1
        self._depth += 1
        if self._elements > ELEMENTS_MOST or self._depth > DEPTH_MOST:
            raise Refusal(413, _TOO_LARGE)

    def _end(self, _name: str) -> None:
        self._depth -= 1

    def _doctype(self, *_declaration: object) -> None:
        raise Refusal(400, _DOCTYPE)

"""The head of a request, read strictly: anything ambiguous is refused (RFC 9112)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

from davserver.engine.bounds import Bounds

END: Final = b"\r\n\r\n"
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TARGET: Final = re.compile(rb"[\x21-\x22\x24-\x7e\x80-\xff]+")  # no blank, no control, no '#'
_ABSOLUTE: Final = re.compile(rb"https?://([^/?]+)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE | re.DOTALL)
_HOST: Final = re.compile(r"[0-9A-Za-z._~%!$&'()*+,;=:\[\]-]*")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_FORBIDDEN_IN_SEGMENT: Final = re.compile(r"[/\\\x00-\x1f\x7f-\x9f]")
FINDER_ICONS: Final = frozenset({"Icon\r", "._Icon\r"})  # macOS: the icon of a folder
_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

_ONCE: Final = frozenset(
    {
        "authorization",
        "content-length",
        "content-range",
        "content-type",
        "depth",
        "destination",
        "expect",
        "host",
        "if-modified-since",
        "if-range",
        "if-unmodified-since",
        "lock-token",
        "overwrite",
        "range",
    }
)
"""Fields that hold one value: a second line would leave open which of the two is meant."""


class BadHead(Exception):
    """A request that is answered by the engine alone, and its connection closed."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status: Final = status
        self.sentence: Final = sentence


class Arrival(Enum):
    """How much of a head has come."""

    PART = "part"
    WHOLE = "whole"
    BROKEN = "broken"


@dataclass(frozen=True)
class Head:
    """A request line and header fields that passed every check."""

    method: str
    target: str
    """As it was sent."""
    path: str
    """Decoded once, without empty segments; UTF-8 bytes as latin-1 (PEP 3333)."""
    query: str
    is_http_1_1: bool
    fields: Mapping[str, str]
    """By lower-case name, latin-1."""
    length: int | None
    """Content-Length; None for a chunked body or none."""
    is_chunked: bool
    expects_continue: bool
    keeps_alive: bool


def arrival(buffer: bytearray, searched: int, bounds: Bounds) -> Arrival:
    """Say whether `buffer` holds a whole head; its first `searched` bytes were looked at before.

    BROKEN means that no end need be waited for: `parse` will name the reason.
    """
    start = max(0, searched - len(END))
    end = buffer.find(END, start)
    if _BARE_LF.search(buffer, start, end if end >= 0 else len(buffer)):
        return Arrival.BROKEN
    if end >= 0:
        return Arrival.WHOLE
    is_line_too_long = len(buffer) > bounds.request_line_bytes + 2 and b"\r\n" not in buffer
    return Arrival.BROKEN if is_line_too_long or len(buffer) > bounds.header_bytes else Arrival.PART


def parse(head: bytes, bounds: Bounds) -> Head:
    """Read a head, given without its final empty line. Raises BadHead."""
    line, _, rest = head.partition(b"\r\n")
    method, target, is_http_1_1 = _request_line(line, bounds)
    if len(head) > bounds.header_bytes:
        raise BadHead(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers of the request are too large."
        )
    fields = _fields(rest, bounds)
    authority, path, query = _split_target(method, target)
    if authority is not None:
        fields["host"] = authority  # RFC 9112 section 3.2.2: the target wins over the field
    _check_host(fields, is_http_1_1=is_http_1_1)
    length, is_chunked = _framing(fields, is_http_1_1=is_http_1_1)
    return Head(
        method=method,
        target=target.decode("latin-1"),
        path=path if path == "*" else _decode_path(path, bounds),
        query=query,
        is_http_1_1=is_http_1_1,
        expects_continue=_expects_continue(fields, is_http_1_1=is_http_1_1),
        fields=MappingProxyType(fields),
        length=length,
        is_chunked=is_chunked,
        keeps_alive=_keeps_alive(fields, is_http_1_1=is_http_1_1),
    )


def tokens(value: str) -> set[str]:
    """Return the members of a comma-separated field, in lower case."""
    return {member.strip().lower() for member in value.split(",")}


def _bad(sentence: str) -> BadHead:
    return BadHead(HTTPStatus.BAD_REQUEST, sentence)


def _request_line(line: bytes, bounds: Bounds) -> tuple[str, bytes, bool]:
    if len(line) > bounds.request_line_bytes:
        raise BadHead(HTTPStatus.REQUEST_URI_TOO_LONG, "The address of the request is too long.")
    parts = line.split(b" ")
    if len(parts) != 3:  # noqa: PLR2004  method, target, version
        raise _bad("The first line of the request is malformed.")
    method, target, version = parts
    if not _TOKEN.fullmatch(method):
        raise _bad("The method of the request is malformed.")
    if not _TARGET.fullmatch(target):
        raise _bad("The address of the request has characters that must be percent-encoded.")
    return method.decode("ascii"), target, _is_http_1_1(version)


def _is_http_1_1(version: bytes) -> bool:
    match = re.fullmatch(rb"HTTP/([0-9])\.([0-9])", version)
    if match is None:
        raise _bad("The HTTP version of the request is malformed.")
    if match[1] != b"1":
        raise BadHead(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "This server speaks HTTP/1.1 and HTTP/1.0."
        )
    return match[2] != b"0"  # a higher minor version is answered as 1.1 (RFC 9110 section 2.5)


def _fields(block: bytes, bounds: Bounds) -> dict[str, str]:
    lines = block.split(b"\r\n") if block else []
    if len(lines) > bounds.header_count:
        raise BadHead(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many headers."
        )
    fields: dict[str, str] = {}
    for line in lines:
        name, value = _field(line)
        if "_" in name:
            continue  # in environ it could not be told from the same name with '-'
        if name in fields:
            value = _joined(name, fields[name], value)
        fields[name] = value
    return fields


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    # A name with a blank beside it, and a folded line, are how requests are smuggled
    # (RFC 9112 sections 5.1 and 5.2).
    if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise _bad("A header of the request is malformed.")
    return name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")


def _joined(name: str, first: str, second: str) -> str:
    if name in _ONCE:
        raise _bad(f"The request has two {name} headers.")
    return f"{first}; {second}" if name == "cookie" else f"{first}, {second}"


def _split_target(method: str, target: bytes) -> tuple[str | None, str, str]:
    """Return authority, path and query of the four forms of RFC 9112 section 3.2."""
    if method == "CONNECT":
        raise BadHead(HTTPStatus.METHOD_NOT_ALLOWED, "This server is not a proxy.")
    if target == b"*" and method == "OPTIONS":
        return None, "*", ""
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return None, path.decode("latin-1"), query.decode("latin-1")
    match = _ABSOLUTE.fullmatch(target)
    if match is None or b"@" in match[1]:
        raise _bad("The address of the request is malformed.")
    authority, path, query = (part or b"" for part in match.groups())
    return authority.decode("latin-1"), (path or b"/").decode("latin-1"), query.decode("latin-1")


def _decode_path(path: str, bounds: Bounds) -> str:
    raw = re.sub(rb"/{2,}", b"/", path.encode("latin-1"))
    if _BAD_ESCAPE.search(raw):
        raise _bad("The address of the request has a malformed percent-encoding.")
    decoded = "/".join(_decode_segment(segment) for segment in raw.split(b"/")).encode()
    if len(decoded) > bounds.path_bytes:
        raise BadHead(HTTPStatus.REQUEST_URI_TOO_LONG, "The path of the request is too long.")
    return decoded.decode("latin-1")


def _decode_segment(segment: bytes) -> str:
    # Split first, decode once: an encoded slash is part of a name, and no name has one
    # (RFC 3986 section 2.4).
    try:
        name = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise _bad("The address of the request is not in UTF-8.") from None
    if name in FINDER_ICONS:
        return name
    if _FORBIDDEN_IN_SEGMENT.search(name) or name in {".", ".."}:
        raise _bad("A name in the address of the request has characters that no name may have.")
    return name


def _check_host(fields: Mapping[str, str], *, is_http_1_1: bool) -> None:
    host = fields.get("host")
    if host is None and is_http_1_1:
        raise _bad("The request has no Host header.")  # RFC 9112 section 3.2
    if host is not None and not _HOST.fullmatch(host):
        raise _bad("The Host header of the request is malformed.")


def _framing(fields: Mapping[str, str], *, is_http_1_1: bool) -> tuple[int | None, bool]:
    """Return the length of the body and whether it is chunked (RFC 9112 section 6.3)."""
    length, coding = fields.get("content-length"), fields.get("transfer-encoding")
    if coding is None:
        return (None if length is None else _length(length)), False
    if length is not None or not is_http_1_1:
        raise _bad("The request announces its length in two ways.")
    if coding.lower() == "chunked":
        return None, True
    if coding.lower().endswith("chunked") and coding.lower().count("chunked") == 1:
        raise BadHead(HTTPStatus.NOT_IMPLEMENTED, "The only supported transfer coding is chunked.")
    raise _bad("The Transfer-Encoding of the request is malformed.")


def _length(text: str) -> int:
    if not _LENGTH.fullmatch(text):
        raise _bad("The Content-Length of the request is not a plain number.")
    return int(text)


def _expects_continue(fields: dict[str, str], *, is_http_1_1: bool) -> bool:
    """Take Expect out of the fields: it is the engine's own affair (RFC 9110 section 10.1.1)."""
    expectation = fields.pop("expect", "").lower()
    if not expectation or not is_http_1_1:
        return False
    if expectation != "100-continue":
        raise BadHead(HTTPStatus.EXPECTATION_FAILED, "Only 100-continue can be expected.")
    return True


def _keeps_alive(fields: Mapping[str, str], *, is_http_1_1: bool) -> bool:
    options = tokens(fields.get("connection", ""))
    return "close" not in options if is_http_1_1 else "keep-alive" in options

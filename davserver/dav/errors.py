"""Refusals in WebDAV's terms: the one table from codes to statuses, and how a reply looks.

Programs show the reason phrase or the body, rarely both: both carry the sentence. The phrase is
ASCII, the body a `DAV:error` with its condition (RFC 4918 §8.7) and the message where clients of
other servers look for it. Never HTML, a traceback or a path of this machine.
"""

import secrets
import unicodedata
from collections.abc import Callable, Iterable
from typing import TypeVar
from xml.sax.saxutils import escape

import structlog
from wsgidav.dav_error import DAVError

from davserver.dav.addresses import href
from daydrop.aliases.changes import Exists
from daydrop.aliases.locks import Conflicting, EndedLock, Locked, TooManyLocks, UnknownLock
from daydrop.aliases.moving import Entangled
from daydrop.aliases.notes import TooMuchNoted
from daydrop.aliases.paths import Gone, NoParent
from daydrop.errors import CatalogueClosed, CatalogueFailed, Code, Forbidden, Missing, Refused

T = TypeVar("T")
Header = tuple[str, str]

STATUSES: dict[Code, tuple[int, str]] = {
    Code.UNSUPPORTED_TYPE: (403, ""),
    Code.BAD_NAME: (400, ""),
    Code.EMPTY_FILE: (400, ""),
    Code.FILE_TOO_BIG: (413, ""),
    Code.BATCH_FILES: (507, "quota-not-exceeded"),
    Code.BATCH_BYTES: (507, "quota-not-exceeded"),
    Code.NO_SPACE: (507, "sufficient-disk-space"),
    Code.READ_ONLY: (507, ""),
    Code.CUT_SHORT: (400, ""),
    Code.STALLED: (408, ""),
    Code.CHECKSUM_MISMATCH: (400, ""),
    Code.BUSY: (503, ""),
    Code.OFFSET_MISMATCH: (409, ""),
    Code.LOCKED: (423, ""),
    Code.EXPIRED: (410, ""),
    Code.INTERNAL: (500, ""),
}
"""Status and condition (RFC 4331 §6 names those of 507) of each refusal code."""

_SENTENCES = {
    400: "The request is not valid: try another program, or report this to its developer.",
    403: "This cannot be changed here: put files into Upload.",
    404: "There is nothing at this address.",
    405: "This cannot be done here: a folder or file of this name already exists.",
    409: "The parent folder does not exist: create it first.",
    410: "The owner of the library has deleted this file.",
    412: "The file is not the expected version: load it again.",
    413: "The request is too large.",
    415: "This request must come without a body.",
    423: "The file is locked by another program: wait until it is closed there.",
    424: "Not done, because another part of the request failed.",
    501: "This server does not know how to do that.",
    502: "Files can be moved within this server only.",
    503: "The server cannot do this right now: try again in a moment.",
    507: "There is no room for more: remove something, or wait.",
}
_ALIAS_STATUSES: dict[type[Exception], int] = {
    Missing: 404,
    NoParent: 409,
    Exists: 405,
    Gone: 410,
    Entangled: 403,
    TooMuchNoted: 507,
    CatalogueClosed: 503,
    CatalogueFailed: 503,
    FileNotFoundError: 404,  # removed by hand between the look-up and the reading
}
_NO_SUCH_LOCK = "This file is not locked by that token: lock it again."
_TOO_MANY_LOCKS = "Too many files are locked at once: close some, or wait an hour."
_PHRASE_MOST = 200
_XML = '<?xml version="1.0" encoding="utf-8"?>\n'
_NAMES = 'xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"'
_NO_BODY = frozenset({204, 304})
_CLOSING = frozenset({Code.CUT_SHORT, Code.STALLED})


class Refusal(DAVError, Forbidden):
    """A refusal on its way to the client through WsgiDAV: status, sentence, condition."""

    def __init__(
        self,
        status: int,
        sentence: str = "",
        *,
        condition: str = "",
        hrefs: Iterable[str] = (),
        headers: Iterable[Header] = (),
    ) -> None:
        super().__init__(status, sentence)
        self.sentence = sentence or _SENTENCES.get(status, "")
        self.condition = condition
        self.hrefs = tuple(hrefs)
        self.headers = tuple(headers)


def refusal(error: Exception) -> Refusal:
    """Return what to answer for any exception; a fault of ours is logged under a reference."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, Refused):
        return _of_code(error)
    if isinstance(error, DAVError):
        return _of_wsgidav(error)
    if isinstance(error, Forbidden):
        return _of_lock(error)
    for kind, status in _ALIAS_STATUSES.items():
        if isinstance(error, kind):
            return Refusal(status)
    reference = secrets.token_hex(4)
    structlog.get_logger().error("request failed", reference=reference, exc_info=error)
    return _of_code(Refused(Code.INTERNAL, reference=reference))


def _of_lock(fault: Forbidden) -> Refusal:
    """Return what to answer for what locks forbid, with the conditions of RFC 4918 §16."""
    match fault:
        case Conflicting():
            paths = [href(path) for path in fault.paths]
            return Refusal(423, condition="no-conflicting-lock", hrefs=paths)
        case Locked():
            paths = [href(path) for path in fault.paths]
            return Refusal(423, condition="lock-token-submitted", hrefs=paths)
        case UnknownLock():
            return Refusal(409, _NO_SUCH_LOCK, condition="lock-token-matches-request-uri")
        case EndedLock():
            return Refusal(412, condition="lock-token-matches-request-uri")
        case TooManyLocks():
            return Refusal(507, _TOO_MANY_LOCKS)
    return Refusal(403)


def answered(step: Callable[[], T]) -> T:
    """Run a step of the library; whatever it raises becomes a Refusal."""
    try:
        return step()
    except Exception as error:
        raise refusal(error) from error


def _of_code(refused: Refused) -> Refusal:
    status, condition = STATUSES[refused.code]
    headers: list[Header] = []
    if refused.code is Code.BUSY:
        headers.append(("Retry-After", str(refused.retry_after or 10)))
    if refused.code in _CLOSING:
        headers.append(("Connection", "close"))
    return Refusal(status, refused.sentence(), condition=condition, headers=headers)


def _of_wsgidav(error: DAVError) -> Refusal:
    """Return a refusal of WsgiDAV without its words; what it has wrapped keeps its meaning."""
    if isinstance(error.src_exception, Exception) and error.value >= 500:  # noqa: PLR2004
        return refusal(error.src_exception)
    condition = getattr(error.err_condition, "condition_code", "") or ""
    return Refusal(error.value, condition=condition.removeprefix("{DAV:}"))


def status_line(refused: Refusal) -> str:
    """Return the status with our sentence as reason phrase, in printable ASCII."""
    letters = unicodedata.normalize("NFKD", refused.sentence)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    plain = bare.encode("ascii", "replace").decode()
    phrase = "".join(letter if letter.isprintable() else " " for letter in plain)
    return f"{refused.value} {phrase[:_PHRASE_MOST].strip() or 'Refused'}"


def reply(refused: Refusal, *, with_body: bool = True) -> tuple[str, list[Header], bytes]:
    """Return status line, headers and body of a refusal."""
    status = int(refused.value)
    headers = list(refused.headers)
    if status in _NO_BODY:
        return status_line(refused), headers, b""
    if status == 404:  # noqa: PLR2004  Finder asks dozens of times: small and plain
        body, media_type = f"{refused.sentence}\n".encode(), "text/plain; charset=utf-8"
    else:
        body, media_type = _body(refused), "application/xml; charset=utf-8"
    headers += [
        ("Content-Type", media_type),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return status_line(refused), headers, body if with_body else b""


def multistatus(refused: Iterable[tuple[str, Refusal]]) -> bytes:
    """Return the body of a 207 that lists what failed while the rest was done."""
    responses = "".join(
        f"<d:response><d:href>{escape(href)}</d:href>"
        f"<d:status>HTTP/1.1 {escape(status_line(why))}</d:status>"
        f"<d:error>{_error_of(why)}</d:error>"
        f"<d:responsedescription>{escape(_printable(why.sentence))}</d:responsedescription>"
        "</d:response>"
        for href, why in refused
    )
    return f"{_XML}<d:multistatus {_NAMES}>{responses}</d:multistatus>\n".encode()


def _body(refused: Refusal) -> bytes:
    return f"{_XML}<d:error {_NAMES}>{_error_of(refused)}</d:error>\n".encode()


def _error_of(refused: Refusal) -> str:
    """Return the content of a `DAV:error`: the condition and the sentence."""
    hrefs = "".join(f"<d:href>{escape(href)}</d:href>" for href in refused.hrefs)
    condition = f"<d:{refused.condition}>{hrefs}</d:{refused.condition}>"
    message = f"<s:message>{escape(_printable(refused.sentence))}</s:message>"
    return (condition if refused.condition else "") + message


def _printable(sentence: str) -> str:
    """Replace control characters: XML 1.0 has none, not even as references."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in sentence)

"""The one file server: a reply from a stored file, with conditions, one range, safe headers."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum
from typing import Any, BinaryIO, Final
from urllib.parse import quote

Header = tuple[str, str]

INLINE_TYPES: Final = frozenset(
    {
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/heic",
        "image/heif",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
        "video/3gpp",
        "video/mp4",
        "video/mpeg",
        "video/ogg",
        "video/quicktime",
        "video/webm",
        "video/x-m4v",
        "video/x-matroska",
        "video/x-msvideo",
    }
)
"""What a browser may show in place. Anything else may carry a script, and is saved."""

SAFE_HEADERS: Final[tuple[Header, ...]] = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Accept-Ranges", "bytes"),
)

_POLICY: Final = "sandbox; default-src 'none'"
_VIDEO_POLICY: Final = (
    "sandbox allow-same-origin; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'"
)
"""A browser shows a video in a page that it makes itself, which must load it from here. Scripts
stay forbidden twice: by the sandbox, and by default-src."""

_BLOCK: Final = 256 * 1024
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_RANGE: Final = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE | re.ASCII)
_MOST_DIGITS: Final = 19


class Outcome(Enum):
    """What the conditions of a request lead to (RFC 9110 section 13.2.2)."""

    SEND = "200 OK"
    PART = "206 Partial Content"
    UNCHANGED = "304 Not Modified"
    FAILED = "412 Precondition Failed"
    NO_SUCH_RANGE = "416 Range Not Satisfiable"


@dataclass(frozen=True)
class Version:
    """What a client compares with: a strong entity tag without its quotes, and a time."""

    etag: str
    modified: datetime

    @property
    def modified_second(self) -> datetime:
        """The time as HTTP dates can say it."""
        return self.modified.astimezone(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Span:
    """Bytes of a file: where they begin and how many they are."""

    start: int
    length: int


def serve_file(
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    file: BinaryIO,
    *,
    size: int,
    etag: str,
    modified: datetime,
    media_type: str,
    name: str = "",
    headers: Iterable[Header] = (),
) -> Iterable[bytes]:
    """Answer a GET or HEAD with `file`, open in binary mode, which is closed in all cases.

    `etag` is strong and without quotes, `modified` knows its zone, `name` is what a browser
    saves the file as. A request for several ranges is answered with the whole file, which
    RFC 9110 section 14.2 allows: no client we know needs them, and none can multiply its reply.
    """
    version = Version(etag, modified)
    is_get = environ["REQUEST_METHOD"] == "GET"
    outcome = decide(environ, version)
    span = Span(0, size)
    if outcome is Outcome.SEND and is_get and range_holds(environ, version):
        outcome, span = choose_span(environ.get("HTTP_RANGE", ""), size)
    reply = [*validators(version), *SAFE_HEADERS, *headers]
    try:
        if outcome in {Outcome.SEND, Outcome.PART}:
            reply += content_headers(outcome, span, size, media_type, name)
            start_response(outcome.value, reply)
            return _content(environ, file, span) if is_get else _nothing(file)
        text = _explain(outcome)
        reply += _refusal_headers(outcome, size, text)
        start_response(outcome.value, reply)
        file.close()
    except BaseException:
        file.close()
        raise
    return [text] if is_get and text else []


def decide(environ: dict[str, Any], version: Version) -> Outcome:
    """Decide a GET or HEAD by its conditions, in the order of RFC 9110 section 13.2.2."""
    if not _is_expected(environ, version):
        return Outcome.FAILED
    if _is_known(environ, version):
        return Outcome.UNCHANGED
    return Outcome.SEND


def _is_expected(environ: dict[str, Any], version: Version) -> bool:
    """Check If-Match, and only where it is absent If-Unmodified-Since."""
    if "HTTP_IF_MATCH" in environ:
        return _names(environ["HTTP_IF_MATCH"], version.etag, weakly=False)
    limit = _date(environ.get("HTTP_IF_UNMODIFIED_SINCE"))
    return limit is None or version.modified_second <= limit


def _is_known(environ: dict[str, Any], version: Version) -> bool:
    """Check If-None-Match, and only where it is absent If-Modified-Since."""
    if "HTTP_IF_NONE_MATCH" in environ:
        return _names(environ["HTTP_IF_NONE_MATCH"], version.etag, weakly=True)
    known = _date(environ.get("HTTP_IF_MODIFIED_SINCE"))
    return known is not None and version.modified_second <= known


def range_holds(environ: dict[str, Any], version: Version) -> bool:
    """Say whether Range may be heeded: If-Range names this very version (RFC 9110 13.1.5)."""
    condition = environ.get("HTTP_IF_RANGE")
    if condition is None:
        return True
    tag = _TAG.fullmatch(condition)
    if tag is not None:
        return not tag[1] and tag[2] == version.etag
    return _date(condition) == version.modified_second


def choose_span(wanted: str, size: int) -> tuple[Outcome, Span]:
    """Read a Range header; anything but one valid range of bytes means the whole file."""
    whole = Outcome.SEND, Span(0, size)
    match = _RANGE.fullmatch(wanted)
    if match is None or match[0].strip().endswith("=-"):
        return whole
    first, last = match.groups()
    if max(len(first), len(last)) > _MOST_DIGITS:
        return whole
    if not first:
        return _suffix(int(last), size)
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return whole
    if start >= size:
        return Outcome.NO_SUCH_RANGE, Span(0, 0)
    return Outcome.PART, Span(start, end - start + 1)


def _suffix(length: int, size: int) -> tuple[Outcome, Span]:
    if not length:
        return Outcome.NO_SUCH_RANGE, Span(0, 0)
    if not size:
        return Outcome.SEND, Span(0, 0)  # Content-Range has no words for an empty part
    length = min(length, size)
    return Outcome.PART, Span(size - length, length)


def validators(version: Version) -> list[Header]:
    """Return the headers that name this version of the file."""
    return [
        ("ETag", f'"{version.etag}"'),
        ("Last-Modified", format_datetime(version.modified_second, usegmt=True)),
    ]


def content_headers(
    outcome: Outcome, span: Span, size: int, media_type: str, name: str
) -> list[Header]:
    """Return the headers that describe the bytes which follow."""
    headers = [
        ("Content-Type", media_type),
        ("Content-Length", str(span.length)),
        ("Content-Disposition", disposition(media_type, name)),
        ("Content-Security-Policy", policy(media_type)),
    ]
    if outcome is Outcome.PART:
        last = span.start + span.length - 1
        headers.append(("Content-Range", f"bytes {span.start}-{last}/{size}"))
    return headers


def disposition(media_type: str, name: str) -> str:
    """Say whether a browser shows or saves the file, and as what (RFC 6266, RFC 8187)."""
    kind = "inline" if _essence(media_type) in INLINE_TYPES else "attachment"
    if not name:
        return kind
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    if plain == name:
        return f'{kind}; filename="{plain}"'
    encoded = quote(name, safe="!#$&+-.^_`|~", errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def policy(media_type: str) -> str:
    """Return the Content-Security-Policy under which a browser may show the file by itself."""
    essence = _essence(media_type)
    is_video = essence in INLINE_TYPES and essence.startswith("video/")
    return _VIDEO_POLICY if is_video else _POLICY


def _essence(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()


def _names(condition: str, etag: str, *, weakly: bool) -> bool:
    """Say whether a list of entity tags, or `*`, names this one (RFC 9110 section 8.8.3.2)."""
    if condition.strip() == "*":
        return True
    return any(tag == etag and (weakly or not weak) for weak, tag in _TAG.findall(condition))


def _date(text: str | None) -> datetime | None:
    """Read an HTTP date; one that cannot be read counts as absent (RFC 9110 13.1.3)."""
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _explain(outcome: Outcome) -> bytes:
    return {
        Outcome.FAILED: b"The file is not the version that was asked for.\n",
        Outcome.NO_SUCH_RANGE: b"The file has no such part.\n",
    }.get(outcome, b"")


def _refusal_headers(outcome: Outcome, size: int, text: bytes) -> list[Header]:
    if outcome is Outcome.UNCHANGED:
        return []
    headers = [("Content-Type", "text/plain; charset=us-ascii"), ("Content-Length", str(len(text)))]
    if outcome is Outcome.NO_SUCH_RANGE:
        headers.append(("Content-Range", f"bytes */{size}"))
    return headers


def _content(environ: dict[str, Any], file: BinaryIO, span: Span) -> Iterable[bytes]:
    """Hand the bytes to the engine, or return them in blocks where the engine is not ours."""
    slot = environ.get("daydrop.sendfile")
    if slot is None:
        return _Blocks(file, span)
    slot.put(file, span.start, span.length)
    return []


def _nothing(file: BinaryIO) -> Sequence[bytes]:
    file.close()
    return []


class _Blocks:
    """An iterable of a file's bytes that closes it, read or not."""

    def __init__(self, file: BinaryIO, span: Span) -> None:
        self._file = file
        self._span = span

    def __iter__(self) -> Iterator[bytes]:
        with self._file as file:
            file.seek(self._span.start)
            left = self._span.length
            while left and (block := file.read(min(_BLOCK, left))):
                left -= len(block)
                yield block

    def close(self) -> None:
        self._file.close()

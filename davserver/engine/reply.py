"""The head of a reply, and the slot into which an application puts a file to be sent."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import BinaryIO, Final

Headers = list[tuple[str, str]]

_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TEXT: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_STATUS: Final = re.compile(r"[1-9][0-9]{2} [\t\x20-\x7e\x80-\xff]*")
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class FileSlot:
    """`environ["daydrop.sendfile"]`: a file put here is sent after the headers, then closed.

    The application still sets Content-Length, and returns an empty iterable.
    """

    def __init__(self) -> None:
        self.file: BinaryIO | None = None
        self.offset = 0
        self.length = 0

    def put(self, file: BinaryIO, offset: int, length: int) -> None:
        """Hand over an open binary file, of which `length` bytes from `offset` are the reply."""
        self.close()
        self.file, self.offset, self.length = file, offset, length

    def close(self) -> None:
        """Close the file, if there is one."""
        file, self.file = self.file, None
        if file is not None:
            file.close()


def has_body(method: str, status: int) -> bool:
    """Say whether a reply carries content (RFC 9110 section 6.4.1)."""
    return method != "HEAD" and status >= HTTPStatus.OK and status not in _BODILESS


def status_line(status: str) -> bytes:
    """Return the status line for an application's status, whose reason is kept as it is.

    Raises ValueError on what could not be one line.
    """
    if not _STATUS.fullmatch(status):
        raise ValueError(f"not a status: {status!r}")
    return f"HTTP/1.1 {status}\r\n".encode("latin-1")


def head_bytes(status: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return the head of a reply. Raises ValueError on a header that would break out of it."""
    lines = [status_line(status)]
    for name, value in headers:
        if not _NAME.fullmatch(name) or not _TEXT.fullmatch(value):
            raise ValueError(f"not a header: {name!r}: {value!r}")
        lines.append(f"{name}: {value}\r\n".encode("latin-1"))
    lines.append(b"\r\n")
    return b"".join(lines)


def sentence(status: HTTPStatus, text: str, request_id: str) -> tuple[str, Headers, bytes]:
    """Return status, headers and body of a reply that is one plain sentence."""
    body = f"{text} (request {request_id})\n".encode("ascii", "replace")
    headers = [
        ("Content-Type", "text/plain; charset=us-ascii"),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", request_id),
    ]
    return f"{status.value} {status.phrase}", headers, body

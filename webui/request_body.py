"""The body of a request in blocks, and never quietly shorter than it was announced."""

from collections.abc import Iterator
from typing import Any

BLOCK = 256 * 1024


class BodyBroken(Exception):
    """The sender stopped before the end of its body."""

    def __init__(self, received: int, announced: int | None) -> None:
        super().__init__(f"{received} of {announced} bytes arrived")
        self.received = received
        self.announced = announced


class BodyStalled(BodyBroken):
    """The sender is still there, but sent nothing for too long."""


def announced_length(environ: dict[str, Any]) -> int | None:
    """Content-Length; None for a chunked body, or none."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() else None


def blocks(environ: dict[str, Any]) -> Iterator[memoryview]:
    """What arrives, as it arrives; a block is only good until the next one is asked for.

    Raises BodyStalled, and BodyBroken where the body ends early: servers differ in whether a read
    says so, so the bytes are counted here.
    """
    stream, announced = environ["wsgi.input"], announced_length(environ)
    room = memoryview(bytearray(BLOCK))
    received = 0
    while announced is None or received < announced:
        wanted = BLOCK if announced is None else min(BLOCK, announced - received)
        try:
            count = _read(stream, room[:wanted])
        except TimeoutError as fault:  # how our engine tells it from a cut
            raise BodyStalled(received, announced) from fault
        except OSError as fault:
            raise BodyBroken(received, announced) from fault
        if count == 0:
            if announced is None:
                return
            raise BodyBroken(received, announced)
        received += count
        yield room[:count]


def whole(environ: dict[str, Any], most: int) -> bytes | None:
    """A small body; None for one that is larger. Raises BodyBroken and BodyStalled."""
    body = bytearray()
    for block in blocks(environ):
        body += block
        if len(body) > most:
            return None
    return bytes(body)


def _read(stream: Any, room: memoryview) -> int:
    """One receive where the server allows it, so that a cut loses nothing that came before."""
    if hasattr(stream, "readinto"):
        return int(stream.readinto(room) or 0)
    block: bytes = stream.read(len(room))
    room[: len(block)] = block
    return len(block)

"""The body of a request in blocks, and never quietly shorter than it was announced.

Both faces read with it. Servers differ in whether a read of a broken body raises, returns nothing
or returns less, so the bytes are counted here.
"""

from collections.abc import Iterator
from typing import Any

BLOCK = 256 << 10


class BodyCut(Exception):
    """The sender stopped before the end of its body."""

    def __init__(self, received: int, announced: int | None) -> None:
        super().__init__(f"{received} of {announced} bytes arrived")
        self.received = received
        self.announced = announced


class BodyStalled(BodyCut):
    """The sender is still there, but sent nothing for too long."""


def announced_length(content_length: str | None) -> int | None:
    """Return the length that a Content-Length announces; None for a chunked body, or none."""
    text = (content_length or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def blocks(stream: Any, length: int | None) -> Iterator[memoryview]:
    """Yield a body of `length` bytes as it arrives, or one that ends by itself (None).

    A block is valid only until the next one is asked for. Raises BodyStalled, and BodyCut where
    the body ends early.
    """
    room = memoryview(bytearray(BLOCK))
    received = 0
    while length is None or received < length:
        wanted = BLOCK if length is None else min(BLOCK, length - received)
        try:
            count = _read(stream, room[:wanted])
        except TimeoutError as fault:  # how our engine tells it from a cut
            raise BodyStalled(received, length) from fault
        except OSError as fault:
            raise BodyCut(received, length) from fault
        if count == 0:
            if length is None:
                return
            raise BodyCut(received, length)
        received += count
        yield room[:count]


def whole(stream: Any, length: int | None, most: int) -> bytes | None:
    """Return a small body, None for one over `most` bytes. Raises BodyCut and BodyStalled."""
    body = bytearray()
    for block in blocks(stream, length):
        body += block
        if len(body) > most:
            return None
    return bytes(body)


def _read(stream: Any, room: memoryview) -> int:
    """Read once where the stream allows it, so that a cut loses nothing that came before."""
    if hasattr(stream, "readinto"):
        return int(stream.readinto(room) or 0)
    block: bytes = stream.read(len(room))
    room[: len(block)] = block
    return len(block)

"""The body of a request: counted, paced, and never quietly shorter than it was."""

import io
import re
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Final

from davserver.engine.bounds import KIB, Bounds
from davserver.engine.wire import BLOCK, Wire

CHUNK_LINE_BYTES: Final = 4 * KIB
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class BodyFault(OSError):
    """A body that will not come whole.

    Whoever may not import this module tells them apart as TimeoutError and other OSErrors.
    """


class BodyCut(BodyFault, ConnectionError):
    """The peer closed or broke the connection before the end of its body."""


class BodyStalled(BodyFault, TimeoutError):
    """The peer sent nothing for too long, or less than the rate floor."""


class BodyMalformed(BodyFault):
    """The peer's chunked coding is broken (RFC 9112 section 7.1)."""


class Body(io.RawIOBase):
    """`wsgi.input`: raises a BodyFault instead of ending early, on this and every later read."""

    def __init__(
        self,
        wire: Wire,
        declared: int | None,
        bounds: Bounds,
        *,
        before_first_read: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.declared = declared
        """Content-Length, or None for a chunked body."""
        self.received = 0
        """Bytes of content so far, without the framing of chunks."""
        self.before_first_read = before_first_read
        self._wire = wire
        self._idle = bounds.body_idle_seconds
        self._trailer_bytes = bounds.header_bytes
        self._pace = wire.new_pace()
        self._clock = clock
        self._fault: BodyFault | None = None
        self._ahead = bytearray()

    @property
    @abstractmethod
    def is_complete(self) -> bool:
        """Whether the peer has sent the body to its end, framing included."""

    @abstractmethod
    def _fetch(self, view: memoryview) -> int:
        """Put the next bytes of content into `view`; 0 only at the true end."""

    @property
    def is_broken(self) -> bool:
        """Whether a BodyFault was met: what follows on the wire cannot be trusted."""
        return self._fault is not None

    def readable(self) -> bool:
        """Say that this stream can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` as far as one receive goes; 0 is the end. Raises BodyFault."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # any writable buffer
        if not view:
            return 0
        if self._ahead:
            count = min(len(view), len(self._ahead))
            view[:count] = self._ahead[:count]
            del self._ahead[:count]
            return count
        return self._next(view)

    def _next(self, view: memoryview) -> int:
        if self._fault is not None:
            raise self._fault
        try:
            count = self._fetch(view)
        except BodyFault as fault:
            self._fault = fault
            raise
        self.received += count
        return count

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, fewer only at the end; all that is left when negative."""
        if size is None or size < 0:
            return self.readall()
        parts = []
        while size:
            part = self._read_block(min(size, BLOCK))
            parts.append(part)
            size -= len(part)
            if len(part) < BLOCK:
                break
        return b"".join(parts)

    def readall(self) -> bytes:
        """Return all that is left."""
        return b"".join(iter(lambda: self._read_block(BLOCK), b""))

    def _read_block(self, size: int) -> bytes:
        block = bytearray(size)
        view = memoryview(block)
        filled = 0
        while filled < size and (count := self.readinto(view[filled:])):
            filled += count
        return bytes(view[:filled])

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return up to and with the next LF, at most `size` bytes if that is not negative."""
        limit = -1 if size is None else size
        scratch = memoryview(bytearray(8 * KIB))
        searched = 0
        while True:
            end = self._ahead.find(b"\n", searched) + 1
            searched = len(self._ahead)
            if not end and (limit < 0 or searched < limit) and (count := self._next(scratch)):
                self._ahead += scratch[:count]
                continue
            return self._split_ahead(end or searched, limit)

    def _split_ahead(self, end: int, limit: int) -> bytes:
        end = end if limit < 0 else min(end, limit)
        line = bytes(self._ahead[:end])
        del self._ahead[:end]
        return line

    def drain(self, limit: int, seconds: float) -> bool:
        """Throw away what is left, within `limit` bytes and `seconds`; True if it ended there."""
        self.before_first_read = None  # the reply is out: an invitation would come too late
        scratch = memoryview(bytearray(BLOCK))
        deadline = self._clock() + seconds
        while limit > 0 and (left := deadline - self._clock()) > 0:
            self._idle = min(self._idle, left)
            try:
                count = self._next(scratch)
            except BodyFault:
                return False
            if not count:
                return True
            limit -= count
        return self.is_complete

    def _receive(self, view: memoryview) -> int:
        return self._waited(lambda patience: self._wire.take(view, patience))

    def _fill(self) -> None:
        self._waited(self._wire.fill)

    def _waited(self, receive: Callable[[float], int]) -> int:
        """Receive once, at the peer's pace but not below the floor."""
        started = self._clock()
        try:
            self._invite()
            count = receive(max(0.001, min(self._idle, self._pace.credit)))
        except TimeoutError:
            raise BodyStalled("the upload stalled; please send it again") from None
        except OSError as error:
            raise BodyCut("the connection broke before the end of the upload") from error
        self._pace.spend(self._clock() - started, count)
        if not count:
            raise BodyCut("the upload ended before its announced end; please send it again")
        if self._pace.is_spent:
            raise BodyStalled("the upload was too slow; please send it again")
        return count

    def _invite(self) -> None:
        """Send `100 Continue` when the body is first wanted and nothing of it is here yet."""
        invite, self.before_first_read = self.before_first_read, None
        if invite is not None and not self._wire.buffer:
            invite()


class LengthBody(Body):
    """A body of as many bytes as Content-Length says (RFC 9112 section 6.2)."""

    @property
    def is_complete(self) -> bool:
        """Whether all announced bytes came."""
        return not self._left

    @property
    def _left(self) -> int:
        return (self.declared or 0) - self.received

    def _fetch(self, view: memoryview) -> int:
        return self._receive(view[: self._left]) if self._left else 0


class ChunkedBody(Body):
    """A body in chunks (RFC 9112 section 7.1), read to the end of its trailers."""

    def __init__(
        self,
        wire: Wire,
        bounds: Bounds,
        *,
        before_first_read: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(wire, None, bounds, before_first_read=before_first_read, clock=clock)
        self._left = 0
        self._is_first = True
        self._is_complete = False

    @property
    def is_complete(self) -> bool:
        """Whether the last chunk, its trailers and their final CRLF came."""
        return self._is_complete

    def _fetch(self, view: memoryview) -> int:
        if not self._left and not self._is_complete:
            self._begin_chunk()
        if self._is_complete:
            return 0
        count = self._receive(view[: self._left])
        self._left -= count
        return count

    def _begin_chunk(self) -> None:
        if not self._is_first and self._line() != b"":
            raise BodyMalformed("a chunk is longer than its size")
        self._is_first = False
        match = _CHUNK_LINE.fullmatch(self._line())
        if match is None:
            raise BodyMalformed("the size of a chunk is not a hexadecimal number")
        self._left = int(match[1], 16)
        if not self._left:
            self._skip_trailers()
            self._is_complete = True

    def _skip_trailers(self) -> None:
        room = self._trailer_bytes
        while line := self._line():
            room -= len(line) + 2
            if room < 0:
                raise BodyMalformed("the trailers are too long")

    def _line(self) -> bytes:
        """Take one line off the wire, without its CRLF; a bare LF or CR is an error."""
        buffer = self._wire.buffer
        while (end := buffer.find(b"\n")) < 0 and len(buffer) <= CHUNK_LINE_BYTES:
            self._fill()
        if not 0 < end <= CHUNK_LINE_BYTES or buffer[end - 1 : end] != b"\r":
            raise BodyMalformed("a line of the chunked coding is too long or ends without CRLF")
        line = bytes(buffer[: end - 1])
        del buffer[: end + 1]
        return line

"""A socket in its two directions: bytes in, bytes out, and how long to wait for either."""

import contextlib
import fcntl
import os
import select
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from davserver.engine.bounds import KIB, Bounds

BLOCK = 256 * KIB
TLS_RECORD = 16 * KIB
"""The most one TLS record holds (RFC 8446 section 5.1); also what one read ahead takes."""


class PeerGone(ConnectionError):
    """The peer closed, reset or stopped taking what is sent to it."""


class FileShorter(OSError):
    """A file ended before the bytes that were promised of it."""


class Pace:
    """A rate floor as credit: waiting spends it, bytes earn it, and none may be left.

    Full credit lasts `window` seconds, so a pause of that length is forgiven and a trickle
    below `floor` bytes a second is not. Time is only counted while waiting for the peer.
    """

    def __init__(self, floor: int, window: float) -> None:
        self._floor = floor
        self._window = window
        self.credit = window

    def spend(self, seconds: float, count: int) -> None:
        """Note that `count` bytes came after `seconds` of waiting."""
        if not self._floor:
            return
        self.credit = min(self._window, self.credit - seconds + count / self._floor)

    @property
    def is_spent(self) -> bool:
        """Whether the peer has been below the floor for too long."""
        return self.credit <= 0


class Wire:
    """One connection's socket, with the bytes that came before they were wanted."""

    def __init__(
        self, sock: socket.socket, bounds: Bounds, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.socket = sock
        self.buffer = bytearray()
        self._bounds = bounds
        self._clock = clock
        self._outgoing = self.new_pace()
        self._queued: int | None = None

    def new_pace(self) -> Pace:
        """Return full credit for one body or one reply."""
        return Pace(self._bounds.rate_floor, self._bounds.rate_window_seconds)

    @property
    def is_tls(self) -> bool:
        """Whether a handshake has encrypted this wire."""
        return isinstance(self.socket, ssl.SSLSocket)

    def gather(self) -> bool | None:
        """Take what has arrived into the buffer, without waiting.

        True: something came; None: nothing yet; False: the peer has ended.
        """
        self._wait_at_most(0.0)
        try:
            data = self.socket.recv(TLS_RECORD)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return False
        self.buffer += data
        return bool(data)

    def take(self, view: memoryview, patience: float) -> int:
        """Fill `view` from the buffer, else by one receive; 0 when the peer has ended.

        Raises TimeoutError after `patience` seconds, OSError when the connection broke.
        """
        if self.buffer:
            count = min(len(view), len(self.buffer))
            view[:count] = self.buffer[:count]
            del self.buffer[:count]
            return count
        self._wait_at_most(patience)
        return self.socket.recv_into(view)

    def fill(self, patience: float) -> int:
        """Add one receive to the buffer and return its size; errors as `take`."""
        self._wait_at_most(patience)
        data = self.socket.recv(TLS_RECORD)
        self.buffer += data
        return len(data)

    def begin_reply(self) -> None:
        """Give the peer full credit for the reply that follows."""
        self._outgoing = self.new_pace()
        self._queued = None

    def send(self, *pieces: bytes | memoryview, more: bool = False) -> None:
        """Send all of `pieces`, in order; `more` says that other bytes follow at once.

        Raises PeerGone.
        """
        small = sum(map(len, pieces)) <= BLOCK
        for piece in [b"".join(pieces)] if small else pieces:
            self._send_all(memoryview(piece), more=more)

    def _send_all(self, view: memoryview, *, more: bool) -> None:
        flags = socket.MSG_MORE if more and not self.is_tls and hasattr(socket, "MSG_MORE") else 0
        step = TLS_RECORD if self.is_tls else BLOCK
        while view:
            sent = self._attempt(partial(self._send_once, view[:step], flags))
            view = view[sent:]

    def _send_once(self, piece: memoryview, flags: int) -> int:
        self._wait_at_most(self._patience())
        return self.socket.send(piece, flags) if flags else self.socket.send(piece)

    def send_file(self, file: BinaryIO, offset: int, length: int) -> None:
        """Send `length` bytes of `file` from `offset` on, by the kernel where it can.

        Raises PeerGone, FileShorter, and OSError when the file cannot be read.
        """
        source = None if self.is_tls else _descriptor(file)
        if source is None:
            self._copy_file(file, offset, length)
            return
        end = offset + length
        while offset < end:
            sent = self._attempt(partial(self._sendfile_once, source, offset, end - offset))
            if not sent:
                raise FileShorter(f"{end - offset} bytes of a file are missing")
            offset += sent

    def _sendfile_once(self, source: int, offset: int, count: int) -> int:
        poll = select.poll()
        poll.register(self.socket, select.POLLOUT)
        if not poll.poll(self._patience() * 1000):
            raise TimeoutError
        return os.sendfile(self.socket.fileno(), source, offset, count)

    def _copy_file(self, file: BinaryIO, offset: int, length: int) -> None:
        file.seek(offset)
        while length:
            block = file.read(min(BLOCK, length))
            if not block:
                raise FileShorter(f"{length} bytes of a file are missing")
            self.send(block)
            length -= len(block)

    def _attempt(self, send: Callable[[], int]) -> int:
        """Send once, waiting while the peer still takes bytes out of the kernel's queue."""
        while True:
            started = self._clock()
            try:
                sent = send()
            except (TimeoutError, BlockingIOError, ssl.SSLWantWriteError):
                self._outgoing.spend(self._clock() - started, self._progress())
                if self._outgoing.is_spent:
                    raise PeerGone("the peer takes nothing of the reply") from None
            except OSError as error:
                raise PeerGone(str(error)) from error
            else:
                self._outgoing.spend(self._clock() - started, sent)
                return sent

    def _patience(self) -> float:
        # A quarter: a slow but living peer empties a large queue long before it may be written
        # to again, so the queue is looked at several times before the peer is given up.
        return max(0.01, min(self._bounds.write_seconds / 4, self._outgoing.credit))

    def _progress(self) -> int:
        """Count the bytes that have left the kernel's send queue since the last look."""
        before, self._queued = self._queued, _send_queue(self.socket)
        if before is None or self._queued is None:
            return 0
        return max(0, before - self._queued)

    def linger(self, seconds: float) -> None:
        """Half-close, then throw away what still comes, so that the peer can read its reply."""
        scratch = memoryview(bytearray(TLS_RECORD))
        deadline = self._clock() + seconds
        with contextlib.suppress(OSError):
            self.half_close()
            while (left := deadline - self._clock()) > 0:
                self._wait_at_most(left)
                if not self.socket.recv_into(scratch):
                    return

    def half_close(self) -> None:
        """Tell the peer that nothing more will be sent."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """Wake the threads that wait on this wire; they see the end of the stream."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def _wait_at_most(self, seconds: float) -> None:
        if self.socket.gettimeout() != seconds:  # each change is a system call
            self.socket.settimeout(seconds)


def _descriptor(file: BinaryIO) -> int | None:
    if not hasattr(os, "sendfile"):
        return None
    try:
        return file.fileno()
    except OSError:  # io.UnsupportedOperation: a file in memory
        return None


def _send_queue(sock: socket.socket) -> int | None:
    """Return how many sent bytes the peer has not acknowledged; None where that is unknown."""
    room = struct.pack("i", 0)
    try:
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, room))[0])
    except OSError:
        return None

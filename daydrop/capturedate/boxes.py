"""The boxes of MP4 and MOV (ISO/IEC 14496-12), walked by their headers alone.

Tells the times of the movie header, whether the video is cut inside, and whether a table claims
more entries than it has room for, at which other readers spin forever.
"""

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

HEADER = 8
LONG_HEADER = 16
BOXES_MOST = 20_000
DEPTH_MOST = 8
EPOCH = datetime(1904, 1, 1)  # noqa: DTZ001 - UTC by definition, kept naive like all wall clocks
NAME_BYTES = frozenset({*range(0x20, 0x7F), 0xA9})  # printable, and the (c) of QuickTime
SHORT_TIMES, LONG_TIMES = (">xxxxIIII", 20), (">xxxxQQIQ", 32)

# Words that some maker left behind the video may look like a box; these names are no chance.
FILM_BOXES = frozenset({b"moov", b"mdat", b"moof", b"trak", b"mdia", b"free", b"uuid", b"meta"})
ESSENTIAL = frozenset({b"moov", b"mdat"})
PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stss": 4, b"stsc": 12, b"stco": 4, b"co64": 8}


@dataclass
class Film:
    """What the boxes of one video say. Times are seconds since 1904, as written."""

    movie_created: int | None = None
    track_created: int | None = None
    seconds: float = 0.0
    has_video: bool = False
    is_cut: bool = False
    is_impossible: bool = False


def walk(file: BinaryIO, size: int) -> Film:
    """Walk the boxes of a video of `size` bytes. Never raises for what the bytes say."""
    return _Walk(file, size).whole()


def clock(seconds: int) -> datetime | None:
    """Turn seconds since 1904 into UTC; None for what lies beyond any calendar."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None


class _Walk:
    """One pass over a file, bounded in boxes and in depth."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._film = Film()
        self._boxes = 0
        self._seen: set[bytes] = set()

    def whole(self) -> Film:
        self._children(0, self._size, 0)
        return self._film

    def _children(self, at: int, end: int, depth: int) -> None:
        while at + HEADER <= end and self._boxes < BOXES_MOST and depth < DEPTH_MOST:
            self._boxes += 1
            header = self._header(at, end)
            if header is None:
                return  # bytes after the last box are harmless
            name, body, stop = header
            if stop > self._size and (name in FILM_BOXES or not self._seen >= ESSENTIAL):
                self._film.is_cut = True
            self._seen.add(name)
            stop = min(stop, end)
            if name in PARENTS:
                self._children(body, stop, depth + 1)
            else:
                self._leaf(name, body, stop)
            at = stop

    def _header(self, at: int, end: int) -> tuple[bytes, int, int] | None:
        """Read name, start of the content and end of a box; None where there is no box."""
        head = self._bytes(at, LONG_HEADER)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        body = at + HEADER
        if length == 1 and len(head) == LONG_HEADER:
            length, body = int.from_bytes(head[8:16], "big"), at + LONG_HEADER
        elif length == 0:
            length = end - at
        if length < body - at or not set(name) <= NAME_BYTES:
            return None
        return name, body, at + length

    def _leaf(self, name: bytes, body: int, stop: int) -> None:
        film = self._film
        if name == b"mvhd":
            film.movie_created, film.seconds = self._times(body)
        elif name in {b"tkhd", b"mdhd"} and not film.track_created:
            film.track_created, _ = self._times(body)
        elif name == b"hdlr":
            film.has_video = film.has_video or self._bytes(body + 8, 4) == b"vide"
        elif name in ENTRY_BYTES:
            count = int.from_bytes(self._bytes(body + 4, 4), "big")
            room = stop - body - HEADER
            film.is_impossible = film.is_impossible or count * ENTRY_BYTES[name] > room

    def _times(self, body: int) -> tuple[int | None, float]:
        """Read creation time and length of `mvhd` (of others the first): 32 or 64 bits."""
        form, needed = LONG_TIMES if self._bytes(body, 1) == b"\1" else SHORT_TIMES
        data = self._bytes(body, needed)
        if len(data) < needed:
            return None, 0.0
        created, _, scale, length = struct.unpack(form, data)
        return created, length / scale if scale else 0.0

    def _bytes(self, at: int, count: int) -> bytes:
        self._file.seek(at)
        return self._file.read(count)

"""The boxes of MP4 and MOV (ISO/IEC 14496-12), walked by their headers alone.

Tells the times of the movie header, whether the film is cut inside, and whether a table claims
more entries than it has room for, at which other readers spin for ever.
"""

import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO

HEADER = 8
LONG_HEADER = 16
BOXES_MOST = 20_000
DEPTH_MOST = 8
EPOCH = datetime(1904, 1, 1)  # noqa: DTZ001 - UTC by definition, kept naive like all wall clocks

PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stss": 4, b"stsc": 12, b"stco": 4, b"co64": 8}


@dataclass
class Film:
    """What the boxes of one film say. Times are seconds since 1904, as written."""

    movie_created: int | None = None
    track_created: int | None = None
    seconds: float = 0.0
    has_video: bool = False
    is_cut: bool = False
    is_impossible: bool = False
    boxes: int = field(default=0, repr=False)


def walk(file: BinaryIO, size: int) -> Film:
    """Walk the boxes of a film of `size` bytes. Never raises for what the bytes say."""
    film = Film()
    _children(file, 0, size, size, film, 0)
    return film


def clock(seconds: int) -> datetime | None:
    """Turn seconds since 1904 into UTC; None for what lies beyond any calendar."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _children(file: BinaryIO, at: int, end: int, size: int, film: Film, depth: int) -> None:
    while at + HEADER <= end and film.boxes < BOXES_MOST and depth < DEPTH_MOST:
        film.boxes += 1
        header = _header(file, at, end)
        if header is None:
            return  # bytes after the last box are harmless
        name, body, stop = header
        if stop > size:
            film.is_cut = True
        stop = min(stop, end)
        if name in PARENTS:
            _children(file, body, stop, size, film, depth + 1)
        else:
            _leaf(file, name, body, stop, film)
        at = stop


def _header(file: BinaryIO, at: int, end: int) -> tuple[bytes, int, int] | None:
    """Read name, start of the content and end of a box; None where there is no box."""
    file.seek(at)
    head = file.read(LONG_HEADER)
    if len(head) < HEADER:
        return None
    length, name = int.from_bytes(head[:4], "big"), head[4:8]
    body = at + HEADER
    if length == 1 and len(head) == LONG_HEADER:
        length, body = int.from_bytes(head[8:16], "big"), at + LONG_HEADER
    elif length == 0:
        length = end - at
    if length < body - at or not _is_name(name):
        return None
    return name, body, at + length


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in name)


def _leaf(file: BinaryIO, name: bytes, body: int, stop: int, film: Film) -> None:
    if name == b"mvhd":
        film.movie_created, film.seconds = _times(file, body)
    elif name == b"mdhd" and film.track_created is None:
        film.track_created, _ = _times(file, body)
    elif name == b"hdlr":
        film.has_video = film.has_video or _at(file, body + 8, 4) == b"vide"
    elif name in ENTRY_BYTES:
        count = int.from_bytes(_at(file, body + 4, 4), "big")
        room = stop - body - HEADER
        film.is_impossible = film.is_impossible or count * ENTRY_BYTES[name] > room


def _times(file: BinaryIO, body: int) -> tuple[int | None, float]:
    """Read the creation time and length of `mvhd` and `mdhd`: 32 bits, 64 in version 1."""
    form, needed = (">xxxxQQIQ", 32) if _at(file, body, 1) == b"\1" else (">xxxxIIII", 20)
    data = _at(file, body, needed)
    if len(data) < needed:
        return None, 0.0
    created, _, scale, length = struct.unpack(form, data)
    return created, length / scale if scale else 0.0


def _at(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)

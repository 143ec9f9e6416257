"""Reads the log that `recorder` writes: each write and flush of a disk, in order."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECORD = struct.Struct("<cQI")  # as in recorder.py, which nbdkit loads without this package


@dataclass(frozen=True)
class Record:
    """A write, or a flush without a body; `end` is where it ends in the log."""

    is_flush: bool
    offset: int
    body: bytes
    end: int


def records(log: Path) -> Iterator[Record]:
    """All records of a log."""
    with log.open("rb") as opened:
        end = 0
        while head := opened.read(RECORD.size):
            what, offset, size = RECORD.unpack(head)
            end += RECORD.size + size
            yield Record(what == b"f", offset, opened.read(size), end)

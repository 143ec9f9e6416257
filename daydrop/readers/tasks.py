"""What a worker process does: one function for each call, strangers' bytes in, plain values out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from daydrop.capturedate import companion
from daydrop.capturedate.candidate import Candidate
from daydrop.capturedate.metadata import Metadata
from daydrop.media.kinds import MediaType
from daydrop.readers import drawing
from daydrop.readers import reading as reader
from daydrop.readers.confinement import limit_processor


@dataclass(frozen=True)
class Drawn:
    """Previews in WebP, one for each edge that was asked for; or why there are none."""

    pictures: tuple[bytes, ...]
    problem: str = ""


def warm_up(*, seconds: int) -> None:
    """Do nothing: once this has run, the worker has all it needs in memory."""
    limit_processor(seconds)


def read(
    path: Path, name: str, media: MediaType, now: datetime, exiftool: Path | None, *, seconds: int
) -> Metadata:
    """Read the metadata of a file, within `seconds` of processor time."""
    limit_processor(seconds)
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        return reader.read(file, size, name, media, now=now, program=exiftool)


def read_companion(path: Path, name: str, *, seconds: int) -> tuple[Candidate, ...]:
    """Read the dates of a companion, within `seconds` of processor time."""
    limit_processor(seconds)
    with _opened(path) as file:
        return companion.candidates(name, file.read(companion.BYTES_MOST + 1))


def draw(path: Path, media: MediaType, edges: tuple[int, ...], *, seconds: int) -> Drawn:
    """Draw previews of a file, within `seconds` of processor time."""
    limit_processor(seconds)
    with _opened(path) as file:
        try:
            return Drawn(drawing.draw(file, media, edges))
        except drawing.NotDrawableError as problem:
            return Drawn((), str(problem))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read, never through a symbolic link."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        yield file

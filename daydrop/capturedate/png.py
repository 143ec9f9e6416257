"""The chunks of a PNG that hold dates, wherever they stand, without decoding a pixel.

Pillow reads what follows the pixels only after decoding them, and unpacks texts; here texts are
unpacked to 256 KB at most.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from daydrop.capturedate.candidate import Candidate, Source
from daydrop.capturedate.datetext import candidate

SIGNATURE_BYTES = 8
CHUNK_HEAD = 8
CHUNKS_MOST = 50_000
CHUNK_MOST = 4 * 1024 * 1024
TEXT_MOST = 256 * 1024
CREATION_TIME = "creation time"
XMP_KEY = "XML:com.adobe.xmp"
RAW_EXIF = frozenset({"Raw profile type exif", "Raw profile type APP1"})


@dataclass(frozen=True)
class Chunks:
    """What was found: an EXIF blob (TIFF header first), an XMP packet, the dates of texts."""

    exif: bytes | None
    xmp: str | None
    texts: tuple[Candidate, ...]


def chunks(file: BinaryIO) -> Chunks:
    """Walk all chunks (PNG, third edition, 5.3) and keep those that hold dates."""
    exif: bytes | None = None
    xmp: str | None = None
    texts: list[Candidate] = []
    for name, data in _walk(file):
        if name == b"eXIf":
            exif = data.removeprefix(b"Exif\0\0")
            continue
        key, text = _text(name, data)
        if key == XMP_KEY:
            xmp = text
        elif key in RAW_EXIF:
            exif = exif or _raw_profile(text)
        elif key.lower() == CREATION_TIME:
            texts.append(candidate(Source.PNG_TEXT, text))
    return Chunks(exif, xmp, tuple(texts))


def _walk(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    at = SIGNATURE_BYTES
    for _ in range(CHUNKS_MOST):
        file.seek(at)
        head = file.read(CHUNK_HEAD)
        if len(head) < CHUNK_HEAD or head[4:] == b"IEND":
            return
        size = int.from_bytes(head[:4], "big")
        if head[4:] in {b"eXIf", b"tEXt", b"zTXt", b"iTXt"} and size <= CHUNK_MOST:
            yield head[4:], file.read(size)
        at += CHUNK_HEAD + size + 4


def _text(name: bytes, data: bytes) -> tuple[str, str]:
    """Split a text chunk (PNG, third edition, 11.3.3) into key and text."""
    key, _, rest = data.partition(b"\0")
    is_packed = name == b"zTXt"
    if is_packed:
        rest = rest[1:]
    elif name == b"iTXt":
        is_packed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if is_packed:
        rest = _unpacked(rest)
    return key.decode("latin-1"), rest.decode("utf-8" if name == b"iTXt" else "latin-1", "replace")


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, TEXT_MOST)
    except zlib.error:
        return b""  # a text that cannot be unpacked holds no date


def _raw_profile(text: str) -> bytes | None:
    """Read ImageMagick's form of a profile: a name, a length, then hexadecimal digits."""
    lines = text.strip().split("\n", 2)
    if len(lines) < len(("name", "length", "digits")):
        return None
    try:
        blob = bytes.fromhex(lines[2])
    except ValueError:
        return None
    return blob.removeprefix(b"Exif\0\0")

"""Makers of files that are out to harm their reader; each returns bytes, or fills a sparse file."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from daydrop.readers.workers import UNTOLD
from tests import media as make

BOMB_BYTES = 300 * 1024 * 1024
SPARSE_BYTES = 10 * 1024**3
IHDR_END = 33


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + name + data


def giant_png(width: int = 65_535, height: int = 65_535) -> bytes:
    plain = make.png()
    header = struct.pack(">II", width, height) + plain[24:29]
    return plain[:8] + chunk(b"IHDR", header) + plain[IHDR_END:]


def giant_jpeg() -> bytes:
    data = bytearray(make.photo())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


def giant_gif() -> bytes:
    screen = b"GIF89a" + b"\xff" * 4 + bytes(3)
    frame = b"\x2c" + bytes(4) + b"\xff" * 4 + b"\0"
    return screen + frame + b"\x02\x02\x44\x01\0\x3b"


def text_bomb(name: bytes = b"zTXt") -> bytes:
    """Pack 300 MB of one letter into a text chunk or a colour profile."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"A" * (1 << 20)) for _ in range(BOMB_BYTES >> 20))
    packed += packer.flush()
    head = {
        b"zTXt": b"Comment\0\0",
        b"iTXt": b"Comment\0\1\0\0\0",
        b"iCCP": b"profile\0\0",
    }[name]
    plain = make.png()
    return plain[:IHDR_END] + chunk(name, head + packed) + plain[IHDR_END:]


def looping_tiff() -> bytes:
    """Make a TIFF whose only directory is its own successor and its own EXIF directory."""
    entries = struct.pack("<HHII", 0x8769, 4, 1, 8)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entries + struct.pack("<I", 8)


def looping_exif() -> bytes:
    segment = b"Exif\0\0" + looping_tiff()
    jpeg = make.photo(None)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def counting_tiff(count: int = 0xFFFFFFFF) -> bytes:
    entry = struct.pack("<HHII", 0x9003, 2, count, 26)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + bytes(40)


def chained_tiff(directories: int = 200_000) -> bytes:
    step = 6
    chain = b"".join(
        struct.pack("<HI", 0, 8 + (number + 1) * step) for number in range(directories)
    )
    return b"II*\0" + struct.pack("<I", 8) + chain + struct.pack("<HI", 0, 0)


def endless_table(table: bytes = b"stts") -> bytes:
    """Make a film whose table claims 2^32-1 entries."""
    whole = make.film()
    at = whole.index(table) + 8
    return whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]


def spinning_film() -> bytes:
    """Make a film that passes the walk of boxes and says its one sample lasts 2^32-1 times."""
    whole = make.film()
    at = whole.index(b"stts") + 12
    return whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]


def boxed(size: int) -> bytes:
    return box(b"ftyp", b"isom\0\0\2\0isom") + struct.pack(">I", size) + b"moov" + bytes(100)


def long_boxed() -> bytes:
    head = box(b"ftyp", b"isom\0\0\2\0isom")
    return head + struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 2**63 - 1) + bytes(100)


def nested_boxes(depth: int = 5000) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = box(b"moov", inner)
    return box(b"ftyp", b"isom\0\0\2\0isom") + inner


def million_boxes() -> bytes:
    return box(b"ftyp", b"isom\0\0\2\0isom") + box(b"free", b"") * 1_000_000


def endless_matroska() -> bytes:
    whole = make.film(fmt="matroska")
    return whole[: whole.index(b"\x18\x53\x80\x67") + 4] + b"\x01" + b"\xff" * 7 + bytes(500)


def lying_riff(form: bytes) -> bytes:
    return (
        b"RIFF\xff\xff\xff\xff" + form + b"LIST\xff\xff\xff\xffhdrlavih\xff\xff\xff\xff" + bytes(90)
    )


def broken_heic() -> bytes:
    data = bytearray(make.heic())
    at = data.index(b"iloc") + 4
    data[at : at + 24] = b"\xff" * 24
    return bytes(data)


def noise_after(header: bytes) -> bytes:
    return header + os.urandom(64 * 1024)


def with_zip() -> bytes:
    return make.photo() + b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + bytes(18)


def with_script() -> bytes:
    target = io.BytesIO()
    Image.new("P", (4, 4)).save(target, "GIF", comment=b"<script>alert(1)</script>")
    return target.getvalue()


SMALL: dict[str, Callable[[], bytes]] = {
    "giant png": giant_png,
    "wide png": lambda: giant_png(2_000_000_000, 1),
    "giant jpeg": giant_jpeg,
    "giant gif": giant_gif,
    "looping tiff": looping_tiff,
    "looping exif": looping_exif,
    "counting tiff": counting_tiff,
    "full tiff": lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(65_535 * 12),
    "chained tiff": chained_tiff,
    "endless stts": endless_table,
    "endless stsz": lambda: endless_table(b"stsz"),
    "spinning stts": spinning_film,
    "box of 0": lambda: boxed(0),
    "box of 7": lambda: boxed(7),
    "box of 4 GB": lambda: boxed(0xFFFFFFFF),
    "box of 2^63": long_boxed,
    "nested boxes": nested_boxes,
    "million boxes": million_boxes,
    "endless mkv": endless_matroska,
    "lying avi": lambda: lying_riff(b"AVI "),
    "lying webp": lambda: lying_riff(b"WEBP"),
    "broken heic": broken_heic,
    "noise after jpeg": lambda: noise_after(make.photo()[:200]),
    "noise after mp4": lambda: noise_after(make.film()[:200]),
    "noise after png": lambda: noise_after(make.png()[:60]),
    "noise after heic": lambda: noise_after(make.heic()[:200]),
    "jpeg and zip": with_zip,
    "gif and script": with_script,
}
BOMBS: dict[str, Callable[[], bytes]] = {
    "zTXt bomb": text_bomb,
    "iTXt bomb": lambda: text_bomb(b"iTXt"),
    "iCCP bomb": lambda: text_bomb(b"iCCP"),
}


def _moov_last(path: Path) -> None:
    whole = make.film()
    at = whole.index(b"moov") - 4
    head = box(b"ftyp", b"isom\0\0\2\0isom")
    moov = whole[at : at + int.from_bytes(whole[at : at + 4], "big")]
    hole = SPARSE_BYTES - len(head) - len(moov)
    with path.open("wb") as file:
        file.write(head + struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", hole))
        file.seek(SPARSE_BYTES - len(moov))
        file.write(moov)


def _head_of(data: bytes) -> Callable[[Path], None]:
    def fill(path: Path) -> None:
        with path.open("wb") as file:
            file.write(data)
            file.truncate(SPARSE_BYTES)

    return fill


SPARSE: dict[str, Callable[[Path], None]] = {
    "mp4, moov last": _moov_last,
    "mp4, no moov": _head_of(boxed(0xFFFFFFFF)[:32]),
    "mkv": _head_of(make.film(fmt="matroska")),
    "mts": _head_of(make.film(fmt="mpegts")),
    "jpeg": _head_of(make.photo()),
    "avi": _head_of(make.film(fmt="avi")),
    "webp": _head_of(make.photo(fmt="WEBP")),
    "heic": _head_of(make.heic()),
    "png": _head_of(make.png()),
    "tiff": _head_of(make.raw()),
}


def end_the_worker(*_: object, seconds: int) -> None:
    """A task whose worker ends in the one way that does not say whose fault it was."""
    os._exit(UNTOLD)

"""Makers of real media: each returns the bytes of a valid picture or film, dated as asked.

The same arguments give the same bytes, another seed gives other bytes. Everybody's tests use
these, so that no test needs a file from elsewhere.
"""

import hashlib
import io
import struct
from datetime import UTC, datetime
from fractions import Fraction

import av
import pillow_heif
from PIL import ExifTags, Image, PngImagePlugin

NOON = datetime(2024, 5, 17, 12, 0, 0)  # noqa: DTZ001 - a wall clock has no zone
NOON_UTC = datetime(2024, 5, 17, 12, 0, 0, tzinfo=UTC)

EXIF_FORM = "%Y:%m:%d %H:%M:%S"
COMMENT_MOST = 65_533  # a segment's length is 16 bits and counts its own two bytes
MAKER_NOTE = 0x927C


def photo(
    taken: datetime | None = NOON,
    offset: str | None = None,
    seed: str = "",
    size: int | None = None,
    fmt: str = "JPEG",
    *,
    xmp: str | None = None,
    identifier: str | None = None,
    edges: tuple[int, int] = (48, 32),
    orientation: int | None = None,
    camera: str | None = None,
) -> bytes:
    """Make a small picture of `fmt` (JPEG, WEBP, TIFF) with EXIF DateTimeOriginal `taken`.

    `offset` is OffsetTimeOriginal ("-08:00"), `identifier` Apple's content identifier, `xmp` an
    XMP packet, `camera` its model. `size` pads a JPEG to exactly so many bytes.
    """
    extra: dict[str, object] = {"xmp": xmp.encode()} if xmp else {}
    target = io.BytesIO()
    exif = _exif(taken, offset, seed, identifier, orientation, camera)
    _picture(seed, edges).save(target, fmt, exif=exif, **extra)
    return target.getvalue() if size is None else _padded(target.getvalue(), size)


def heic(
    taken: datetime | None = NOON,
    offset: str | None = None,
    seed: str = "",
    *,
    identifier: str | None = None,
    edges: tuple[int, int] = (64, 64),
) -> bytes:
    """Make a HEIC picture with EXIF DateTimeOriginal `taken`."""
    target = io.BytesIO()
    source = pillow_heif.from_pillow(_picture(seed, edges))
    source.save(target, quality=80, exif=_exif(taken, offset, seed, identifier, None))
    return target.getvalue()


def png(
    taken: datetime | None = NOON, seed: str = "", *, texts: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """Make a PNG with an eXIf chunk when `taken` is given, and tEXt chunks `texts`."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Comment", f"seed {seed}")
    for key, value in texts:
        chunks.add_text(key, value)
    target = io.BytesIO()
    exif = {"exif": _exif(taken, None, seed, None, None)} if taken else {}
    _picture(seed, (48, 32)).save(target, "PNG", pnginfo=chunks, **exif)
    return target.getvalue()


def raw(taken: datetime | None = NOON, offset: str | None = None, seed: str = "") -> bytes:
    """Make what the bytes of a DNG or NEF look like: a TIFF with EXIF."""
    return photo(taken, offset, seed, fmt="TIFF")


def film(
    taken_utc: datetime | None = NOON_UTC,
    seed: str = "",
    keys: str | None = None,
    seconds: int = 1,
    *,
    fmt: str = "mp4",
    identifier: str | None = None,
    codec: str = "mpeg4",
) -> bytes:
    """Make a film of `seconds`, its `mvhd` saying `taken_utc` (None: an unset clock).

    `keys` is Apple's `com.apple.quicktime.creationdate` ("2024-12-31T23:30:00-0800"),
    `identifier` Apple's content identifier; `fmt` a muxer: mp4, mov, matroska, webm (with
    `codec` libvpx), avi, mpegts.
    """
    target = io.BytesIO()
    is_apple = bool(keys or identifier)
    options = {"movflags": "use_metadata_tags"} if is_apple else {}
    with av.open(target, "w", format=fmt, options=options) as container:
        container.flags |= 0x400  # AVFMT_FLAG_BITEXACT: the same arguments, the same bytes
        if taken_utc is not None:
            moment = taken_utc.astimezone(UTC)
            container.metadata["creation_time"] = moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        if keys:
            container.metadata["com.apple.quicktime.creationdate"] = keys
        if identifier:
            container.metadata["com.apple.quicktime.content.identifier"] = identifier
        _encode(container, seed, seconds, codec)
    return target.getvalue()


def sound(seconds: int = 1) -> bytes:
    """Make an MP4 that holds sound alone, as an `.m4a` does."""
    target = io.BytesIO()
    with av.open(target, "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=8000)
        for number in range(seconds * 8):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1000)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = 8000
            frame.pts = number * 1000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


def _encode(container: av.container.OutputContainer, seed: str, seconds: int, codec: str) -> None:
    stream = container.add_stream(codec, rate=5)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    stream.codec_context.flags |= 0x800000  # AV_CODEC_FLAG_BITEXACT
    for number in range(seconds * 5):
        frame = av.VideoFrame.from_image(_picture(seed, (64, 48)))
        frame.pts = number
        frame.time_base = Fraction(1, 5)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _picture(seed: str, edges: tuple[int, int]) -> Image.Image:
    """Draw eight fields whose colours come from the seed, so that other seeds look otherwise."""
    digest = hashlib.sha256(seed.encode()).digest()
    small = Image.frombytes("RGB", (4, 2), digest[:24])
    return small.resize(edges, Image.Resampling.NEAREST)


def _exif(
    taken: datetime | None,
    offset: str | None,
    seed: str,
    identifier: str | None,
    orientation: int | None,
    camera: str | None = None,
) -> bytes:
    exif = Image.Exif()
    if camera:
        exif[ExifTags.Base.Model] = camera
    exif[ExifTags.Base.ImageDescription] = f"seed {seed}"
    if orientation:
        exif[ExifTags.Base.Orientation] = orientation
    details: dict[int, object] = {}
    if taken is not None:
        details[ExifTags.Base.DateTimeOriginal] = taken.strftime(EXIF_FORM)
    if offset is not None:
        details[ExifTags.Base.OffsetTimeOriginal] = offset
    if identifier is not None:
        details[MAKER_NOTE] = _apple_note(identifier)
    if details:
        exif.get_ifd(ExifTags.IFD.Exif).update(details)
    return exif.tobytes()


def _apple_note(identifier: str) -> bytes:
    """Build a maker note of Apple's with one entry, 0x0011: the content identifier."""
    text = identifier.encode() + b"\0"
    head = b"Apple iOS\0\0\1MM"
    value_at = len(head) + 2 + 12 + 4
    entry = struct.pack(">HHHII", 1, 0x0011, 2, len(text), value_at)
    return head + entry + bytes(4) + text


def _padded(jpeg: bytes, size: int) -> bytes:
    """Insert comment segments before the first segment that is not an APPn."""
    room = size - len(jpeg)
    if room < 0:
        raise ValueError(f"a photo of {size} bytes cannot be made: it has {len(jpeg)} already")
    at = 2
    while jpeg[at] == 0xFF and 0xE0 <= jpeg[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + _comments(room) + jpeg[at:]


def _comments(room: int) -> bytes:
    largest = COMMENT_MOST + 4 - 2
    whole, rest = divmod(room, largest)
    segment = b"\xff\xfe" + struct.pack(">H", largest - 2) + bytes(largest - 4)
    if rest < 4:
        return segment * whole + b"\xff" * rest  # fill bytes may stand before any marker
    return segment * whole + b"\xff\xfe" + struct.pack(">H", rest - 2) + bytes(rest - 4)

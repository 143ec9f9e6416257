"""Dates, orientation and Apple's content identifier in EXIF (CIPA DC-008), through Pillow."""

import struct
from collections.abc import Iterator, Mapping

from PIL import ExifTags, Image

from daydrop.capturedate.candidate import Candidate, Form, Source
from daydrop.capturedate.datetext import candidate

MAKER_NOTE = 0x927C
APPLE_HEADER = b"Apple iOS\0"
APPLE_ENTRIES_AT = 14
APPLE_ENTRIES_MOST = 200
APPLE_IDENTIFIER = 0x0011
ASCII = 2

# What Pillow raises for broken EXIF, whatever is broken about it.
BROKEN = (
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    struct.error,
    ZeroDivisionError,
    OverflowError,
    RecursionError,
)

_FIELDS = (
    (Source.EXIF_ORIGINAL, ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (Source.EXIF_DIGITIZED, ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)


def load(blob: bytes) -> Image.Exif:
    """Take EXIF out of a TIFF structure. Raises one of `BROKEN`."""
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + blob)
    return exif


def dates(exif: Image.Exif) -> Iterator[Candidate]:
    """Find the dates: original, digitized, GPS, and the weak one of the last edit."""
    first: Mapping[int, object] = exif
    details: Mapping[int, object] = exif.get_ifd(ExifTags.IFD.Exif)
    for source, tag, offset_tag in _FIELDS:
        # TIFF and DNG may have them in the first directory; CR3 has them there alone.
        place = details if details.get(tag) is not None else first
        text, offset = _text(place.get(tag)), _text(place.get(offset_tag))
        if text is not None:
            yield candidate(source, text, offset)
    gps = _gps(exif.get_ifd(ExifTags.IFD.GPSInfo))
    if gps is not None:
        yield gps
    modified = _text(first.get(ExifTags.Base.DateTime))
    if modified is not None:
        offset = _text(details.get(ExifTags.Base.OffsetTime))
        yield candidate(Source.EXIF_MODIFIED, modified, offset)


def camera(exif: Image.Exif) -> str | None:
    """Take the camera's model (0x0110), as it calls itself."""
    return plain_model(_text(exif.get(ExifTags.Base.Model)))


def plain_model(text: str | None) -> str | None:
    """Make names of models comparable: one case, one blank between words, a bounded length."""
    return " ".join(text.casefold().split())[:80] or None if text else None


def content_identifier(exif: Image.Exif) -> str | None:
    """Find Apple's content identifier, entry 0x0011 of its maker note."""
    note = exif.get_ifd(ExifTags.IFD.Exif).get(MAKER_NOTE)
    if not isinstance(note, bytes) or not note.startswith(APPLE_HEADER):
        return None
    order = "<" if note[12:14] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", note, APPLE_ENTRIES_AT)
    for number in range(min(count, APPLE_ENTRIES_MOST)):
        at = APPLE_ENTRIES_AT + 2 + number * 12
        tag, kind, length, value_at = struct.unpack_from(f"{order}HHII", note, at)
        if tag == APPLE_IDENTIFIER and kind == ASCII:
            return _text(note[value_at : value_at + min(length, 64)])
    return None


def _gps(gps: Mapping[int, object]) -> Candidate | None:
    """Join date and time of the satellites; without the time the day in UTC says too little."""
    day = _text(gps.get(ExifTags.GPS.GPSDateStamp))
    time = gps.get(ExifTags.GPS.GPSTimeStamp)
    if day is None or not isinstance(time, tuple) or len(time) != len(("h", "m", "s")):
        return None
    try:
        hour, minute, second = (int(float(part)) for part in time)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return Candidate(Source.GPS, f"{day} {time}", None, None, Form.INSTANT)
    text = f"{day} {hour:02}:{minute:02}:{second:02} UTC"
    return candidate(Source.GPS, text, is_instant=True)


def _text(value: object) -> str | None:
    """Take text as it stands; cameras write it as ASCII, as bytes, and padded with NUL."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    return value.split("\0", 1)[0] if value.strip("\0") else None

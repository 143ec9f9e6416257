"""The dates in files that accompany a photo: XMP, Google Takeout's JSON, Canon's THM.

AAE and SRT hold no date of the recording that the rule knows: none comes from them.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from PIL import Image

from daydrop.capturedate import exif, xmp
from daydrop.capturedate.candidate import Candidate, Form, Source
from daydrop.capturedate.datetext import RAW_MOST
from daydrop.media.kinds import extension

BYTES_MOST = 16 * 1024 * 1024
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC by definition, kept naive like all wall clocks


def candidates(name: str, data: bytes) -> tuple[Candidate, ...]:
    """Find the dates of a companion called `name`; none for one that cannot be understood."""
    if len(data) > BYTES_MOST:
        return ()
    end = extension(name)
    if end == "xmp":
        return tuple(xmp.dates(_text(data), is_companion=True))
    if end == "json":
        return tuple(_takeout(data))
    return tuple(_thumbnail(data)) if end == "thm" else ()


def _text(data: bytes) -> str:
    """Decode a packet: UTF-8 nearly always, UTF-16 where its first bytes say so."""
    is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return data.decode("utf-16" if is_wide else "utf-8", "replace")


def _takeout(data: bytes) -> Iterator[Candidate]:
    """Take `photoTakenTime.timestamp`, seconds since 1970 in UTC."""
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        return
    taken = parsed.get("photoTakenTime") if isinstance(parsed, dict) else None
    stamp = taken.get("timestamp") if isinstance(taken, dict) else None
    if stamp is None:
        return
    raw = str(stamp)[:RAW_MOST]
    try:
        wall = EPOCH + timedelta(seconds=int(raw))
    except (ValueError, OverflowError):
        yield Candidate(Source.TAKEOUT, raw, None, None, Form.INSTANT)
    else:
        yield Candidate(Source.TAKEOUT, raw, wall, None, Form.INSTANT)


def _thumbnail(data: bytes) -> Iterator[Candidate]:
    """Take the recording date from the EXIF of the small JPEG beside a video."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            found = list(exif.dates(picture.getexif()))
    except exif.BROKEN:
        return
    for candidate in found:
        if candidate.source in {Source.EXIF_ORIGINAL, Source.EXIF_DIGITIZED}:
            yield replace(candidate, source=Source.THUMBNAIL)

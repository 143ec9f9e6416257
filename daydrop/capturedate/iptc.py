"""Dates in IPTC-IIM 4.2: 2:55 and 2:60 created, 2:62 and 2:63 digitally created."""

from collections.abc import Iterator

from PIL import Image, IptcImagePlugin

from daydrop.capturedate.candidate import Candidate, Source
from daydrop.capturedate.datetext import candidate, understand

_FIELDS = ((Source.IPTC_CREATED, (2, 55), (2, 60)), (Source.IPTC_DIGITAL, (2, 62), (2, 63)))


def dates(picture: Image.Image) -> Iterator[Candidate]:
    """Find the dates; a time that cannot be read leaves the day standing."""
    fields = IptcImagePlugin.getiptcinfo(picture) or {}  # type: ignore[arg-type]  # any photo is taken
    for source, day_field, time_field in _FIELDS:
        day, time = _text(fields.get(day_field)), _text(fields.get(time_field))
        if day is None:
            continue
        joined = f"{day} {time}" if time else day
        yield candidate(source, joined if understand(joined) else day)


def _text(value: bytes | list[bytes] | None) -> str | None:
    """Take the first of a field that stands more than once."""
    first = (value[0] if value else None) if isinstance(value, list) else value
    return None if first is None else first.decode("latin-1").strip("\0 ")

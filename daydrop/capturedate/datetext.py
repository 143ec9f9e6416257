"""Dates as cameras and programs write them: text to a wall clock, with its offset if it has one."""

import re
from dataclasses import dataclass
from datetime import datetime

from daydrop.capturedate.candidate import Candidate, Form, Source

LAST_HOUR, LEAP_SECOND, NOON = 24, 60, 12
RAW_MOST = 200  # as much of a strange text as is worth keeping

_ZONE = r"(?P<zone>Z|UTC|UT|GMT|[+-]\d{1,2}:\d{2}|[+-]\d{4}|[+-]\d{2})?"
_TIME = (
    r"(?P<hour>\d{1,2})[:.\-]\s?(?P<minute>\d{1,2})"
    r"(?:[:.\-]\s?(?P<second>\d{1,2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp][Mm])?"
)
_NO_TIME = r"(?:[\s:T]*)"
_US_ZONES = {  # RFC 2822 §4.3: the only names that mean one offset
    f"{zone}{half}T": -60 * (hours - (half == "D"))
    for zone, hours in (("E", 5), ("C", 6), ("M", 7), ("P", 8))
    for half in "SD"
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<name>[A-Za-z]{3})[a-z]*"

# YYYY:MM:DD HH:MM:SS of EXIF 4.6.5, ISO 8601, and what lies between them.
_NUMBERS = re.compile(
    r"(?:UTC\s+)?(?P<year>\d{4})[:\-/.]\s*(?P<month>\d{1,2})[:\-/.]\s*(?P<day>\d{1,2})"
    rf"(?:(?:T|\s+|[:/]\s*){_TIME}\s*{_ZONE}|{_NO_TIME})"
)
# YYYYMMDD and HHMMSS of IPTC IIM 2:55 and 2:60, joined by the reader, and ISO's basic form.
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    rf"(?:[T ]?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})(?:[.,]\d+)?\s*{_ZONE})?"
)
# RFC 1123 and RFC 2822, where a zone may have a name: most name none that is one everywhere.
_NAMED_ZONE = _ZONE.replace("Z|", "Z|[A-Z]{3,5}|", 1)
_MAIL = re.compile(
    rf"(?:[A-Za-z]{{3,9}},?\s+)?(?P<day>\d{{1,2}})[ \-]{_MONTH}[ \-](?P<year>\d{{4}})"
    rf"(?:\s+{_TIME}\s*{_NAMED_ZONE}(?:\s*\([^()]*\))?)?"
)
# ctime(), as AVI cameras write IDIT.
_CTIME = re.compile(
    rf"[A-Za-z]{{3,9}}\s+{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_TIME}\s*{_NAMED_ZONE}\s+(?P<year>\d{{4}})"
)
_FORMS = (_NUMBERS, _COMPACT, _MAIL, _CTIME)


@dataclass(frozen=True)
class Reading:
    """A date that was understood. `wall` has no zone; `day_only` when no time stood there."""

    wall: datetime
    offset_minutes: int | None
    day_only: bool


def understand(text: str) -> Reading | None:
    """Read a date in any form met in media files; None when it names no day."""
    trimmed = text.strip("\0 \t\r\n")[:RAW_MOST]
    for form in _FORMS:
        match = form.fullmatch(trimmed)
        if match is not None:
            return _reading(match.groupdict())
    return None


def candidate(
    source: Source, text: str, offset: str | None = None, *, is_instant: bool = False
) -> Candidate:
    """Make a candidate of a date's text and, where it stands apart, the text of its offset.

    `is_instant` says the source is UTC by its definition.
    """
    raw = f"{text} {offset}".strip("\0") if offset else text.strip("\0")
    reading = understand(text)
    if reading is None:
        return Candidate(source, raw[:RAW_MOST], None, None, Form.LOCAL)
    if is_instant:
        return Candidate(source, raw[:RAW_MOST], reading.wall, None, Form.INSTANT)
    apart = None if offset is None else offset_minutes(offset)
    minutes = reading.offset_minutes if apart is None else apart
    form = Form.LOCAL if minutes is None else Form.ZONED
    return Candidate(source, raw[:RAW_MOST], reading.wall, minutes, form, reading.day_only)


def offset_minutes(text: str) -> int | None:
    """Read an offset: Z, UTC, EST, +hh:mm, +hhmm, +hh; None for anything else."""
    trimmed = text.strip("\0 ")
    if trimmed in _US_ZONES:
        return _US_ZONES[trimmed]
    match = re.fullmatch(r"([+-])(\d{1,2})(?::?(\d{2}))?", trimmed)
    if match is None:
        return 0 if trimmed in {"Z", "UTC", "UT", "GMT"} else None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return -minutes if match[1] == "-" else minutes


def wall_clock(
    day: tuple[int, int, int], time: tuple[int, int, int] = (0, 0, 0)
) -> datetime | None:
    """Put year, month, day and hour, minute, second together; None for what does not exist.

    Hour 24 is 0 of the same day and second 60 is 59: real cameras write both.
    """
    hour, minute, second = time
    hour = 0 if hour == LAST_HOUR else hour
    second = LEAP_SECOND - 1 if second == LEAP_SECOND else second
    try:
        return datetime(*day, hour, minute, second)  # noqa: DTZ001 - a wall clock has no zone
    except ValueError:
        return None


def half_day_hour(hour: int, half: str | None) -> int:
    """Turn an hour with AM or PM into one of 24; an hour without stays as it is."""
    if not half:
        return hour
    return hour % NOON + (NOON if half.lower() == "pm" else 0)


def _reading(parts: dict[str, str | None]) -> Reading | None:
    hour = half_day_hour(int(parts["hour"] or 0), parts.get("half"))
    wall = wall_clock(
        (int(parts["year"] or 0), _month(parts), int(parts["day"] or 0)),
        (hour, int(parts["minute"] or 0), int(parts["second"] or 0)),
    )
    if wall is None:
        return None
    zone = parts["zone"]
    return Reading(wall, offset_minutes(zone) if zone else None, parts["hour"] is None)


def _month(parts: dict[str, str | None]) -> int:
    name = parts.get("name")
    if name is None:
        return int(parts["month"] or 0)
    return _MONTHS.index(name.lower()) + 1 if name.lower() in _MONTHS else 0

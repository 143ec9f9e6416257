"""The date in a file's name, as cameras, phones and messengers write it.

Names are judged as sent, never by the folder they came from.
"""

import re
from datetime import datetime

from daydrop.capturedate.belief import OLDEST_MADE_BY_MACHINE
from daydrop.capturedate.candidate import Candidate, Form, Source
from daydrop.capturedate.datetext import half_day_hour, wall_clock

_DAY = r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
_TIME = r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
_PARTED_DAY = r"(?P<year>[0-9]{4})(?P<sep>[-_.:])(?P<month>[0-9]{2})(?P=sep)(?P<day>[0-9]{2})"
_PARTED_TIME = (
    r"(?P<hour>[0-9]{1,2})(?:[.:_\-h]\s?)?(?P<minute>[0-9]{2})(?:[.:_\-m]\s?)?(?P<second>[0-9]{2})"
)
_NOTHING_BEFORE = r"(?<![0-9])"
_NOTHING_AFTER = r"(?![0-9])"

# Google's Pixel writes UTC into its names.
PIXEL = re.compile(
    rf"(?<![A-Za-z0-9])PXL_{_DAY}_{_TIME}(?:[0-9]{{3}})?{_NOTHING_AFTER}", re.IGNORECASE
)
SECONDS = (
    re.compile(rf"{_NOTHING_BEFORE}{_DAY}[_\- T]{_TIME}(?:[0-9]{{3}})?{_NOTHING_AFTER}"),
    re.compile(
        rf"{_NOTHING_BEFORE}{_PARTED_DAY}(?:[ _T\-]|[ _\-]at[ _\-]|, )"
        rf"{_PARTED_TIME}{_NOTHING_AFTER}(?:\s*(?P<half>[AP]M)(?![A-Za-z]))?",
        re.IGNORECASE,
    ),
)
DAYS = (
    re.compile(rf"(?<![A-Za-z0-9])(?:IMG|VID|AUD|PTT|STK)-{_DAY}-WA[0-9]{{4}}", re.IGNORECASE),
    re.compile(
        rf"{_NOTHING_BEFORE}(?P<year>[0-9]{{4}})(?P<sep>[-_])(?P<month>[0-9]{{2}})"
        rf"(?P=sep)(?P<day>[0-9]{{2}}){_NOTHING_AFTER}"
    ),
)


def candidate(name: str) -> Candidate | None:
    """Read the date a name holds; None when it holds none. `name` is one path component."""
    pixel = _first((PIXEL,), name)
    if pixel is not None:
        return Candidate(Source.NAME, name, pixel, None, Form.INSTANT)
    precise = _first(SECONDS, name)
    if precise is not None:
        return Candidate(Source.NAME, name, precise, None, Form.LOCAL)
    day = _first(DAYS, name)
    if day is not None:
        return Candidate(Source.NAME, name, day, None, Form.LOCAL, day_only=True)
    return None


def _first(patterns: tuple[re.Pattern[str], ...], name: str) -> datetime | None:
    for pattern in patterns:
        for match in pattern.finditer(name):
            wall = _wall(match.groupdict())
            if wall is not None:
                return wall
    return None


def _wall(parts: dict[str, str | None]) -> datetime | None:
    year = int(parts["year"] or 0)
    if year < OLDEST_MADE_BY_MACHINE:
        return None
    hour = half_day_hour(int(parts.get("hour") or 0), parts.get("half"))
    return wall_clock(
        (year, int(parts["month"] or 0), int(parts["day"] or 0)),
        (hour, int(parts.get("minute") or 0), int(parts.get("second") or 0)),
    )

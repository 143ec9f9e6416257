"""Dates as HTTP and WebDAV write them."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_FIRST, _MOST = (
    -62135596800,
    253402300799,
)  # the years 1 and 9999: the range of dates that can be written


def http_date(text: str) -> float | None:
    """Return an HTTP or ISO date as seconds since 1970; None for what cannot be a file's time.

    Windows sends 1601 for an unknown time.
    """
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text.strip())
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        return _believed(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    return None


def seconds(text: str) -> float | None:
    """Return an `X-OC-Mtime` as seconds since 1970; None for what cannot be a file's time."""
    try:
        when = float(text)
    except ValueError:
        return None
    return _believed(when)


def _believed(when: float) -> float | None:
    return when if 0 <= when <= _MOST else None


def moment(when: float) -> datetime:
    """Return seconds since 1970 as the nearest date that can be written: disks may hold any."""
    return datetime.fromtimestamp(min(max(int(when), _FIRST), _MOST), UTC)


def to_http(when: float) -> str:
    """Return an HTTP date (RFC 9110 §5.6.7)."""
    return format_datetime(moment(when), usegmt=True)


def to_iso(when: float) -> str:
    """Return a date in the form of `creationdate` (RFC 4918 §15.1)."""
    return moment(when).isoformat().replace("+00:00", "Z")

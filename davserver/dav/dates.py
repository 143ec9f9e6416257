"""Dates as HTTP and WebDAV write them."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_FIRST, _MOST = -62135596800, 253402300799  # the years 1 and 9999: what dates can be written for


def http_date(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date, or of an ISO one; None for what is no time of a file.

    Windows says 1601 for a time that it does not know.
    """
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text.strip())
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        return _believed(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    return None


def seconds(text: str) -> float | None:
    """Seconds since 1970 as clients send them in `X-OC-Mtime`; None for what is no such time."""
    try:
        when = float(text)
    except ValueError:
        return None
    return _believed(when)


def _believed(when: float) -> float | None:
    return when if 0 <= when <= _MOST else None


def moment(when: float) -> datetime:
    """Seconds since 1970 as a date: the nearest that can be written, since disks may hold any."""
    return datetime.fromtimestamp(min(max(int(when), _FIRST), _MOST), UTC)


def to_http(when: float) -> str:
    """An HTTP date (RFC 9110 §5.6.7)."""
    return format_datetime(moment(when), usegmt=True)


def to_iso(when: float) -> str:
    """A date as `creationdate` has it (RFC 4918 §15.1)."""
    return moment(when).isoformat().replace("+00:00", "Z")

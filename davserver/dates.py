"""Dates as HTTP and WebDAV write them."""

from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

_MOST = 253402300799  # the end of the year 9999


def http_date(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date, or of an ISO one; None for what is no date."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text.strip())
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    return None


def seconds(text: str) -> float | None:
    """Seconds since 1970 as clients send them in `X-OC-Mtime`; None for what is no such time."""
    try:
        when = float(text)
    except ValueError:
        return None
    return when if 0 <= when <= _MOST else None


def to_http(when: float) -> str:
    """An HTTP date (RFC 9110 §5.6.7)."""
    return formatdate(int(when), usegmt=True)


def to_iso(when: float) -> str:
    """A date as `creationdate` has it (RFC 4918 §15.1)."""
    return datetime.fromtimestamp(int(when), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

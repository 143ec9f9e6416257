"""The zone of a UTC instant: from the file, its name, its partner, the setting, else UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from daydrop.capturedate.belief import OFFSET_MOST, moment_of, offset_of
from daydrop.capturedate.candidate import Candidate, Form, Source

CLOSE = timedelta(seconds=60)
QUARTER = 15  # minutes: every zone in use is a multiple of it


class ZoneSource(StrEnum):
    """Who said which zone an instant belongs to."""

    FILE = "file"
    NAME = "name"
    PARTNER = "partner"
    SETTING = "setting"
    UTC_ESTIMATED = "utc_estimated"


@dataclass(frozen=True)
class Zoned:
    """An instant placed on a wall clock, with the offset used and who gave it."""

    wall: datetime
    offset_minutes: int
    source: ZoneSource


def place(
    instant: Candidate,
    believable: Sequence[Candidate],
    zone: tzinfo | None,
    partner_offset_minutes: int | None,
) -> Zoned:
    """Put an instant on the wall clock of where it was taken, as well as that is known.

    `instant` has a `wall`; `believable` are the other candidates that passed.
    """
    moment = instant.wall
    if moment is None:
        raise ValueError("an instant without a time has no place on a clock")
    known = _from_file(instant, moment, believable) or _from_name(instant, moment, believable)
    if known is not None:
        return known
    if partner_offset_minutes is not None and abs(partner_offset_minutes) <= OFFSET_MOST:
        return _shifted(moment, partner_offset_minutes, ZoneSource.PARTNER)
    if zone is None:
        return Zoned(moment, 0, ZoneSource.UTC_ESTIMATED)
    there = moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta(0)
    return Zoned(moment + there, int(there.total_seconds() // 60), ZoneSource.SETTING)


def quarter(difference: timedelta) -> int | None:
    """Find the offset a difference is within 60 s of: a multiple of 15 minutes, at most 14 h."""
    minutes = round(difference / timedelta(minutes=QUARTER)) * QUARTER
    is_close = abs(difference - timedelta(minutes=minutes)) <= CLOSE
    return minutes if is_close and abs(minutes) <= OFFSET_MOST else None


def _from_file(
    instant: Candidate, moment: datetime, believable: Sequence[Candidate]
) -> Zoned | None:
    """Look for a weaker date in the file that means the same moment and has an offset."""
    room = timedelta(seconds=instant.span_seconds) + CLOSE
    for other in believable:
        offset, there = offset_of(other), moment_of(other)
        if offset is None or there is None or other.day_only:
            continue
        if abs(there - moment) <= room:
            return _shifted(moment, offset, ZoneSource.FILE)
    return None


def _from_name(
    instant: Candidate, moment: datetime, believable: Sequence[Candidate]
) -> Zoned | None:
    """Compare with the local time in the name; some writers stamp the end of the recording."""
    names = (c for c in believable if c.source is Source.NAME and c.form is Form.LOCAL)
    name = next((c for c in names if not c.day_only), None)
    if name is None or name.wall is None:
        return None
    span = timedelta(seconds=instant.span_seconds)
    at_start = quarter(name.wall - moment)
    if at_start is not None:
        return _shifted(moment, at_start, ZoneSource.NAME)
    at_end = quarter(name.wall - (moment - span))
    if at_end is None:
        at_end = _within(name.wall - moment, span)
    return None if at_end is None else Zoned(name.wall, at_end, ZoneSource.NAME)


def _within(difference: timedelta, span: timedelta) -> int | None:
    """Find an offset for a stamp put somewhere inside the recording; whole hours first."""
    fits = [
        minutes
        for minutes in range(-OFFSET_MOST, OFFSET_MOST + 1, QUARTER)
        if difference - CLOSE <= timedelta(minutes=minutes) <= difference + span + CLOSE
    ]
    return min(fits, key=lambda minutes: (minutes % 60, minutes), default=None)


def _shifted(moment: datetime, offset: int, source: ZoneSource) -> Zoned:
    return Zoned(moment + timedelta(minutes=offset), offset, source)

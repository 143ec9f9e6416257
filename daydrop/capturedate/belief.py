"""Is a date believable at all? Each reason against one, and the test for it."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from daydrop.capturedate.candidate import CONTAINER, Candidate, Form, Source


class Reason(StrEnum):
    """Why a candidate was chosen, agrees, differs or was rejected; words are made elsewhere."""

    FIRST_BELIEVABLE = "first_believable"
    COUNTED_FROM_1970 = "counted_from_1970"  # chosen, read with the Unix epoch
    SAME_MOMENT = "same_moment"
    SAME_CLOCK = "same_clock"
    SAME_BUT_FOR_ZONE = "same_but_for_zone"
    SAME_DAY = "same_day"  # one of the two holds no time of day
    OTHER_TIME = "other_time"  # on the same day
    OTHER_DAY = "other_day"
    UNSET = "unset"
    UNREADABLE = "unreadable"
    IMPOSSIBLE = "impossible"
    BARE_YEAR = "bare_year"
    TOO_OLD = "too_old"
    EPOCH = "epoch"
    CLOCK_START = "clock_start"
    FUTURE = "future"
    CUT_SHORT = "cut_short"


OLDEST_YEAR = 1826  # the oldest photograph
OLDEST_MADE_BY_MACHINE = 1990  # containers, satellites and names of files are no scans
EPOCHS = frozenset(
    {
        date(1903, 12, 31),
        date(1904, 1, 1),
        date(1969, 12, 31),
        date(1970, 1, 1),
        date(1980, 1, 1),
    }
)
CLOCK_START = datetime(2002, 12, 8, 12, 0, 0)  # noqa: DTZ001 - some Androids' clock on its first day
FUTURE_ALLOWED = timedelta(hours=24)
OFFSET_MOST = 14 * 60
MACHINE_MADE = CONTAINER | {Source.GPS, Source.NAME}
COUNTED_FROM_1904 = frozenset({Source.MOVIE_HEADER, Source.TRACK_HEADER})
EPOCH_SHIFT = datetime(1970, 1, 1) - datetime(1904, 1, 1)  # noqa: DTZ001 - a length of time

_FILLER = re.compile(r"[\s\x000:\-/.TZ+]*")
_BARE_YEAR = re.compile(r"\s*\d{4}\s*")
_LIKE_A_DATE = re.compile(r"\s*(UTC\s*)?\d{4}\D+\d{1,2}\D+\d{1,2}|\s*\d{8}")


def flaw(candidate: Candidate, now: datetime) -> Reason | None:
    """Name what is wrong with a candidate, None when it can be believed.

    `now` is naive UTC.
    """
    if candidate.wall is None:
        return _flaw_of_text(candidate.raw)
    if candidate.is_distrusted and candidate.source in CONTAINER:
        return Reason.CUT_SHORT
    return _flaw_of_time(candidate, candidate.wall, now)


def counted_from_1970(candidate: Candidate, now: datetime) -> Candidate | None:
    """Read a video's header that was written with the Unix epoch; None when it was not."""
    wall = candidate.wall
    if wall is None or candidate.source not in COUNTED_FROM_1904:
        return None
    if not 1904 <= wall.year < OLDEST_MADE_BY_MACHINE:  # noqa: PLR2004 - the epoch of QuickTime
        return None
    shifted = replace(candidate, wall=wall + EPOCH_SHIFT)
    return shifted if flaw(shifted, now) is None else None


def offset_of(candidate: Candidate) -> int | None:
    """Take the offset in minutes, if there is one and any place on Earth has it."""
    offset = candidate.offset_minutes
    if candidate.form is not Form.ZONED or offset is None or abs(offset) > OFFSET_MOST:
        return None
    return offset


def moment_of(candidate: Candidate) -> datetime | None:
    """Take the moment in UTC (naive), where the candidate tells it."""
    if candidate.wall is None or candidate.form is Form.INSTANT:
        return candidate.wall
    offset = offset_of(candidate)
    return None if offset is None else candidate.wall - timedelta(minutes=offset)


def _flaw_of_text(raw: str) -> Reason:
    if _FILLER.fullmatch(raw):
        return Reason.UNSET
    if _BARE_YEAR.fullmatch(raw):
        return Reason.BARE_YEAR
    return Reason.IMPOSSIBLE if _LIKE_A_DATE.match(raw) else Reason.UNREADABLE


def _flaw_of_time(candidate: Candidate, wall: datetime, now: datetime) -> Reason | None:
    if wall.date() in EPOCHS:
        return Reason.EPOCH
    machine_made = candidate.source in MACHINE_MADE
    if wall.year < (OLDEST_MADE_BY_MACHINE if machine_made else OLDEST_YEAR):
        return Reason.TOO_OLD
    if wall.replace(microsecond=0) == CLOCK_START:
        return Reason.CLOCK_START
    # Taken off the date, not added to now: now may be the last day there is.
    if (moment_of(candidate) or wall) - FUTURE_ALLOWED > now:
        return Reason.FUTURE
    return None

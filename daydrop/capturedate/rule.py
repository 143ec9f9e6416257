"""The rule: from candidates to the capture date. Pure; clock and zone are parameters.

The day is the wall-clock date where the photo was taken. A local time is taken as it stands;
only a UTC instant needs a zone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from daydrop.capturedate.belief import (
    Reason,
    counted_from_1970,
    flaw,
    moment_of,
    offset_of,
)
from daydrop.capturedate.candidate import (
    RANK,
    Candidate,
    Form,
    Json,
    Source,
    dump_candidate,
    load_candidate,
)
from daydrop.capturedate.zone import CLOSE, Zoned, ZoneSource, place, quarter

__all__ = [
    "Candidate",
    "CaptureDate",
    "Form",
    "Judged",
    "Reason",
    "Source",
    "Verdict",
    "ZoneSource",
    "choose",
    "dump",
    "load",
]


class Verdict(StrEnum):
    """What became of a candidate."""

    CHOSEN = "chosen"
    AGREES = "agrees"
    DIFFERS = "differs"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Judged:
    """A candidate, what became of it, and why."""

    candidate: Candidate
    verdict: Verdict
    why: Reason


@dataclass(frozen=True)
class CaptureDate:
    """The wall clock where the photo was taken, or None for `no_date`, with all reasons.

    `zone_source` says who gave the offset; None for a local time that came without one.
    `judged` are all candidates, best source first.
    """

    wall: datetime | None
    offset_minutes: int | None
    source: Source | None
    zone_source: ZoneSource | None
    day_only: bool
    judged: tuple[Judged, ...]

    @property
    def day(self) -> date | None:
        """The day the item is filed under."""
        return None if self.wall is None else self.wall.date()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What was judged, as `choose` takes it."""
        return tuple(each.candidate for each in self.judged)


def choose(
    candidates: Iterable[Candidate],
    now: datetime,
    zone: tzinfo | None = None,
    partner_offset_minutes: int | None = None,
) -> CaptureDate:
    """Take the first believable candidate in the order of sources; say of each what it was.

    `now` has a zone. `zone` is where UTC instants belong when nothing better is known (None:
    UTC, said to be estimated); `partner_offset_minutes` is the offset of the other half of a pair.
    """
    utc_now = now.astimezone(UTC).replace(tzinfo=None)
    ranked = sorted(candidates, key=lambda candidate: RANK[candidate.source])
    readings = [_read(candidate, utc_now) for candidate in ranked]
    winner = next((at for at, reading in enumerate(readings) if reading.flaw is None), None)
    if winner is None:
        return CaptureDate(None, None, None, None, False, tuple(map(_rejected, readings)))

    chosen = readings[winner].meant
    others = [reading.meant for reading in readings if reading.flaw is None]
    placed = _placed(chosen, others, zone, partner_offset_minutes)
    judged = tuple(
        Judged(reading.found, Verdict.CHOSEN, reading.chosen_as)
        if at == winner
        else _judged(reading, chosen, placed)
        for at, reading in enumerate(readings)
    )
    return CaptureDate(
        wall=placed.wall,
        offset_minutes=placed.offset_minutes,
        source=chosen.source,
        zone_source=placed.zone_source,
        day_only=chosen.day_only,
        judged=judged,
    )


def dump(judged: Sequence[Judged]) -> list[Json]:
    """Turn what was judged into plain values for JSON."""
    return [
        {**dump_candidate(each.candidate), "verdict": each.verdict.value, "why": each.why.value}
        for each in judged
    ]


def load(values: Iterable[Json]) -> tuple[Judged, ...]:
    """Undo `dump`. Raises KeyError or ValueError on anything else."""
    return tuple(
        Judged(load_candidate(each), Verdict(str(each["verdict"])), Reason(str(each["why"])))
        for each in values
    )


@dataclass(frozen=True)
class _Reading:
    """A candidate as found and as meant (they differ for a wrong epoch), and its flaw."""

    found: Candidate
    meant: Candidate
    flaw: Reason | None
    chosen_as: Reason = Reason.FIRST_BELIEVABLE


@dataclass(frozen=True)
class _Placed:
    wall: datetime | None
    offset_minutes: int | None
    zone_source: ZoneSource | None


def _read(candidate: Candidate, now: datetime) -> _Reading:
    against = flaw(candidate, now)
    if against in {Reason.TOO_OLD, Reason.EPOCH}:
        shifted = counted_from_1970(candidate, now)
        if shifted is not None:
            return _Reading(candidate, shifted, None, Reason.COUNTED_FROM_1970)
    return _Reading(candidate, candidate, against)


def _placed(
    chosen: Candidate,
    believable: Sequence[Candidate],
    zone: tzinfo | None,
    partner_offset_minutes: int | None,
) -> _Placed:
    if chosen.form is not Form.INSTANT:
        offset = offset_of(chosen)
        return _Placed(chosen.wall, offset, None if offset is None else ZoneSource.FILE)
    zoned: Zoned = place(chosen, believable, zone, partner_offset_minutes)
    return _Placed(zoned.wall, zoned.offset_minutes, zoned.source)


def _rejected(reading: _Reading) -> Judged:
    return Judged(reading.found, Verdict.REJECTED, reading.flaw or Reason.UNREADABLE)


def _judged(reading: _Reading, chosen: Candidate, placed: _Placed) -> Judged:
    if reading.flaw is not None:
        return _rejected(reading)
    why = _compare(reading.meant, chosen, placed)
    differs = why in {Reason.OTHER_TIME, Reason.OTHER_DAY}
    return Judged(reading.found, Verdict.DIFFERS if differs else Verdict.AGREES, why)


def _compare(other: Candidate, chosen: Candidate, placed: _Placed) -> Reason:
    """Say how a weaker date stands to the chosen one."""
    if other.wall is None or placed.wall is None:
        return Reason.UNREADABLE
    same_day = other.wall.date() == placed.wall.date()
    if other.day_only or chosen.day_only:
        return Reason.SAME_DAY if same_day else Reason.OTHER_DAY
    there, here = moment_of(other), moment_of(chosen)
    room = CLOSE + timedelta(seconds=other.span_seconds)
    if there is not None and here is not None and abs(there - here) <= room:
        return Reason.SAME_MOMENT
    if abs(other.wall - placed.wall) <= CLOSE:
        return Reason.SAME_CLOCK
    one_is_utc = Form.INSTANT in {other.form, chosen.form} and None in {there, here}
    if one_is_utc and quarter(other.wall - placed.wall) is not None:
        return Reason.SAME_BUT_FOR_ZONE
    return Reason.OTHER_TIME if same_day else Reason.OTHER_DAY

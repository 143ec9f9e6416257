"""Members of one shot that stay together: Live Photo, RAW with its JPEG. Pure.

A pair has one origin and folder (or batch), one stem and complementary kinds, and nothing in its
metadata against it. The photo decides the day, its video lies beside it, all share one number.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum

from daydrop.capturedate.candidate import CORRECTIONS, PARTNER, SAID, WEAK_ZONES
from daydrop.media.kinds import RAW, Kind, extension
from daydrop.media.names import stem_key
from daydrop.origin import is_owner_key
from daydrop.records.item import Item, ItemState

_SAME_SHOT = timedelta(seconds=5)
_SAME_MINUTE = timedelta(seconds=60)  # a companion's UTC over midnight
_MOST_OFFSET = timedelta(hours=14)
_QUARTER = timedelta(minutes=15)
_STILLS = frozenset({"image/jpeg", "image/heic", "image/heif"})
_LONGEST_LIVE = 10.0  # seconds: a Live Photo's video has about three
_FIRST_LIVE = date(2015, 9, 1)  # the month in which the first telephone made them
_APART = 86_400.0  # seconds between the times that two files of one shot may have on a disk


class Part(StrEnum):
    """What a file can be in a pair."""

    STILL = "still"
    RAW = "raw"
    FILM = "film"


class Tie(IntEnum):
    """What speaks for two files being of one shot; the stronger one wins."""

    NONE = 0
    UNDATED = 1  # nothing against it, and one of the two knows no time
    ZONE = 2  # the same time, if the zone is guessed
    TIME = 3
    IDENTIFIER = 4  # Apple's


_BESIDE = frozenset({Part.RAW, Part.FILM})  # what a still can have beside it, one of each


def part_of(item: Item) -> Part | None:
    """Return what this item can be in a pair; None for kinds that have none."""
    if item.media_type in _STILLS:
        return Part.STILL
    if item.kind is Kind.IMAGE and extension(item.name) in RAW:
        return Part.RAW
    return Part.FILM if item.media_type == "video/quicktime" else None


def tie(one: Item, other: Item, alias_life: float) -> Tie:
    """Return what speaks for two items of one scope and stem being of one shot.

    They are given as their own bytes date them. `alias_life` is in seconds: what came longer ago
    takes more than a name to be the other half.
    """
    parts = {part_of(one), part_of(other)}
    if one.stem != other.stem or Part.STILL not in parts or not parts & _BESIDE:
        return Tie.NONE
    if one.content_id and other.content_id:
        return Tie.IDENTIFIER if one.content_id == other.content_id else Tie.NONE
    if one.taken and other.taken:
        timed = _timed(one, other)
        is_doubtful = timed is Tie.ZONE and _speaks_against(one, other, alias_life)
        return Tie.NONE if is_doubtful else timed
    if one.pair_scope == other.pair_scope and one.pair_scope.is_found:
        # times on the disk tell nothing of what was found, the number in the name does
        return Tie.UNDATED if stem_key(one.path.name) == stem_key(other.path.name) else Tie.NONE
    return Tie.NONE if _speaks_against(one, other, alias_life) else Tie.UNDATED


def _timed(one: Item, other: Item) -> Tie:
    """Compare two times: the same moment, the same clock, or the same but for the zone."""
    written = abs(_as_written(one) - _as_written(other))
    moments = _moment(one), _moment(other)
    apart = abs(moments[0] - moments[1]) if moments[0] and moments[1] else None
    if one.day_only or other.day_only:
        is_same = one.day == other.day or (apart is not None and apart <= _SAME_MINUTE)
        return Tie.TIME if is_same else Tie.NONE
    if apart is not None:
        # cameras also write their wall clock where a video's header wants UTC
        return Tie.TIME if min(apart, written) <= _SAME_SHOT else Tie.NONE
    if abs(_wall(one) - _wall(other)) <= _SAME_SHOT:
        return Tie.TIME
    if not _is_weak(one) and not _is_weak(other):
        return Tie.NONE
    # a video that only knows UTC beside a photo that only knows its wall clock
    rest = written % _QUARTER
    fits = written <= _MOST_OFFSET and min(rest, _QUARTER - rest) <= _SAME_SHOT
    return Tie.ZONE if fits else Tie.NONE


def _wall(item: Item) -> datetime:
    return datetime.fromisoformat(item.taken)


def _moment(item: Item) -> datetime | None:
    """In UTC; None for a wall clock whose offset nobody knows."""
    if item.offset_minutes is None:
        return None
    return _wall(item) - timedelta(minutes=item.offset_minutes)


def _as_written(item: Item) -> datetime:
    """Return what stands in the file, before a zone was guessed."""
    return (_moment(item) if _is_weak(item) else None) or _wall(item)


def _is_weak(item: Item) -> bool:
    return item.zone_source in WEAK_ZONES


def _speaks_against(one: Item, other: Item, alias_life: float) -> bool:
    """Return whether a sign says that two files share a name by chance, where no time can tell.

    A wrong day costs more than none, so one sign is enough.
    """
    if abs(one.filed - other.filed) > alias_life:
        return True
    if one.camera and other.camera and one.camera != other.camera:
        return True  # one that is named in neither is no sign: of some RAW we read nothing at all
    if one.modified and other.modified and abs(one.modified - other.modified) > _APART:
        return True
    return any(_is_no_live_film(*both) for both in ((one, other), (other, one)))


def _is_no_live_film(film: Item, still: Item) -> bool:
    """Return whether a video is too long, or a shot too early, for a Live Photo."""
    if part_of(film) is not Part.FILM:
        return False
    day = film.day or still.day
    return (film.duration or 0.0) > _LONGEST_LIVE or (day is not None and day < _FIRST_LIVE)


def known_offset(members: Iterable[Item]) -> int | None:
    """Return the offset in minutes of the first member that knows its own."""
    return next(
        (
            member.offset_minutes
            for member in members
            if member.offset_minutes is not None and member.zone_source not in WEAK_ZONES
        ),
        None,
    )


def shots(
    items: Sequence[Item],
    share: Callable[[Item, Item], bool],
    may_guess: Callable[[Item, Item], bool],
    alias_life: float,
) -> list[tuple[Item, ...]]:
    """Who is of one shot among items of one stem: every item stands in one of the answers.

    It is told by all of them together and not by who came last, so that the same files end in the
    same places in whatever order they come. What the times or Apple's identifier say is settled
    first, the better tie before the weaker, whoever is together already before others. What only
    shares a name follows if there is no choice. Who is gone keeps whom he had, and finds nobody.
    `share` tells whether two came in one folder of one origin, `may_guess` whether their names may
    bring two together who are not. All are given as their own bytes date them.
    """
    stills = [item for item in items if part_of(item) is Part.STILL]
    ties = {
        (still.id, other.id): tied
        for still in stills
        for other in items
        if share(still, other)
        and (_are_here(still, other) or _are_together(still, other))
        and (tied := tie(still, other, alias_life))
        and (tied > Tie.UNDATED or _are_together(still, other) or may_guess(still, other))
    }
    frames = _Frames(stills, [item for item in items if part_of(item) in _BESIDE], ties)
    frames.settle_firm()
    frames.settle_guesses()
    together = frames.members()
    alone = {item.id for item in items} - {each.id for members in together for each in members}
    return [*together, *((item,) for item in items if item.id in alone)]


class _Frames:
    """Stills, each with a free place for a RAW and for a video, and those that may take one."""

    def __init__(
        self, stills: list[Item], others: list[Item], ties: Mapping[tuple[str, str], Tie]
    ) -> None:
        self._stills, self._others, self._ties = stills, others, ties
        self._beside: dict[str, dict[Part | None, Item]] = {still.id: {} for still in stills}
        self._used: set[str] = set()

    def settle_firm(self) -> None:
        """Order ties: the best first, trashed files last, then those together already.

        Else whoever was here first.
        """
        firm = [both for both in self._open() if self._tie(both) > Tie.UNDATED]

        def rank(both: tuple[Item, Item]) -> tuple[int, bool, bool, float, float, str]:
            still, other = both
            order = (still.filed, other.filed, still.id + other.id)
            return -self._tie(both), not _are_here(*both), not _are_together(*both), *order

        self._take(sorted(firm, key=rank))

    def settle_guesses(self) -> None:
        """Only a name ties these: a wrong day costs more than none, so two that fit are none."""
        beside: dict[str, list[Item]] = defaultdict(list)
        rivals: dict[object, list[Item]] = defaultdict(list)
        for still, other in (guesses := self._open()):
            beside[still.id].append(other)
            rivals[other.id].append(still)
            rivals[still.id, part_of(other)].append(other)
        agreeing = {still.id for still in self._stills if self._agrees(still, beside[still.id])}
        clear = {key for key, each in rivals.items() if _are_of_one_day(each)}
        sure = [
            (still, other)
            for still, other in guesses
            if still.id in agreeing and {other.id, (still.id, part_of(other))} <= clear
        ]
        self._take(sorted(sure, key=lambda both: (both[0].filed, both[1].filed, both[0].id)))

    def _tie(self, both: tuple[Item, Item]) -> Tie:
        return self._ties[both[0].id, both[1].id]

    def members(self) -> list[tuple[Item, ...]]:
        """Stills with what was found beside them."""
        return [(still, *self._beside[still.id].values()) for still in self._stills]

    def _open(self) -> list[tuple[Item, Item]]:
        """Still and other where each has a place for the other left."""
        return [
            (still, other)
            for still in self._stills
            for other in self._others
            if (still.id, other.id) in self._ties and self._is_free(still, other)
        ]

    def _is_free(self, still: Item, other: Item) -> bool:
        return other.id not in self._used and part_of(other) not in self._beside[still.id]

    def _take(self, ranked: Iterable[tuple[Item, Item]]) -> None:
        for still, other in ranked:
            if self._is_free(still, other):
                self._beside[still.id][part_of(other)] = other
                self._used.add(other.id)

    def _agrees(self, still: Item, guessed: list[Item]) -> bool:
        """Return whether what is beside a still, or may be, is of one shot among itself."""
        known = [each for each in (*guessed, *self._beside[still.id].values()) if each.taken]
        return all(_timed(known[0], each) for each in known[1:])


def _are_here(one: Item, other: Item) -> bool:
    return one.state is other.state is ItemState.STORED


def _are_together(one: Item, other: Item) -> bool:
    return one.pair is not None and one.pair == other.pair


def _are_of_one_day(rivals: list[Item]) -> bool:
    days = {rival.day for rival in rivals}
    return len(rivals) == 1 or (len(days) == 1 and None not in days)


@dataclass(frozen=True)
class Group:
    """Members with the dates they are filed by; `kind` and `day` give the folder of all.

    Who lies in the trash is no member, but has its say: it may come back.
    """

    kind: Kind
    day: date | None
    members: tuple[Item, ...]


def group(members: Sequence[Item], first: str) -> Group:
    """Return what the members of a shot are filed as; a file alone is its own group.

    Of two that a person dated, the item with the id `first` leads.
    """
    leader = min(members, key=lambda member: _leads(member, first))
    still = next((member for member in members if part_of(member) is Part.STILL), leader)
    pair = still.id if len(members) > 1 else None
    kind = Kind.IMAGE if any(m.kind is Kind.IMAGE for m in members) else leader.kind
    dated = (replace(_follow(member, leader), pair=pair) for member in members)
    return Group(kind, leader.day, tuple(m for m in dated if m.state is ItemState.STORED))


def is_sender_of(one: Item, other: Item) -> bool:
    """Return whether the sender of one file may date the other: its own sender, or the owner."""
    return one.origin == other.origin or is_owner_key(one.origin)


def _leads(member: Item, first: str) -> tuple[int, bool, int, float]:
    """Choose what a person dated, then a dated file; of two, the still, the RAW, or the first."""
    if member.source in SAID:
        said = 0 if member.id == first else 1
    else:
        said = 2 if member.source in CORRECTIONS else 3
    order = {Part.STILL: 0, Part.RAW: 1, Part.FILM: 2}
    part = part_of(member)
    return said, not member.taken, order[part] if part else len(order), member.filed


def _follow(member: Item, leader: Item) -> Item:
    if member.id == leader.id or not leader.taken or member.day == leader.day:
        return member
    return replace(
        member,
        taken=leader.taken,
        offset_minutes=leader.offset_minutes,
        source=PARTNER,
        zone_source=None,
        day_only=leader.day_only,
    )

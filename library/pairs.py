"""Members of one shot that stay together: Live Photo, RAW with its JPEG. Pure.

A pair has one origin and folder (or batch), one stem and complementary kinds, and nothing in its
metadata against it. The picture decides the day, its film lies beside it, all share one number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum

from library.capturedate.candidate import CORRECTIONS
from library.catalogue.items import Item
from library.media import RAW, Kind, extension

WEAK_ZONES = frozenset({"utc_estimated", "setting"})  # a partner that knows better is believed
PARTNER = "partner"  # the source of a date that came from the other member
OWNER = "owner"  # the source of a date that a person set
FOLDER = "folder"  # the source of a date of a file that was found under another day than it says
SAID = frozenset({OWNER, FOLDER})  # a person's word, by a form or by the place
_SAME_SHOT = timedelta(seconds=5)
_MOST_OFFSET = timedelta(hours=14)
_QUARTER = timedelta(minutes=15)
_STILLS = frozenset({"image/jpeg", "image/heic", "image/heif"})
_LONGEST_LIVE = 10.0  # seconds: a Live Photo's film has about three
_FIRST_LIVE = date(2015, 9, 1)  # the month in which the first telephone made them
_APART = 86_400.0  # seconds between the times that two files of one shot may have on a disk
_ALIAS_LIFE = 30 * 86_400.0


class Part(StrEnum):
    """What a file can be in a pair."""

    STILL = "still"
    RAW = "raw"
    FILM = "film"


class Tie(IntEnum):
    """What speaks for two files being of one shot; the stronger one wins."""

    NONE = 0
    UNDATED = 1  # nothing against it, and one of the two knows no time
    TIME = 2
    IDENTIFIER = 3  # Apple's


_COMPLEMENTS = frozenset({frozenset({Part.STILL, Part.FILM}), frozenset({Part.STILL, Part.RAW})})


def part_of(item: Item) -> Part | None:
    """What this item can be in a pair; None for kinds that have none."""
    if item.media_type in _STILLS:
        return Part.STILL
    if item.kind is Kind.IMAGE and extension(item.name) in RAW:
        return Part.RAW
    return Part.FILM if item.media_type == "video/quicktime" else None


def tie(one: Item, other: Item, alias_life: float = _ALIAS_LIFE) -> Tie:
    """What speaks for two items of one scope and stem being of one shot.

    They are given as their own bytes date them. `alias_life` is in seconds: what came longer ago
    takes more than a name to be the other half.
    """
    if one.stem != other.stem or frozenset({part_of(one), part_of(other)}) not in _COMPLEMENTS:
        return Tie.NONE
    if one.content_id and other.content_id:
        return Tie.IDENTIFIER if one.content_id == other.content_id else Tie.NONE
    if one.taken and other.taken:
        return Tie.TIME if _same_shot(one, other) else Tie.NONE
    return Tie.NONE if _speaks_against(one, other, alias_life) else Tie.UNDATED


def _same_shot(one: Item, other: Item) -> bool:
    if one.day_only or other.day_only:
        return one.day == other.day
    apart = datetime.fromisoformat(one.taken) - datetime.fromisoformat(other.taken)
    if abs(apart) <= _SAME_SHOT:
        return True
    if one.offset_minutes is not None and other.offset_minutes is not None:
        between = timedelta(minutes=one.offset_minutes - other.offset_minutes)
        if abs(apart - between) <= _SAME_SHOT:
            return True
    if not WEAK_ZONES & {one.zone_source, other.zone_source}:
        return False
    # a film that only knows UTC beside a picture that only knows its wall clock
    rest = abs(apart) % _QUARTER
    return abs(apart) <= _MOST_OFFSET and min(rest, _QUARTER - rest) <= _SAME_SHOT


def _speaks_against(one: Item, other: Item, alias_life: float) -> bool:
    """Signs that two files share a name by chance, where no time can tell.

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
    """A film that is too long, or a shot too early, for a Live Photo."""
    if part_of(film) is not Part.FILM:
        return False
    day = film.day or still.day
    return (film.duration or 0.0) > _LONGEST_LIVE or (day is not None and day < _FIRST_LIVE)


def known_offset(members: Iterable[Item]) -> int | None:
    """The offset in minutes of the first member that knows its own."""
    return next(
        (
            member.offset_minutes
            for member in members
            if member.offset_minutes is not None and member.zone_source not in WEAK_ZONES
        ),
        None,
    )


def partners_of(item: Item, of_stem: Sequence[Item], alias_life: float = _ALIAS_LIFE) -> list[Item]:
    """The members among the items of the same scope and stem, one of each part.

    The best tie wins, then whoever was here first; nobody takes another's half without a better
    tie. All are given as their own bytes date them.
    """
    part = part_of(item)
    if part is None:
        return []
    ties = {other.id: tie(item, other, alias_life) for other in of_stem if other.id != item.id}
    tied = sorted(
        (other for other in of_stem if ties.get(other.id)),
        key=lambda other: (-ties[other.id], other.filed, other.id),
    )
    members: list[Item] = []
    for other in tied:
        is_free = part_of(other) not in {part_of(member) for member in members}
        if (
            is_free
            and not _is_guess(other, tied, ties)
            and not _is_held(other, item, of_stem, alias_life)
        ):
            members.append(other)
    return [*members, *_kin(members, item, of_stem)]


def _is_guess(other: Item, tied: list[Item], ties: dict[str, Tie]) -> bool:
    """Whether another one of its part, of another day, could be the half just as well."""
    return ties[other.id] is Tie.UNDATED and any(
        part_of(rival) is part_of(other) and rival.day != other.day
        for rival in tied
        if ties[rival.id] is Tie.UNDATED and rival.pair is None
    )


def _is_held(other: Item, item: Item, of_stem: Sequence[Item], alias_life: float) -> bool:
    """Whether somebody of this part has it already, tied as well as this one."""
    mine = tie(item, other, alias_life)
    return any(tie(holder, other, alias_life) >= mine for holder in _holders(other, item, of_stem))


def _holders(other: Item, item: Item, of_stem: Sequence[Item]) -> list[Item]:
    """Those of the part of `item` that share a pair with `other`."""
    return [
        holder
        for holder in of_stem
        if other.pair is not None
        and holder.pair == other.pair
        and part_of(holder) is part_of(item)
        and holder.id not in (item.id, other.id)
    ]


def _kin(members: list[Item], item: Item, of_stem: Sequence[Item]) -> list[Item]:
    """Members of the members' pair: the RAW of the picture whose film this is."""
    taken = {part_of(member) for member in members} | {part_of(item)}
    known = {member.id for member in members} | {item.id}
    theirs = {m.pair for m in members if m.pair and not _holders(m, item, of_stem)}
    kin: list[Item] = []
    for other in of_stem:
        if other.id not in known and other.pair in theirs and part_of(other) not in taken:
            taken.add(part_of(other))
            kin.append(other)
    return kin


@dataclass(frozen=True)
class Group:
    """Members with the dates they are filed by; `kind` and `day` give the folder of all."""

    kind: Kind
    day: date | None
    members: tuple[Item, ...]


def group(item: Item, partners: Sequence[Item], of_stem: Sequence[Item] = ()) -> Group:
    """What a file and its partners are filed as; a file alone is its own group."""
    if not partners:
        return Group(item.kind, item.day, (replace(item, pair=None),))
    members = [item, *partners]
    leader = min(members, key=lambda member: _leads(member, item))
    pair = next((m.pair for m in partners if m.pair and not _holders(m, item, of_stem)), item.id)
    kind = Kind.IMAGE if any(m.kind is Kind.IMAGE for m in members) else leader.kind
    dated = tuple(replace(_follow(member, leader), pair=pair) for member in members)
    return Group(kind, leader.day, dated)


def _leads(member: Item, item: Item) -> tuple[int, bool, int, float]:
    """What a person said leads, then the dated one; of two, still, RAW, or who was here first."""
    if member.source in SAID:
        said = 0 if member.id == item.id else 1
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

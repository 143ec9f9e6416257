"""Members of one shot that stay together: Live Photo, RAW with its JPEG. Pure.

A pair has one origin and folder (or batch), one stem and complementary kinds, and nothing in its
metadata against it. The picture decides the day, its film lies beside it, all share one number.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from library.catalogue.items import Item
from library.media import RAW, Kind, extension

WEAK_ZONES = frozenset({"utc_estimated", "setting"})  # a partner that knows better is believed
PARTNER = "partner"  # the source of a date that came from the other member
_SAME_SHOT = timedelta(seconds=5)
_MOST_OFFSET = timedelta(hours=14)
_QUARTER = timedelta(minutes=15)
_STILLS = frozenset({"image/jpeg", "image/heic", "image/heif"})


class Part(StrEnum):
    """What a file can be in a pair."""

    STILL = "still"
    RAW = "raw"
    FILM = "film"


_COMPLEMENTS = frozenset({frozenset({Part.STILL, Part.FILM}), frozenset({Part.STILL, Part.RAW})})


def part_of(item: Item) -> Part | None:
    """What this item can be in a pair; None for kinds that have none."""
    if item.kind is Kind.IMAGE and extension(item.name) in RAW:
        return Part.RAW
    if item.media_type in _STILLS:
        return Part.STILL
    if item.media_type == "video/quicktime":
        return Part.FILM
    return None


def is_pair(one: Item, other: Item) -> bool:
    """Whether two items of one scope and stem belong to one shot."""
    if frozenset({part_of(one), part_of(other)}) not in _COMPLEMENTS:
        return False
    if one.content_id and other.content_id:
        return one.content_id == other.content_id
    if not one.taken or not other.taken:
        return True
    return _same_shot(one, other)


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


def partners_of(item: Item, of_stem: list[Item]) -> list[Item]:
    """The members among the items of the same scope and stem, the newest of each part."""
    part = part_of(item)
    if part is None:
        return []
    newest_first = sorted(of_stem, key=lambda other: (bool(other.taken), other.filed), reverse=True)
    members: list[Item] = []
    for other in newest_first:
        taken = {part_of(member) for member in members} | {part}
        if other.id != item.id and part_of(other) not in taken and _fits(item, other, members):
            members.append(other)
    # somebody else's other half is not ours
    return [member for member in members if not _has_own(member, part, of_stem, item)]


def _fits(item: Item, other: Item, members: list[Item]) -> bool:
    return is_pair(item, other) or any(
        member.pair is not None and member.pair == other.pair for member in members
    )


def _has_own(member: Item, part: Part, of_stem: list[Item], item: Item) -> bool:
    return member.pair is not None and any(
        other.pair == member.pair and part_of(other) is part and other.id != item.id
        for other in of_stem
    )


@dataclass(frozen=True)
class Group:
    """Members with the dates they are filed by; `kind` and `day` give the folder of all."""

    kind: Kind
    day: date | None
    members: tuple[Item, ...]


def group(item: Item, partners: list[Item]) -> Group:
    """What a file and its partners are filed as; a file alone is its own group."""
    if not partners:
        return Group(item.kind, item.day, (replace(item, pair=None),))
    members = [item, *partners]
    leader = min(members, key=_leads)
    pair = next((member.pair for member in partners if member.pair), partners[0].id)
    kind = Kind.IMAGE if any(m.kind is Kind.IMAGE for m in members) else leader.kind
    dated = tuple(replace(_follow(member, leader), pair=pair) for member in members)
    return Group(kind, leader.day, dated)


def _leads(member: Item) -> tuple[bool, int, float]:
    """The dated one leads; of two, the still, then the RAW, then whoever was here first."""
    order = {Part.STILL: 0, Part.RAW: 1, Part.FILM: 2}
    part = part_of(member)
    return not member.taken, order[part] if part else len(order), member.filed


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

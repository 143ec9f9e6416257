"""Which files are one shot: the rule alone, on values."""

from dataclasses import replace
from itertools import permutations
from pathlib import PurePosixPath

import pytest

from daydrop.filing.pairs import Tie, shots, tie
from daydrop.media.kinds import Kind
from daydrop.records.item import Item, ItemState
from daydrop.records.scope import Scope

LIFE = 30 * 86_400.0
NOON = "2024-05-17T12:00:00"
SCOPE = Scope.drive("10.0.0.1", "DCIM")
TYPES = {
    "jpg": (Kind.IMAGE, "image/jpeg"),
    "heic": (Kind.IMAGE, "image/heic"),
    "dng": (Kind.IMAGE, "image/x-adobe-dng"),
    "mov": (Kind.VIDEO, "video/quicktime"),
    "png": (Kind.IMAGE, "image/png"),
}


def item(name: str, taken: str = "", **more: object) -> Item:
    """A stored file of this name, sent to one folder; undated unless `taken` is given."""
    kind, media_type = TYPES[name.rpartition(".")[2]]
    made = Item(
        id=f"{name}/{taken}/{sorted(more.items())}",
        state=ItemState.STORED,
        sha256=f"{name}{taken}{more}",
        size=1,
        kind=kind,
        media_type=media_type,
        path=PurePosixPath("no_date", name),
        name=name,
        stem="img_1",
        pair_scope=SCOPE,
        pair=None,
        content_id=None,
        origin="10.0.0.1",
        batch_id=None,
        filed=0.0,
        taken=taken,
        offset_minutes=None,
        source="exif_original" if taken else None,
        zone_source=None,
        day_only=False,
        candidates="[]",
        unreadable=None,
        width=None,
        height=None,
        duration=2.0 if kind is Kind.VIDEO else None,
        modified=None,
        note="",
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields by their names


STILL, RAW, VIDEO = item("a.jpg", NOON), item("a.dng", NOON), item("a.mov", NOON)
UTC = {"offset_minutes": 0, "zone_source": "utc_estimated"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (STILL, VIDEO, Tie.TIME),
        (STILL, RAW, Tie.TIME),
        (STILL, item("a.mov", "2024-05-17T12:00:05"), Tie.TIME),
        (STILL, item("a.mov", "2024-05-17T12:00:06"), Tie.NONE),
        (STILL, item("a.mov", "2024-05-17T10:00:03", **UTC), Tie.ZONE),
        (STILL, item("a.mov", "2024-05-17T10:07:00", **UTC), Tie.NONE),
        (STILL, item("a.mov", "2024-05-18T12:00:00"), Tie.NONE),
        (STILL, item("a.mov"), Tie.UNDATED),
        (item("a.jpg"), item("a.mov"), Tie.UNDATED),
        (STILL, item("a.mov", duration=10.5), Tie.NONE),
        (item("a.jpg", "2015-08-31T12:00:00"), item("a.mov"), Tie.NONE),
        (
            item("a.jpg", NOON, camera="Canon"),
            item("a.mov", camera="Apple"),
            Tie.NONE,
        ),
        (item("a.jpg", NOON, modified=1.0), item("a.mov", modified=90_000.0), Tie.NONE),
        (item("a.jpg", NOON, filed=0.0), item("a.mov", filed=LIFE + 1), Tie.NONE),
        (
            item("a.heic", NOON, content_id="L1"),
            item("a.mov", "2020-01-01T00:00:00", content_id="L1"),
            Tie.IDENTIFIER,
        ),
        (
            item("a.heic", NOON, content_id="L1"),
            item("a.mov", NOON, content_id="L2"),
            Tie.NONE,
        ),
        (STILL, item("b.jpg", NOON), Tie.NONE),
        (RAW, VIDEO, Tie.NONE),
        (item("a.png", NOON), VIDEO, Tie.NONE),
        (STILL, item("a.mov", NOON, stem="img_2"), Tie.NONE),
        (
            item("a.jpg", NOON, day_only=True),
            item("a.mov", "2024-05-17T23:00:00"),
            Tie.TIME,
        ),
    ],
)
def test_two_files_are_tied_by_what_they_say(one: Item, other: Item, expected: Tie) -> None:
    assert tie(one, other, LIFE) is expected
    assert tie(other, one, LIFE) is expected


def always(_one: Item, _other: Item) -> bool:
    return True


def never(_one: Item, _other: Item) -> bool:
    return False


def together(items: list[Item], share=always, may_guess=always) -> set[frozenset[str]]:
    found = shots(items, share, may_guess, LIFE)
    return {frozenset(each.id for each in shot) for shot in found}


def ids(*items: Item) -> frozenset[str]:
    return frozenset(each.id for each in items)


UNDATED, LATER = item("a.mov"), item("b.jpg", "2024-05-18T12:00:00")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([STILL], [ids(STILL)]),
        ([STILL, VIDEO], [ids(STILL, VIDEO)]),
        ([STILL, RAW, VIDEO], [ids(STILL, RAW, VIDEO)]),
        ([STILL, LATER], [ids(STILL), ids(LATER)]),
        ([STILL, LATER, VIDEO], [ids(STILL, VIDEO), ids(LATER)]),
        # an undated video follows the only photo, and none of two
        ([STILL, UNDATED], [ids(STILL, UNDATED)]),
        ([STILL, LATER, UNDATED], [ids(STILL), ids(LATER), ids(UNDATED)]),
        # the dated one has the place, whatever came first
        ([STILL, VIDEO, UNDATED], [ids(STILL, VIDEO), ids(UNDATED)]),
    ],
)
def test_files_are_one_shot_in_whatever_order_they_come(
    items: list[Item], expected: list[frozenset[str]]
) -> None:
    for order in permutations(items):
        assert together(list(order)) == set(expected)


def test_files_of_other_folders_are_no_shot() -> None:
    assert together([STILL, VIDEO], share=never) == {ids(STILL), ids(VIDEO)}


def test_a_name_alone_brings_nothing_together_where_it_may_not_be_guessed() -> None:
    assert together([STILL, UNDATED], may_guess=never) == {ids(STILL), ids(UNDATED)}
    assert together([STILL, VIDEO], may_guess=never) == {ids(STILL, VIDEO)}

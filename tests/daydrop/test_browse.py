"""The reading side, over rows alone: ten thousand items need no pictures."""

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from daydrop.browse import BUCKET_ITEMS, Query
from daydrop.catalogue import item_rows as rows
from daydrop.library import Library
from daydrop.media.kinds import Kind
from daydrop.records.item import Item, ItemState
from daydrop.records.scope import NOWHERE

PLAIN = Item(
    id="",
    state=ItemState.STORED,
    sha256="",
    size=10,
    kind=Kind.IMAGE,
    media_type="image/jpeg",
    path=PurePosixPath("images/2024/05/17/a.jpg"),
    name="a.jpg",
    stem="a",
    pair_scope=NOWHERE,
    pair=None,
    content_id=None,
    camera=None,
    origin="192.168.1.20",
    batch_id=None,
    filed=0.0,
    taken="2024-05-17T12:00:00",
    offset_minutes=None,
    source="exif_original",
    zone_source=None,
    day_only=False,
    candidates="[]",
    unreadable=None,
    width=3,
    height=2,
    duration=None,
    modified=None,
    note="",
)


def item(number: int, day: str, tree: str = "images", **more: object) -> Item:
    name = str(more.pop("name", f"{number:05}.jpg"))
    folder = PurePosixPath(tree, *day.split("-")) if day else PurePosixPath("no_date")
    return replace(
        PLAIN,
        id=f"{number:08}",
        sha256=f"{number:064}",
        path=folder / name,
        name=name,
        kind=Kind.VIDEO if tree == "videos" else Kind.IMAGE,
        taken=f"{day}T12:00:00" if day else "",
        **more,  # type: ignore[arg-type]  # fields of an item
    )


@pytest.fixture
def fill(library: Library) -> object:
    def insert(*found: Item) -> None:
        def work(connection: object) -> None:
            for each in found:
                rows.insert_item(connection, each)  # type: ignore[arg-type]  # the writer's connection

        library.catalogue.write(work)

    return insert


def test_a_folder_counts_what_lies_anywhere_below(library: Library, fill: object) -> None:
    fill(item(1, "2024-05-17"), item(2, "2024-05-18"), item(3, "2024-06-01"), item(4, "2023-01-01"))
    year = library.browse.folder(PurePosixPath("images/2024"))
    assert [(folder.name, folder.items) for folder in year.folders] == [("06", 1), ("05", 2)]
    assert year.total == 3
    assert year.items == ()


def test_a_day_knows_the_days_beside_it_over_months_and_years(
    library: Library, fill: object
) -> None:
    fill(
        item(1, "2023-12-31"),
        item(2, "2024-05-17"),
        item(3, "2025-01-01"),
        item(4, "2024-01-01", "videos"),
    )
    day = library.browse.folder(PurePosixPath("images/2024/05/17"))
    assert str(day.day_before) == "images/2023/12/31"
    assert str(day.day_after) == "images/2025/01/01"
    month = library.browse.folder(PurePosixPath("images/2024/05"))
    assert str(month.day_before) == "images/2023/12"


def test_a_folder_whose_name_begins_alike_is_another(library: Library, fill: object) -> None:
    fill(item(1, "2024-05-1"), item(2, "2024-05-17"))
    assert library.browse.folder(PurePosixPath("images/2024/05/1")).total == 1


def test_what_is_no_folder_is_none_but_the_trees_always_are(library: Library) -> None:
    assert library.browse.folder(PurePosixPath("images/1999")) is None
    assert library.browse.folder(PurePosixPath("elsewhere")) is None
    assert library.browse.folder(PurePosixPath("videos")).total == 0


def test_a_month_is_cut_into_buckets_that_hold_every_item_once(
    library: Library, fill: object
) -> None:
    many = BUCKET_ITEMS * 2 + 7
    fill(
        *(item(number, "2024-05-17") for number in range(many)),
        item(99_999, "2024-05-18", "videos"),
    )
    buckets = library.browse.buckets()
    assert [bucket.key for bucket in buckets] == ["2024-05", "2024-05.2", "2024-05.3"]
    assert sum(bucket.items for bucket in buckets) == many + 1
    seen = [
        each.id
        for bucket in buckets
        for each in library.browse.bucket(("images", "videos"), bucket.month, bucket.part)
    ]
    assert len(seen) == len(set(seen)) == many + 1
    assert seen[0] == "00099999"


def test_a_search_pages_through_items_of_one_second_without_losing_any(
    library: Library, fill: object
) -> None:
    fill(*(item(number, "2024-05-17") for number in range(25)))
    seen: list[str] = []
    page = library.browse.search(Query(), limit=10)
    while True:
        seen += [each.id for each in page.items]
        if page.following is None:
            break
        page = library.browse.search(Query(), page.following, limit=10)
    assert len(seen) == len(set(seen)) == 25


def test_a_burst_and_the_undated_stand_in_order_of_their_names(
    library: Library, fill: object
) -> None:
    burst = ("IMG_2.jpg", "img_3.jpg", "IMG_1.jpg")
    fill(*(item(n, "2024-05-17", name=name) for n, name in enumerate(burst)))
    fill(*(item(10 + n, "", name=name) for n, name in enumerate(("b.jpg", "a.jpg", "c.jpg"))))
    day = library.browse.folder(PurePosixPath("images/2024/05/17"))
    assert [each.name for each in day.items] == ["IMG_1.jpg", "IMG_2.jpg", "img_3.jpg"]
    assert [each.name for each in library.browse.bucket(("images",), "2024-05", 1)] == [
        "img_3.jpg",
        "IMG_2.jpg",
        "IMG_1.jpg",
    ]
    page = library.browse.item("00000000")
    assert (page.older, page.newer) == ("00000002", "00000001")
    first = library.browse.folder(PurePosixPath("no_date"), limit=2)
    rest = library.browse.folder(PurePosixPath("no_date"), first.following, limit=2)
    assert [each.name for each in (*first.items, *rest.items)] == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(text="BEACH"), {1}),
        (Query(text="%"), set()),
        (Query(text="straße"), {2}),
        (Query(first="2024-05-18"), {2, 3}),
        (Query(last="2024-05-17"), {1}),
        (Query(kind="video"), {3}),
        (Query(uploader="10.0.0.9"), {2}),
        (Query(tree="no_date"), {4}),
        (Query(), {1, 2, 3, 4}),
    ],
)
def test_a_query_finds_what_it_says(
    query: Query, found: set[int], library: Library, fill: object
) -> None:
    fill(
        item(1, "2024-05-17", name="Beach.jpg"),
        item(2, "2024-05-18", name="Straße.jpg", origin="10.0.0.9"),
        item(3, "2024-05-19", "videos"),
        item(4, ""),
    )
    page = library.browse.search(query)
    assert {int(each.id) for each in page.items} == found
    assert library.browse.count(query) == len(found)


def test_the_counters_tell_months_and_undated_items(library: Library, fill: object) -> None:
    fill(item(1, "2024-05-17"), item(2, "2024-05-18", "videos"), item(3, ""), item(4, "2023-01-01"))
    assert [(month.month, month.images, month.videos) for month in library.browse.months()] == [
        ("2024-05", 1, 1),
        ("2023-01", 1, 0),
    ]
    assert library.browse.undated_count() == 1
    assert library.browse.total() == 4


def test_an_item_knows_its_neighbours_in_time(library: Library, fill: object) -> None:
    fill(item(1, "2024-05-17"), item(2, "2024-05-17", "videos"), item(3, "2024-05-18"))
    page = library.browse.item("00000002")
    assert (page.older, page.newer) == ("00000001", "00000003")

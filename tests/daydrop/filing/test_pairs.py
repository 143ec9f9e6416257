"""Members of one shot stay together, strangers of one name do not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from daydrop.catalogue import item_rows
from daydrop.filing.announcement import Announcement
from daydrop.limits.batches import Face
from daydrop.origin import origin_of
from daydrop.words import Language
from tests.media import film, heic, photo, png, raw

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock
OTHER = datetime(2023, 1, 2, 3, 4, 5)  # noqa: DTZ001  a wall clock
FOVEON = b"FOVb" + bytes(4096)  # a Sigma RAW of which Pillow reads nothing


def paths(library) -> list[str]:
    return sorted(str(path) for path in library.store.tree.files())


def live(taken=TAKEN, seed="", **more):
    keys = f"{taken:%Y-%m-%dT%H:%M:%S}+0200" if taken else None
    return film(taken and taken.replace(tzinfo=UTC), seed, keys=keys, fmt="mov", **more)


def xmp(taken: datetime, comment: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        f'exif:DateTimeOriginal="{taken:%Y-%m-%dT%H:%M:%S}"/></rdf:RDF></x:xmpmeta>{comment}'
    ).encode()


# ---- in whatever order --------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["picture", "film"])
def test_a_live_photo_lies_together_whichever_half_comes_first(library, send, first):
    halves = [("IMG_1.HEIC", heic(taken=TAKEN)), ("IMG_1.MOV", live())]
    for name, body in halves if first == "picture" else reversed(halves):
        send(f"Camera/{name}", body)
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]


SHOT = {
    "DSC_1.JPG": photo(taken=TAKEN),
    "DSC_1.NEF": raw(taken=None),
    "DSC_1.MOV": film(None, fmt="mov"),
    "DSC_1.xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
}


@pytest.mark.parametrize("order", list(permutations(SHOT)), ids="-".join)
def test_raw_jpeg_film_and_companion_lie_together_in_any_order(library, send, order):
    for name in order:
        send(f"Camera/{name}", SHOT[name])
    assert paths(library) == [f"images/2024/05/17/{name}" for name in sorted(SHOT)]
    of_shot = library.catalogue.items.in_folder(item_rows.PurePosixPath("images/2024/05/17"))
    assert len({item.pair for item in of_shot}) == 1, "one pair"


@pytest.mark.parametrize("order", list(permutations(SHOT)), ids="-".join)
def test_all_members_get_one_number_when_a_name_is_taken(library, send, order):
    send("elsewhere/DSC_1.NEF", raw(taken=TAKEN, seed="a stranger"))
    for name in order:
        send(f"Camera/{name}", SHOT[name])
    mine = [f"images/2024/05/17/{name.replace('.', ' (2).')}" for name in sorted(SHOT)]
    assert paths(library) == sorted([*mine, "images/2024/05/17/DSC_1.NEF"])


def test_a_companion_whose_name_is_taken_takes_its_picture_to_the_next_number(library, send):
    send("one/IMG_1.png", png(taken=TAKEN, seed="a stranger"))
    send("one/IMG_1.xmp", xmp(TAKEN, "theirs"))
    send("two/IMG_1.jpg", photo(taken=TAKEN))
    send("two/IMG_1.xmp", xmp(TAKEN, "mine"))
    assert paths(library) == [
        "images/2024/05/17/IMG_1 (2).jpg",
        "images/2024/05/17/IMG_1 (2).xmp",
        "images/2024/05/17/IMG_1.png",
        "images/2024/05/17/IMG_1.xmp",
    ]


def test_members_that_come_at_once_from_eight_threads_lie_together(library, origin, send):
    shots = range(6)
    files = [
        (f"from {shot}/{name}", make(shot))
        for shot in shots
        for name, make in (
            ("IMG_1.HEIC", lambda shot: heic(taken=TAKEN, seed=f"still {shot}")),
            ("IMG_1.MOV", lambda shot: film(None, f"film {shot}", fmt="mov")),
            ("IMG_1.DNG", lambda shot: raw(taken=None, seed=f"raw {shot}")),
            ("IMG_1.xmp", lambda shot: xmp(TAKEN, f"companion {shot}")),
        )
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda file: send(*file), files))
    there = paths(library)
    assert len(there) == len(files)
    assert {path.rpartition("/")[0] for path in there} == {"images/2024/05/17"}
    items = library.catalogue.items.all_in_state(item_rows.ItemState.STORED)
    for shot in shots:
        members = [item for item in items if item.note == f"from {shot}"]
        assert len({item.pair for item in members}) == 1
        (stem,) = {item.path.stem for item in members}
        companion = library.store.tree.path(
            item_rows.PurePosixPath(f"images/2024/05/17/{stem}.xmp")
        )
        assert companion.read_bytes().endswith(f"companion {shot}".encode())


def test_in_one_batch_of_the_page_members_lie_together(library, origin):
    batch = library.batches.open_explicit(origin, Face.PAGE)
    halves = (("IMG_1.MOV", film(None, fmt="mov")), ("IMG_1.HEIC", heic(taken=TAKEN)))
    for name, body in halves:
        announcement = Announcement(name, origin, size=len(body), batch_id=batch.id)
        with library.door.begin(announcement) as incoming:
            incoming.write(body)
            incoming.commit()
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]


KINDS = {
    "J0": ("IMG_1.jpg", photo(None)),
    "J1": ("IMG_1.jpg", photo(taken=TAKEN, seed="1")),
    "J2": ("IMG_1.jpg", photo(taken=OTHER, seed="2")),
    "H2": ("IMG_1.heic", heic(taken=OTHER)),
    "R1": ("IMG_1.dng", raw(taken=TAKEN)),
    "R2": ("IMG_1.dng", raw(taken=OTHER)),
    "M0": ("IMG_1.mov", film(None, fmt="mov")),
    "M1": ("IMG_1.mov", live(TAKEN, "1")),
    "M2": ("IMG_1.mov", live(OTHER, "2")),
}
DAYS = {"0": None, "1": TAKEN.date(), "2": OTHER.date()}


@pytest.mark.parametrize(
    ("files", "shot", "day_of_undated"),
    [
        ("J0 M2 H2", "M2 H2", None),
        ("J0 R1 J1", "R1 J1", None),
        ("M0 J1 M1", "M1 J1", None),
        ("J0 M0 M1", "", None),
        ("J1 J0 M0", "", None),
        ("J1 J2 M0", "", None),
        ("J0 R1 M2", "", None),
        ("J0 R1 M0", "J0 R1 M0", TAKEN.date()),
        ("J1 M1 R1", "J1 R1 M1", None),
        ("R1 R2 J0", "", None),
    ],
    ids=str,
)
def test_what_is_together_and_under_which_day_hangs_on_no_order(
    library, send, files, shot, day_of_undated
):
    for number, order in enumerate(permutations(files.split())):
        sent = {}
        for kind in order:
            name, body = KINDS[kind]
            sent[kind] = send(f"{number}/{name}", body + f"{number}".encode()).item_id
        items = {kind: library.catalogue.items.find(sent[kind]) for kind in order}
        days = {kind: item.day for kind, item in items.items()}
        assert days == {kind: DAYS[kind[1]] or day_of_undated for kind in order}, order
        pairs = {items[kind].pair for kind in shot.split()}
        assert len(pairs) == bool(shot), order
        assert set(shot.split()) == {kind for kind, item in items.items() if item.pair}, order


# ---- what moves, and what goes on ---------------------------------------------------------------


def test_an_undated_half_follows_the_dated_one(library, send):
    send("IMG_1.MOV", film(None, fmt="mov"))
    assert paths(library) == ["no_date/IMG_1.MOV"]
    send("IMG_1.JPG", photo(taken=TAKEN))
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "images/2024/05/17/IMG_1.MOV"]


def test_the_path_of_a_moved_half_goes_on_answering(library, send, origin):
    body = film(None, fmt="mov")
    send("IMG_1.MOV", body)
    before = library.aliases.paths.find(origin, "IMG_1.MOV")
    send("IMG_1.JPG", photo(taken=TAKEN))
    alias = library.aliases.paths.find(origin, "IMG_1.MOV")
    with library.aliases.paths.open(alias).file as file:
        assert file.read() == body
    assert (alias.etag, alias.size) == (before.etag, before.size)


def test_the_receipts_say_where_the_halves_lie_now_and_why(library, send):
    first = send("IMG_1.MOV", film(None, fmt="mov"))
    assert first.sentence() == "Filed as no_date/IMG_1.MOV: no capture date in the file."
    send("IMG_1.JPG", photo(taken=TAKEN))
    now = library.receipts.find(first.id)
    assert (now.place, now.day) == ("images/2024/05/17/IMG_1.MOV", "2024-05-17")
    assert now.sentence() == (
        "Filed as images/2024/05/17/IMG_1.MOV, beside its photo as the video of a Live Photo, "
        "based on the date of the file it is paired with."
    )
    assert now.sentence(Language.ZH_CN) == (
        "已归入 images/2024/05/17/IMG_1.MOV（实况照片的视频，与照片放在一起），"
        "依据：配对文件的日期。"
    )


def test_the_better_date_of_a_later_member_moves_the_earlier_ones_and_their_companions(
    library, send
):
    send("IMG_1.MOV", film(None, fmt="mov"))
    send("IMG_1.DNG", raw(taken=None))
    send("IMG_1.MOV.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    send("IMG_1.dng.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/> ")
    assert all(path.startswith("no_date/") for path in paths(library))
    send("IMG_1.JPG", photo(taken=TAKEN))
    assert paths(library) == [
        "images/2024/05/17/IMG_1.DNG",
        "images/2024/05/17/IMG_1.JPG",
        "images/2024/05/17/IMG_1.MOV",
        "images/2024/05/17/IMG_1.MOV.xmp",
        "images/2024/05/17/IMG_1.dng.xmp",
    ]


def test_the_picture_decides_the_day_of_a_shot_at_midnight(library, send):
    send("IMG_1.MOV", live(datetime(2024, 5, 17, 23, 59, 58)))  # noqa: DTZ001  a wall clock
    send("IMG_1.HEIC", heic(taken=datetime(2024, 5, 18, 0, 0, 1), offset="+02:00"))  # noqa: DTZ001  a wall clock
    assert paths(library) == ["images/2024/05/18/IMG_1.HEIC", "images/2024/05/18/IMG_1.MOV"]


def test_a_film_of_utc_takes_the_zone_of_its_picture(library, send):
    late = datetime(2024, 5, 17, 23, 30, 0)  # noqa: DTZ001  a wall clock
    send("IMG_1.HEIC", heic(taken=late, offset="-07:00"))
    receipt = send("IMG_1.MOV", film(datetime(2024, 5, 18, 6, 30, 1, tzinfo=UTC), fmt="mov"))
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]
    assert (receipt.day, receipt.source) == ("2024-05-17", "movie_header")


@pytest.mark.parametrize("later", [-180, 45, 660])
def test_a_film_of_another_moment_is_a_stranger_though_its_minutes_and_seconds_are_the_same(
    library, send, later
):
    send("IMG_1.HEIC", heic(taken=TAKEN, offset="+02:00"))
    at = TAKEN - timedelta(hours=2) + timedelta(minutes=later)
    receipt = send("IMG_1.MOV", film(at.replace(tzinfo=UTC), fmt="mov"))
    assert receipt.place == f"videos/{at:%Y/%m/%d}/IMG_1.MOV"


def test_a_film_of_utc_needs_more_than_minutes_and_seconds_beside_a_picture_without_zone(
    library, send
):
    send("DSC_1.JPG", photo(taken=TAKEN))
    at = (TAKEN + timedelta(hours=13, minutes=45)).replace(tzinfo=UTC)
    long = send("DSC_1.MOV", film(at, fmt="mov", seconds=20))
    assert long.place == "videos/2024/05/17/DSC_1.MOV"


def test_a_camera_may_write_its_wall_clock_where_a_film_wants_utc(library, send):
    send("DSC_1.JPG", photo(taken=TAKEN, offset="+02:00"))
    send("DSC_1.MOV", film(TAKEN.replace(tzinfo=UTC), fmt="mov", seconds=20))
    assert paths(library) == ["images/2024/05/17/DSC_1.JPG", "images/2024/05/17/DSC_1.MOV"]


def test_a_film_that_fits_but_for_its_zone_gives_way_to_the_true_half(library, send):
    send("IMG_1.HEIC", heic(taken=TAKEN))
    near = send("IMG_1.MOV", film((TAKEN - timedelta(hours=3)).replace(tzinfo=UTC), fmt="mov"))
    assert library.receipts.find(near.id).place.startswith("images/")
    true = send("IMG_1.MOV", live())
    assert library.receipts.find(near.id).place.startswith("videos/")
    assert library.receipts.find(true.id).place.startswith("images/2024/05/17/")


def test_both_halves_get_the_same_number_when_the_name_is_taken(library, send):
    send("one/IMG_1.HEIC", heic(taken=TAKEN, seed="stranger"))
    send("two/IMG_1.MOV", live())
    send("two/IMG_1.HEIC", heic(taken=TAKEN, seed="mine"))
    assert paths(library) == [
        "images/2024/05/17/IMG_1 (2).HEIC",
        "images/2024/05/17/IMG_1 (2).MOV",
        "images/2024/05/17/IMG_1.HEIC",
    ]


def test_a_date_corrected_in_a_companion_holds_for_the_whole_shot(library, send):
    send("DSC_1.JPG", photo(taken=TAKEN))
    send("DSC_1.xmp", xmp(OTHER))
    send("DSC_1.NEF", raw(taken=TAKEN))
    assert paths(library) == [
        "images/2023/01/02/DSC_1.JPG",
        "images/2023/01/02/DSC_1.NEF",
        "images/2023/01/02/DSC_1.xmp",
    ]


def test_the_owners_date_takes_a_dated_partner_along_each_time(library, send):
    still = send("IMG_1.HEIC", heic(taken=TAKEN))
    half = send("IMG_1.MOV", live())
    library.refile.set_date(still.item_id, date(1987, 6, 5))
    assert paths(library) == ["images/1987/06/05/IMG_1.HEIC", "images/1987/06/05/IMG_1.MOV"]
    library.refile.set_date(half.item_id, date(1990, 1, 2))
    assert paths(library) == ["images/1990/01/02/IMG_1.HEIC", "images/1990/01/02/IMG_1.MOV"]


def test_a_film_whose_picture_is_gone_for_good_stays_as_it_was_filed(library, send):
    still = send("IMG_1.JPG", photo(taken=TAKEN))
    send("IMG_1.MOV", film(None, fmt="mov"))
    library.trash.put(library.catalogue.items.find(still.item_id))
    later = library.clock.now() + timedelta(days=31).total_seconds()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library.clock, "now", lambda: later)
        assert library.trash.empty() == 1
    refile = library.refile
    assert refile.plan() == []


@pytest.fixture
def many(monkeypatch, send) -> Callable[[], None]:
    """Sends more pictures of one name than are looked at."""
    monkeypatch.setattr(item_rows, "_MOST_OF_STEM", 8)

    def send_them() -> None:
        for number in range(12):
            send("image.JPG", photo(taken=OTHER, seed=f"{number}"))

    return send_them


@pytest.mark.parametrize(
    ("identifier", "place"),
    [("A", "images/2024/05/17/image.MOV"), (None, "no_date/image.MOV")],
    ids=["Apple's identifier", "nothing but the name"],
)
def test_no_number_of_others_of_its_name_gives_a_film_a_strangers_day(
    library, send, many, identifier, place
):
    send("image.JPG", photo(taken=TAKEN, identifier=identifier))
    half = send("image.MOV", film(None, fmt="mov", identifier=identifier))
    many()
    late = send("image.MOV", film(None, "late", fmt="mov"))
    assert library.receipts.find(half.id).place == place
    assert late.place.startswith("no_date/"), "there are more than are looked at"


def test_a_film_finds_the_picture_of_its_time_among_any_number_of_its_name(library, send, many):
    still = send("image.JPG", photo(taken=TAKEN))
    many()
    assert send("image.MOV", live()).place == "images/2024/05/17/image.MOV"
    assert library.receipts.find(still.id).place == "images/2024/05/17/image.JPG"


def test_a_companion_finds_the_picture_of_its_day_among_any_number_of_its_name(library, send, many):
    send("image.JPG", photo(taken=TAKEN))
    many()
    assert send("image.xmp", xmp(TAKEN)).place == "images/2024/05/17/image.xmp"


def test_a_film_that_a_stranger_sends_dates_no_picture_of_others(library, send):
    picture, stranger = photo(None), origin_of("192.168.1.99", program="pytest")
    send("IMG_1.JPG", picture)
    send("IMG_1.JPG", picture, origin=stranger)
    send("IMG_1.MOV", live(), origin=stranger)
    assert paths(library) == ["no_date/IMG_1.JPG", "videos/2024/05/17/IMG_1.MOV"]


def test_a_date_beside_a_strangers_film_moves_no_picture_of_others(library, send):
    picture, stranger = photo(taken=TAKEN), origin_of("192.168.1.99", program="pytest")
    send("IMG_1.JPG", picture)
    send("IMG_1.JPG", picture, origin=stranger)
    send("IMG_1.MOV", live(), origin=stranger)
    send("IMG_1.MOV.xmp", xmp(OTHER), origin=stranger)
    assert "images/2024/05/17/IMG_1.JPG" in paths(library)


@pytest.mark.parametrize(
    ("name", "body"), [("DSC_1.DNG", raw(taken=TAKEN)), ("DSC_1.MOV", live())], ids=["RAW", "film"]
)
def test_a_date_beside_a_strangers_picture_moves_no_other_half(library, send, name, body):
    stranger = origin_of("192.168.1.99", program="pytest")
    mine = send(name, body)
    send(name, body, origin=stranger)
    send("DSC_1.JPG", photo(taken=TAKEN), origin=stranger)
    send("DSC_1.JPG.xmp", xmp(OTHER), origin=stranger)
    assert library.receipts.find(mine.id).day == "2024-05-17"
    assert "images/2023/01/02/DSC_1.JPG" in paths(library)


@pytest.mark.parametrize("half", [live, lambda: film(None, fmt="mov")], ids=["dated", "undated"])
def test_a_telephone_with_a_new_address_completes_what_it_sent_under_the_old_one(
    library, send, half
):
    picture, again = photo(taken=TAKEN), origin_of("192.168.1.33", program="pytest")
    send("IMG_1.JPG", picture)
    send("IMG_1.MOV", half(), origin=again)
    send("IMG_1.JPG", picture, origin=again)
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "images/2024/05/17/IMG_1.MOV"]


def test_a_film_whose_picture_lies_in_the_trash_stays_as_it_was_filed(library, send):
    late = datetime(2024, 5, 17, 23, 30, 0)  # noqa: DTZ001  a wall clock
    still = send("IMG_1.HEIC", heic(taken=late, offset="-07:00"))
    send("IMG_1.MOV", film(datetime(2024, 5, 18, 6, 30, 1, tzinfo=UTC), fmt="mov"))
    library.trash.put(library.catalogue.items.find(still.item_id))
    assert paths(library) == ["images/2024/05/17/IMG_1.MOV"]
    refile = library.refile
    assert refile.plan() == []
    send("IMG_1.JPG", photo(taken=OTHER))
    assert paths(library) == ["images/2023/01/02/IMG_1.JPG", "images/2024/05/17/IMG_1.MOV"]


# ---- bytes that are here ------------------------------------------------------------------------


def test_a_picture_that_is_here_already_is_found_by_its_film(library, send):
    picture = heic(taken=TAKEN)
    send("Old/IMG_1.HEIC", picture)
    send("New/IMG_1.HEIC", picture)
    send("New/IMG_1.MOV", film(None, fmt="mov"))
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]


def test_a_film_that_waits_undated_is_found_by_a_picture_that_is_here_already(library, send):
    picture = heic(taken=TAKEN)
    send("Old/IMG_1.HEIC", picture)
    send("New/IMG_1.MOV", film(None, fmt="mov"))
    send("New/IMG_1.HEIC", picture)
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]


@pytest.mark.parametrize("first", ["picture", "companion"])
def test_a_companion_comes_to_a_picture_that_is_here_already(library, send, first):
    picture = photo(taken=None)
    send("Old/IMG_9.JPG", picture)
    files = [("New/IMG_1.JPG", picture), ("New/IMG_1.JPG.xmp", xmp(TAKEN))]
    for name, body in files if first == "picture" else reversed(files):
        send(name, body)
    assert paths(library) == ["images/2024/05/17/IMG_9.JPG", "images/2024/05/17/IMG_9.JPG.xmp"]


def test_a_shot_sent_twice_is_stored_once(library, send):
    for _ in range(2):
        for name, body in SHOT.items():
            send(f"Camera/{name}", body)
    assert paths(library) == [f"images/2024/05/17/{name}" for name in sorted(SHOT)]


# ---- no pairs -----------------------------------------------------------------------------------


def test_the_same_stem_on_another_day_is_no_pair(library, send):
    send("IMG_1.MOV", live(OTHER))
    send("IMG_1.JPG", photo(taken=TAKEN))
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "videos/2023/01/02/IMG_1.MOV"]


def test_the_same_stem_in_another_folder_is_no_pair(library, send):
    send("one/IMG_1.MOV", live())
    send("two/IMG_1.HEIC", heic(taken=TAKEN))
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "videos/2024/05/17/IMG_1.MOV"]


def test_a_renamed_folder_still_pairs_what_comes_into_it(library, send, origin):
    rename = folder_of(library, origin)
    send("T1/IMG_5.HEIC", heic(taken=TAKEN, identifier="A"))
    send("T1/IMG_6.xmp", xmp(TAKEN))
    rename("T1", "T2")
    send("T2/IMG_5.MOV", live(identifier="A"))
    send("T2/IMG_6.jpg", photo(taken=None))
    send("T2/IMG_5.HEIC.xmp", xmp(TAKEN, "late"))
    names = ("IMG_5.HEIC", "IMG_5.HEIC.xmp", "IMG_5.MOV", "IMG_6.jpg", "IMG_6.xmp")
    assert paths(library) == [f"images/2024/05/17/{name}" for name in names]


def test_a_half_that_is_moved_into_the_folder_of_the_other_joins_it(library, send, origin):
    rename = folder_of(library, origin)
    send("T1/IMG_5.MOV", live(identifier="A"))
    library.aliases.changes.make_folder(origin, "T2")
    send("T2/IMG_5.HEIC", heic(taken=TAKEN, identifier="A"))
    send("T2/IMG_5.xmp", xmp(TAKEN))
    rename("T1/IMG_5.MOV", "T2/IMG_5.MOV")
    names = ("IMG_5.HEIC", "IMG_5.MOV", "IMG_5.xmp")
    assert paths(library) == [f"images/2024/05/17/{name}" for name in names]


def folder_of(library, origin):
    """Makes the folder T1; renames what lies in `Upload`."""
    library.aliases.changes.make_folder(origin, "T1")

    def rename(source: str, target: str) -> None:
        found = library.aliases.paths.find_exact(origin, source)
        library.aliases.moving.move(origin, found, target)

    return rename


def test_the_same_stem_of_another_origin_is_no_pair(library, send):
    send("IMG_1.MOV", live())
    send("IMG_1.HEIC", heic(taken=TAKEN), origin=origin_of("192.168.1.99", program="pytest"))
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "videos/2024/05/17/IMG_1.MOV"]


def test_other_identifiers_are_no_pair_even_in_the_same_second(library, send):
    send("IMG_1.HEIC", heic(taken=TAKEN, offset="+02:00", identifier="A"))
    send("IMG_1.MOV", live(identifier="B"))
    assert paths(library) == ["images/2024/05/17/IMG_1.HEIC", "videos/2024/05/17/IMG_1.MOV"]


@pytest.mark.parametrize(
    ("name", "stranger"),
    [
        ("IMG_1.MOV", film(None, "long", seconds=12, fmt="mov")),
        ("IMG_1.PNG", png(taken=None)),
        ("IMG_1.MP4", film(None)),
        ("IMG_1.DNG", photo(None, fmt="TIFF", camera="Camera Two")),
    ],
    ids=["a long film", "no kind", "no container of a Live Photo", "another camera"],
)
def test_an_undated_stranger_stays_undated(library, send, name, stranger):
    send("IMG_1.JPG", photo(taken=TAKEN, camera="Camera One"))
    send(name, stranger)
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", f"no_date/{name}"]


@pytest.mark.parametrize(
    ("name", "half"),
    [("IMG_1.DNG", raw(taken=None)), ("IMG_1.X3F", FOVEON), ("IMG_1.MOV", film(None, fmt="mov"))],
    ids=["a RAW that tells nothing", "a RAW that nobody can read", "a film that tells nothing"],
)
def test_a_half_that_names_no_camera_follows_the_one_that_does(library, send, name, half):
    send(name, half)
    send("IMG_1.JPG", photo(taken=TAKEN, camera="Camera One"))
    assert paths(library) == sorted(f"images/2024/05/17/{each}" for each in ("IMG_1.JPG", name))


def test_a_shot_from_before_the_first_live_photo_takes_no_undated_film_along(library, send):
    send("IMG_1.JPG", photo(taken=datetime(2009, 5, 17, 10, 0, 0)))  # noqa: DTZ001  a wall clock
    send("IMG_1.MOV", film(None, fmt="mov"))
    assert paths(library) == ["images/2009/05/17/IMG_1.JPG", "no_date/IMG_1.MOV"]


def test_files_last_changed_days_apart_are_no_guess_of_a_pair(library, send):
    send("IMG_1.JPG", photo(taken=TAKEN), modified=1_715_940_000.0)
    send("IMG_1.MOV", film(None, fmt="mov"), modified=1_715_940_000.0 + 3 * 86_400)
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "no_date/IMG_1.MOV"]


def test_an_undated_half_that_comes_after_the_life_of_an_alias_follows_nobody(library, send):
    receipt = send("IMG_1.JPG", photo(taken=TAKEN))
    item = library.catalogue.items.find(receipt.item_id)
    old = replace(item, filed=item.filed - timedelta(days=40).total_seconds())
    library.catalogue.write(lambda connection: item_rows.change(connection, item, old))
    send("IMG_1.MOV", film(None, fmt="mov"))
    assert paths(library) == ["images/2024/05/17/IMG_1.JPG", "no_date/IMG_1.MOV"]


def test_a_film_that_could_be_of_either_of_two_pictures_is_of_neither(library, send):
    send("image.JPG", photo(taken=TAKEN))
    send("image.HEIC", heic(taken=OTHER))
    send("image.MOV", film(None, fmt="mov"))
    assert "no_date/image.MOV" in paths(library)


# ---- more than one could be the other half ------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_of_two_pictures_the_one_with_the_films_identifier_has_it(library, send, order):
    files = [
        ("IMG_1.JPG", photo(taken=None, seed="other")),
        ("IMG_1.HEIC", heic(taken=TAKEN, identifier="A")),
        ("IMG_1.MOV", film(None, fmt="mov", identifier="A")),
    ]
    for number in order:
        send(*files[number])
    items = library.catalogue.items.all_in_state(item_rows.ItemState.STORED)
    pair = {item.media_type: item.pair for item in items}
    assert pair["video/quicktime"] == pair["image/heic"]
    assert {"images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"} < set(paths(library))


def test_a_second_picture_of_one_stem_leaves_the_pair_as_it_is(library, send):
    send("IMG_1.HEIC", heic(taken=TAKEN))
    send("IMG_1.MOV", live())
    receipt = send("IMG_1.JPG", photo(taken=TAKEN))
    assert receipt.place == "images/2024/05/17/IMG_1.JPG"
    assert len(paths(library)) == 3
    assert library.catalogue.items.find(receipt.item_id).pair is None

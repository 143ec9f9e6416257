"""Companions follow their picture wherever it goes, and date it where they know better."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import permutations
from pathlib import PurePosixPath

import pytest

from daydrop.catalogue import companion_rows, item_rows
from daydrop.filing.announcement import Announcement
from daydrop.limits.batches import Face
from daydrop.media.names import Role, companion_ending, companion_picture, companion_target, role
from daydrop.origin import origin_of
from daydrop.receipts.receipts import Outcome
from tests.daydrop.filing.test_pairs import TAKEN, paths, xmp
from tests.media import film, heic, photo, png, raw

OTHER = datetime(2001, 2, 3, 4, 5, 6)  # noqa: DTZ001  a wall clock
AAE = b"<plist version='1.0'/>"
COMPANIONS = (".xmp", ".thm", ".aae")
EMPTY = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def send_to_page(library, origin, name, body, batch_id):
    announcement = Announcement(name, origin, size=len(body), batch_id=batch_id)
    with library.door.begin(announcement) as incoming:
        incoming.write(body)
        return incoming.commit()


def stored(library, receipt):
    return library.browse.item(receipt.item_id).item


@pytest.mark.parametrize(
    ("name", "stem", "ending", "picture"),
    [
        ("IMG_1.xmp", "img_1", ".xmp", None),
        ("IMG_1.jpg.xmp", "img_1", ".jpg.xmp", "img_1.jpg"),
        ("IMG_1.AAE", "img_1", ".AAE", None),
        ("trip.2024.xmp", "trip.2024", ".xmp", None),
        ("Straße.jpg.xmp", "strasse", ".jpg.xmp", "strasse.jpg"),
        ("IMG_1.jpg.json", "img_1", ".jpg.json", "img_1.jpg"),
        ("IMG_1.jpg.supplemental-metadata.json", "img_1", ".jpg.json", "img_1.jpg"),
        ("IMG_1.jpg.supplemental-me.json", "img_1", ".jpg.json", "img_1.jpg"),
        ("IMG_1.jpg.s.json", "img_1", ".jpg.json", "img_1.jpg"),
        ("IMG_1.jpg..json", "img_1", ".jpg.json", "img_1.jpg"),
        (f"{'a' * 43}.jp.json", "a" * 43, ".jp.json", None),
        (f"{'a' * 45}..json", "a" * 45, "..json", None),
        (f"{'a' * 43}.jp(1).json", f"{'a' * 43}(1)", ".jp.json", None),
        ("IMG_1.jpg(1).json", "img_1(1)", ".jpg.json", "img_1(1).jpg"),
        ("IMG_1.jpg.supplemental-metadata(2).json", "img_1(2)", ".jpg.json", "img_1(2).jpg"),
    ],
)
def test_a_companions_name_tells_its_picture(name, stem, ending, picture):
    told = (companion_target(name), companion_ending(name), companion_picture(name))
    assert told == (stem, ending, picture)


@pytest.mark.parametrize(
    "name", ["IMG_1.jpg.s.json", "IMG_1.jpg..json", f"{'a' * 43}.jp.json", f"{'a' * 45}..json"]
)
def test_a_name_that_takeout_cut_is_a_companions(name):
    assert role(name) is Role.COMPANION


@pytest.mark.parametrize("name", ["notes.s.json", "notes..json", "photo.jp.json", "x.json"])
def test_other_json_is_no_companion(name):
    assert role(name) is not Role.COMPANION


def test_a_companion_that_names_its_picture_waits_for_it_whatever_else_has_its_stem(library, send):
    json = b'{"photoTakenTime": {"timestamp": "981173106"}}'
    send("IMG_1.JPG.json", json)
    send("IMG_1.PNG", png(taken=None))
    send("DSC_1.PNG", png(taken=None, seed="other"))
    send("DSC_1.JPG.xmp", xmp(OTHER))
    assert paths(library) == ["no_date/DSC_1.PNG", "no_date/IMG_1.PNG"]
    send("IMG_1.JPG", photo(taken=None, seed="first"))
    send("DSC_1.JPG", photo(taken=None, seed="second"))
    assert [path for path in paths(library) if "no_date" not in path] == [
        "images/2001/02/03/DSC_1.JPG",
        "images/2001/02/03/DSC_1.JPG.xmp",
        "images/2001/02/03/IMG_1.JPG",
        "images/2001/02/03/IMG_1.JPG.json",
    ]


def test_the_same_words_about_two_pictures_of_one_stem_lie_beside_both(library, send):
    send("IMG_1.JPG", photo(taken=TAKEN, seed="first"))
    send("IMG_1.PNG", png(taken=TAKEN, seed="second"))
    send("IMG_1.JPG.xmp", EMPTY)
    send("IMG_1.PNG.xmp", EMPTY)
    assert [path for path in paths(library) if path.endswith("xmp")] == [
        "images/2024/05/17/IMG_1.JPG.xmp",
        "images/2024/05/17/IMG_1.PNG.xmp",
    ]


def test_takeouts_second_picture_of_a_name_gets_its_own_date(library, send):
    send("IMG_1.jpg", photo(taken=None, seed="first"))
    send("IMG_1(1).jpg", photo(taken=None, seed="second"))
    send("IMG_1.jpg(1).json", b'{"photoTakenTime": {"timestamp": "981173106"}}')
    assert paths(library) == [
        "images/2001/02/03/IMG_1(1).jpg",
        "images/2001/02/03/IMG_1(1).jpg.json",
        "no_date/IMG_1.jpg",
    ]


def test_a_letter_that_grows_when_folded_costs_no_letter_of_the_ending(library, send):
    send("Straße.jpg", photo(taken=TAKEN))
    send("Straße.xmp", EMPTY)
    assert paths(library) == ["images/2024/05/17/Straße.jpg", "images/2024/05/17/Straße.xmp"]


@pytest.mark.parametrize(
    "files",
    [
        {"IMG_1.jpg": photo(taken=TAKEN), "IMG_1.dng": raw(OTHER), "IMG_1.xmp": xmp(OTHER)},
        {
            "IMG_1.jpg": photo(taken=TAKEN),
            "IMG_1.mp4": film(OTHER.replace(tzinfo=UTC)),
            "IMG_1.thm": photo(taken=OTHER, seed="thumbnail"),
        },
        {"IMG_1.mov": film(None, fmt="mov"), "IMG_1.jpg": photo(taken=TAKEN), "IMG_1.aae": AAE},
        {"IMG_1.jpg": photo(None), "IMG_1.heic": heic(taken=TAKEN), "IMG_1.xmp": xmp(TAKEN)},
        {"IMG_1.jpg": photo(OTHER), "IMG_1.JPG": photo(taken=TAKEN), "IMG_1.jpg.xmp": xmp(TAKEN)},
        {"IMG_1.JPG": photo(None), "IMG_1.jpg": photo(taken=TAKEN), "IMG_1.jpg.xmp": xmp(TAKEN)},
    ],
    ids=[
        "XMP of a RAW",
        "THM of a film",
        "AAE of a still",
        "XMP of the picture of its day",
        "XMP of one of two that have its name",
        "XMP of the dated one of two that have its name",
    ],
)
def test_a_companion_of_a_bare_stem_goes_where_it_belongs_in_any_order(library, send, files):
    ends = set()
    for number, order in enumerate(permutations(files)):
        receipts = [send(f"{number}/{name}", files[name] + bytes([number])) for name in order]
        by_name = {receipt.name: library.receipts.find(receipt.id) for receipt in receipts}
        *pictures, companion = sorted(files, key=lambda name: name.endswith(COMPANIONS))
        (picture,) = (p for p in pictures if by_name[p].item_id == by_name[companion].item_id)
        ends.add((picture, *(stored(library, by_name[name]).day for name in pictures)))
        lies_at = PurePosixPath(by_name[companion].place)
        assert library.store.tree.is_there(lies_at), "the receipt says where it lies"
        assert lies_at.parent == PurePosixPath(by_name[picture].place).parent
    assert len(ends) == 1


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_companions_date_for_an_undated_file_parts_it_from_a_film_of_another_day(
    library, send, order
):
    files = [
        ("IMG_1.jpg", photo(None)),
        ("IMG_1.jpg.xmp", xmp(TAKEN)),
        ("IMG_1.mov", film(datetime(2022, 3, 3, 10, tzinfo=UTC), fmt="mov")),
    ]
    for number in order:
        send(*files[number])
    assert paths(library) == [
        "images/2024/05/17/IMG_1.jpg",
        "images/2024/05/17/IMG_1.jpg.xmp",
        "videos/2022/03/03/IMG_1.mov",
    ]


def test_a_companion_that_came_long_ago_stays_with_its_picture(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.xmp", EMPTY)
    (companion,) = library.catalogue.companions.of_item(receipt.item_id)
    old = replace(companion, arrived=companion.arrived - 40 * 86_400)
    library.catalogue.write(lambda connection: companion_rows.change(connection, old))
    send("IMG_1.dng", raw(OTHER))
    assert "images/2024/05/17/IMG_1.xmp" in paths(library)


# ---- dates --------------------------------------------------------------------------------------


def test_the_date_of_a_companion_is_believed_before_the_one_in_the_picture(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.xmp", xmp(OTHER))
    assert paths(library) == ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.xmp"]


def test_takeouts_date_is_believed_before_the_name_and_after_the_picture(library, send):
    json = b'{"photoTakenTime": {"timestamp": "981173106"}}'
    send("20200101_101010.jpg", photo(taken=None))
    send("20200101_101010.jpg.json", json)
    send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.jpg.json", json)
    assert [path for path in paths(library) if path.endswith("jpg")] == [
        "images/2001/02/03/20200101_101010.jpg",
        "images/2024/05/17/IMG_1.jpg",
    ]


def test_a_corrected_companion_sent_again_is_believed_and_the_first_one_kept(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.xmp", xmp(datetime(1999, 1, 1, 1, 1, 1)))  # noqa: DTZ001  a wall clock
    assert stored(library, receipt).day == date(1999, 1, 1)
    send("IMG_1.xmp", xmp(OTHER))
    assert stored(library, receipt).day == date(2001, 2, 3)
    assert paths(library) == [
        "images/2001/02/03/IMG_1.2.xmp",
        "images/2001/02/03/IMG_1.jpg",
        "images/2001/02/03/IMG_1.xmp",
    ]
    first = library.store.tree.path(PurePosixPath("images/2001/02/03/IMG_1.xmp")).read_bytes()
    assert first == xmp(datetime(1999, 1, 1, 1, 1, 1))  # noqa: DTZ001  a wall clock


def test_a_companion_that_still_waits_is_replaced_by_its_next_self(library, send):
    send("IMG_1.xmp", xmp(TAKEN))
    send("IMG_1.xmp", xmp(OTHER))
    assert len(library.store.staging.names()) == 1
    assert send("IMG_1.jpg", photo(taken=None)).day == "2001-02-03"
    assert paths(library) == ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.xmp"]


@pytest.mark.parametrize("other", ["img_1.xmp", "IMG_1.jpg.xmp", "IMG_1.XMP"])
@pytest.mark.parametrize("way", ["sent", "copied"])
def test_a_companion_that_waits_under_two_names_stays_under_the_one_that_is_not_sent_anew(
    library, send, origin, other, way
):
    send("IMG_1.xmp", xmp(TAKEN))
    if way == "sent":
        send(other, xmp(TAKEN))
    else:
        library.aliases.copying.copy(
            origin, library.aliases.paths.find_exact(origin, "IMG_1.xmp"), other
        )
    send("IMG_1.xmp", xmp(OTHER))
    for name, body in (("IMG_1.xmp", xmp(OTHER)), (other, xmp(TAKEN))):
        with library.aliases.paths.open(
            library.aliases.paths.find_exact(origin, name)
        ).file as file:
            assert file.read() == body
    library.aliases.changes.remove(origin, other)
    assert len(library.store.staging.names()) == 1


def test_a_companion_that_waits_goes_when_its_name_is_announced_anew(library, send, origin):
    send("IMG_1.xmp", xmp(OTHER))
    library.aliases.changes.announce(origin, "IMG_1.xmp")  # as Explorer begins to overwrite
    send("IMG_1.xmp", xmp(TAKEN, "second"))
    send("IMG_1.jpg", photo(taken=None))
    assert paths(library) == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.xmp"]
    assert library.store.staging.names() == []


def test_a_companion_that_comes_first_stands_in_the_receipt_of_its_batch(library, send, origin):
    first = send("IMG_1.xmp", xmp(OTHER))
    second = send("IMG_1.jpg", photo(taken=TAKEN))
    assert first.batch_id == second.batch_id
    told = {receipt.name: receipt for receipt in library.receipts.of_batch(second.batch_id)}
    assert list(told) == ["IMG_1.xmp", "IMG_1.jpg"]
    beside = PurePosixPath(told["IMG_1.jpg"].place).with_suffix(".xmp")
    assert told["IMG_1.xmp"].place == str(beside)
    assert told["IMG_1.xmp"].sentence() == f"Kept beside its photo or video as {beside}."
    library.undo.run(second.batch_id, origin)
    assert paths(library) == []


def test_the_same_companion_twice_is_stored_once(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN))
    for _ in range(2):
        assert send("IMG_1.xmp", EMPTY).outcome is Outcome.COMPANION
    assert paths(library) == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.xmp"]


PICTURE, WORDS = photo(taken=TAKEN), xmp(OTHER)
ONCE = ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.xmp"]
FIRST_COMES = pytest.mark.parametrize(
    "files",
    [
        (("IMG_1.jpg", PICTURE), ("IMG_1.xmp", WORDS)),
        (("IMG_1.xmp", WORDS), ("IMG_1.jpg", PICTURE)),
    ],
    ids=["the picture first", "the companion first"],
)


@FIRST_COMES
def test_the_same_companion_of_a_picture_is_stored_once_whatever_folder_it_comes_from(
    library, send, origin, files
):
    for folder in ("", "b/", "c/"):
        for name, body in files:
            send(f"{folder}{name}", body)
    send("IMG_1.XMP", WORDS)
    assert paths(library) == ONCE
    assert library.store.staging.names() == []
    for path in ("IMG_1.xmp", "b/IMG_1.xmp", "c/IMG_1.xmp", "IMG_1.XMP"):
        with library.aliases.paths.open(
            library.aliases.paths.find_exact(origin, path)
        ).file as file:
            assert file.read() == WORDS
    library.aliases.changes.remove(origin, "IMG_1.xmp")
    assert paths(library) == ONCE


@FIRST_COMES
def test_a_picture_and_its_companion_that_are_moved_to_another_folder_are_stored_once(
    library, send, origin, files
):
    library.aliases.changes.make_folder(origin, "Trip")
    for name, body in files:
        send(name, body)
    for name, _ in files:
        library.aliases.moving.move(
            origin, library.aliases.paths.find_exact(origin, name), f"Trip/{name}"
        )
    assert paths(library) == ONCE
    assert library.store.staging.names() == []
    assert library.aliases.paths.find_exact(origin, "Trip/IMG_1.xmp") is not None


@FIRST_COMES
def test_a_companion_of_two_batches_stays_until_both_are_undone_and_both_say_where_it_is(
    library, send, origin, files
):
    batches = [library.batches.open_explicit(origin, Face.PAGE).id for _ in range(2)]
    for batch_id in batches:
        for name, body in files:
            send_to_page(library, origin, name, body, batch_id)
    assert paths(library) == ONCE
    item = library.browse.by_path(PurePosixPath(ONCE[0]))
    library.refile.set_date(item.id, date(1999, 9, 9))
    moved = ["images/1999/09/09/IMG_1.jpg", "images/1999/09/09/IMG_1.xmp"]
    for batch_id in batches:
        assert sorted(each.place for each in library.receipts.of_batch(batch_id)) == moved
    library.undo.run(batches[0], origin)
    assert paths(library) == moved
    library.undo.run(batches[1], origin)
    assert paths(library) == []


@FIRST_COMES
def test_the_same_companion_of_another_sender_is_that_ones_own(library, send, files):
    for name, body in files:
        send(name, body, origin=origin_of("192.168.1.66"))
    for name, body in files:
        send(f"b/{name}", body)
    assert [path for path in paths(library) if path.endswith("xmp")] == [
        "images/2001/02/03/IMG_1.2.xmp",
        "images/2001/02/03/IMG_1.xmp",
    ]


def test_a_companion_that_was_found_beside_its_picture_is_not_stored_again(library, send):
    item = stored(library, send("IMG_1.jpg", PICTURE))
    library.store.tree.path(item.path.with_suffix(".xmp")).write_bytes(WORDS)
    library.recovery.run()
    for folder in ("", "b/"):
        send(f"{folder}IMG_1.jpg", PICTURE)
        send(f"{folder}IMG_1.xmp", WORDS)
    assert paths(library) == ONCE


def test_a_companion_that_waited_when_the_server_was_killed_is_stored_once(library, send):
    send("IMG_1.jpg", PICTURE)
    send("IMG_1.xmp", WORDS)
    send("b/IMG_1.xmp", WORDS)
    library.companions.gather = lambda *_: set()  # as if killed after the answer
    send("b/IMG_1.jpg", PICTURE)
    library.recovery.run()
    assert paths(library) == ONCE
    assert library.store.staging.names() == []


def test_two_companions_of_one_picture_both_lie_beside_it(library, send):
    send("IMG_1.aae", b"<plist/>")
    send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.xmp", EMPTY)
    assert paths(library) == [
        f"images/2024/05/17/IMG_1.{ending}" for ending in ("aae", "jpg", "xmp")
    ]


# ---- whose companion it is ----------------------------------------------------------------------


def test_the_thumbnail_of_a_film_dates_the_film_and_not_the_picture_of_its_stem(library, send):
    send("MVI_1.JPG", photo(taken=None))
    send("MVI_1.AVI", film(None, fmt="avi"))
    send("MVI_1.THM", photo(taken=TAKEN))
    assert "no_date/MVI_1.JPG" in paths(library)
    assert "videos/2024/05/17/MVI_1.AVI" in paths(library)


# ---- where the picture goes ---------------------------------------------------------------------


def test_companions_go_to_the_trash_with_their_picture_and_come_back_with_it(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.xmp", EMPTY)
    item = stored(library, receipt)
    library.trash.put(item)
    assert paths(library) == []
    (trashed,) = library.catalogue.items.all_in_state(item_rows.ItemState.TRASHED)
    library.trash.restore(trashed)
    assert paths(library) == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.xmp"]


def test_the_companion_of_raw_and_jpeg_stays_with_the_one_that_stays(library, send):
    raw_one = send("DSC_1.NEF", raw(taken=TAKEN))
    send("DSC_1.JPG", photo(taken=TAKEN))
    send("DSC_1.xmp", EMPTY)
    send("DSC_1.NEF.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/> ")
    library.trash.put(stored(library, raw_one))
    assert paths(library) == ["images/2024/05/17/DSC_1.JPG", "images/2024/05/17/DSC_1.xmp"]


def test_a_batch_taken_back_takes_its_companions_along(library, send, origin):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.xmp", EMPTY)
    send("IMG_2.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/> ")
    library.undo.run(receipt.batch_id, origin)
    assert paths(library) == []
    assert library.store.staging.names() == []


def test_a_batch_of_a_companion_alone_takes_no_picture_of_others_back(library, send, origin):
    send("IMG_1.jpg", photo(taken=TAKEN))
    library.batches.finish(library.batches.current(origin).id)
    other = send("IMG_1.JPG.xmp", EMPTY)
    second = send("IMG_2.jpg", photo(taken=TAKEN, seed="2"))
    assert other.batch_id in (None, second.batch_id)
    library.undo.run(second.batch_id, origin)
    assert "images/2024/05/17/IMG_1.jpg" in paths(library)


def test_the_trash_is_emptied_of_companions_too(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.xmp", EMPTY)
    library.trash.put(stored(library, receipt))
    assert len(library.store.trash.names()) == 2
    library.trash._days = -1
    library.trash.empty()
    assert library.store.trash.names() == []


def test_a_companion_of_the_page_that_waits_in_vain_is_given_up(library, origin, send):
    batch = library.batches.open_explicit(origin, Face.PAGE)
    send_to_page(library, origin, "IMG_1.xmp", EMPTY, batch.id)
    send("IMG_2.xmp", EMPTY)
    now = library.clock.now()
    assert library.companion_trash.expire(now - 10) == 0
    assert library.companion_trash.expire(now + 10) == 1, "the one of the drive lives by its path"
    assert [each.name for each in library.catalogue.companions.everything()] == ["IMG_2.xmp"]


def test_a_corrected_companion_of_a_long_name_keeps_its_number(library, send):
    stem = "a" * 250
    send(f"{stem}.jpg", photo(taken=TAKEN))
    send(f"{stem}.xmp", xmp(OTHER))
    send(f"{stem}.xmp", xmp(TAKEN))  # without its number the name would be taken for ever
    companions = [path for path in paths(library) if path.endswith(".xmp")]
    assert len(companions) == 2
    assert any(path.endswith(".2.xmp") for path in companions)


# ---- whose word counts --------------------------------------------------------------------------


def test_a_stranger_who_has_the_same_bytes_dates_no_photo_of_others(library, send):
    body = photo(taken=TAKEN)
    send("IMG_1.jpg", body)
    stranger = origin_of("192.168.1.66")
    send("IMG_1.jpg", body, origin=stranger)
    send("IMG_1.xmp", xmp(OTHER), origin=stranger)
    assert paths(library) == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.xmp"]


def test_the_owner_corrects_what_others_have_sent(library, send):
    body = photo(taken=TAKEN)
    send("IMG_1.jpg", body)
    owner = origin_of("127.0.0.1")
    send("IMG_1.jpg", body, origin=owner)
    send("IMG_1.xmp", xmp(OTHER), origin=owner)
    assert paths(library) == ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.xmp"]


def test_a_companion_that_is_taken_back_takes_its_date_along(library, send, origin):
    picture = send("IMG_1.jpg", photo(taken=TAKEN))
    library.batches.finish(picture.batch_id)
    companion = send("IMG_1.xmp", xmp(OTHER))
    assert companion.batch_id != picture.batch_id
    library.undo.run(companion.batch_id, origin)
    assert paths(library) == ["images/2024/05/17/IMG_1.jpg"]
    assert stored(library, picture).source == "exif_original"


def test_the_first_companion_speaks_again_when_the_second_is_taken_back(library, send, origin):
    picture = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.jpg.xmp", xmp(OTHER))
    library.batches.finish(picture.batch_id)
    second = send("IMG_1.xmp", xmp(datetime(1999, 1, 2, 3, 4, 5)))  # noqa: DTZ001  a wall clock
    assert stored(library, picture).day == date(1999, 1, 2)
    library.undo.run(second.batch_id, origin)
    assert stored(library, picture).day == OTHER.date()


def test_a_companion_that_another_batch_was_told_of_stays_when_the_first_is_undone(
    library, send, origin
):
    first = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.jpg.xmp", xmp(OTHER))
    library.batches.finish(first.batch_id)
    again = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.jpg.xmp", xmp(OTHER))
    library.undo.run(first.batch_id, origin)
    both = ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.jpg.xmp"]
    assert paths(library) == both
    library.undo.run(again.batch_id, origin)
    assert paths(library) == []


def test_a_companion_that_is_taken_back_dates_nothing_though_another_has_sent_the_same(
    library, send, origin
):
    picture = send("IMG_1.jpg", PICTURE)
    library.batches.finish(picture.batch_id)
    mine = send("IMG_1.xmp", WORDS)
    stranger = origin_of("192.168.1.66")
    for name, body in (("IMG_1.jpg", PICTURE), ("IMG_1.xmp", WORDS)):
        send(name, body, origin=stranger)
    library.undo.run(mine.batch_id, origin)
    assert stored(library, picture).source == "exif_original"
    assert paths(library) == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.xmp"]


def test_a_companion_undone_while_its_picture_lies_in_the_trash_does_not_come_back_with_it(
    library, send, origin
):
    picture = send("IMG_1.jpg", photo(taken=TAKEN))
    library.batches.finish(picture.batch_id)
    companion = send("IMG_1.jpg.xmp", xmp(OTHER))
    library.trash.put(stored(library, picture))
    library.undo.run(companion.batch_id, origin)
    library.trash.restore(library.trash.find(picture.item_id))
    assert paths(library) == ["images/2024/05/17/IMG_1.jpg"]


def test_a_picture_that_comes_back_meets_the_companion_that_came_meanwhile(library, send):
    picture = send("IMG_1.jpg", photo(taken=None))
    library.trash.put(stored(library, picture))
    send("IMG_1.jpg.xmp", xmp(OTHER))
    library.trash.restore(library.trash.find(picture.item_id))
    assert paths(library) == ["images/2001/02/03/IMG_1.jpg", "images/2001/02/03/IMG_1.jpg.xmp"]


def test_a_batch_is_undone_while_nobody_can_read_and_dates_are_judged_by_housekeeping(
    library, send, origin, stopped
):
    picture = send("IMG_1.jpg", photo(taken=TAKEN))
    send("IMG_1.jpg.json", b'{"photoTakenTime": {"timestamp": "981173106"}}')
    library.batches.finish(picture.batch_id)
    other = send("IMG_1.jpg.xmp", xmp(OTHER))
    library.companions._reader = stopped
    assert library.undo.run(other.batch_id, origin) == 0
    library.companions._reader = library.workers
    library.keeper.round()
    assert stored(library, picture).day == TAKEN.date()


@pytest.mark.parametrize("order", list(permutations([".HEIC", ".MOV", ".HEIC.json"])), ids="-".join)
def test_takeouts_moment_parts_no_live_photo_at_midnight(library, send, order):
    moment = int(datetime(2024, 5, 17, 22, 30, tzinfo=UTC).timestamp())
    files = {
        ".HEIC": heic(taken=None),
        ".MOV": film(None, keys="2024-05-18T00:30:00+0200", fmt="mov"),
        ".HEIC.json": f'{{"photoTakenTime": {{"timestamp": "{moment}"}}}}'.encode(),
    }
    for ending in order:
        send(f"IMG_1{ending}", files[ending])
    assert paths(library) == [f"images/2024/05/18/IMG_1{ending}" for ending in sorted(files)]


def test_who_inherits_a_companion_is_dated_by_it(library, send):
    send("DSC_1.jpg", photo(taken=TAKEN))
    negative = send("DSC_1.dng", raw(TAKEN))
    send("DSC_1.xmp", xmp(OTHER))
    library.trash.put(stored(library, negative))
    assert paths(library) == ["images/2001/02/03/DSC_1.jpg", "images/2001/02/03/DSC_1.xmp"]
    left = library.browse.by_path(PurePosixPath("images/2001/02/03/DSC_1.jpg"))
    assert left.source == "sidecar_original"

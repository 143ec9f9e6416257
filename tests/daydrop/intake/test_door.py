"""Every upload comes in by one door, whole or not at all."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from daydrop.checksum import Checksum, Checksums
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.records.receipt import Outcome
from tests.daydrop.filing.test_pairs import xmp
from tests.media import film, photo, raw

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock


def tree(library: Library) -> dict[str, bytes]:
    return {
        str(path): (library.store.root / path).read_bytes() for path in library.store.tree.files()
    }


def left_in_staging(library: Library) -> list[str]:
    return library.store.staging.names()


def test_a_photo_is_filed_under_the_day_it_was_taken_byte_for_byte(library, send):
    body = photo(taken=TAKEN)
    receipt = send("IMG_1.jpg", body)
    assert tree(library) == {"images/2024/05/17/IMG_1.jpg": body}
    assert receipt.outcome is Outcome.FILED
    assert receipt.sha256 == hashlib.sha256(body).hexdigest()
    assert receipt.sentence() == (
        "Filed as images/2024/05/17/IMG_1.jpg, based on the capture date in the photo."
    )
    assert left_in_staging(library) == []


def test_a_film_is_filed_under_the_day_of_its_container(library, send):
    send("MVI_1.mp4", film(TAKEN))
    assert list(tree(library)) == ["videos/2024/05/17/MVI_1.mp4"]


def test_what_has_no_date_goes_to_no_date_and_the_receipt_says_so(library, send):
    receipt = send("IMG_2.jpg", photo(taken=None), modified=1707733564.0)
    assert list(tree(library)) == ["no_date/IMG_2.jpg"]
    assert receipt.sentence() == "Filed as no_date/IMG_2.jpg: no capture date in the file."


def test_a_file_that_nobody_could_read_now_is_sent_again_and_not_filed_without_its_day(
    library, send, stopped
):
    library.filing._reader = stopped
    with pytest.raises(Refused) as refused:
        send("IMG_1.jpg", photo(taken=TAKEN))
    assert (refused.value.code, refused.value.retry_after) == (Code.BUSY, 30)
    assert tree(library) == {}
    assert left_in_staging(library) == []


def test_a_companion_that_nobody_could_read_now_dates_its_picture_at_the_next_start(
    library, send, settings, stopped, workers
):
    send("IMG_1.jpg", photo(taken=None))
    library.companions._reader = stopped
    send("IMG_1.xmp", xmp(TAKEN))
    assert sorted(tree(library)) == ["no_date/IMG_1.jpg", "no_date/IMG_1.xmp"]
    library.close()
    again = Library(settings, workers=workers)
    again.start()
    filed = sorted(tree(again))
    again.close()
    assert filed == ["images/2024/05/17/IMG_1.jpg", "images/2024/05/17/IMG_1.xmp"]


def test_the_clients_time_is_kept_on_the_file_and_never_decides_the_day(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN), modified=1707733564.0)
    file = library.store.root / "images/2024/05/17/IMG_1.jpg"
    assert file.stat().st_mtime == 1707733564


def test_the_same_bytes_twice_are_stored_once(library, send):
    body = photo(taken=TAKEN)
    send("IMG_1.jpg", body)
    again = send("other name.jpg", body)
    assert list(tree(library)) == ["images/2024/05/17/IMG_1.jpg"]
    assert again.outcome is Outcome.DUPLICATE
    assert again.place == "images/2024/05/17/IMG_1.jpg"


def test_a_duplicate_does_not_count_in_its_batch(library, send, origin):
    body = photo(taken=TAKEN)
    send("IMG_1.jpg", body)
    send("IMG_1.jpg", body)
    batch = library.batches.current(origin)
    assert (batch.files, batch.bytes) == (1, len(body))


def test_the_bytes_of_a_file_removed_by_hand_are_stored_anew(library, send):
    body = photo(taken=TAKEN)
    first = send("IMG_1.jpg", body)
    (library.store.root / "images/2024/05/17/IMG_1.jpg").unlink()
    again = send("IMG_1.jpg", body)
    assert tree(library) == {"images/2024/05/17/IMG_1.jpg": body}
    assert (again.outcome, again.item_id) == (Outcome.FILED, first.item_id)


def test_another_photo_of_the_same_name_is_filed_beside_the_first(library, send):
    one, two = photo(taken=TAKEN, seed="one"), photo(taken=TAKEN, seed="two")
    send("IMG_1.jpg", one)
    send("IMG_1.jpg", two)
    assert tree(library) == {
        "images/2024/05/17/IMG_1.jpg": one,
        "images/2024/05/17/IMG_1 (2).jpg": two,
    }


def test_names_that_differ_in_case_only_get_a_number(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN, seed="one"))
    send("img_1.JPG", photo(taken=TAKEN, seed="two"))
    assert sorted(tree(library)) == [
        "images/2024/05/17/IMG_1.jpg",
        "images/2024/05/17/img_1 (2).JPG",
    ]


def test_four_parallel_uploads_of_one_name_leave_four_whole_files(library, send):
    bodies = [photo(taken=TAKEN, seed=str(n), size=500_000) for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda body: send("IMG_1.jpg", body), bodies))
    assert sorted(tree(library).values()) == sorted(bodies)


def test_the_same_bytes_from_sixteen_clients_at_once_are_stored_once(library, send):
    body = photo(taken=TAKEN)
    with ThreadPoolExecutor(16) as threads:
        receipts = list(threads.map(lambda n: send(f"IMG_{n}.jpg", body), range(16)))
    assert len(tree(library)) == 1
    outcomes = [receipt.outcome for receipt in receipts]
    assert outcomes.count(Outcome.FILED) == 1
    assert outcomes.count(Outcome.DUPLICATE) == 15


def test_sixty_parallel_uploads_against_a_limit_of_fifty_let_exactly_fifty_in(library, send):
    def attempt(n: int) -> Code | None:
        try:
            send(f"IMG_{n}.jpg", photo(taken=TAKEN, seed=str(n)))
        except Refused as refused:
            return refused.code
        return None

    with ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(attempt, range(60)))
    assert answers.count(None) == 50
    assert answers.count(Code.BATCH_FILES) == 10
    assert len(tree(library)) == 50


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("notes.txt", b"words", Code.UNSUPPORTED_TYPE),
        ("IMG_1.jpg", b"These are words, whatever the name says.\n" * 200, Code.UNSUPPORTED_TYPE),
        ("IMG_1.jpg", b"words", Code.UNSUPPORTED_TYPE),
        ("page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", Code.UNSUPPORTED_TYPE),
        ("IMG_1.jpg", b"", Code.EMPTY_FILE),
    ],
)
def test_what_is_no_medium_is_refused_with_a_receipt_and_leaves_nothing(
    library, send, origin, name, body, code
):
    with pytest.raises(Refused) as refused:
        send(name, body)
    assert refused.value.code is code
    assert (tree(library), left_in_staging(library)) == ({}, [])
    (told,) = library.receipts.recent(origin.key)
    assert (told.outcome, told.code) == (Outcome.REFUSED, code.value)


def test_a_jpeg_named_mp4_is_filed_as_the_image_that_it_is(library, send):
    send("clip.mp4", photo(taken=TAKEN))
    assert list(tree(library)) == ["images/2024/05/17/clip.mp4"]


def test_an_upload_that_was_cut_short_leaves_nothing(library, origin):
    body = photo(taken=TAKEN, size=100_000)
    announcement = Announcement("IMG_1.jpg", origin, size=len(body), alias="IMG_1.jpg")
    with pytest.raises(Refused) as refused, library.door.begin(announcement) as incoming:
        incoming.write(body[:40_000])
        incoming.commit()
    assert refused.value.code is Code.CUT_SHORT
    assert (tree(library), left_in_staging(library)) == ({}, [])
    assert library.batches.current(origin).files == 0


def test_an_upload_that_is_given_up_leaves_nothing_and_gives_its_room_back(library, origin):
    body = photo(taken=TAKEN, size=100_000)
    announcement = Announcement("IMG_1.jpg", origin, size=len(body), alias="IMG_1.jpg")
    with library.door.begin(announcement) as incoming:
        incoming.write(body[:40_000])
    assert (tree(library), left_in_staging(library)) == ({}, [])
    batch = library.batches.current(origin)
    assert (batch.files, batch.bytes) == (0, 0)


def test_a_wrong_checksum_is_refused(library, send):
    body = photo(taken=TAKEN)
    good = Checksum("sha1", hashlib.sha1(body, usedforsecurity=False).digest())
    with pytest.raises(Refused) as refused:
        send("IMG_1.jpg", body, checksums=Checksums((good, Checksum("md5", b"\0" * 16))))
    assert refused.value.code is Code.CHECKSUM_MISMATCH
    assert send("IMG_1.jpg", body, checksums=Checksums((good,))).outcome is Outcome.FILED


def test_an_upload_of_unknown_size_is_stopped_at_the_limit_of_a_batch(settings, origin, workers):
    limits = settings.limits.model_copy(update={"batch_bytes": 300_000})
    library = Library(settings.model_copy(update={"limits": limits}), workers=workers)
    library.start()
    try:
        body = photo(taken=TAKEN, size=400_000)
        announcement = Announcement("IMG_1.jpg", origin, alias="IMG_1.jpg")
        with pytest.raises(Refused) as refused, library.door.begin(announcement) as incoming:
            for at in range(0, len(body), 50_000):
                incoming.write(body[at : at + 50_000])
        assert refused.value.code is Code.FILE_TOO_BIG
        small = photo(taken=TAKEN, size=250_000)
        with library.door.begin(announcement) as incoming:
            incoming.write(small)
            assert incoming.commit().outcome is Outcome.FILED
    finally:
        library.close()


def test_a_file_larger_than_a_batch_is_refused_before_a_byte_is_read(library, origin):
    announcement = Announcement("IMG_1.jpg", origin, size=6 << 30, alias="IMG_1.jpg")
    with pytest.raises(Refused) as refused:
        library.door.begin(announcement)
    assert refused.value.code is Code.FILE_TOO_BIG


def test_each_upload_leaves_one_line_in_the_log(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN))
    with pytest.raises(Refused):
        send("notes.txt", b"words")
    filed, refused = library.log.lines()
    assert filed["place"] == "images/2024/05/17/IMG_1.jpg"
    assert (filed["date"], filed["source"]) == ("2024-05-17", "exif_original")
    assert (filed["address"], filed["size"]) == ("192.168.1.20", filed["size"])
    assert (refused["outcome"], refused["code"]) == ("refused", "unsupported_type")


def test_a_refusal_told_again_in_one_batch_is_counted_and_not_repeated(library, send, origin):
    for _ in range(3):
        with pytest.raises(Refused):
            send("notes.txt", b"words")
    (told,) = library.receipts.recent(origin.key)
    assert told.times == 3


def test_a_companion_waits_for_its_picture_and_follows_it(library, send):
    waiting = send("IMG_1.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    assert tree(library) == {}
    assert waiting.outcome is Outcome.COMPANION
    send("IMG_1.jpg", photo(taken=TAKEN))
    assert sorted(tree(library)) == [
        "images/2024/05/17/IMG_1.jpg",
        "images/2024/05/17/IMG_1.xmp",
    ]
    send("IMG_1.jpg.aae", b"<plist/>")
    assert "images/2024/05/17/IMG_1.jpg.aae" in tree(library)


def test_raw_and_jpeg_share_one_number(library, send):
    send("IMG_1.JPG", photo(taken=TAKEN, seed="stranger"), alias="a/IMG_1.JPG")
    send("IMG_1.DNG", raw(taken=TAKEN, seed="mine"), alias="b/IMG_1.DNG")
    send("IMG_1.JPG", photo(taken=TAKEN, seed="mine"), alias="b/IMG_1.JPG")
    assert sorted(tree(library)) == [
        "images/2024/05/17/IMG_1 (2).DNG",
        "images/2024/05/17/IMG_1 (2).JPG",
        "images/2024/05/17/IMG_1.JPG",
    ]

"""A receipt says what was filed where and why, what was here, and what was refused."""

from datetime import UTC, date, datetime

import pytest

from daydrop.errors import Refused
from daydrop.words import Language
from tests.media import film, heic, photo

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock


def test_the_text_of_a_batch_tells_everything(library, send):
    body = photo(taken=TAKEN)
    first = send("Trip/IMG_1.jpg", body)
    send("IMG_2.jpg", body)
    send("IMG_3.jpg", photo(taken=None))
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            send("notes.txt", b"words")
    text = library.receipts.plain_text(first.batch_id)
    lines = text.splitlines()
    assert lines[0] == f"Daydrop receipt {first.batch_id}"
    assert lines[1].startswith("Sent by 192.168.1.20 on ")
    assert lines[2].startswith("4 files, 2 of them new here (")
    place = "images/2024/05/17/IMG_1.jpg"
    for line in (
        f"  Trip/IMG_1.jpg: Filed as {place}, based on the capture date in the photo.",
        f"      the capture date in the photo says {TAKEN}: chosen, the most reliable date.",
        "  IMG_3.jpg: Filed as no_date/IMG_3.jpg: no capture date in the file.",
        f"  IMG_2.jpg: Already here as {place}: it was not stored again.",
        f"  notes.txt: {refused.value.sentence()} (2 times)",
    ):
        assert line in lines


def test_the_losing_dates_are_told_in_one_line_each(library, send):
    receipt = send("VID_20241231_233000.mp4", film(datetime(2025, 1, 1, 7, 30, 2, tzinfo=UTC)))
    assert receipt.place == "videos/2024/12/31/VID_20241231_233000.mp4"
    lines = library.receipts.reasons([receipt], Language.EN)[receipt.item_id]
    assert lines[0] == (
        "the recording date in the video says 2025-01-01 07:30:02 UTC: "
        "chosen, the most reliable date."
    )
    assert lines[1] == (
        "This is 2024-12-31 23:30:02 -08:00 local time: "
        "the time zone follows from the time in its name."
    )
    assert lines[-1].startswith("the date in its name says 2024-12-31 23:30:00: ")
    chinese = library.receipts.reasons([receipt], Language.ZH_CN)[receipt.item_id]
    assert chinese[0] == "视频内的录制日期：2025-01-01 07:30:02 UTC，已采用（最可信的日期）。"


def test_a_moment_that_nothing_places_is_said_to_be_an_estimate(library, send):
    receipt = send("clip.mp4", film(datetime(2024, 5, 17, 10, 11, 12, tzinfo=UTC)))
    lines = library.receipts.reasons([receipt], Language.EN)[receipt.item_id]
    assert lines[1] == (
        "Taken as 2024-05-17 10:11:12 +00:00: "
        "the time zone is unknown, so UTC is used as an estimate."
    )


def test_a_half_that_follows_says_whose_date_it_has_and_what_its_own_was(library, send):
    late = datetime(2024, 5, 18, 0, 0, 1)  # noqa: DTZ001  a wall clock
    send("IMG_1.HEIC", heic(taken=late, identifier="A"))
    early = datetime(2024, 5, 17, 23, 59, 58)  # noqa: DTZ001  a wall clock
    receipt = send(
        "IMG_1.MOV",
        film(early.replace(tzinfo=UTC), keys="2024-05-17T23:59:58Z", fmt="mov", identifier="A"),
    )
    lines = library.receipts.reasons([receipt], Language.EN)[receipt.item_id]
    assert lines[0] == "the date of the file it is paired with says 2024-05-18 00:00:01: chosen."
    assert lines[1] == (
        "the recording date that the phone wrote into the video says 2024-05-17 23:59:58 +00:00: "
        "not used, the date comes from the file it is paired with."
    )


def test_a_date_set_by_its_owner_is_told_with_the_one_that_it_overrules(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    library.refile.set_date(receipt.item_id, date(1987, 6, 5))
    lines = library.receipts.reasons([receipt], Language.EN)[receipt.item_id]
    assert lines == (
        "the date set by the owner says 1987-06-05: chosen.",
        f"the capture date in the photo says {TAKEN}: not used, the owner set another date.",
    )
    now = library.receipts.find(receipt.id)
    assert now.sentence() == (
        "Filed as images/1987/06/05/IMG_1.jpg, based on the date set by the owner."
    )


def test_a_file_whose_dates_cannot_be_right_says_so(library, send):
    receipt = send("IMG_1.jpg", photo(taken=datetime(2098, 5, 17)))  # noqa: DTZ001  a wall clock
    assert receipt.sentence() == (
        "Filed as no_date/IMG_1.jpg: the dates in the file cannot be correct."
    )
    lines = library.receipts.reasons([receipt], Language.EN)[receipt.item_id]
    assert lines == (
        "the capture date in the photo says 2098-05-17 00:00:00: rejected, in the future.",
    )

"""A receipt says what was filed where and why, what was here, and what was refused."""

from datetime import UTC, datetime

import pytest

from library.errors import Refused
from library.words import Language
from tests.media import film, photo

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
    place = "images/2024/05/17/IMG_1.jpg"
    for line in (
        f"  Trip/IMG_1.jpg: Filed as {place} because of the capture date in the photo.",
        f"      the capture date in the photo says {TAKEN}: chosen, the best believable date.",
        "  IMG_3.jpg: Filed as no_date/IMG_3.jpg: no capture date in the file.",
        f"  IMG_2.jpg: Already here as {place}: nothing was stored twice.",
        f"  notes.txt: {refused.value.sentence()} (2 times)",
    ):
        assert line in lines


def test_the_losing_dates_are_told_in_one_line_each(library, send):
    receipt = send("VID_20241231_233000.mp4", film(datetime(2025, 1, 1, 7, 30, 2, tzinfo=UTC)))
    assert receipt.place == "videos/2024/12/31/VID_20241231_233000.mp4"
    lines = library.receipts.reasons([receipt], Language.EN)[receipt.item_id]
    assert lines[0] == (
        "the recording date in the video says 2025-01-01 07:30:02 UTC: "
        "chosen, the best believable date."
    )
    assert lines[-1].startswith("the date in its name says 2024-12-31 23:30:00: ")
    chinese = library.receipts.reasons([receipt], Language.ZH_CN)[receipt.item_id]
    assert chinese[0] == "视频内的录制日期：2025-01-01 07:30:02 UTC，已采用（最可信的日期）。"

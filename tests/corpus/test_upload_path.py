"""The gates on the sample media through the one door: what an uploader would find on the disk."""

import json
import os
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from daydrop.clock import Clock
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.origin import origin_of
from daydrop.receipts.receipts import Receipt
from daydrop.settings import read_settings

pytestmark = pytest.mark.corpus

ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles")
ORIGIN = origin_of("192.168.1.20", program="pytest")


@pytest.fixture(params=ZONES)
def server_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def truth(corpus: Path) -> dict[str, object]:
    return json.loads((corpus / "truth.json").read_text())


@pytest.fixture
def library(server_zone: str, truth: dict[str, object], tmp_path: Path) -> Iterator[Library]:
    """A library on the day that the truth was found, whose server stands in some zone."""
    now = datetime.fromisoformat(str(truth["clock_now"])).timestamp()
    options = {
        "store": {"root": tmp_path / "store"},
        "limits": {"keep_free": 0, "batch_files": 10_000},
        "dates": {"media_timezone": truth["default_zone"], "exiftool": "off"},
    }
    opened = Library(read_settings(options, {}), clock=Clock(lambda: now, time.monotonic))
    opened.start()
    yield opened
    opened.close()


def send(library: Library, alias: str, body: bytes) -> Receipt:
    announcement = Announcement(alias.rpartition("/")[2], ORIGIN, size=len(body), alias=alias)
    with library.door.begin(announcement) as incoming:
        incoming.write(body)
        return incoming.commit()


def _day_of(receipt: Receipt) -> date | None:
    """The day of the folder, the only thing that an uploader sees."""
    place = Path(receipt.place or "")
    if place.parts[0] == "no_date":
        return None
    return date(*map(int, place.parts[1:4]))


def test_every_sample_lies_in_the_folder_of_its_day_all_sent_into_one_folder(
    library: Library, corpus: Path, truth: dict[str, object]
) -> None:
    files = list(truth["files"])  # type: ignore[call-overload]  # JSON
    receipts = {
        each["file"]: send(library, Path(each["file"]).name, (corpus / each["file"]).read_bytes())
        for each in files
    }
    # another file may have moved one since
    now = {file: library.receipts.find(receipt.id) or receipt for file, receipt in receipts.items()}
    filed = {file: _day_of(receipt) for file, receipt in now.items()}
    wanted = {
        each["file"]: date.fromisoformat(day) if (day := each["date_with_filename"]) else None
        for each in files
    }

    wrong = {f: (filed[f], wanted[f]) for f in filed if filed[f] not in (None, wanted[f])}
    assert wrong == {}, "no wrong folder, and no date for what has none"
    inside = [each["file"] for each in files if each["date"]]
    named = [f for f in filed if wanted[f] and f not in inside]
    assert sum(filed[f] == wanted[f] for f in inside) >= 60
    assert sum(filed[f] == wanted[f] for f in named) == len(named) == 5
    for name in ("v_apple_keys.mov", "VID_20241231_233000.mp4", "j_dto_neg_offset_newyear.jpg"):
        assert filed[f"synthetic/{name}"] == date(2024, 12, 31)

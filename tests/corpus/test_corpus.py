"""The gates on the sample media: the right day, in any time zone of the server."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest

from daydrop.capturedate import names, rule
from daydrop.capturedate.metadata import Medium
from daydrop.media import kinds as media
from daydrop.readers import reading as reader

pytestmark = pytest.mark.corpus

ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles")
NEW_YEAR = ("v_apple_keys.mov", "VID_20241231_233000.mp4", "j_dto_neg_offset_newyear.jpg")


@dataclass(frozen=True)
class Sample:
    path: Path
    kind: str
    day_inside: date | None
    day: date | None


@dataclass(frozen=True)
class Samples:
    now: datetime
    files: tuple[Sample, ...]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.fixture(scope="session")
def samples(corpus: Path) -> Samples:
    truth = json.loads((corpus / "truth.json").read_text())
    files = tuple(
        Sample(
            corpus / each["file"],
            each["kind"],
            _day(each["date"]),
            _day(each["date_with_filename"]),
        )
        for each in truth["files"]
    )
    return Samples(datetime.fromisoformat(truth["clock_now"]), files)


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


def _filed(path: Path, now: datetime) -> date | None:
    with path.open("rb") as file:
        kind = media.sniff(file.read(media.HEAD_BYTES))
        assert kind is not None
        size = path.stat().st_size
        metadata = reader.read(file, size, path.name, kind, now=now, program=None)
    assert metadata.verdict is not Medium.NO
    named = names.candidate(path.name)
    candidates = (*metadata.candidates, named) if named else metadata.candidates
    return rule.choose(candidates, now).day


@pytest.mark.filterwarnings("ignore")  # Pillow's words about damaged EXIF
def test_every_sample_is_filed_under_the_right_day(samples: Samples, server_zone: str) -> None:
    filed = {each.path: _filed(each.path, samples.now) for each in samples.files}
    wrong = [
        (each.path.name, each.day, filed[each.path])
        for each in samples.files
        if filed[each.path] not in {None, each.day}
    ]
    invented = [each.path.name for each in samples.files if each.day is None and filed[each.path]]
    inside = [each for each in samples.files if each.day_inside]
    named = [each for each in samples.files if each.day and not each.day_inside]

    assert wrong == []
    assert invented == []
    assert sum(filed[each.path] == each.day for each in inside) >= 60
    assert sum(filed[each.path] == each.day for each in named) == len(named) == 5


@pytest.mark.parametrize("name", NEW_YEAR)
def test_new_year_stays_in_the_old_year(
    corpus: Path, samples: Samples, server_zone: str, name: str
) -> None:
    assert _filed(corpus / "synthetic" / name, samples.now) == date(2024, 12, 31)


def test_kinds_come_from_the_bytes(samples: Samples) -> None:
    for each in samples.files:
        with each.path.open("rb") as file:
            found = media.sniff(file.read(media.HEAD_BYTES))
        assert found is not None, each.path.name
        assert found.kind == each.kind, each.path.name

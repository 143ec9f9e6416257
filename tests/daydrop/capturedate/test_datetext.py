"""Dates as cameras and programs write them."""

# ruff: noqa: DTZ001 - a wall clock has no zone

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daydrop.capturedate.datetext import offset_minutes, understand


@pytest.mark.parametrize(
    ("text", "wall", "offset"),
    [
        ("2024:05:17 12:00:00", "2024-05-17 12:00:00", None),
        ("2024:05:17 12:00:00\0\0", "2024-05-17 12:00:00", None),
        ("2024-05-17T12:00:00.123+02:00", "2024-05-17 12:00:00", 120),
        ("2024-05-17T12:00:00-0800", "2024-05-17 12:00:00", -480),
        ("2024/05/17 12:00", "2024-05-17 12:00:00", None),
        ("2024.05.17 12:00:00", "2024-05-17 12:00:00", None),
        ("2024:05:17 12:00:00 UTC", "2024-05-17 12:00:00", 0),
        ("UTC 2024-05-17 12:00:00", "2024-05-17 12:00:00", None),
        ("2024-05-17T12:00Z", "2024-05-17 12:00:00", 0),
        ("2024:05:17 24:01:60", "2024-05-17 00:01:59", None),
        ("20240517T120000+0000", "2024-05-17 12:00:00", 0),
        ("Fri, 17 May 2024 12:00:00 +0100", "2024-05-17 12:00:00", 60),
        ("17 May 2024 12:00:00 GMT", "2024-05-17 12:00:00", 0),
        ("Fri May 17 12:00:00 2024", "2024-05-17 12:00:00", None),
        ("Fri, 17 May 2024 12:00:00 EST", "2024-05-17 12:00:00", -300),
        ("Fri, 17 May 2024 12:00:00 CEST", "2024-05-17 12:00:00", None),
        ("Fri, 17 May 2024 12:00:00 +0200 (CEST)", "2024-05-17 12:00:00", 120),
        ("Fri May 17 12:00:00 PDT 2024", "2024-05-17 12:00:00", -420),
        ("2005/08/11/ 14:03", "2005-08-11 14:03:00", None),
        ("2001: 1:27  3: 4: 5", "2001-01-27 03:04:05", None),
        ("2024:05:17 12:00:00-7:00", "2024-05-17 12:00:00", -420),
        ("2001/ 1/27  1:42PM", "2001-01-27 13:42:00", None),
    ],
)
def test_each_way_of_writing_is_read(text: str, wall: str, offset: int | None) -> None:
    found = understand(text)
    assert found is not None
    assert (found.wall, found.offset_minutes) == (datetime.fromisoformat(wall), offset)
    assert not found.day_only


@pytest.mark.parametrize("text", ["2024:05:17", "20240517", "2024:05:17   :  :  ", "17 May 2024"])
def test_a_day_alone_is_known_as_such(text: str) -> None:
    found = understand(text)
    assert found is not None
    assert (found.wall, found.day_only) == (datetime(2024, 5, 17), True)


@pytest.mark.parametrize(
    "text",
    ["", "2010", "2010-05", "0000:00:00 00:00:00", "2024:02:30 12:00:00", "2024:05:17 25:00:00"],
)
def test_what_names_no_day_is_nothing(text: str) -> None:
    assert understand(text) is None


@given(st.text(max_size=60))
def test_no_text_upsets_the_reader(text: str) -> None:
    understand(text)
    offset_minutes(text)


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)), st.integers(-14 * 4, 14 * 4))
def test_iso_dates_come_back(taken: datetime, quarters: int) -> None:
    minutes = quarters * 15
    sign = "-" if minutes < 0 else "+"
    offset = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    found = understand(f"{taken.isoformat(timespec='seconds')}{offset}")
    assert found is not None
    assert (found.wall, found.offset_minutes) == (taken.replace(microsecond=0), minutes)

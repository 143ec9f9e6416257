"""Dates in names: as cameras, phones and messengers write them, and nothing else."""

# ruff: noqa: DTZ001 - a wall clock has no zone

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daydrop.capturedate.candidate import Form, Source
from daydrop.capturedate.names import candidate
from daydrop.capturedate.rule import choose

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_20240517_120000.jpg", "2024-05-17 12:00:00"),
        ("VID_20241231_233000.mp4", "2024-12-31 23:30:00"),
        ("20240517_120000(0).jpg", "2024-05-17 12:00:00"),
        ("20240517_120000123.mp4", "2024-05-17 12:00:00"),
        ("IMG_20240517_120000~2.jpg", "2024-05-17 12:00:00"),
        ("Screenshot_20240214-091011_Chrome.png", "2024-02-14 09:10:11"),
        ("signal-2023-01-02-030405.jpg", "2023-01-02 03:04:05"),
        ("signal-2023-01-02-03-04-05-123.jpg", "2023-01-02 03:04:05"),
        ("photo_2023-01-02_03-04-05.jpg", "2023-01-02 03:04:05"),
        ("2023-01-02 03.04.05.3gp", "2023-01-02 03:04:05"),
        ("Screen Shot 2021-03-04 at 05.06.07.png", "2021-03-04 05:06:07"),
        ("Screenshot 2024-02-14 at 9.10.11\u202fPM.png", "2024-02-14 21:10:11"),
        ("Screenshot 2024-02-14 at 12.10.11 AM.png", "2024-02-14 00:10:11"),
        ("WhatsApp Image 2023-01-02 at 03.04.05 (1).jpeg", "2023-01-02 03:04:05"),
    ],
)
def test_a_time_to_the_second_is_read(name: str, expected: str) -> None:
    found = candidate(name)
    assert found is not None
    assert (found.wall, found.form, found.day_only) == (
        datetime.fromisoformat(expected),
        Form.LOCAL,
        False,
    )


@pytest.mark.parametrize(
    "name",
    ["PXL_20230405_060708901.MP.jpg", "PXL_20230405_060708901.jpg", "pxl_20230405_060708.jpg"],
)
def test_a_pixel_writes_utc(name: str) -> None:
    found = candidate(name)
    assert found is not None
    assert (found.wall, found.form) == (datetime(2023, 4, 5, 6, 7, 8), Form.INSTANT)


@pytest.mark.parametrize(
    "name",
    [
        "IMG-20240517-WA0001.jpg",
        "VID-20240517-WA0001.mp4",
        "STK-20240517-WA0001.webp",
        "2024-05-17.jpg",
        "2024_05_17 party.jpg",
        "2024-05-17 99.99.99.jpg",
    ],
)
def test_a_day_alone_is_read(name: str) -> None:
    found = candidate(name)
    assert found is not None
    assert (found.wall, found.day_only) == (datetime(2024, 5, 17), True)


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1234.JPG",
        "DSC_0042.jpg",
        "1546300800.jpg",
        "1546300800000.jpg",
        "FB_IMG_1546300800000.jpg",
        "IMG_99999999_120000.jpg",
        "IMG_20240230_120000.jpg",
        "IMG_20240517_250000.jpg",
        "IMG_120240517_120000.jpg",
        "IMG_20240517_1200001234.jpg",
        "20240517.jpg",
        "1989-05-17.jpg",
        "2024-05.jpg",
        "2024-13-01.jpg",
        "phone 049-2024-05.jpg",
        "",
    ],
)
def test_other_numbers_are_no_date(name: str) -> None:
    assert candidate(name) is None


def test_a_name_in_the_future_is_read_but_not_believed() -> None:
    found = candidate("IMG_20870505_050505.jpg")
    assert found is not None
    assert choose([found], NOW).day is None


@given(st.text(max_size=80))
def test_no_name_upsets_the_reader(name: str) -> None:
    found = candidate(name)
    assert found is None or (found.source is Source.NAME and found.wall is not None)


LIKE_DATES = st.from_regex(
    r"\A(IMG_|PXL_|VID-|Screenshot )?[0-9]{4}[-_.]?[0-9]{2}[-_.]?[0-9]{2}"
    r"([_ T-][0-9]{1,2}[.:_-]?[0-9]{2}[.:_-]?[0-9]{2}( [AP]M)?)?(-WA[0-9]{4})?\.jpg\Z"
)


@given(LIKE_DATES)
@example("0000_2000_01_01:00.jpg")
def test_what_looks_like_a_date_upsets_nobody_and_is_read_as_it_stands(name: str) -> None:
    found = candidate(name)
    if found is not None:
        assert found.wall is not None
        digits = "".join(letter for letter in name if letter.isascii() and letter.isdigit())
        assert f"{found.wall:%Y%m%d}" in digits  # a number may stand before it: 0042_2000_01_01


PLAIN = st.text(st.characters(exclude_categories=["Nd"], exclude_characters="-_."), max_size=12)


@given(PLAIN, st.datetimes(datetime(1990, 1, 1), datetime(2026, 1, 1)), PLAIN)
def test_a_camera_name_gives_back_its_time(before: str, taken: datetime, after: str) -> None:
    if before.upper().endswith("PXL"):
        return
    found = candidate(f"{before}_{taken:%Y%m%d_%H%M%S}_{after}.jpg")
    assert found is not None
    assert found.wall == taken.replace(microsecond=0)


@given(st.dates(date(1990, 1, 1), date(2026, 1, 1)), st.integers(0, 9999))
def test_a_messenger_name_gives_back_its_day(day: date, number: int) -> None:
    found = candidate(f"IMG-{day:%Y%m%d}-WA{number:04}.jpg")
    assert found is not None
    assert found.wall is not None
    assert found.wall.date() == day

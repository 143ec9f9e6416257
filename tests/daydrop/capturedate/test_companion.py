"""The dates of files that accompany a picture."""

# ruff: noqa: DTZ001 - a wall clock has no zone
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daydrop.capturedate.candidate import Form, Source
from daydrop.capturedate.companion import candidates
from daydrop.capturedate.rule import choose
from tests import media as make

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
PACKET = '<rdf:Description exif:DateTimeOriginal="2020-02-02T02:02:02+01:00"/>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_xmp_file_is_a_correction(encoding: str) -> None:
    (found,) = candidates("a.jpg.xmp", PACKET.encode(encoding))
    assert (found.source, found.offset_minutes) == (Source.COMPANION_ORIGINAL, 60)
    assert found.wall == datetime(2020, 2, 2, 2, 2, 2)


def test_takeout_tells_a_moment() -> None:
    (found,) = candidates("a.jpg.json", b'{"photoTakenTime": {"timestamp": "1735687800"}}')
    assert (found.source, found.form) == (Source.TAKEOUT, Form.INSTANT)
    assert found.wall == datetime(2024, 12, 31, 23, 30)


def test_takeouts_zero_is_no_date() -> None:
    found = candidates("a.jpg.json", b'{"photoTakenTime": {"timestamp": "0"}}')
    assert choose(found, NOW).day is None


def test_the_thumbnail_beside_a_film_is_asked_before_its_container() -> None:
    found = candidates("MVI_1.THM", make.photo(datetime(2008, 8, 8, 8, 8, 8)))
    capture = choose(found, NOW)
    assert (capture.source, capture.day) == (Source.THUMBNAIL, date(2008, 8, 8))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"[" * 100_000),
        ("a.json", b"{}"),
        ("a.json", b'{"photoTakenTime": 5}'),
        ("a.json", b"not json"),
        ("a.aae", PACKET.encode()),
        ("a.srt", b"2020-02-02 02:02:02"),
        ("a.thm", b"\xff\xd8\xff"),
        ("a.xmp", b""),
    ],
)
def test_what_cannot_be_understood_holds_no_date(name: str, data: bytes) -> None:
    assert candidates(name, data) == ()


@given(st.sampled_from(["a.xmp", "a.json", "a.thm"]), st.binary(max_size=300))
def test_no_bytes_upset_the_reader(name: str, data: bytes) -> None:
    candidates(name, data)

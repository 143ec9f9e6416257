"""What is read out of films."""

# ruff: noqa: DTZ001 - a wall clock has no zone
import io
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from daydrop.capturedate import boxes, scan
from daydrop.capturedate.candidate import Form, Source
from daydrop.capturedate.metadata import Medium, Metadata
from daydrop.capturedate.rule import Reason, choose
from tests import hostile
from tests import media as make

Read = Callable[..., Metadata]
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
NEW_YEAR = datetime(2025, 1, 1, 7, 30, 0, tzinfo=UTC)
WALL = NEW_YEAR.replace(tzinfo=None)


def dated(metadata: Metadata) -> dict[Source, datetime | None]:
    return {each.source: each.wall for each in metadata.candidates}


@pytest.mark.parametrize(
    ("fmt", "source"),
    [
        ("mp4", Source.MOVIE_HEADER),
        ("mov", Source.MOVIE_HEADER),
        ("matroska", Source.MATROSKA),
    ],
)
def test_the_container_tells_a_moment_in_utc(read: Read, fmt: str, source: Source) -> None:
    metadata = read(make.film(NEW_YEAR, fmt=fmt))
    assert metadata.verdict is Medium.YES
    (found,) = metadata.candidates
    assert (found.source, found.wall, found.form) == (source, WALL, Form.INSTANT)
    assert metadata.duration_seconds == pytest.approx(1.0, abs=0.3)
    assert (metadata.width, metadata.height) == (64, 48)


@pytest.mark.parametrize("fmt", ["mp4", "mov"])
def test_apples_key_beats_the_container(read: Read, fmt: str) -> None:
    metadata = read(make.film(NEW_YEAR, keys="2024-12-31T23:30:00-0800", fmt=fmt))
    capture = choose(metadata.candidates, NOW)
    assert (capture.day, capture.offset_minutes) == (date(2024, 12, 31), -480)
    assert [each.why for each in capture.judged] == [Reason.FIRST_BELIEVABLE, Reason.SAME_MOMENT]


def test_an_unset_clock_is_told_and_not_believed(read: Read) -> None:
    capture = choose(read(make.film(None)).candidates, NOW)
    assert capture.day is None
    assert [each.why for each in capture.judged] == [Reason.EPOCH]


def test_a_track_is_asked_when_the_movie_has_no_time(read: Read) -> None:
    whole = make.film(NEW_YEAR)
    at = whole.index(b"mvhd") + 8
    capture = choose(read(whole[:at] + bytes(4) + whole[at + 4 :]).candidates, NOW)
    assert (capture.source, capture.day) == (Source.TRACK_HEADER, date(2025, 1, 1))


def test_apples_identifier_is_found(read: Read) -> None:
    assert read(make.film(identifier="ABC-1", fmt="mov")).content_identifier == "ABC-1"


def test_sound_alone_is_no_film(read: Read) -> None:
    disguised = make.sound().replace(b"M4A ", b"isom")
    assert read(disguised).verdict is Medium.NO


def test_boxes_without_a_film_are_no_film(read: Read) -> None:
    assert read(b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08free").verdict is Medium.NO


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_cut_film_is_kept_and_its_container_distrusted(read: Read, tenths: int) -> None:
    whole = make.film(NEW_YEAR, seconds=3)
    metadata = read(whole[: len(whole) * tenths // 10])
    assert metadata.is_distrusted
    assert metadata.verdict is not Medium.NO
    assert choose(metadata.candidates, NOW).day is None


@pytest.mark.parametrize(
    "junk", [b"\0" * 3, b"\0" * 100, b"\xff" * 100, b"trailing words of a maker"]
)
def test_bytes_after_the_last_box_are_harmless(read: Read, junk: bytes) -> None:
    metadata = read(make.film(NEW_YEAR) + junk)
    assert not metadata.is_distrusted


def test_a_table_that_claims_too_much_is_seen_before_mediainfo_spins_on_it() -> None:
    # The walk alone: a reader without it would not come back from this file.
    data = hostile.endless_table()
    assert boxes.walk(io.BytesIO(data), len(data)).is_impossible
    whole = make.film()
    assert not boxes.walk(io.BytesIO(whole), len(whole)).is_impossible


def test_the_day_of_itunes_is_read_and_a_bare_year_refused(read: Read) -> None:
    def tagged(text: str) -> bytes:
        whole = make.film(NEW_YEAR)
        value = struct.pack(">HH", len(text), 0) + text.encode()
        day = struct.pack(">I", 8 + len(value)) + b"\xa9day" + value
        user = struct.pack(">I", 8 + len(day)) + b"udta" + day
        at = whole.index(b"moov") - 4
        size = int.from_bytes(whole[at : at + 4], "big")
        assert at + size == len(whole)
        return whole[:at] + struct.pack(">I", size + len(user)) + whole[at + 4 :] + user

    full = choose(read(tagged("2024-12-31T23:30:00-0800")).candidates, NOW)
    assert (full.source, full.day) == (Source.QUICKTIME_DAY, date(2024, 12, 31))
    bare = choose(read(tagged("2024")).candidates, NOW)
    assert (bare.source, bare.judged[0].why) == (Source.MOVIE_HEADER, Reason.BARE_YEAR)


def test_the_recording_date_of_avi_is_read(read: Read) -> None:
    plain = make.film(fmt="avi")
    text = b"Sat Jan 21 16:39:30 2006\n\0"
    chunk = b"IDIT" + struct.pack("<I", len(text)) + text
    at = plain.index(b"hdrl") - 8
    size = int.from_bytes(plain[at + 4 : at + 8], "little")
    end = at + 8 + size
    data = (
        plain[: at + 4]
        + struct.pack("<I", size + len(chunk))
        + plain[at + 8 : end]
        + chunk
        + plain[end:]
    )
    assert dated(read(data)) == {Source.AVI_IDIT: datetime(2006, 1, 21, 16, 39, 30)}


def test_the_date_inside_avchd_is_read() -> None:
    entries = bytes([0x18, 0x02, 0x20, 0x08, 0x12]) + bytes([0x19, 0x31, 0x23, 0x16, 0x24])
    found = scan.mdpm(bytes(100) + b"MDPM" + bytes([2]) + entries + bytes(50))
    assert found is not None
    assert (found.wall, found.offset_minutes) == (datetime(2008, 12, 31, 23, 16, 24), 60)


@pytest.mark.parametrize("tail", [b"", b"\2", b"\2\x18\x02\x20", b"\xff" * 600])
def test_a_broken_avchd_date_is_none(tail: bytes) -> None:
    found = scan.mdpm(b"MDPM" + tail)
    assert found is None or found.wall is None


def test_sonys_xml_is_read() -> None:
    text = b'<CreationDate value="2019-04-24T22:24:00+02:00"/>'
    found = scan.sony_xml(scan.Ends(b"", bytes(10) + text))
    assert found is not None
    assert (found.wall, found.offset_minutes) == (datetime(2019, 4, 24, 22, 24), 120)

"""What is read out of pictures."""

# ruff: noqa: DTZ001 - a wall clock has no zone
import io
import struct
import zlib
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from daydrop.capturedate.candidate import Form, Source
from daydrop.capturedate.metadata import Medium, Metadata
from daydrop.media import kinds as media
from tests import media as make

Read = Callable[..., Metadata]
TAKEN = datetime(2024, 12, 31, 23, 45, 10)


def dated(metadata: Metadata) -> dict[Source, tuple[datetime | None, int | None]]:
    return {each.source: (each.wall, each.offset_minutes) for each in metadata.candidates}


def packet(inside: str) -> str:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{inside}</rdf:RDF></x:xmpmeta>'


def with_exif(fill: Callable[[Image.Exif], None]) -> bytes:
    exif = Image.Exif()
    fill(exif)
    target = io.BytesIO()
    Image.new("RGB", (8, 8)).save(target, "JPEG", exif=exif.tobytes())
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        make.photo(TAKEN, "-08:00"),
        make.photo(TAKEN, "-08:00", fmt="WEBP"),
        make.photo(TAKEN, "-08:00", fmt="TIFF"),
        make.heic(TAKEN, "-08:00"),
        make.raw(TAKEN, "-08:00"),
    ],
    ids=["jpeg", "webp", "tiff", "heic", "raw"],
)
def test_the_original_date_comes_with_its_offset(read: Read, data: bytes) -> None:
    metadata = read(data, "a.jpg")
    assert metadata.verdict is Medium.YES
    assert dated(metadata)[Source.EXIF_ORIGINAL] == (TAKEN, -480)
    assert metadata.candidates[0].form is Form.ZONED


def test_exif_of_a_png_is_found_behind_the_pixels(read: Read) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2021:03:04 05:06:07"
    blob = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = (
        struct.pack(">I", len(blob))
        + b"eXIf"
        + blob
        + struct.pack(">I", zlib.crc32(b"eXIf" + blob))
    )
    plain = make.png(None)
    data = plain[:-12] + chunk + plain[-12:]
    assert dated(read(data))[Source.EXIF_ORIGINAL][0] == datetime(2021, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("text", "offset"),
    [("Tue, 04 Feb 2020 10:20:30 +0100", 60), ("2020:02:04 10:20:30", None)],
)
def test_the_creation_time_of_a_png_is_read(read: Read, text: str, offset: int | None) -> None:
    metadata = read(make.png(None, texts=(("Creation Time", text), ("Title", "2001:01:01"))))
    assert dated(metadata) == {Source.PNG_TEXT: (datetime(2020, 2, 4, 10, 20, 30), offset)}


def test_the_edit_time_of_a_png_never_counts(read: Read) -> None:
    plain = make.png(None)
    stamp = struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5)
    chunk = struct.pack(">I", 7) + b"tIME" + stamp + struct.pack(">I", zlib.crc32(b"tIME" + stamp))
    assert read(plain[:33] + chunk + plain[33:]).candidates == ()


@pytest.mark.parametrize("is_element", [True, False])
@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("exif:DateTimeOriginal", Source.XMP_ORIGINAL),
        ("photoshop:DateCreated", Source.XMP_PHOTOSHOP),
        ("xmp:CreateDate", Source.XMP_CREATED),
        ("xap:CreateDate", Source.XMP_CREATED),
        ("exif:DateTimeDigitized", Source.XMP_DIGITIZED),
    ],
)
def test_xmp_is_read_as_attribute_and_element(
    read: Read, field: str, source: Source, *, is_element: bool
) -> None:
    text = "2012-10-09T08:07:06+02:00"
    inside = f"<{field}>{text}</{field}>" if is_element else f'<rdf:Description {field}="{text}"/>'
    metadata = read(make.photo(None, xmp=packet(inside)))
    assert dated(metadata) == {source: (datetime(2012, 10, 9, 8, 7, 6), 120)}


@pytest.mark.parametrize("field", ["xmp:ModifyDate", "xmp:MetadataDate", "stEvt:when"])
def test_edit_dates_of_xmp_never_count(read: Read, field: str) -> None:
    inside = f'<rdf:Description {field}="2012-10-09T08:07:06"/>'
    assert read(make.photo(None, xmp=packet(inside))).candidates == ()


def test_xmp_in_a_gif_is_found(read: Read) -> None:
    target = io.BytesIO()
    Image.new("P", (4, 4)).save(target, "GIF")
    inside = packet('<rdf:Description xmp:CreateDate="2008-05-06T07:08:09"/>').encode()
    block = b"\x21\xff\x0bXMP DataXMP" + inside + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    plain = target.getvalue()
    metadata = read(plain[:-1] + block + plain[-1:])
    assert dated(metadata)[Source.XMP_CREATED][0] == datetime(2008, 5, 6, 7, 8, 9)


def test_iptc_joins_date_and_time(read: Read) -> None:
    fields = b"".join(
        b"\x1c\x02" + bytes([tag]) + struct.pack(">H", len(value)) + value
        for tag, value in ((55, b"20100807"), (60, b"060504+0200"), (62, b"20090706"))
    )
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(fields)) + fields
    resource += b"\0" * (len(fields) % 2)
    segment = b"Photoshop 3.0\0" + resource
    jpeg = make.photo(None)
    data = jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]
    metadata = read(data)
    assert dated(metadata) == {
        Source.IPTC_CREATED: (datetime(2010, 8, 7, 6, 5, 4), 120),
        Source.IPTC_DIGITAL: (datetime(2009, 7, 6), None),
    }
    assert metadata.candidates[1].day_only


def test_the_satellites_time_is_an_instant(read: Read) -> None:
    def fill(exif: Image.Exif) -> None:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSDateStamp] = "2022:02:22"
        gps[ExifTags.GPS.GPSTimeStamp] = (21.0, 20.0, 19.0)

    (found,) = read(with_exif(fill)).candidates
    assert (found.source, found.form) == (Source.GPS, Form.INSTANT)
    assert found.wall == datetime(2022, 2, 22, 21, 20, 19)


def test_a_satellites_day_without_a_time_says_too_little(read: Read) -> None:
    def fill(exif: Image.Exif) -> None:
        exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSDateStamp] = "2022:02:22"

    assert read(with_exif(fill)).candidates == ()


def test_broken_satellites_hide_no_other_date(read: Read) -> None:
    def fill(exif: Image.Exif) -> None:
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details[ExifTags.Base.DateTimeOriginal] = "2015:06:01 18:00:00"
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSDateStamp] = "2022:02:22"
        gps[ExifTags.GPS.GPSTimeStamp] = (1.0, 2.0, 3.0)

    data = with_exif(fill)
    at = data.index(struct.pack(">HHI", ExifTags.GPS.GPSTimeStamp, 5, 3)) + 8
    broken = data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]
    assert dated(read(broken))[Source.EXIF_ORIGINAL][0] == datetime(2015, 6, 1, 18, 0, 0)


def test_exif_of_jpeg_xl_is_found(read: Read) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2018:02:21 12:08:56"
    blob = bytes(4) + exif.tobytes().removeprefix(b"Exif\0\0")
    head = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    data = head + struct.pack(">I", 8 + len(blob)) + b"Exif" + blob
    metadata = read(data)
    assert metadata.verdict is Medium.UNKNOWN
    assert dated(metadata)[Source.EXIF_ORIGINAL][0] == datetime(2018, 2, 21, 12, 8, 56)


def test_each_date_takes_its_own_offset(read: Read) -> None:
    def fill(exif: Image.Exif) -> None:
        exif[ExifTags.Base.DateTime] = "2024:01:01 10:00:00"
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details[ExifTags.Base.DateTimeOriginal] = "2015:06:01 18:00:00"
        details[ExifTags.Base.OffsetTime] = "+09:00"

    found = dated(read(with_exif(fill)))
    assert found[Source.EXIF_ORIGINAL][1] is None
    assert found[Source.EXIF_MODIFIED][1] == 540


def test_edges_are_those_seen_after_turning(read: Read) -> None:
    lying = read(make.photo(edges=(48, 32)))
    standing = read(make.photo(edges=(48, 32), orientation=6))
    assert (lying.width, lying.height) == (48, 32)
    assert (standing.width, standing.height) == (32, 48)


def test_apples_identifier_is_found(read: Read) -> None:
    assert read(make.photo(identifier="ABC-1")).content_identifier == "ABC-1"
    assert read(make.heic(identifier="ABC-2")).content_identifier == "ABC-2"
    assert read(make.photo()).content_identifier is None


@pytest.mark.parametrize("head", [b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"])
def test_exif_inside_raw_files_is_found_by_looking(read: Read, head: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2018:02:21 12:08:56"
    metadata = read(head + bytes(200) + exif.tobytes() + bytes(2000))
    assert metadata.verdict is Medium.UNKNOWN
    assert dated(metadata) == {Source.EXIF_ORIGINAL: (datetime(2018, 2, 21, 12, 8, 56), None)}


def test_exif_of_a_photoshop_file_is_found(read: Read) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2018:02:21 12:08:56"
    blob = exif.tobytes().removeprefix(b"Exif\0\0")
    resource = b"8BIM\x04\x22\0\0" + struct.pack(">I", len(blob)) + blob
    header = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 4, 4, 8, 3)
    data = header + bytes(4) + struct.pack(">I", len(resource)) + resource + bytes(200)
    assert dated(read(data))[Source.EXIF_ORIGINAL][0] == datetime(2018, 2, 21, 12, 8, 56)


def test_a_dated_picture_inside_an_undated_one_lends_it_no_date(read: Read) -> None:
    assert read(make.photo(None) + make.photo(TAKEN)).candidates == ()


def test_a_camera_file_cut_before_its_pixels_is_kept_with_its_date(read: Read) -> None:
    data = make.photo(TAKEN)
    metadata = read(data[: data.index(b"\xff\xdb")])
    assert metadata.verdict is Medium.UNKNOWN
    assert dated(metadata)[Source.EXIF_ORIGINAL][0] == TAKEN


def test_what_pillow_should_open_and_cannot_is_no_picture(read: Read) -> None:
    assert read(b"\xff\xd8\xff" + bytes(500)).verdict is Medium.NO
    assert read(b"GIF89a").verdict is Medium.NO


def test_a_picture_cut_in_its_pixels_keeps_its_date(read: Read) -> None:
    data = make.photo(TAKEN)
    metadata = read(data[: len(data) * 9 // 10])
    assert metadata.verdict is Medium.YES
    assert dated(metadata)[Source.EXIF_ORIGINAL][0] == TAKEN


WHOLE = [
    make.photo(
        TAKEN, "-08:00", identifier="ABC-1", xmp=packet('<a exif:DateTimeOriginal="2012"/>')
    ),
    make.photo(TAKEN, fmt="TIFF", identifier="ABC-1"),
    make.photo(TAKEN, fmt="WEBP"),
    make.png(TAKEN, texts=(("Creation Time", "2020:01:01 00:00:00"),)),
]
CHANGES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(WHOLE), CHANGES)
def test_damage_anywhere_upsets_no_reader(
    read: Read, whole: bytes, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(whole)
    for at, value in changes:
        data[at % len(data)] = value
    kind = media.sniff(bytes(data[: media.HEAD_BYTES]))
    if kind is not None and kind.kind is media.Kind.IMAGE:
        assert isinstance(read(bytes(data)), Metadata)

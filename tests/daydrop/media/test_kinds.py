"""Kinds come from bytes; names are only on the list or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daydrop.media import kinds as media
from daydrop.media.kinds import Kind, extension, kind_by_name, sniff
from tests import media as make

MADE = [
    (make.photo(), media.JPEG),
    (make.photo(fmt="WEBP"), media.WEBP),
    (make.photo(fmt="TIFF"), media.TIFF),
    (make.png(), media.PNG),
    (make.heic(), media.HEIC),
    (make.film(), media.MP4),
    (make.film(fmt="mov"), media.MOV),
    (make.film(fmt="matroska"), media.MKV),
    (make.film(fmt="webm", codec="libvpx"), media.WEBM),
    (make.film(fmt="avi"), media.AVI),
    (make.film(fmt="mpegts"), media.MPEG_TS),
]
STRANGERS = {
    "nothing": b"",
    "one byte": b"\xff",
    "html": b"<!DOCTYPE html><html><script>alert(1)</script>",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04" + bytes(60),
    "program": b"\x7fELF" + bytes(60),
    "windows program": b"MZ" + bytes(200),
    "php": b"<?php system($_GET[0]); ?>",
    "text": b"The free encyclopedia, which anyone can edit." * 20,
    "html that begins with BM": b"BM<html><script>alert(1)</script></html>",
    "wave sound": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "mp3 sound": b"ID3\x04" + bytes(60),
    "ogg sound": b"OggS\x00\x02" + bytes(20) + b"\x01vorbis",
    "m4a sound": make.sound(),
    "text of G": b"G" * 300,
}


@pytest.mark.parametrize(("data", "expected"), MADE, ids=[each.name for _, each in MADE])
def test_the_first_bytes_tell_the_format(data: bytes, expected: media.MediaType) -> None:
    assert sniff(data[: media.HEAD_BYTES]) == expected


@pytest.mark.parametrize("data", STRANGERS.values(), ids=STRANGERS.keys())
def test_what_is_no_medium_is_nothing(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(
    ("brands", "expected"),
    [
        (b"heic", media.HEIC),
        (b"avif", media.AVIF),
        (b"avis", media.AVIF),
        (b"mif1\0\0\0\0mif1avif", media.AVIF),
        (b"mif1\0\0\0\0mif1heic", media.HEIC),
        (b"mif1\0\0\0\0mif1", media.HEIF),
        (b"crx ", media.CR3),
        (b"qt  ", media.MOV),
        (b"3gp5", media.GPP),
        (b"3g2a", media.GPP2),
        (b"isom", media.MP4),
        (b"M4A ", None),
        (b"M4B ", None),
    ],
)
def test_the_brand_of_ftyp_decides(brands: bytes, expected: media.MediaType | None) -> None:
    box = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands
    assert sniff(box + b"\0\0\0\x08free") == expected


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x08wide\0\0\x10\0mdat",
        b"\0\0\0\x20moov\0\0\0\x18mvhd",
        b"\0\0\0\x10free" + bytes(8) + b"\0\0\1\0moov",
    ],
)
def test_an_old_film_needs_no_ftyp(head: bytes) -> None:
    assert sniff(head) == media.MOV


def test_a_bitmap_needs_a_header_of_known_size() -> None:
    header = b"BM" + (100).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    assert sniff(header + (40).to_bytes(4, "little") + bytes(40)) == media.BMP
    assert sniff(header + (41).to_bytes(4, "little") + bytes(40)) is None


def test_a_film_called_jpg_is_a_film() -> None:
    assert kind_by_name("IMG_1.jpg") is Kind.IMAGE
    found = sniff(make.film()[: media.HEAD_BYTES])
    assert found is not None
    assert found.kind is Kind.VIDEO


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_1.JPG", "jpg"),
        ("a.b.heic", "heic"),
        ("noextension", ""),
        (".jpg", ""),
        ("dot.", ""),
        ("", ""),
    ],
)
def test_an_extension_is_what_follows_the_last_dot(name: str, expected: str) -> None:
    assert extension(name) == expected


@pytest.mark.parametrize("name", ["a.svg", "a.pdf", "a.html", "a.mp3", "a.m4a", "a.exe", "a"])
def test_other_names_promise_nothing(name: str) -> None:
    assert kind_by_name(name) is None


@pytest.mark.parametrize("name", ["a.CR3", "a.dng", "a.psd", "a.jxl"])
def test_raw_files_count_as_images(name: str) -> None:
    assert kind_by_name(name) is Kind.IMAGE


@given(st.binary(max_size=512))
def test_no_bytes_upset_the_sniffer(head: bytes) -> None:
    sniff(head)


@given(st.sampled_from([data for data, _ in MADE]), st.integers(min_value=0, max_value=200))
def test_a_short_head_is_no_other_medium(data: bytes, length: int) -> None:
    whole = sniff(data[: media.HEAD_BYTES])
    assert whole is not None
    found = sniff(data[:length])
    assert found is None or found.kind == whole.kind

"""Previews: small, upright, without metadata."""

import io
from datetime import UTC, datetime

import pytest
from PIL import Image, ImageCms

from daydrop.media import kinds as media
from daydrop.readers.drawing import EDGES, NotDrawableError, draw
from tests import hostile
from tests import media as make


def drawn(data: bytes, kind: media.MediaType, edge: int = 320) -> Image.Image:
    picture = Image.open(io.BytesIO(draw(io.BytesIO(data), kind, [edge])[0]))
    picture.load()
    return picture


@pytest.mark.parametrize("edge", EDGES)
def test_the_longer_edge_is_as_asked(edge: int) -> None:
    picture = drawn(make.photo(edges=(2000, 1000)), media.JPEG, edge)
    assert (picture.format, picture.size) == ("WEBP", (edge, edge // 2))


def test_a_small_picture_is_not_blown_up() -> None:
    assert drawn(make.photo(edges=(48, 32)), media.JPEG).size == (48, 32)


def test_several_sizes_come_from_one_decoding() -> None:
    small, large = draw(io.BytesIO(make.photo(edges=(2000, 1000))), media.JPEG, EDGES)
    assert Image.open(io.BytesIO(small)).size == (320, 160)
    assert Image.open(io.BytesIO(large)).size == (640, 320)


def _quarters(orientation: int) -> bytes:
    """A picture whose left half is red as stored, with an orientation."""
    picture = Image.new("RGB", (400, 200), "blue")
    picture.paste("red", (0, 0, 200, 200))
    exif = Image.Exif()
    exif[0x0112] = orientation
    target = io.BytesIO()
    picture.save(target, "JPEG", exif=exif.tobytes())
    return target.getvalue()


@pytest.mark.parametrize(
    ("orientation", "size", "red_at", "blue_at"),
    [
        (1, (320, 160), (10, 80), (310, 80)),
        (3, (320, 160), (310, 80), (10, 80)),
        (6, (160, 320), (80, 10), (80, 310)),
        (8, (160, 320), (80, 310), (80, 10)),
    ],
)
def test_pictures_stand_upright(
    orientation: int, size: tuple[int, int], red_at: tuple[int, int], blue_at: tuple[int, int]
) -> None:
    picture = drawn(_quarters(orientation), media.JPEG).convert("RGB")
    assert picture.size == size
    red, _, _ = picture.getpixel(red_at)
    _, _, blue = picture.getpixel(blue_at)
    assert red > 200
    assert blue > 200


def test_no_metadata_is_left() -> None:
    packet = '<x:xmpmeta xmlns:x="adobe:ns:meta/">secret place</x:xmpmeta>'
    data = make.photo(xmp=packet, identifier="SECRET-1")
    preview = draw(io.BytesIO(data), media.JPEG, [320])[0]
    assert not {b"EXIF", b"XMP ", b"ICCP"} & {preview[at : at + 4] for at in range(len(preview))}
    assert b"secret" not in preview.lower()


def test_colours_of_another_profile_become_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    target = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 100, 50)).save(target, "JPEG", icc_profile=lab, quality=95)
    red, green, blue = drawn(target.getvalue(), media.JPEG).convert("RGB").getpixel((30, 30))
    assert abs(red - 200) < 8
    assert abs(green - 100) < 8
    assert abs(blue - 50) < 8


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "RGB"])
def test_every_mode_of_png_can_be_drawn(mode: str) -> None:
    target = io.BytesIO()
    Image.new(mode, (64, 48)).save(target, "PNG")
    assert drawn(target.getvalue(), media.PNG).size == (64, 48)


def test_a_jpeg_of_a_printer_can_be_drawn() -> None:
    target = io.BytesIO()
    Image.new("CMYK", (64, 48)).save(target, "JPEG")
    assert drawn(target.getvalue(), media.JPEG).size == (64, 48)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (make.heic(), media.HEIC),
        (make.photo(fmt="WEBP"), media.WEBP),
        (make.raw(), media.TIFF),
        (make.film(), media.MP4),
        (make.film(fmt="mov"), media.MOV),
        (make.film(fmt="matroska"), media.MKV),
        (make.film(fmt="avi"), media.AVI),
        (make.film(fmt="mpegts"), media.MPEG_TS),
        (make.film(fmt="webm", codec="libvpx"), media.WEBM),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_kind_has_a_preview(data: bytes, kind: media.MediaType) -> None:
    assert max(drawn(data, kind).size) in {48, 64}


def test_a_type_out_of_the_catalogue_is_the_same_type() -> None:
    kind = media.MediaType(media.Kind.VIDEO, "video/mp4")
    assert max(drawn(make.film(), kind).size) == 64


def test_the_jpeg_inside_a_raw_file_is_drawn() -> None:
    data = b"FUJIFILMCCD-RAW " + bytes(500) + make.photo(edges=(400, 200)) + bytes(500)
    assert drawn(data, media.RAF).size == (320, 160)


def test_a_raw_file_shows_its_jpeg_and_not_its_thumbnail() -> None:
    data = make.raw(datetime(2024, 5, 17, tzinfo=UTC)) + make.photo(edges=(400, 200))
    assert drawn(data, media.TIFF).size == (320, 160)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\x0a" + bytes(50), media.JXL),
        (b"\xff\xd8\xff" + bytes(50), media.JPEG),
        (make.film()[:300], media.MP4),
        (make.sound().replace(b"M4A ", b"isom"), media.MP4),
        (hostile.giant_png(), media.PNG),
        (hostile.giant_jpeg(), media.JPEG),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", media.MP4),
    ],
)
def test_what_cannot_be_drawn_is_said(data: bytes, kind: media.MediaType) -> None:
    with pytest.raises(NotDrawableError):
        draw(io.BytesIO(data), kind, [320])

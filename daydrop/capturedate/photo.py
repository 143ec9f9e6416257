"""Reads a photo: is it one, how large, and the dates of EXIF, XMP, IPTC and PNG texts.

No pixel is decoded. What Pillow cannot open gets a bounded look at its head and tail.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import pillow_heif
from PIL import ExifTags, Image, UnidentifiedImageError

from daydrop.capturedate import exif, iptc, png, scan, xmp
from daydrop.capturedate.candidate import Candidate
from daydrop.capturedate.metadata import Medium, Metadata
from daydrop.media.kinds import (
    AVIF,
    BMP,
    GIF,
    HEIC,
    HEIF,
    JPEG,
    PNG,
    RAW,
    TIFF,
    WEBP,
    MediaType,
    extension,
)

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PSD", "JPEG2000", "AVIF", "HEIF")
MUST_OPEN = frozenset({JPEG, PNG, GIF, WEBP, BMP})
READ_WHOLE = frozenset({WEBP, AVIF, HEIC, HEIF})  # their readers take all bytes into memory
READ_WHOLE_MOST = 128 * 1024 * 1024
TURNED = frozenset({5, 6, 7, 8})  # orientations that swap width and height
XMP_TAG = 700

pillow_heif.register_heif_opener()


@dataclass
class _Found:
    """What has been gathered so far from one file."""

    candidates: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    width: int | None = None
    height: int | None = None
    identifier: str | None = None
    camera: str | None = None
    has_exif: bool = False
    has_xmp: bool = False

    def add(self, found: Iterable[Candidate]) -> None:
        self.candidates.extend(found)


def read(file: BinaryIO, size: int, name: str, media: MediaType) -> Metadata:
    """Read a file that was sniffed as a photo. Raises MemoryError where memory is limited."""
    found = _Found()
    verdict = _open(file, size, name, media, found)
    if media == PNG:
        _read_png(file, found)
    is_known_well = verdict is Medium.YES and media in MUST_OPEN
    if not found.has_exif or not found.has_xmp:
        _scan(file, size, found, has_all_exif=is_known_well)
    if verdict is Medium.NO and found.has_exif:
        verdict = Medium.UNKNOWN  # a camera's file, cut before its pixels
    return Metadata(
        verdict=verdict,
        width=found.width,
        height=found.height,
        candidates=tuple(dict.fromkeys(found.candidates)),
        content_identifier=found.identifier,
        camera=found.camera,
        notes=tuple(found.notes),
    )


def _open(file: BinaryIO, size: int, name: str, media: MediaType, found: _Found) -> Medium:
    """Let Pillow open the photo and gather what it found."""
    if media in READ_WHOLE and size > READ_WHOLE_MOST:
        found.notes.append("too large to be opened")
        return Medium.UNKNOWN
    file.seek(0)
    try:
        picture = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        found.notes.append("too many pixels to be opened")
        return Medium.YES
    except UnidentifiedImageError:
        found.notes.append("could not be opened")
        return Medium.NO if media in MUST_OPEN else Medium.UNKNOWN
    except (*exif.BROKEN, MemoryError) as problem:
        found.notes.append(f"could not be opened: {type(problem).__name__}")
        return Medium.UNKNOWN
    with picture:
        _read_picture(picture, name, media, found)
    return Medium.YES


def _read_picture(picture: Image.Image, name: str, media: MediaType, found: _Found) -> None:
    found.width, found.height = picture.size
    if media != PNG:  # Pillow would decode the pixels to look behind them
        try:
            tags = picture.getexif()
        except exif.BROKEN as problem:
            found.notes.append(f"EXIF could not be read: {type(problem).__name__}")
        else:
            _read_exif(tags, found)
    if media == TIFF and extension(name) in RAW:
        found.width = found.height = None  # the first directory holds a thumbnail
    packet = _packet(picture)
    if packet is not None:
        found.has_xmp = True
        found.add(xmp.dates(packet))
    try:
        found.add(iptc.dates(picture))
    except exif.BROKEN as problem:
        found.notes.append(f"IPTC could not be read: {type(problem).__name__}")


def _read_exif(tags: Image.Exif, found: _Found) -> None:
    """Gather what EXIF says; what is broken in it must not hide what came before."""
    try:
        for dated in exif.dates(tags):
            found.has_exif = True
            found.candidates.append(dated)
    except exif.BROKEN as problem:
        found.notes.append(f"EXIF could not be read: {type(problem).__name__}")
    try:
        found.identifier = found.identifier or exif.content_identifier(tags)
    except exif.BROKEN as problem:
        found.notes.append(f"maker note could not be read: {type(problem).__name__}")
    found.camera = found.camera or exif.camera(tags)
    if tags.get(ExifTags.Base.Orientation) in TURNED:
        found.width, found.height = found.height, found.width


def _read_png(file: BinaryIO, found: _Found) -> None:
    chunks = png.chunks(file)
    found.add(chunks.texts)
    if chunks.xmp is not None:
        found.has_xmp = True
        found.add(xmp.dates(chunks.xmp))
    if chunks.exif is not None:
        _read_blob(chunks.exif, found)


def _read_blob(blob: bytes, found: _Found) -> None:
    try:
        tags = exif.load(blob)
    except exif.BROKEN as problem:
        found.notes.append(f"EXIF could not be read: {type(problem).__name__}")
        return
    _read_exif(tags, found)


def _scan(file: BinaryIO, size: int, found: _Found, *, has_all_exif: bool) -> None:
    """Look at head and tail for what is still missing.

    `has_all_exif`: more of it could only be that of a photo within the photo.
    """
    both = scan.ends(file, size)
    if not found.has_exif and not has_all_exif:
        for blob in scan.exif_blobs(both.head):
            _read_blob(blob, found)
    if not found.has_xmp:
        found.add(_scanned_xmp(both))


def _scanned_xmp(both: scan.Ends) -> Iterator[Candidate]:
    packet = scan.xmp_packet(both)
    if packet is not None:
        yield from xmp.dates(packet)


def _packet(picture: Image.Image) -> str | None:
    """Take the XMP packet from where Pillow leaves it for this format."""
    for key in ("xmp", "XML:com.adobe.xmp"):
        packet = picture.info.get(key)
        if packet:
            return packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
    tags = getattr(picture, "tag_v2", None)
    packet = tags.get(XMP_TAG) if tags is not None else None
    return packet.decode("utf-8", "replace") if isinstance(packet, bytes) else None

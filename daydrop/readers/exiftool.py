"""Asks exiftool, where the machine has it, for the dates the other readers could not find.

Runs inside a worker process, one program for one file; only tags of the rule are asked for.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from daydrop.capturedate.candidate import Candidate, Form, Source
from daydrop.capturedate.datetext import candidate, understand
from daydrop.media.kinds import Kind, MediaType
from daydrop.readers.confinement import die_with_parent

SECONDS_MOST = 6.0
ANSWER_MOST = 64 * 1024

_IMAGE_TAGS: tuple[tuple[Source, str, str | None], ...] = (
    (Source.EXIF_ORIGINAL, "ExifIFD:DateTimeOriginal", "ExifIFD:OffsetTimeOriginal"),
    (Source.EXIF_ORIGINAL, "IFD0:DateTimeOriginal", "IFD0:OffsetTimeOriginal"),
    (Source.EXIF_ORIGINAL, "CanonRaw:DateTimeOriginal", None),
    (Source.EXIF_DIGITIZED, "ExifIFD:CreateDate", "ExifIFD:OffsetTimeDigitized"),
    (Source.XMP_ORIGINAL, "XMP-exif:DateTimeOriginal", None),
    (Source.XMP_PHOTOSHOP, "XMP-photoshop:DateCreated", None),
    (Source.XMP_CREATED, "XMP-xmp:CreateDate", None),
    (Source.XMP_DIGITIZED, "XMP-exif:DateTimeDigitized", None),
    (Source.PNG_TEXT, "PNG:CreationTime", None),
    (Source.EXIF_MODIFIED, "IFD0:ModifyDate", "ExifIFD:OffsetTime"),
)
_FILM_TAGS: tuple[tuple[Source, str, str | None], ...] = (
    (Source.QUICKTIME_KEY, "Keys:CreationDate", None),
    (Source.UDTA_ORIGINAL, "UserData:DateTimeOriginal", None),
    (Source.QUICKTIME_DAY, "UserData:ContentCreateDate", None),
    (Source.QUICKTIME_DAY, "ItemList:ContentCreateDate", None),
    (Source.SONY_XML, "XML:CreationDateValue", None),
    (Source.EXIF_ORIGINAL, "ExifIFD:DateTimeOriginal", "ExifIFD:OffsetTimeOriginal"),
    (Source.AVI_IDIT, "RIFF:DateTimeOriginal", None),
    (Source.H264_MDPM, "H264:DateTimeOriginal", None),
    (Source.XMP_ORIGINAL, "XMP-exif:DateTimeOriginal", None),
    (Source.XMP_PHOTOSHOP, "XMP-photoshop:DateCreated", None),
    (Source.RIFF_ICRD, "RIFF:DateCreated", None),
    (Source.XMP_CREATED, "XMP-xmp:CreateDate", None),
)
_INSTANTS = (
    (Source.MOVIE_HEADER, "QuickTime:CreateDate"),
    (Source.TRACK_HEADER, "Track1:MediaCreateDate"),
    (Source.MATROSKA, "Matroska:DateTimeOriginal"),
    (Source.ASF, "ASF:CreationDate"),
)
_JOINED = (
    (Source.IPTC_CREATED, "IPTC:DateCreated", "IPTC:TimeCreated"),
    (Source.IPTC_DIGITAL, "IPTC:DigitalCreationDate", "IPTC:DigitalCreationTime"),
    (Source.GPS, "GPS:GPSDateStamp", "GPS:GPSTimeStamp"),
)


def read(
    program: Path, file: BinaryIO, media: MediaType, *, is_distrusted: bool
) -> tuple[Candidate, ...]:
    """Run exiftool on an open file. Return nothing when it fails."""
    is_film = media.kind is Kind.VIDEO
    # A video's dates may stand at its end; behind a photo there is nothing worth the reading.
    tags = _ask(program, file, () if is_film else ("-fast",))
    if is_film:
        return (*_plain(tags, _FILM_TAGS), *_instants(tags, is_distrusted=is_distrusted))
    return (*_plain(tags, _IMAGE_TAGS), *_joined(tags))


def _ask(program: Path, file: BinaryIO, options: tuple[str, ...]) -> dict[str, str]:
    number = file.fileno()
    os.lseek(number, 0, os.SEEK_SET)
    command = [str(program), "-j", "-G1", "-a", "-m", *options, "-time:all", "-EXIF:OffsetTime*"]
    try:
        answer = subprocess.run(  # noqa: S603 - the program found at start, no shell, no names of strangers
            [*command, f"/dev/fd/{number}"],
            pass_fds=(number,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS_MOST,
            check=False,
            preexec_fn=die_with_parent,
        )
    except (subprocess.TimeoutExpired, OSError):
        return {}
    return _understood(answer.stdout[:ANSWER_MOST])


def _understood(answer: bytes) -> dict[str, str]:
    try:
        parsed = json.loads(answer)
    except ValueError:
        return {}
    first = parsed[0] if isinstance(parsed, list) and parsed else {}
    return {str(key): str(value) for key, value in first.items()}


def _plain(
    tags: dict[str, str], wanted: tuple[tuple[Source, str, str | None], ...]
) -> Iterator[Candidate]:
    for source, tag, offset_tag in wanted:
        if tag in tags:
            text = tags[tag].removesuffix(" DST")
            yield candidate(source, text, tags.get(offset_tag) if offset_tag else None)


def _joined(tags: dict[str, str]) -> Iterator[Candidate]:
    for source, day, time in _JOINED:
        if day in tags and (time in tags or source is not Source.GPS):
            joined = f"{tags[day]} {tags.get(time, '')}".strip()
            text = joined if understand(joined) else tags[day]
            yield candidate(source, text, is_instant=source is Source.GPS)


def _instants(tags: dict[str, str], *, is_distrusted: bool) -> Iterator[Candidate]:
    for source, tag in _INSTANTS:
        if tag in tags:
            found = candidate(source, tags[tag], is_instant=True)
            yield Candidate(
                source, found.raw, found.wall, None, Form.INSTANT, is_distrusted=is_distrusted
            )

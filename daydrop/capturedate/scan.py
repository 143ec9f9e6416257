"""A bounded look at a file's head and tail, for what no library at hand can open.

RAW files hold an EXIF blob near their start (CR3, RAF, RW2, ORF, MRW), many formats an XMP
packet, AVCHD videos a date inside the H.264 stream.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from daydrop.capturedate.candidate import Candidate, Form, Source
from daydrop.capturedate.datetext import candidate, wall_clock

HEAD_BYTES = 512 * 1024
TAIL_BYTES = 64 * 1024
BLOBS_MOST = 8
PACKET_MOST = 256 * 1024

# Boxes of CR3, the segment of JPEG and the box of JPEG XL, a block of MRW, a resource of PSD.
_BLOB = re.compile(
    rb"(?:CMT[12]|Exif\0\0(?:\0\0)?|\0TTW.{4}|8BIM\x04\x22\0\0.{4})(?=II\*\0|MM\0\*)", re.DOTALL
)
_TIFF_IN_DISGUISE = (b"IIU\0", b"IIRO", b"IIRS")
_PACKET = re.compile(rb"<(?:x:xmpmeta|x:xapmeta|rdf:RDF)\b")
_PACKET_END = re.compile(rb"</(?:x:xmpmeta|x:xapmeta|rdf:RDF)>")
_SONY = re.compile(rb'<CreationDate value="([^"]{8,40})"')

# The H.264 user data of AVCHD: a name, a count, then entries of a tag and four bytes.
_MDPM = b"MDPM"
_MDPM_ENTRY = 5
_MDPM_YEAR, _MDPM_DAY = 0x18, 0x19
_ZONE_HALF, _ZONE_HOURS, _ZONE_WEST, _ZONE_UNKNOWN = 0x01, 0x1E, 0x20, 0x80


@dataclass(frozen=True)
class Ends:
    """The first and last bytes of a file."""

    head: bytes
    tail: bytes


def ends(file: BinaryIO, size: int) -> Ends:
    """Read head and tail, never more, however large the file is."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if size <= len(head):
        return Ends(head, b"")
    file.seek(max(len(head), size - TAIL_BYTES))
    return Ends(head, file.read(TAIL_BYTES))


def exif_blobs(head: bytes) -> Iterator[bytes]:
    """Find what looks like EXIF: each a TIFF file within the file, header first."""
    if head.startswith(_TIFF_IN_DISGUISE):
        yield b"II*\0" + head[4:]
    elif head.startswith(b"MMOR"):
        yield b"MM\0*" + head[4:]
    elif head.startswith((b"II*\0", b"MM\0*")):
        yield head
    for number, match in enumerate(_BLOB.finditer(head)):
        if number == BLOBS_MOST:
            return
        yield head[match.end() :]


def xmp_packet(found: Ends) -> str | None:
    """Find an XMP packet in head or tail, at most 256 KB of it."""
    for part in (found.head, found.tail):
        start = _PACKET.search(part)
        if start is None:
            continue
        end = _PACKET_END.search(part, start.end())
        stop = end.end() if end else start.start() + PACKET_MOST
        packet = part[start.start() : min(stop, start.start() + PACKET_MOST)]
        return packet.decode("utf-8", errors="replace")
    return None


def sony_xml(found: Ends) -> Candidate | None:
    """Find `CreationDateValue` of the XML that Sony puts into its videos."""
    match = _SONY.search(found.tail) or _SONY.search(found.head)
    return candidate(Source.SONY_XML, match[1].decode("latin-1")) if match else None


def mdpm(head: bytes) -> Candidate | None:
    """Find the recording date that AVCHD cameras write into the H.264 stream."""
    at = head.find(_MDPM)
    if at < 0:
        return None
    # 00 00 03 stands for 00 00 in an H.264 stream (ITU-T H.264, 7.4.1).
    data = head[at + len(_MDPM) : at + 1024].replace(b"\0\0\x03", b"\0\0")
    count = data[0] if data else 0
    entries = {
        data[start]: data[start + 1 : start + _MDPM_ENTRY]
        for start in range(1, 1 + count * _MDPM_ENTRY, _MDPM_ENTRY)
        if start + _MDPM_ENTRY <= len(data)
    }
    if _MDPM_YEAR not in entries or _MDPM_DAY not in entries:
        return None
    return _mdpm_candidate(entries[_MDPM_YEAR], entries[_MDPM_DAY])


def _mdpm_candidate(year: bytes, day: bytes) -> Candidate:
    """Read two entries: zone, century, year, month; day, hour, minute, second, all in BCD."""
    digits = f"{year[1:].hex()}{day.hex()}"
    offset = _mdpm_offset(year[0])
    raw = f"{digits[:8]} {digits[8:]}"
    if not digits.isdigit():
        return Candidate(Source.H264_MDPM, raw, None, None, Form.LOCAL)
    wall = wall_clock(
        (int(digits[:4]), int(digits[4:6]), int(digits[6:8])),
        (int(digits[8:10]), int(digits[10:12]), int(digits[12:14])),
    )
    form = Form.LOCAL if offset is None else Form.ZONED
    return Candidate(Source.H264_MDPM, raw, wall, offset, form)


def _mdpm_offset(zone: int) -> int | None:
    if zone & _ZONE_UNKNOWN:
        return None
    minutes = ((zone & _ZONE_HOURS) >> 1) * 60 + (30 if zone & _ZONE_HALF else 0)
    return -minutes if zone & _ZONE_WEST else minutes

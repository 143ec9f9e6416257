"""What kind a file is, judged by its first bytes, and which names are taken at all.

The kind always comes from the bytes: a video named `.jpg` is a video. The name only has to be on
the list of extensions.
"""

from dataclasses import dataclass, field
from enum import StrEnum

HEAD_BYTES = 4096  # as much of a file as `sniff` looks at


class Kind(StrEnum):
    """What a file is to the library."""

    IMAGE = "image"
    VIDEO = "video"
    OTHER = "other"


@dataclass(frozen=True)
class MediaType:
    """A kind, the media type to serve it as, and the format's short name for people.

    The name does not count in comparisons, so that a type out of the catalogue is the same type.
    """

    kind: Kind
    mime: str
    name: str = field(default="", compare=False)


# One string a list: a column of quoted words would hide what is missing.
_IMAGES = "jpg jpeg jpe jfif mpo png apng gif webp heic heif hif avif tif tiff bmp jxl psd"
_RAW = "dng cr2 cr3 crw nef nrw arw sr2 srf raf orf rw2 pef srw x3f mrw iiq 3fr rwl gpr"
_VIDEOS = "mp4 m4v mov qt 3gp 3g2 avi mkv webm mts m2ts ts mpg mpeg wmv asf flv ogv dv insv lrv"
IMAGES = frozenset(_IMAGES.split())
RAW = frozenset(_RAW.split())
VIDEOS = frozenset(_VIDEOS.split())
COMPANIONS = frozenset({"xmp", "aae", "thm", "srt", "json"})

JPEG = MediaType(Kind.IMAGE, "image/jpeg", "JPEG")
PNG = MediaType(Kind.IMAGE, "image/png", "PNG")
GIF = MediaType(Kind.IMAGE, "image/gif", "GIF")
WEBP = MediaType(Kind.IMAGE, "image/webp", "WebP")
BMP = MediaType(Kind.IMAGE, "image/bmp", "BMP")
TIFF = MediaType(Kind.IMAGE, "image/tiff", "TIFF")
PSD = MediaType(Kind.IMAGE, "image/vnd.adobe.photoshop", "PSD")
JXL = MediaType(Kind.IMAGE, "image/jxl", "JPEG XL")
JP2 = MediaType(Kind.IMAGE, "image/jp2", "JPEG 2000")
HEIC = MediaType(Kind.IMAGE, "image/heic", "HEIC")
HEIF = MediaType(Kind.IMAGE, "image/heif", "HEIF")
AVIF = MediaType(Kind.IMAGE, "image/avif", "AVIF")
CR2 = MediaType(Kind.IMAGE, "image/x-canon-cr2", "CR2")
CR3 = MediaType(Kind.IMAGE, "image/x-canon-cr3", "CR3")
CRW = MediaType(Kind.IMAGE, "image/x-canon-crw", "CRW")
RAF = MediaType(Kind.IMAGE, "image/x-fuji-raf", "RAF")
RW2 = MediaType(Kind.IMAGE, "image/x-panasonic-rw2", "RW2")
ORF = MediaType(Kind.IMAGE, "image/x-olympus-orf", "ORF")
MRW = MediaType(Kind.IMAGE, "image/x-minolta-mrw", "MRW")
X3F = MediaType(Kind.IMAGE, "image/x-sigma-x3f", "X3F")
MP4 = MediaType(Kind.VIDEO, "video/mp4", "MP4")
MOV = MediaType(Kind.VIDEO, "video/quicktime", "MOV")
GPP = MediaType(Kind.VIDEO, "video/3gpp", "3GP")
GPP2 = MediaType(Kind.VIDEO, "video/3gpp2", "3G2")
AVI = MediaType(Kind.VIDEO, "video/x-msvideo", "AVI")
MKV = MediaType(Kind.VIDEO, "video/x-matroska", "Matroska")
WEBM = MediaType(Kind.VIDEO, "video/webm", "WebM")
OGV = MediaType(Kind.VIDEO, "video/ogg", "Ogg")
ASF = MediaType(Kind.VIDEO, "video/x-ms-wmv", "WMV")
FLV = MediaType(Kind.VIDEO, "video/x-flv", "FLV")
MPEG = MediaType(Kind.VIDEO, "video/mpeg", "MPEG")
MPEG_TS = MediaType(Kind.VIDEO, "video/mp2t", "MPEG-TS")
DV = MediaType(Kind.VIDEO, "video/dv", "DV")

# Formats built of ISO base media boxes, in which a box can claim more than the file has.
BOXED_FILMS = frozenset({MP4, MOV, GPP, GPP2})

# What browsers show by themselves; everything else is served as a download.
SERVED_INLINE = frozenset(
    media.mime for media in (JPEG, PNG, GIF, WEBP, BMP, AVIF, MP4, MOV, WEBM, OGV)
)

SIGNATURES: tuple[tuple[bytes, MediaType], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"8BPS\x00\x01", PSD),
    (b"8BPS\x00\x02", PSD),
    (b"\xff\x0a", JXL),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", JXL),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", JP2),
    (b"FUJIFILMCCD-RAW", RAF),
    (b"IIU\x00", RW2),
    (b"IIRO", ORF),
    (b"IIRS", ORF),
    (b"MMOR", ORF),
    (b"\x00MRM", MRW),
    (b"FOVb", X3F),
    (b"II\x1a\x00\x00\x00HEAPCCDR", CRW),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00\x08\x00", TIFF),
    (b"MM\x00+\x00\x08", TIFF),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", ASF),
    (b"FLV\x01", FLV),
    (b"\x00\x00\x01\xba", MPEG),
    (b"\x00\x00\x01\xb3", MPEG),
    (b"\x1f\x07\x00\x3f", DV),
    (b"\x1f\x07\x00\xbf", DV),
)

PICTURE_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm"), HEIC),
    **dict.fromkeys((b"avif", b"avis"), AVIF),
    b"crx ": CR3,
}
GENERAL_PICTURE_BRANDS = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})
FILM_BRANDS = ((b"qt  ", MOV), (b"3g2", GPP2), (b"3gp", GPP), (b"3gr", GPP), (b"3gs", GPP))
SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"aax ", b"aaxc"})
BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
BOX_HEADER = 8  # size and name, four bytes each
PADDING_BOXES = frozenset({b"free", b"skip", b"wide", b"pnot"})
PADDING_MOST = 1 << 24  # a larger "size" is text that happens to spell "free"
TS_PACKET = 188
TS_SYNC = 0x47
TS_PROOF = 4  # sync bytes in a row that make a transport stream


def sniff(head: bytes) -> MediaType | None:
    """Tell from the first 4 KB of a file what it is; None for what is no image and no video."""
    for signature, media in SIGNATURES:
        if head.startswith(signature):
            return CR2 if media == TIFF and head[8:10] == b"CR" else media
    return (
        _riff(head)
        or _bitmap(head)
        or _boxes(head)
        or _matroska(head)
        or _ogg(head)
        or _transport_stream(head)
    )


def extension(name: str) -> str:
    """Take the extension off a name: lower case, no dot, "" when there is none."""
    stem, dot, end = name.rpartition(".")
    return end.lower() if stem and dot else ""


def kind_by_name(name: str) -> Kind | None:
    """Tell which kind the extension promises; None when it is not on the list."""
    end = extension(name)
    if end in IMAGES or end in RAW:
        return Kind.IMAGE
    return Kind.VIDEO if end in VIDEOS else None


def _riff(head: bytes) -> MediaType | None:
    if head[:4] != b"RIFF":
        return None
    return {b"WEBP": WEBP, b"AVI ": AVI}.get(head[8:12])


def _bitmap(head: bytes) -> MediaType | None:
    """Ask for more than "BM", with which texts begin too: zero bytes and a known header size."""
    if head[:2] != b"BM" or head[6:10] != bytes(4):
        return None
    return BMP if int.from_bytes(head[14:18], "little") in BMP_HEADER_SIZES else None


def _boxes(head: bytes) -> MediaType | None:
    """Follow the boxes of ISO/IEC 14496-12 to `ftyp`, or to what an old MOV begins with."""
    at = 0
    while len(head) >= at + BOX_HEADER:
        size, name = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if name == b"ftyp":
            return _brand(head[at : at + max(size, 12)])
        if name in {b"moov", b"mdat"}:
            return MOV
        if name not in PADDING_BOXES or not BOX_HEADER <= size <= PADDING_MOST:
            return None
        at += size
    return MOV if at else None


def _brand(box: bytes) -> MediaType | None:
    major = box[8:12]
    others = [box[at : at + 4] for at in range(16, len(box) - 3, 4)]
    if major in SOUND_BRANDS:
        return None
    if major in PICTURE_BRANDS:
        return PICTURE_BRANDS[major]
    if major in GENERAL_PICTURE_BRANDS:
        known = (PICTURE_BRANDS[brand] for brand in others if brand in PICTURE_BRANDS)
        return next(known, HEIF)
    if len(major) < len(b"isom") or not major.isascii():
        return None
    return next((media for start, media in FILM_BRANDS if major.startswith(start)), MP4)


def _matroska(head: bytes) -> MediaType | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return WEBM if b"webm" in head[:64] else MKV


def _ogg(head: bytes) -> MediaType | None:
    is_film = head.startswith(b"OggS") and (b"theora" in head or b"video" in head)
    return OGV if is_film else None


def _transport_stream(head: bytes) -> MediaType | None:
    """Look for sync bytes at packet distance: 188 bytes, or 192 with a time code before each."""
    for first, distance in ((0, TS_PACKET), (4, TS_PACKET + 4)):
        marks = head[first::distance][:TS_PROOF]
        if len(marks) == TS_PROOF and set(marks) == {TS_SYNC}:
            return MPEG_TS
    return None

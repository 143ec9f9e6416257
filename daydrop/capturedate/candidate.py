"""What a reader found: one date from one source, not judged yet. Kept with the item as JSON."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Json = dict[str, str | int | float | bool | None]


class Source(StrEnum):
    """Where a date stood, best source first: this order is the rule's order.

    Photos and videos share one order, because the sources they share never disagree about it.
    """

    COMPANION_ORIGINAL = "sidecar_original"  # exif:DateTimeOriginal of an XMP companion
    QUICKTIME_KEY = "quicktime_key"  # com.apple.quicktime.creationdate
    UDTA_ORIGINAL = "udta_original"  # DateTimeOriginal in a video's user data
    QUICKTIME_DAY = "quicktime_day"  # (c)day
    SONY_XML = "sony_xml"  # CreationDateValue
    EXIF_ORIGINAL = "exif_original"  # 0x9003
    AVI_IDIT = "avi_idit"
    H264_MDPM = "h264_mdpm"  # AVCHD, inside the H.264 stream
    THUMBNAIL = "thumbnail"  # EXIF of a .thm beside a video
    COMPANION_DIGITIZED = "sidecar_digitized"
    EXIF_DIGITIZED = "exif_digitized"  # 0x9004
    XMP_ORIGINAL = "xmp_original"  # exif:DateTimeOriginal
    COMPANION_PHOTOSHOP = "sidecar_photoshop"
    XMP_PHOTOSHOP = "xmp_photoshop"  # photoshop:DateCreated
    IPTC_CREATED = "iptc_created"  # 2:55 and 2:60
    MOVIE_HEADER = "movie_header"  # mvhd
    TRACK_HEADER = "track_header"  # mdhd, tkhd
    MATROSKA = "matroska"  # DateUTC
    ASF = "asf"  # creation date
    RIFF_ICRD = "riff_icrd"
    COMPANION_CREATED = "sidecar_created"
    XMP_CREATED = "xmp_created"  # xmp:CreateDate
    XMP_DIGITIZED = "xmp_digitized"  # exif:DateTimeDigitized
    IPTC_DIGITAL = "iptc_digital"  # 2:62 and 2:63
    PNG_TEXT = "png_text"  # Creation Time
    GPS = "gps"  # GPSDateStamp and GPSTimeStamp
    EXIF_MODIFIED = "exif_modified"  # 0x0132, the last edit: weak
    TAKEOUT = "takeout"  # photoTakenTime of Google Takeout's JSON
    NAME = "name"


RANK = {source: rank for rank, source in enumerate(Source)}
CORRECTIONS = frozenset(  # somebody wrote them beside the photo on purpose
    {
        Source.COMPANION_ORIGINAL,
        Source.COMPANION_DIGITIZED,
        Source.COMPANION_PHOTOSHOP,
        Source.COMPANION_CREATED,
    }
)
FROM_COMPANIONS = CORRECTIONS | {Source.TAKEOUT, Source.THUMBNAIL}
PARTNER = "partner"  # the source of a date that came from another file of the shot
OWNER = "owner"  # the source of a date that a person set
FOLDER = "folder"  # the source of a date of a file that was found under another day than it says
SAID = frozenset({OWNER, FOLDER})  # a person's word, by a form or by the place
WEAK_ZONES = frozenset({"utc_estimated", "setting"})  # a file of the shot that knows better wins
CONTAINER = frozenset({Source.MOVIE_HEADER, Source.TRACK_HEADER, Source.MATROSKA, Source.ASF})


class Form(StrEnum):
    """What a time means: a wall clock, a wall clock with its offset, or a moment in UTC."""

    LOCAL = "local"
    ZONED = "zoned"
    INSTANT = "instant"


@dataclass(frozen=True)
class Candidate:
    """One date as it was found. `wall` has no zone; for an INSTANT it is UTC.

    `raw` is the text as it stood in the file. `wall` is None when `raw` names no day.
    `span_seconds` is how long after the start a video's writer may have put the stamp.
    `is_distrusted` marks the container dates of a video that is cut inside.
    """

    source: Source
    raw: str
    wall: datetime | None
    offset_minutes: int | None
    form: Form
    day_only: bool = False
    span_seconds: float = 0.0
    is_distrusted: bool = False


def dump_candidate(candidate: Candidate) -> Json:
    """Turn a candidate into plain values for JSON."""
    return {
        "source": candidate.source.value,
        "raw": candidate.raw,
        "wall": None if candidate.wall is None else candidate.wall.isoformat(),
        "offset_minutes": candidate.offset_minutes,
        "form": candidate.form.value,
        "day_only": candidate.day_only,
        "span_seconds": candidate.span_seconds,
        "is_distrusted": candidate.is_distrusted,
    }


def load_candidate(values: Json) -> Candidate:
    """Undo `dump_candidate`. Raises KeyError or ValueError on anything else."""
    wall, offset = values["wall"], values["offset_minutes"]
    return Candidate(
        source=Source(str(values["source"])),
        raw=str(values["raw"]),
        wall=None if wall is None else datetime.fromisoformat(str(wall)),
        offset_minutes=None if offset is None else int(offset),
        form=Form(str(values["form"])),
        day_only=bool(values["day_only"]),
        span_seconds=float(values["span_seconds"] or 0.0),
        is_distrusted=bool(values["is_distrusted"]),
    )

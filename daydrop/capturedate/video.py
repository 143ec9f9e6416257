"""Reads a video: is it one, how large and long, and the dates of its container and keys.

MediaInfo is called on nothing but videos, and not on those with a table it would spin on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pymediainfo import MediaInfo, Track

from daydrop.capturedate import boxes, scan, xmp
from daydrop.capturedate.candidate import Candidate, Form, Source
from daydrop.capturedate.datetext import candidate
from daydrop.capturedate.exif import plain_model
from daydrop.capturedate.metadata import Medium, Metadata
from daydrop.media.kinds import (
    ASF,
    AVI,
    BOXED_FILMS,
    DV,
    MKV,
    MPEG,
    MPEG_TS,
    WEBM,
    MediaType,
)

WITHOUT_INDEX = frozenset({MPEG_TS, MPEG, DV})  # MediaInfo may find no track in a short one
ENCODED = {MKV: Source.MATROSKA, WEBM: Source.MATROSKA, ASF: Source.ASF}
RECORDED = {
    **dict.fromkeys(BOXED_FILMS, Source.QUICKTIME_DAY),
    AVI: Source.RIFF_ICRD,
    MPEG_TS: Source.H264_MDPM,
}
IN_FILMS = frozenset({Source.XMP_ORIGINAL, Source.XMP_PHOTOSHOP, Source.XMP_CREATED})
LONGEST_SPAN = 24 * 3600.0
APPLE_DATE = "comapplequicktimecreationdate"
APPLE_MODEL = "comapplequicktimemodel"
APPLE_IDENTIFIER = "comapplequicktimecontentidentifier"


@dataclass(frozen=True)
class _Tracks:
    """What MediaInfo saw: the general part, and the first track that is a photo."""

    general: Track | None
    video: Track | None
    count: int


def read(file: BinaryIO, size: int, media: MediaType) -> Metadata:
    """Read a file that was sniffed as a video."""
    film = boxes.walk(file, size) if media in BOXED_FILMS else None
    tracks = None if film is not None and film.is_impossible else _tracks(file)
    both = scan.ends(file, size)
    candidates = [
        *(_container(film) if film is not None else ()),
        *(_general(tracks.general, media) if tracks is not None and tracks.general else ()),
        *_scanned(both, media),
    ]
    width, height = _edges(tracks.video if tracks else None)
    return Metadata(
        verdict=_verdict(film, tracks, media),
        width=width,
        height=height,
        duration_seconds=_duration(film, tracks),
        candidates=tuple(dict.fromkeys(candidates)),
        content_identifier=_words(tracks.general if tracks else None, APPLE_IDENTIFIER),
        camera=plain_model(_words(tracks.general if tracks else None, APPLE_MODEL)),
        is_distrusted=film is not None and (film.is_cut or film.is_impossible),
        notes=("its tables are impossible",) if tracks is None else (),
    )


def _tracks(file: BinaryIO) -> _Tracks:
    file.seek(0)
    tracks = MediaInfo.parse(file).tracks
    general = next((track for track in tracks if track.track_type == "General"), None)
    video = next((track for track in tracks if track.track_type == "Video"), None)
    return _Tracks(general, video, len(tracks) - (general is not None))


def _verdict(film: boxes.Film | None, tracks: _Tracks | None, media: MediaType) -> Medium:
    """Ask for a photo track; a video too short or too broken to show one is not refused."""
    if tracks is not None and tracks.video is not None:
        return Medium.YES
    if tracks is not None and tracks.count:
        return Medium.NO  # sound alone
    if film is not None:
        if film.has_video:
            return Medium.YES
        return Medium.UNKNOWN if film.is_cut else Medium.NO
    is_known = tracks is not None and _words(tracks.general, "format") is not None
    return Medium.UNKNOWN if is_known or media in WITHOUT_INDEX else Medium.NO


def _container(film: boxes.Film) -> Iterator[Candidate]:
    """Make candidates of the movie header's time, and of the track's where it differs."""
    distrusted = film.is_cut or film.is_impossible
    span = min(film.seconds, LONGEST_SPAN)
    times = ((Source.MOVIE_HEADER, film.movie_created), (Source.TRACK_HEADER, film.track_created))
    for source, seconds in times:
        if seconds is None or (source is Source.TRACK_HEADER and seconds == film.movie_created):
            continue
        wall = boxes.clock(seconds)
        raw = f"{wall} UTC" if wall is not None else f"{seconds} seconds since 1904"
        yield Candidate(
            source,
            raw,
            wall,
            None,
            Form.INSTANT,
            span_seconds=span,
            is_distrusted=distrusted,
        )


def _general(general: Track, media: MediaType) -> Iterator[Candidate]:
    """Take the dates MediaInfo names, by the field and the container they stand in."""
    apple = _words(general, APPLE_DATE)
    if apple is not None:
        yield candidate(Source.QUICKTIME_KEY, apple)
    recorded = _words(general, "recorded_date")
    if recorded is not None and media in RECORDED:
        yield candidate(RECORDED[media], recorded)
    mastered = _words(general, "mastered_date")
    if mastered is not None and media == AVI:
        yield candidate(Source.AVI_IDIT, mastered)
    encoded = _words(general, "encoded_date")
    if encoded is not None and media in ENCODED:
        yield candidate(ENCODED[media], encoded, is_instant=True)


def _scanned(both: scan.Ends, media: MediaType) -> Iterator[Candidate]:
    """Take what MediaInfo does not read: XMP, Sony's XML, AVCHD's stream."""
    packet = scan.xmp_packet(both)
    if packet is not None:
        yield from (found for found in xmp.dates(packet) if found.source in IN_FILMS)
    sony = scan.sony_xml(both) if media in BOXED_FILMS else None
    if sony is not None:
        yield sony
    avchd = scan.mdpm(both.head) if media == MPEG_TS else None
    if avchd is not None:
        yield avchd


def _edges(video: Track | None) -> tuple[int | None, int | None]:
    """Take width and height as shown, after the track's rotation."""
    width, height = _number(video, "width"), _number(video, "height")
    if width is None or height is None:
        return None, None
    is_turned = round(_number(video, "rotation") or 0) % 180 == 90  # noqa: PLR2004 - degrees
    edges = (round(width), round(height))
    return (edges[1], edges[0]) if is_turned else edges


def _duration(film: boxes.Film | None, tracks: _Tracks | None) -> float | None:
    milliseconds = _number(tracks.general if tracks else None, "duration")
    if milliseconds is not None:
        return milliseconds / 1000
    return film.seconds if film is not None and film.seconds else None


def _number(track: Track | None, key: str) -> float | None:
    words = _words(track, key)
    try:
        return None if words is None else float(words)
    except ValueError:
        return None


def _words(track: Track | None, key: str) -> str | None:
    value = None if track is None else track.to_data().get(key)
    return None if value is None else str(value)

"""Dates in an XMP packet, by plain patterns: the packets come from strangers, XML parsers stay out.

A date stands as an attribute or as an element; both are met.
"""

import re
from collections.abc import Iterator

from daydrop.capturedate.candidate import Candidate, Source
from daydrop.capturedate.datetext import candidate

EMBEDDED = (
    (Source.XMP_ORIGINAL, "exif:DateTimeOriginal"),
    (Source.XMP_PHOTOSHOP, "photoshop:DateCreated"),
    (Source.XMP_CREATED, "(?:xmp|xap):CreateDate"),
    (Source.XMP_DIGITIZED, "exif:DateTimeDigitized"),
)
COMPANION = (
    (Source.COMPANION_ORIGINAL, "exif:DateTimeOriginal"),
    (Source.COMPANION_PHOTOSHOP, "photoshop:DateCreated"),
    (Source.COMPANION_CREATED, "(?:xmp|xap):CreateDate"),
    (Source.COMPANION_DIGITIZED, "exif:DateTimeDigitized"),
)


def _patterns(fields: tuple[tuple[Source, str], ...]) -> tuple[tuple[Source, re.Pattern[str]], ...]:
    return tuple(
        (
            source,
            re.compile(
                rf"""(?:\b{field}\s*=\s*["']|<{field}(?:\s[^>]{{0,200}})?>\s*)([^"'<]{{1,64}})"""
            ),
        )
        for source, field in fields
    )


_EMBEDDED = _patterns(EMBEDDED)
_COMPANION = _patterns(COMPANION)


def dates(packet: str, *, is_companion: bool = False) -> Iterator[Candidate]:
    """Find the dates of a packet, the first of each field."""
    for source, pattern in _COMPANION if is_companion else _EMBEDDED:
        match = pattern.search(packet)
        if match is not None:
            yield candidate(source, match[1])

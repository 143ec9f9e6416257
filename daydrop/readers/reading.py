"""Read one file's metadata: the reader that its kind asks for, then exiftool if still undated."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from daydrop.capturedate import names, photo, rule, video
from daydrop.capturedate.metadata import Metadata
from daydrop.media.kinds import Kind, MediaType
from daydrop.readers import exiftool


def read(
    file: BinaryIO, size: int, name: str, media: MediaType, *, now: datetime, program: Path | None
) -> Metadata:
    """Read `file`. `program` is exiftool, or None where there is none; `now` judges "undated"."""
    if media.kind is Kind.VIDEO:
        metadata = video.read(file, size, media)
    else:
        metadata = photo.read(file, size, name, media)
    if program is None or _is_dated(metadata, name, now):
        return metadata
    found = exiftool.read(program, file, media, is_distrusted=metadata.is_distrusted)
    return replace(metadata, candidates=tuple(dict.fromkeys((*metadata.candidates, *found))))


def _is_dated(metadata: Metadata, name: str, now: datetime) -> bool:
    named = names.candidate(name)
    candidates = (*metadata.candidates, named) if named else metadata.candidates
    return rule.choose(candidates, now).wall is not None

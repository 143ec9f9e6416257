"""What a reader hands back about one file: is it a medium, how large, and dated by whom."""

from dataclasses import dataclass
from enum import StrEnum

from daydrop.capturedate.candidate import Candidate


class Medium(StrEnum):
    """Whether the bytes are a photo or video. UNKNOWN rests on the sniffer, and is kept."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Metadata:
    """All that was read from one file.

    `width` and `height` are pixels, after orientation. `content_identifier` is Apple's, equal in
    both halves of a Live Photo, `camera` the model as it calls itself. `is_distrusted` says the
    video is cut inside, so that its container dates do not count. `notes` are short words about
    what could not be read.
    """

    verdict: Medium
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    candidates: tuple[Candidate, ...] = ()
    content_identifier: str | None = None
    camera: str | None = None
    is_distrusted: bool = False
    notes: tuple[str, ...] = ()

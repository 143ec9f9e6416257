"""An accepted file: where it lies, when it was taken, and why there."""

import json
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import PurePosixPath

from daydrop.capturedate.rule import CaptureDate, Judged
from daydrop.capturedate.rule import dump as dump_judged
from daydrop.capturedate.rule import load as load_judged
from daydrop.media.kinds import Kind
from daydrop.records.scope import Scope


class ItemState(StrEnum):
    """Where the bytes of an item are."""

    STORED = "stored"
    TRASHED = "trashed"
    MISSING = "missing"


class Taken(Exception):
    """Another item has these bytes or this path already: the row decides who was first."""


@dataclass(frozen=True)
class Relatives:
    """Items of one stem by id, and the scopes in which the bytes of each came under it.

    Not `is_whole` when there are more in some scope than can be asked for.
    """

    items: dict[str, "Item"]
    scopes: dict[str, set[Scope]]
    is_whole: bool


@dataclass(frozen=True)
class Item:
    """One accepted file. `path` is below the root; `taken` the wall clock as ISO text, or empty.

    `name` is as it was sent; `note` the client's folder; `pair_scope` and `stem` are what members
    of a pair share; `candidates` the judged dates as JSON (`judged` decodes them).
    """

    id: str
    state: ItemState
    sha256: str
    size: int
    kind: Kind
    media_type: str
    path: PurePosixPath
    name: str
    stem: str
    pair_scope: Scope
    pair: str | None
    content_id: str | None
    origin: str
    batch_id: str | None
    filed: float
    taken: str
    offset_minutes: int | None
    source: str | None
    zone_source: str | None
    day_only: bool
    candidates: str
    unreadable: str | None
    width: int | None
    height: int | None
    duration: float | None
    modified: float | None
    note: str
    trashed: float | None = None
    trash_name: str | None = None
    camera: str | None = None

    @property
    def day(self) -> date | None:
        """Return the capture day, None for undated items."""
        return date.fromisoformat(self.taken[:10]) if self.taken else None

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Return all dates that were found, and what the rule said of each."""
        return load_judged(json.loads(self.candidates))

    def dated(self, capture: CaptureDate) -> "Item":
        """Return the same item under another capture date; its path is not touched."""
        return replace(self, **date_fields(capture))  # type: ignore[arg-type]  # the names are the fields'

    def dated_like(self, other: "Item") -> "Item":
        """Return the same item under the date of another one; its path is not touched."""
        return replace(
            self,
            taken=other.taken,
            offset_minutes=other.offset_minutes,
            source=other.source,
            zone_source=other.zone_source,
            day_only=other.day_only,
            candidates=other.candidates,
        )

    def under(self, day: date, source: str) -> "Item":
        """Return the same item under a day that a person said; its path is not touched."""
        return replace(
            self,
            taken=f"{day.isoformat()}T00:00:00",
            offset_minutes=None,
            source=source,
            zone_source=None,
            day_only=True,
        )


def date_fields(capture: CaptureDate) -> dict[str, object]:
    """Return the fields of an item that say when it was taken and why."""
    return {
        "taken": capture.wall.isoformat(timespec="seconds") if capture.wall else "",
        "offset_minutes": capture.offset_minutes,
        "source": capture.source.value if capture.source else None,
        "zone_source": capture.zone_source.value if capture.zone_source else None,
        "day_only": capture.day_only,
        "candidates": json.dumps(dump_judged(capture.judged), ensure_ascii=False),
    }


def case_key(path: PurePosixPath) -> str:
    """Return a path without its case: no two stored items share one, since some disks cannot."""
    return str(path).casefold()


def etag(sha256: str) -> str:
    """Return the entity tag of content, unquoted: it survives filing, renaming and restarts."""
    return f"sha256-{sha256[:32]}"

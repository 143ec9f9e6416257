"""The path in `Upload` that goes on answering for an item, and the states that a path can have."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a path in `Upload` is; a path without a row is absent."""

    PLACEHOLDER = "placeholder"
    STAGED = "staged"
    FILED = "filed"
    REMOVED = "removed"
    LITTER = "litter"
    COLLECTION = "collection"
    COMPANION = "sidecar"


@dataclass(frozen=True)
class Alias:
    """A path in `Upload` of one origin; `modified` and `created` in seconds since 1970."""

    id: int
    origin: str
    path: str
    state: State
    size: int
    modified: float
    etag: str
    sha256: str | None
    item_id: str | None
    companion_id: str | None
    staged: str | None
    reservation_id: str | None
    created: float
    touched: float

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path of the folder it lies in; empty for `Upload` itself."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True)
class Member:
    """An alias as it is listed; `media_type` is that of its item, None where it has none."""

    alias: Alias
    media_type: str | None

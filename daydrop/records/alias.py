"""The path in `Upload` that goes on answering for an item, and the states that a path can have."""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from daydrop.media.names import Role, role
from daydrop.records.companion import Companion
from daydrop.records.item import Item, etag

_EMPTY = hashlib.sha256(b"").hexdigest()


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
    """A path in `Upload` of one origin; all times in seconds since 1970.

    The constructors make one that is not in the catalogue yet: its `id` is 0.
    """

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

    @classmethod
    def filed(cls, origin: str, path: str, item: Item, modified: float, now: float) -> Self:
        """Return the alias of an item in the tree."""
        alias = cls._of_bytes(origin, path, State.FILED, item.sha256, item.size, modified, now)
        return replace(alias, item_id=item.id)

    @classmethod
    def companion(
        cls, origin: str, path: str, companion: Companion, modified: float, now: float
    ) -> Self:
        """Return the alias of a companion, wherever that lies."""
        sha256, size = companion.sha256, companion.size
        alias = cls._of_bytes(origin, path, State.COMPANION, sha256, size, modified, now)
        return replace(alias, companion_id=companion.id)

    @classmethod
    def litter(
        cls, origin: str, path: str, sha256: str, size: int, modified: float, now: float
    ) -> Self:
        """Return the alias of litter; its bytes are written beside its row."""
        return cls._of_bytes(origin, path, State.LITTER, sha256, size, modified, now)

    @classmethod
    def empty(cls, origin: str, path: str, now: float) -> Self:
        """Return the alias of a name that was announced before its bytes."""
        return cls._of_bytes(origin, path, empty_state(path), _EMPTY, 0, now, now)

    @classmethod
    def folder_at(cls, origin: str, path: str, now: float) -> Self:
        """Return the alias of a folder."""
        alias = cls._of_bytes(origin, path, State.COLLECTION, _EMPTY, 0, now, now)
        return replace(alias, etag="", sha256=None)

    @classmethod
    def _of_bytes(
        cls,
        origin: str,
        path: str,
        state: State,
        sha256: str,
        size: int,
        modified: float,
        now: float,
    ) -> Self:
        return cls(
            id=0,
            origin=origin,
            path=path,
            state=state,
            size=size,
            modified=modified,
            etag=etag(sha256),
            sha256=sha256,
            item_id=None,
            companion_id=None,
            staged=None,
            reservation_id=None,
            created=now,
            touched=now,
        )

    def in_staging(self, staged: str) -> Self:
        """Return the alias of the same bytes waiting in staging under a temporary name."""
        return replace(self, state=State.STAGED, staged=staged)

    def copied_to(self, path: str, now: float) -> Self:
        """Return a second alias of the same content at another path."""
        is_empty = self.state in (State.PLACEHOLDER, State.LITTER)
        state = empty_state(path) if is_empty else self.state
        return replace(self, id=0, path=path, state=state, created=now, touched=now)

    @property
    def name(self) -> str:
        """Return the last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """Return the path of the folder it lies in; empty for `Upload` itself."""
        return self.path.rpartition("/")[0]


def empty_state(path: str) -> State:
    """Return the state of a path that has no bytes."""
    return State.LITTER if role(path.rpartition("/")[2]) is Role.LITTER else State.PLACEHOLDER


@dataclass(frozen=True)
class Member:
    """An alias as it is listed; `media_type` is that of its item, None where it has none."""

    alias: Alias
    media_type: str | None

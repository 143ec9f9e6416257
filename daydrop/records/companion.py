"""A companion file of a photo or video."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from daydrop.records.scope import Scope


@dataclass(frozen=True)
class Companion:
    """A companion: beside its photo at `path`, or waiting for it in staging as `staged`.

    One that is `trashed` lies in the trash under its id; `path` is where it was.
    """

    id: str
    item_id: str | None
    pair_scope: Scope
    stem: str
    name: str
    origin: str
    batch_id: str | None
    sha256: str
    size: int
    path: PurePosixPath | None
    staged: str | None
    arrived: float
    trashed: float | None = None

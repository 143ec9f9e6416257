"""A move of an item that the journal promises."""

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Move:
    """A move that has begun; `fields` is the item as it will be, as JSON."""

    id: str
    item_id: str
    source: PurePosixPath
    target: PurePosixPath
    fields: str
    at: float

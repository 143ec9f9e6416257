"""What is looked for among the items, and a position in a list of them."""

from dataclasses import dataclass
from typing import Self

from daydrop.records.item import Item, case_key


@dataclass(frozen=True)
class Position:
    """A place in a list by capture time: what was taken in one second stands in order of names."""

    taken: str
    path: str  # case folded: unique among what is stored

    @classmethod
    def of(cls, item: Item) -> Self:
        """Return where an item stands."""
        return cls(item.taken, case_key(item.path))


@dataclass(frozen=True)
class Query:
    """What is looked for; None and "" mean: any. Days as `2024-05-17`, both ends included."""

    tree: str = ""
    text: str = ""
    first: str = ""
    last: str = ""
    kind: str = ""
    uploader: str = ""
    batch: str = ""

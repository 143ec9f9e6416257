"""A batch of uploads, and the room in it that is held for one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Batch:
    """The files of one origin that are counted together; times in seconds since 1970.

    `retold` is when a receipt of it last changed: a file that it speaks of has moved.
    """

    id: str
    face: str
    origin: str
    account: str | None
    address: str
    program: str
    opened: float
    touched: float
    closes: float | None
    closed: float | None
    undone: float | None
    retold: float | None
    max_files: int
    max_bytes: int
    files: int
    bytes: int


@dataclass(frozen=True)
class Reservation:
    """Room held in a batch before bytes arrive."""

    id: str
    batch_id: str
    files: int
    bytes: int

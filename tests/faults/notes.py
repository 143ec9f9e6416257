"""What an uploader was promised: written down outside the store, before and after each step."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """A step that began, or with `outcome` one that was acknowledged.

    `mark` is how far the log of the disk had come at the acknowledgement, where there is one.
    """

    step: str
    origin: str
    path: str
    sha256: str = ""
    target: str = ""
    outcome: str = ""
    mark: int = 0

    @property
    def is_acknowledged(self) -> bool:
        """Whether the library has answered with a success."""
        return bool(self.outcome)


class Notes:
    """Appends notes to a file; each is there when the call returns, whatever dies afterwards."""

    def __init__(self, file: Path, mark: Callable[[], int] = lambda: 0) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self._mark = mark

    def begins(self, note: Note) -> None:
        """A step is about to be asked for."""
        self._write(note)

    def acknowledged(self, note: Note, outcome: str) -> None:
        """The library has answered."""
        self._write(Note(**asdict(note) | {"outcome": outcome, "mark": self._mark()}))

    def _write(self, note: Note) -> None:
        os.write(self._file, f"{json.dumps(asdict(note))}\n".encode())


def read(file: Path) -> Iterator[Note]:
    """The notes of a file, in order; a last line that was cut is passed over."""
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield Note(**json.loads(line))

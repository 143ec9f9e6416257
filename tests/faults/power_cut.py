"""Power cuts: what a disk holds if the power goes at some moment, from the log of its writes.

A disk may keep what came after the last flush in any part and order: of those writes a random
half arrives.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copyfile

from daydrop.console import configure_console
from tests.faults import tracing
from tests.faults.disks import mounted
from tests.faults.notes import Note
from tests.faults.promises import broken
from tests.faults.recorder_format import Record, records
from tests.faults.scenarios import serving


@dataclass(frozen=True)
class Cut:
    """A moment in the log, in bytes, and what of its writes arrived."""

    at: int
    seed: int


def cuts(log: Path, count: int, seed: str) -> list[Cut]:
    """Moments between any two writes, spread by chance."""
    chance = random.Random(seed)
    ends = [record.end for record in records(log)]
    return [Cut(chance.choice(ends), chance.randrange(1 << 30)) for _ in range(count)]


def arrived(log: Path, cut: Cut) -> Iterator[Record]:
    """The writes that are on the disk after a cut."""
    before = [record for record in records(log) if record.end <= cut.at]
    flushes = [index for index, record in enumerate(before) if record.is_flush]
    sure = flushes[-1] if flushes else 0
    chance = random.Random(cut.seed)
    for index, record in enumerate(before):
        if not record.is_flush and (index < sure or chance.random() < 0.5):
            yield record


def replay(first: Path, log: Path, cut: Cut, target: Path) -> None:
    """Writes the disk as it is after a cut."""
    copyfile(first, target)
    with target.open("r+b") as disk:
        for record in arrived(log, cut):
            disk.seek(record.offset)
            disk.write(record.body)


def promised_before(notes: list[Note], cut: Cut) -> list[Note]:
    """What was acknowledged when the power went; what came later had begun at most."""
    return [note if note.mark <= cut.at else replace(note, outcome="") for note in notes]


def broken_after(
    disk: Path, folder: Path, notes: list[Note], known: set[str], store: str
) -> list[str]:
    """Mounts a disk after a cut, starts the library on it and holds it to its promises."""
    found = folder / "found.json"
    found.unlink(missing_ok=True)

    def check() -> None:
        configure_console("critical")
        with serving(folder / "after" / store) as library:
            found.write_text(json.dumps(broken(library, notes, known)), encoding="utf-8")

    with mounted(disk, folder / "after", "-o", "loop"):
        if not tracing.forked(check):
            return ["LOST: the library does not start"]
    sentences: list[str] = json.loads(found.read_text())
    return sentences

"""Filing a folder of this machine through the same door; the originals stay where they are."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from daydrop.console import in_words
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement
from daydrop.intake.door import Door
from daydrop.limits.batches import Batches, Face, Limits
from daydrop.media.kinds import kind_by_name
from daydrop.media.names import Role, is_text, printable, role
from daydrop.origin import LOCAL, Origin
from daydrop.records.receipt import Outcome
from daydrop.records.scope import Scope

_BLOCK = 1 << 20
_NO_LIMIT = Limits(files=2**31 - 1, bytes=2**62)
_STOPS_ALL = frozenset({Code.NO_SPACE, Code.READ_ONLY})
_TRIES = 5  # of a file that is refused as busy
_WAIT = 10.0  # seconds between two of them, where the refusal does not say
_LOOK = 0.5  # seconds of waiting, at most, between two looks whether to stop

IMPORTER = Origin(key=LOCAL, address=LOCAL, program="daydrop import", is_owner=True)


@dataclass
class Summary:
    """What became of an import."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    was_stopped: bool = False


def found_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files of the folders and names given; hidden ones and links are left out.

    Photos stand before the videos and companions of their folder: so partners seldom move.
    """
    files = [file for path in paths for file in _below(path)]
    return sorted(files, key=lambda file: (file.parent, _order(file.name), file.name))


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            file = Path(folder, name)
            if role(name) is not Role.LITTER and not name.startswith(".") and _is_plain(file):
                yield file


def _is_plain(file: Path) -> bool:
    """Return whether it is a file and neither a link nor a pipe, which would be waited for."""
    return not file.is_symlink() and file.is_file()


def total_size(files: Iterable[Path]) -> int:
    """Return the bytes of these files; one that is gone meanwhile has none."""
    return sum(file.stat().st_size for file in files if file.exists())


def _order(name: str) -> int:
    kind = kind_by_name(name)
    return {"image": 0, "video": 1}.get(kind.value if kind else "", 2)


def import_files(
    files: Iterable[Path],
    door: Door,
    batches: Batches,
    tell: Callable[[int], None],
    is_stopping: Callable[[], bool] = lambda: False,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Summary:
    """File them one after the other; `tell` is given the bytes done, for a progress bar.

    Running it again goes on where it stopped: what is here already is not stored twice. It stops
    between two blocks once `is_stopping`, and leaves nothing half done. What is busy is waited
    for, and tried a few times more. Raises Refused when the store can take no more at all.
    """
    summary = Summary()
    batch = batches.open_explicit(IMPORTER, Face.IMPORT, limits=_NO_LIMIT)
    run = _Run(door, batch.id, is_stopping, sleep)
    try:
        for file in files:
            try:
                summary.outcomes[run.file_patiently(file, tell)] += 1
            except _Stopped:
                summary.was_stopped = True
                break
            except OSError as failure:  # of the file; those of the store come as Refused
                summary.refused.append((file, failure.strerror or str(failure)))
            except Refused as refused:
                if refused.code in _STOPS_ALL:
                    raise
                summary.refused.append((file, refused.sentence()))
    finally:
        _finish(batches, batch.id)
    return summary


def _finish(batches: Batches, batch_id: str) -> None:
    try:
        batches.finish(batch_id)
    except Refused as refused:  # what was filed is filed, and the summary must be told
        structlog.get_logger().warning("the batch ends by itself later", error=in_words(refused))


def _text(name: str) -> str:
    """Return the name of a folder, also of one that is not UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


class _Stopped(Exception):
    """The import was asked to end."""


@dataclass(frozen=True)
class _Run:
    """One import, for each of its files."""

    door: Door
    batch_id: str
    is_stopping: Callable[[], bool]
    sleep: Callable[[float], None]

    def file_patiently(self, file: Path, tell: Callable[[int], None]) -> Outcome:
        """File it, trying again while it is busy; `tell` hears of the first try alone."""
        for _ in range(_TRIES - 1):
            try:
                return self._file(file, tell)
            except Refused as refused:
                if refused.code is not Code.BUSY:
                    raise
                self._wait(refused.retry_after or _WAIT)
                tell = _told_already
        return self._file(file, tell)

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            if self.is_stopping():
                raise _Stopped
            self.sleep(min(seconds, _LOOK))
            seconds -= _LOOK

    def _file(self, file: Path, tell: Callable[[int], None]) -> Outcome:
        if not is_text(file.name):
            raise Refused(Code.BAD_NAME, name=printable(file.name))
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            announcement = Announcement(
                name=file.name,
                origin=IMPORTER,
                size=status.st_size,
                folder=_text(file.parent.name),
                batch_id=self.batch_id,
                modified=status.st_mtime,
                scope=Scope.imported(_text(str(file.parent.resolve()))),
            )
            left = status.st_size
            try:
                with self.door.begin(announcement) as incoming:
                    while block := opened.read(_BLOCK):
                        if self.is_stopping():
                            raise _Stopped
                        incoming.write(block)
                        tell(len(block))
                        left -= len(block)
                    return incoming.commit().outcome
            finally:
                tell(max(left, 0))  # of what was refused before its end


def _told_already(_bytes: int) -> None:
    """Ignore a count: a retry adds nothing to a progress bar."""

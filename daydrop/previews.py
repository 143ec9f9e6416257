"""Previews of items: made by the workers when an item was filed, kept, and made when missing.

The one for a whole screen is made when somebody looks.
"""

import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from queue import Full, Queue

import structlog

from daydrop.locks.keyed import KeyedLocks
from daydrop.media.kinds import Kind, MediaType
from daydrop.readers.drawing import EDGES, VIEW
from daydrop.readers.workers import Failure, Unreadable, Workers
from daydrop.records.item import Item
from daydrop.store.local import LocalStore

_MOST_WAITING = 10_000
_TRANSIENT = frozenset({Failure.BUSY, Failure.STOPPED, Failure.NOT_OPENED})


@dataclass(frozen=True)
class FailedPreview:
    """Content of which no preview could be drawn."""

    sha256: str
    reason: Failure


class Previews:
    """The previews in `.daydrop/previews`, WebP files of two or three sizes for each content."""

    def __init__(self, store: LocalStore, workers: Workers) -> None:
        self._store, self._workers = store, workers
        self._folder = store.state / "previews"
        self._queue: Queue[Item | None] = Queue(_MOST_WAITING)
        self._locks = KeyedLocks()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to make previews of what is filed from now on."""
        self._thread = threading.Thread(target=self._make_queued, name="previews", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the preview under way; what still waits is made when it is asked for."""
        if self._thread is not None:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def soon(self, item: Item) -> None:
        """Make the previews of an item when there is time; on demand, if too many wait."""
        if self._thread is None or item.kind is Kind.OTHER:
            return
        try:
            self._queue.put_nowait(item)
        except Full:
            structlog.get_logger().debug("previews wait until asked for", path=str(item.path))

    def path(self, item: Item, edge: int) -> Path | None:
        """Return the preview file of an item, made now if need be; None where none can be drawn."""
        if edge not in (*EDGES, VIEW) or item.kind is Kind.OTHER:
            return None
        file = self._file(item.sha256, edge)
        if not file.exists() and not self._failed(item.sha256).exists():
            self._make(item, (VIEW,) if edge == VIEW else EDGES)
        return file if file.exists() else None

    def picture(self, item: Item, edge: int) -> bytes | None:
        """Return a preview as WebP, made now if need be; None where none can be drawn."""
        file = self.path(item, edge)
        return None if file is None else file.read_bytes()

    def failed(self) -> list[FailedPreview]:
        """Return the mark of a content that cannot be drawn and is not tried again."""
        marks = sorted(self._folder.glob("*/*.failed"))
        return [FailedPreview(mark.stem, _reason(mark.read_text("ascii"))) for mark in marks]

    def _make_queued(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self._make(item, EDGES)
            except OSError as failure:
                structlog.get_logger().warning(
                    "preview not kept", path=str(item.path), error=failure.strerror
                )

    def _make(self, item: Item, edges: tuple[int, ...]) -> None:
        with self._locks.holding(item.sha256):
            targets = tuple((edge, self._file(item.sha256, edge)) for edge in edges)
            if all(file.exists() for _, file in targets):
                return
            targets[0][1].parent.mkdir(parents=True, exist_ok=True)
            media = MediaType(item.kind, item.media_type, "")
            drawn = self._workers.preview(self._store.tree.path(item.path), media, targets)
            if isinstance(drawn, Unreadable) and drawn.reason not in _TRANSIENT:
                # what cannot be drawn is not tried again at every look at its folder
                self._failed(item.sha256).write_text(drawn.reason, encoding="ascii")

    def _file(self, sha256: str, edge: int) -> Path:
        return self._folder / PurePosixPath(sha256[:2], f"{sha256}-{edge}.webp")

    def _failed(self, sha256: str) -> Path:
        return self._folder / PurePosixPath(sha256[:2], f"{sha256}.failed")


def _reason(mark: str) -> Failure:
    """Return what a mark says; a power cut may have left it empty."""
    return Failure(mark) if mark in list(Failure) else Failure.NOT_DRAWABLE

"""Worker processes that read strangers' bytes and are killed when they take too long.

Each lane is a pebble pool of one process, so that a hostile file holds its own lane only: when
all lanes are stuck, another one is opened for those who wait.
"""

import multiprocessing
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.machinery import ModuleSpec
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from daydrop.capturedate.candidate import Candidate
from daydrop.capturedate.metadata import Metadata
from daydrop.media.kinds import MediaType
from daydrop.readers import tasks
from daydrop.readers.confinement import confine

TASKS_MOST = 500  # then a worker is replaced, with whatever it has piled up
STUCK_AFTER = 0.5  # seconds without any lane coming free, until another one is opened
LANES_FOR_EACH = 4  # lanes at most, for each process of the warm minimum
TRIES = 3  # lanes to try, when some have died while idle
WAITS = 3  # times the limit that a call may wait for a lane
EARLY = 0.9  # of the limit: a call ended before that did not overrun
UNTOLD = 255  # how a process ended whose forkserver is gone (multiprocessing.popen_forkserver)
START_SECONDS = 20.0  # a process's start on a busy machine, not counted against the file

Answer = TypeVar("Answer")


class Failure(StrEnum):
    """Why a file could not be read. The file is kept anyway."""

    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    NOT_OPENED = "not_opened"
    NOT_DRAWABLE = "not_drawable"
    BUSY = "busy"
    STOPPED = "stopped"


_NOBODY = frozenset({Failure.BUSY, Failure.STOPPED})
_ENDS = {
    -signal.SIGXCPU: (Failure.TIMED_OUT, "processor time"),
    -signal.SIGTERM: (Failure.STOPPED, ""),  # as a service manager ends all of a service
}
RETRY_SECONDS = 30  # until those who keep all workers busy are done, or stopped


@dataclass(frozen=True)
class Unreadable:
    """A file whose reader was killed or failed; `detail` is for the log."""

    reason: Failure
    detail: str = ""

    @property
    def is_passing(self) -> bool:
        """Return whether it says nothing about the file: no reader was free to read it."""
        return self.reason in _NOBODY


@dataclass(frozen=True)
class Previewed:
    """The previews that were written."""

    paths: tuple[Path, ...]


class Workers:
    """Reads metadata and draws previews in processes of their own.

    `limit_seconds` is wall-clock and processor time for one file, `memory_bytes` the address
    space of one worker, `processes` how many are kept warm, `exiftool` the program or None.
    """

    def __init__(
        self,
        limit_seconds: float = 10.0,
        memory_bytes: int = 1 << 30,
        processes: int = 2,
        exiftool: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limit = limit_seconds
        self._exiftool = exiftool
        self._clock = clock
        self._reading = _Lanes(processes, memory_bytes)
        self._drawing = _Lanes(1, memory_bytes)  # apart: no upload waits for a preview

    def start(self) -> None:
        """Begin to warm the workers up, and return at once."""
        threading.Thread(target=self._reading.warm_up, name="workers-start", daemon=True).start()

    def stop(self) -> None:
        """Stop all workers, whatever they are doing."""
        self._reading.stop()
        self._drawing.stop()

    def read(self, file: Path, name: str, media: MediaType) -> Metadata | Unreadable:
        """Read the metadata of `file`, which was sent as `name` and sniffed as `media`."""
        arguments = (file, name, media, self._clock(), self._exiftool)
        return self._call(self._reading, tasks.read, arguments)

    def read_companion(self, file: Path, name: str) -> tuple[Candidate, ...] | Unreadable:
        """Read the dates of a companion (XMP, Takeout's JSON, THM) that was sent as `name`."""
        return self._call(self._reading, tasks.read_companion, (file, name))

    def preview(
        self, file: Path, media: MediaType, targets: tuple[tuple[int, Path], ...]
    ) -> Previewed | Unreadable:
        """Draw a WebP for each (edge in pixels, path), replacing what is there."""
        edges = tuple(edge for edge, _ in targets)
        drawn = self._call(self._drawing, tasks.draw, (file, media, edges))
        if isinstance(drawn, Unreadable):
            return drawn
        if drawn.problem:
            return Unreadable(Failure.NOT_DRAWABLE, drawn.problem)
        for (_, path), picture in zip(targets, drawn.pictures, strict=True):
            _write(path, picture)
        return Previewed(tuple(path for _, path in targets))

    def _call(
        self, lanes: "_Lanes", task: Callable[..., Answer], arguments: tuple[object, ...]
    ) -> Answer | Unreadable:
        """Run in a free lane; in another one when that lane turns out to be dead."""
        try:
            for _ in range(TRIES):
                with lanes.lent(self._limit * WAITS) as lane:
                    try:
                        return lane.run(task, arguments, self._limit)
                    except BrokenProcessPool:
                        lane.is_broken = True
            with lanes.lent(self._limit * WAITS) as lane:
                return lane.run_proven(task, arguments, self._limit)
        except _FailedError as failed:
            return failed.unreadable


class _FailedError(Exception):
    """A call ended without an answer."""

    def __init__(self, reason: Failure, detail: str = "") -> None:
        super().__init__(detail)
        self.unreadable = Unreadable(reason, detail)


class _Lane:
    """One worker process, with the pool that starts it again when it is gone."""

    def __init__(self, memory_bytes: int) -> None:
        self.is_broken = False
        self._closing = threading.Lock()
        self._cancel: Callable[[], object] | None = None
        self._pool = ProcessPool(
            max_workers=1,
            max_tasks=TASKS_MOST,
            initializer=confine,
            initargs=(memory_bytes,),
            context=_forkserver(),
        )

    @property
    def is_alive(self) -> bool:
        return not self.is_broken and bool(self._pool.active)

    def run(
        self, task: Callable[..., Answer], arguments: tuple[object, ...], limit: float
    ) -> Answer:
        """Run a task. Raises _FailedError, or BrokenProcessPool when the lane is dead."""
        seconds = max(1, round(limit))
        try:
            future = self._pool.schedule(
                task, args=arguments, kwargs={"seconds": seconds}, timeout=limit
            )
        except RuntimeError as problem:
            raise BrokenProcessPool("the pool has been stopped") from problem
        self._cancel = future.cancel
        began = time.monotonic()
        try:
            self._see_it_begin(future)
            answer: Answer = future.result(limit)
        except TimeoutError as problem:
            if time.monotonic() - began < limit * EARLY:  # pebble goes by the wall clock
                raise BrokenProcessPool("the clock has jumped") from problem
            # Not done means that pebble's own limit did not work: the lane itself is stuck.
            self.is_broken = not future.done()
            raise _FailedError(Failure.TIMED_OUT, f"{limit} s") from problem
        except (BrokenProcessPool, _FailedError):
            raise
        except Exception as problem:
            if isinstance(problem, ProcessExpired) and problem.exitcode == UNTOLD:
                raise BrokenProcessPool("the forkserver has ended, and all workers") from problem
            # Whatever a reader stumbles over in a stranger's file must not refuse the file.
            raise _FailedError(*_failure(problem)) from problem
        return answer

    def _see_it_begin(self, future: "Future[Answer]") -> None:
        """Wait until a process has the task; only from then on the file can be to blame."""
        with suppress(TimeoutError, CancelledError):
            future.exception(START_SECONDS)
        if not future.done() and not future.running():
            self.is_broken = True
            raise _FailedError(Failure.BUSY, "no worker process has started")

    def run_proven(
        self, task: Callable[..., Answer], arguments: tuple[object, ...], limit: float
    ) -> Answer:
        """Run a task that has met dead lanes only, in a process that was seen to live before.

        Raises _FailedError: BUSY when there is no such process, CRASHED when the task ends it.
        """
        try:
            self.warm_up()
        except (BrokenProcessPool, _FailedError) as problem:
            self.is_broken = True
            raise _FailedError(Failure.BUSY, "no worker process could be kept alive") from problem
        try:
            return self.run(task, arguments, limit)
        except BrokenProcessPool as problem:
            self.is_broken = True
            raise _FailedError(Failure.CRASHED, "it ended each worker") from problem

    def warm_up(self) -> None:
        """Have the process started. Raises as `run` does."""
        self.run(tasks.warm_up, (), START_SECONDS)

    def close(self) -> None:
        with self._closing:
            self.is_broken = True
            if self._cancel is not None:
                self._cancel()  # a stopped pool leaves its callers waiting
            self._pool.stop()  # type: ignore[no-untyped-call]  # pebble types it not
            self._pool.join()


class _Lanes:
    """The lanes that are open: some idle, some lent, some about to open."""

    def __init__(self, processes: int, memory_bytes: int) -> None:
        self._processes = processes
        self._memory_bytes = memory_bytes
        self._changed = threading.Condition()
        self._idle: list[_Lane] = []
        self._lent: set[_Lane] = set()
        self._moved = time.monotonic()  # when a lane last came free or was opened
        self._is_stopped = False

    def warm_up(self) -> None:
        """Open the warm minimum."""
        opened: list[_Lane] = []
        with suppress(_FailedError):  # stopped meanwhile
            opened.extend(self._take(0) for _ in range(self._processes))
        for lane in opened:
            with suppress(BrokenProcessPool, _FailedError):
                lane.warm_up()  # a lane that cannot start says so again at its first call
            self._give_back(lane)

    @contextmanager
    def lent(self, patience: float) -> Iterator[_Lane]:
        """Lend a lane, waiting `patience` seconds at most. Raises _FailedError."""
        lane = self._take(patience)
        try:
            yield lane
        finally:
            self._give_back(lane)

    def stop(self) -> None:
        """Close all lanes; calls that run in them end."""
        with self._changed:
            self._is_stopped = True
            lanes = [*self._idle, *self._lent]
            self._idle.clear()
            self._changed.notify_all()
        for lane in lanes:
            lane.close()

    def _take(self, patience: float) -> _Lane:
        until = time.monotonic() + patience
        with self._changed:
            while not self._is_stopped:
                lane = self._idle_one() or self._another()
                if lane is not None:
                    self._lent.add(lane)
                    return lane
                if time.monotonic() >= until:
                    raise _FailedError(Failure.BUSY)
                self._changed.wait(STUCK_AFTER / 2)
        raise _FailedError(Failure.STOPPED)

    def _idle_one(self) -> _Lane | None:
        while self._idle:
            lane = self._idle.pop()
            if lane.is_alive:
                return lane
            _close_aside(lane)
        return None

    def _another(self) -> _Lane | None:
        """Open a lane below the warm minimum, or when all have been stuck for a while."""
        count = len(self._lent)
        is_stuck = time.monotonic() - self._moved > STUCK_AFTER
        if count >= self._processes and not (is_stuck and count < self._processes * LANES_FOR_EACH):
            return None
        self._moved = time.monotonic()
        return _Lane(self._memory_bytes)

    def _give_back(self, lane: _Lane) -> None:
        with self._changed:
            self._lent.discard(lane)
            self._moved = time.monotonic()
            is_kept = lane.is_alive and not self._is_stopped and len(self._idle) < self._processes
            if is_kept:
                self._idle.append(lane)
            self._changed.notify()
        if not is_kept:
            _close_aside(lane)


def _failure(problem: Exception) -> tuple[Failure, str]:
    """Describe how a call failed."""
    if isinstance(problem, ProcessExpired):
        return _ENDS.get(problem.exitcode, (Failure.CRASHED, f"exit code {problem.exitcode}"))
    if isinstance(problem, CancelledError):
        return Failure.STOPPED, ""
    if isinstance(problem, MemoryError):
        return Failure.OUT_OF_MEMORY, ""
    if isinstance(problem, FileNotFoundError | PermissionError):
        return Failure.NOT_OPENED, str(problem)
    return Failure.CRASHED, repr(problem)


def _close_aside(lane: _Lane) -> None:
    """Close a lane without making anyone wait for it."""
    threading.Thread(target=lane.close, name="workers-close", daemon=True).start()


def _forkserver() -> ForkServerContext:
    """Start workers from a clean, small process: never a fork of the threaded server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["daydrop.readers.tasks"])
    _keep_the_main_program_out()
    return context


def _keep_the_main_program_out() -> None:
    """Stop multiprocessing from importing the server into every worker.

    A worker imports the script that started the server (`bin/daydrop`), unless its main module
    has a name that says there is nothing to import.
    """
    main = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is None:
        main.__spec__ = ModuleSpec("__main__", None)


def _write(path: Path, picture: bytes) -> None:
    """Write beside, then put in place: a preview is never seen half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    beside.write_bytes(picture)
    os.replace(beside, path)  # noqa: PTH105 - the word says what it does

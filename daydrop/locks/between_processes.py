"""Locks between the processes that use one store, as `daydrop import` beside a server.

A key is a byte of a file that is never read: as many locks as there are keys, none to clean up, and
a killed process releases its own. They are of an open file (F_OFD_SETLK), so that threads of one
process do not share them by accident.
"""

import fcntl
import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from daydrop.errors import Code, Refused

_AT_WORK = 0  # the byte that all processes share, and one that is alone locks for itself
_MOST = 1 << 62
PATIENCE = 60.0  # seconds until a process that keeps a lock is taken for stuck
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05


class ProcessLocks:
    """Keeps other processes from what this one does with a key. `sleep` takes seconds."""

    def __init__(
        self, file: Path, wait: float = PATIENCE, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._path, self._wait, self._sleep = file, wait, sleep
        self._at_work = self._open()
        self._get(self._at_work, fcntl.F_RDLCK, _AT_WORK, wait)

    def close(self) -> None:
        """Leave: this process no longer uses the store; idempotent."""
        if self._at_work >= 0:
            os.close(self._at_work)
            self._at_work = -1

    @contextmanager
    def holding(self, key: object, wait: float | None = None) -> Iterator[None]:
        """Wait until no other process holds this key; raises Refused(BUSY) when one never ends.

        `wait` are the seconds to wait, where they are fewer than usual.
        """
        digest = hashlib.sha256(repr(key).encode("utf-8", "surrogatepass")).digest()
        byte = 1 + int.from_bytes(digest[:8]) % _MOST
        file = self._open()
        try:
            self._get(file, fcntl.F_WRLCK, byte, self._wait if wait is None else wait)
            yield
        finally:
            os.close(file)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether no other process is at work; none begins until the end of this block."""
        is_alone = _is_set(self._at_work, fcntl.F_WRLCK, _AT_WORK)
        try:
            yield is_alone
        finally:
            _is_set(self._at_work, fcntl.F_RDLCK, _AT_WORK)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _get(self, file: int, kind: int, byte: int, wait: float) -> None:
        waited, pause = 0.0, _FIRST_PAUSE
        while not _is_set(file, kind, byte):
            if waited >= wait:
                raise Refused(Code.BUSY, wait=self._wait)
            self._sleep(pause)
            waited, pause = waited + pause, min(2 * pause, _LONGEST_PAUSE)


class NoProcesses:
    """Replaces `ProcessLocks` on a read-only disk, where no process writes."""

    def close(self) -> None:
        """Do nothing: no lock is held."""

    def holding(
        self,
        key: object,  # noqa: ARG002  as it is called
        wait: float | None = None,  # noqa: ARG002  as it is called
    ) -> AbstractContextManager[None]:
        """Lock nothing."""
        return nullcontext()

    def alone(self) -> AbstractContextManager[bool]:
        """Tell that this process is alone."""
        return nullcontext(enter_result=True)


def _is_set(file: int, kind: int, byte: int) -> bool:
    """Lock one byte; return False when another process has it."""
    lock = struct.pack("hhqqi", kind, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
    except BlockingIOError:
        return False
    return True

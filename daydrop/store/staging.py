"""Staging: bytes that are being received, or that wait for their name; hidden."""

import errno
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from daydrop.disk import Disk
from daydrop.store.system import sync_folder


class Staged:
    """An open staging file: the bytes of one upload, hidden until they are linked into place."""

    def __init__(self, file: int, path: Path, disk: Disk, size: int = 0) -> None:
        self._file, self._disk = file, disk
        self.path = path
        self.size = size

    @property
    def name(self) -> str:
        """Return the name below staging, as rows keep it."""
        return self.path.name

    def write(self, block: bytes | memoryview) -> None:
        """Append all of `block`; raises Refused when the disk is full or read-only."""
        view = memoryview(block)
        with self._disk.writing():
            while view:
                written = os.write(self._file, view)
                self.size += written
                view = view[written:]

    def read(self, size: int, offset: int) -> bytes:
        """Return bytes that were written before."""
        return os.pread(self._file, size, offset)

    def sync(self) -> None:
        """Return when the bytes would survive a power cut.

        A failed flush is never tried again: the second one would report success for bytes that the
        kernel has dropped.
        """
        with self._disk.writing():
            os.fdatasync(self._file)

    def set_modified(self, when: float) -> None:
        """Give the file the client's time, in seconds since 1970."""
        os.utime(self._file, (when, when))

    def close(self) -> None:
        """Close the descriptor; idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class Staging:
    """The folder of staging files. `random` makes their names."""

    def __init__(self, folder: Path, disk: Disk, random: Callable[[], str]) -> None:
        self._folder, self._disk, self._random = folder, disk, random

    def create(self) -> Staged:
        """Create an empty staging file under a random name."""
        path = self._folder / self._random()
        with self._disk.writing():
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        return Staged(file, path, self._disk)

    def reopen(self, name: str) -> Staged:
        """Open a staging file again; raises FileNotFoundError when it is gone."""
        path = self.path(name)
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        return Staged(file, path, self._disk, os.fstat(file).st_size)

    def cut(self, name: str, size: int) -> None:
        """Cut off what a staging file holds beyond `size`: bytes that were never flushed.

        Raises FileNotFoundError when it is gone, shorter than that, or a file of the tree by now:
        a kill after filing leaves the name in staging, and cutting it would cut the filed file.
        """
        path = self.path(name)
        status = path.stat()
        if status.st_nlink > 1:
            self.discard(name)
        if status.st_nlink > 1 or status.st_size < size:
            raise FileNotFoundError(errno.ENOENT, "bytes in staging are gone", name)
        os.truncate(path, size)

    def path(self, name: str) -> Path:
        """Return where the staging file of this name lies."""
        return self._folder / PurePosixPath(name).name

    def discard(self, name: str) -> None:
        """Remove a staging file; does nothing when it is gone."""
        self.path(name).unlink(missing_ok=True)

    def sync(self) -> None:
        """Return when the names in staging would survive a power cut."""
        with self._disk.writing():
            sync_folder(self._folder)

    def names(self) -> list[str]:
        """Return the names of all staging files."""
        return [file.name for file in self._folder.iterdir()]

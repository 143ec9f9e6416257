"""The dated tree: the folders and files that people see. Paths never follow a link."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from daydrop.disk import Disk
from daydrop.media.names import is_text
from daydrop.store.system import is_plain, rename_without_replacing, sync_folder
from daydrop.store.trees import TREES

HIDDEN = ".daydrop"


@dataclass(frozen=True)
class Entry:
    """A name in a folder of the tree; `modified` in seconds since 1970."""

    name: str
    is_folder: bool
    size: int
    modified: float


class Tree:
    """The files of the library below `root`; paths are relative to it."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self.root, self._disk = root, disk
        self._durable: set[PurePosixPath] = set()  # folders whose names we know to be on the disk

    # ---- looking ----------------------------------------------------------------------------

    def path(self, path: PurePosixPath) -> Path:
        """Return where a path of the tree lies; raises ValueError for one that leads out of it."""
        if path.is_absolute() or ".." in path.parts or path.parts[:1] == (HIDDEN,):
            raise ValueError("a path of the tree is expected")
        return self.root / path

    def open(self, path: PurePosixPath) -> BinaryIO:
        """Open a file of the tree to read; raises FileNotFoundError, also for links and folders."""
        parts = path.parts
        if not parts or parts[0] not in TREES or ".." in parts or path.is_absolute():
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[:-1]:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(part, flags, dir_fd=folder)
                os.close(folder)
                folder = below
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(parts[-1], flags, dir_fd=folder)
        except (NotADirectoryError, OSError) as failure:
            if failure.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EMLINK):
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path)) from failure
            raise
        finally:
            os.close(folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
        return os.fdopen(file, "rb", buffering=0)

    def sha256(self, path: PurePosixPath) -> str:
        """Read a file of the tree and return its SHA-256; raises OSError when it is unreadable."""
        with self.open(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # any raw file reads

    def has(self, path: PurePosixPath, size: int) -> bool:
        """Return whether a plain file of exactly this size is there."""
        try:
            status = os.lstat(self.path(path))
        except OSError as failure:
            if failure.errno in (errno.ENOENT, errno.ENOTDIR):
                return False
            raise
        return stat.S_ISREG(status.st_mode) and status.st_size == size

    def size(self, path: PurePosixPath) -> int:
        """Return the size of a file of the tree, in bytes."""
        return os.lstat(self.path(path)).st_size

    def is_there(self, path: PurePosixPath) -> bool:
        """Return whether anything has this name."""
        return os.path.lexists(self.path(path))

    def is_gone(self, path: PurePosixPath) -> bool:
        """Return whether a file is gone for certain: False also when the disk does not say."""
        try:
            return not stat.S_ISREG(os.lstat(self.path(path)).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False

    def listing(self, folder: PurePosixPath) -> list[Entry]:
        """Return what lies in a folder of the tree, by name; hidden files and links are left out.

        Raises FileNotFoundError for anything but a folder.
        """
        path = self.path(folder)
        if not self.is_folder(folder):
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(folder))
        with os.scandir(path) as found:
            entries = [_entry(entry) for entry in found if _is_shown(entry.name)]
        return sorted((e for e in entries if e is not None), key=lambda entry: entry.name)

    def is_folder(self, folder: PurePosixPath) -> bool:
        """Return whether this is a real folder of the tree, reached through no link."""
        path = self.root
        for part in folder.parts:
            path = path / part
            if path.is_symlink() or not path.is_dir():
                return False
        return bool(folder.parts) and folder.parts[0] in TREES

    def is_file(self, path: PurePosixPath) -> bool:
        """Return whether `open` would find a file; no name that a disk cannot hold is one."""
        try:
            self.open(path).close()
        except (FileNotFoundError, ValueError):
            return False
        return True

    def files(self) -> Iterator[PurePosixPath]:
        """Yield every plain file of the tree; what is hidden, a link or a pipe is left out."""
        for tree in TREES:
            for folder, folders, names in os.walk(self.root / tree):
                folders[:] = [name for name in folders if _is_shown(name)]
                for name in names:
                    path = Path(folder, name)
                    if _is_shown(name) and is_plain(path):
                        yield PurePosixPath(path.relative_to(self.root))

    # ---- changing ---------------------------------------------------------------------------

    def make_folder(self, folder: PurePosixPath) -> None:
        """Make a folder of the tree; each new one survives a power cut."""
        path = self.path(folder)
        is_there = path.is_dir()
        if is_there and folder in self._durable:
            return
        # another thread may have made it just now, or a run that died: perhaps not flushed
        self._durable.discard(folder)
        if folder.parts:
            self.make_folder(folder.parent)
            with suppress(FileExistsError):
                path.mkdir()
            sync_folder(path.parent)
        self._durable.add(folder)

    def sync_folder(self, folder: PurePosixPath) -> None:
        """Return when the names in the folder would survive a power cut."""
        with self._disk.writing():
            sync_folder(self.path(folder))

    def move(self, source: PurePosixPath, target: PurePosixPath) -> bool:
        """Rename a file of the tree in one step; return False when the target is taken."""
        with self._disk.writing():
            self.make_folder(target.parent)
            if not rename_without_replacing(self.path(source), self.path(target)):
                return False
            self.sync_folder(target.parent)
            self.sync_folder(source.parent)
            return True

    def remove_empty(self, folder: PurePosixPath) -> None:
        """Remove a folder of the tree, and those above it, as long as they are empty.

        For the first process alone, while it files nothing: an upload may be about to link there.
        """
        while len(folder.parts) > 1:
            try:
                self.path(folder).rmdir()
            except OSError:
                return
            self._durable.discard(folder)
            folder = folder.parent

    def sync_file(self, path: PurePosixPath) -> None:
        """Flush a file of the tree that may not have come by an upload."""
        with self._disk.writing():
            file = os.open(self.path(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def set_modified(self, path: PurePosixPath, when: float) -> None:
        """Give a file of the tree the client's time; does nothing when the file is gone."""
        with suppress(FileNotFoundError):
            os.utime(self.path(path), (when, when), follow_symlinks=False)


def _is_shown(name: str) -> bool:
    """Return whether a name on the disk is shown: not hidden, and valid UTF-8."""
    return not name.startswith(".") and is_text(name)


def _entry(entry: os.DirEntry[str]) -> Entry | None:
    if entry.is_symlink():
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None  # moved away between the listing and the look
    if stat.S_ISDIR(status.st_mode):
        return Entry(entry.name, is_folder=True, size=0, modified=status.st_mtime)
    if stat.S_ISREG(status.st_mode):
        return Entry(entry.name, is_folder=False, size=status.st_size, modified=status.st_mtime)
    return None

"""The store in a folder of this machine.

    images/ videos/ no_date/ others/   the dated tree
    .daydrop/staging                   bytes that are being received, or wait for their name
    .daydrop/trash                     deleted files, until their days are over
    .daydrop/previews .daydrop/log     made by previews and the log

Staging and tree are one file system, so that a whole file appears in the tree by one link.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from daydrop.disk import Disk
from daydrop.errors import StoreUnusable
from daydrop.media.names import is_text
from daydrop.store.trees import TREES

_HIDDEN = ".daydrop"
_ALWAYS = TREES[:3]  # `others` is made with its first file
_FOLDERS = ("staging", "trash", "previews", "log")
_LOCK = "lock"
_AT_FDCWD = -100
_PROBE = ".daydrop-probe-"
_RENAME_NOREPLACE = 1
_CANNOT_LINK = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

Random = Callable[[], str]


@dataclass(frozen=True)
class Free:
    """Room on the disk: bytes and files (inodes) free for us, bytes used in all."""

    bytes: int
    inodes: int | None
    used: int
    is_read_only: bool = False


@dataclass(frozen=True)
class Entry:
    """A name in a folder of the tree; `modified` in seconds since 1970."""

    name: str
    is_folder: bool
    size: int
    modified: float


class Staged:
    """An open staging file: the bytes of one upload, hidden until they are linked into place."""

    def __init__(self, file: int, path: Path, disk: Disk, size: int = 0) -> None:
        self._file, self._disk = file, disk
        self.path = path
        self.size = size

    @property
    def name(self) -> str:
        """The name below staging, as rows keep it."""
        return self.path.name

    def write(self, block: bytes | memoryview) -> None:
        """Appends all of `block`; raises Refused when the disk is full or read-only."""
        view = memoryview(block)
        with self._disk.writing():
            while view:
                written = os.write(self._file, view)
                self.size += written
                view = view[written:]

    def read(self, size: int, offset: int) -> bytes:
        """Bytes that were written before."""
        return os.pread(self._file, size, offset)

    def sync(self) -> None:
        """Returns when the bytes would survive a power cut.

        A failed flush is never tried again: the second one would report success for bytes that the
        kernel has dropped (spec/reliability.md 1.3).
        """
        with self._disk.writing():
            os.fdatasync(self._file)

    def set_modified(self, when: float) -> None:
        """Gives the file the client's time."""
        os.utime(self._file, (when, when))

    def close(self) -> None:
        """Lets go of the descriptor; harmless twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class LocalStore:
    """The library's bytes below `root`. Paths are relative to it and never follow a link."""

    def __init__(
        self, root: Path, disk: Disk | None = None, random: Random = lambda: secrets.token_hex(16)
    ) -> None:
        self._disk = disk or Disk()
        self.root = root.absolute()
        self.state = self.root / _HIDDEN
        self._staging = self.state / "staging"
        self._trash = self.state / "trash"
        self._random = random
        self._links = True
        self._durable: set[PurePosixPath] = set()  # folders whose names we know to be on the disk
        self._claim: int | None = None

    # ---- start ------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Makes the folders; raises Refused(READ_ONLY) on a disk that takes no writes."""
        with self._disk.writing():
            new = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
            self.root.mkdir(parents=True, exist_ok=True)
            self.state.mkdir(mode=0o700, exist_ok=True)
            for folder in _FOLDERS:
                (self.state / folder).mkdir(mode=0o700, exist_ok=True)
            for tree in _ALWAYS:
                self._make_tree(self.root / tree)
            for made in (self.state, self.root, *(each.parent for each in new)):
                _sync_folder(made)

    def prove(self) -> None:
        """Proves that a file can be put in place without replacing another.

        Raises StoreUnusable when it cannot, Refused(READ_ONLY) on a disk that takes no writes.
        """
        with self._disk.writing():
            for tree in _ALWAYS:
                self._prove(PurePosixPath(tree))

    def claim(self, who: str) -> bool:
        """Whether this process is the first that uses the store; it is until it ends.

        Only the first may sweep: what lies in staging can belong to another one. `who` is what
        others are told of it.
        """
        file = os.open(self.state / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        os.truncate(file, 0)
        os.write(file, who.encode())
        self._claim = file
        return True

    def claimed_by(self) -> str | None:
        """Who is the first that uses the store now; None when nobody does."""
        try:
            with (self.state / _LOCK).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return (self.state / _LOCK).read_text(encoding="utf-8") or "Daydrop"
        return None

    def release(self) -> None:
        """Lets another process be the first."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _make_tree(self, tree: Path) -> None:
        """A link would lead out of the store, and nothing below it would be served."""
        if tree.is_symlink() or (tree.exists() and not tree.is_dir()):
            raise StoreUnusable(
                f"{tree} is not a folder: move it away. To keep the library on another disk, "
                "put the whole store there"
            )
        tree.mkdir(exist_ok=True)

    def _prove(self, tree: PurePosixPath) -> None:
        """Two files, one name: the second must be told that the name is taken."""
        first, second = self.stage(), self.stage()
        name = tree / f"{_PROBE}{self._random()}"
        try:
            if not self.link(first.name, name) or self.link(second.name, name):
                raise StoreUnusable(
                    f"{self.root} would overwrite files of one name: "
                    "put the store on a local disk (ext4, xfs, btrfs, zfs, APFS, NTFS)"
                )
        except OSError as failure:
            if failure.errno != errno.EXDEV:
                raise
            raise StoreUnusable(
                f"{self.root / tree} is on a different disk than {self.root}: files cannot be "
                "moved there in one step. Put the whole store on that disk"
            ) from failure
        finally:
            for staged in (first, second):
                staged.close()
                self.discard(staged.name)
            (self.root / name).unlink(missing_ok=True)

    # ---- staging ----------------------------------------------------------------------------

    def stage(self) -> Staged:
        """A new empty staging file under a random name."""
        path = self._staging / self._random()
        with self._disk.writing():
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        return Staged(file, path, self._disk)

    def reopen(self, name: str) -> Staged:
        """A staging file that outlived its request; raises FileNotFoundError when it is gone."""
        path = self.staged_path(name)
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        return Staged(file, path, self._disk, os.fstat(file).st_size)

    def cut_staged(self, name: str, size: int) -> None:
        """Cuts off what a staging file holds beyond `size`: bytes that were never flushed.

        Raises FileNotFoundError when it is gone, shorter than that, or a file of the tree by now:
        a kill after filing leaves the name in staging, and cutting it would cut the filed file.
        """
        path = self.staged_path(name)
        status = path.stat()
        if status.st_nlink > 1:
            self.discard(name)
        if status.st_nlink > 1 or status.st_size < size:
            raise FileNotFoundError(errno.ENOENT, "bytes in staging are gone", name)
        os.truncate(path, size)

    def staged_path(self, name: str) -> Path:
        """Where the staging file of this name lies."""
        return self._staging / PurePosixPath(name).name

    def discard(self, name: str) -> None:
        """Removes a staging file; harmless when it is gone."""
        self.staged_path(name).unlink(missing_ok=True)

    def discard_probes(self) -> None:
        """Removes what a kill left of the proof at the start; for who is alone."""
        for tree in _ALWAYS:
            for probe in self.path(PurePosixPath(tree)).glob(f"{_PROBE}*"):
                probe.unlink(missing_ok=True)

    def sync_staging(self) -> None:
        """Returns when the names in staging would survive a power cut."""
        with self._disk.writing():
            _sync_folder(self._staging)

    def staged_names(self) -> list[str]:
        """All staging files there are."""
        return [file.name for file in self._staging.iterdir()]

    # ---- the tree ---------------------------------------------------------------------------

    def link(self, staged: str, path: PurePosixPath) -> bool:
        """Puts a staging file into the tree; False when the name is taken. Replaces nothing.

        Its folders are made, and made durable, as needed; the folder itself is flushed by
        `sync_folder`, so that several names may share one flush.
        """
        with self._disk.writing():
            self.make_folder(path.parent)
            return self._without_replacing(self.staged_path(staged), self.path(path))

    def move(self, source: PurePosixPath, target: PurePosixPath) -> bool:
        """Renames a file of the tree in one step; False when the target is taken."""
        with self._disk.writing():
            self.make_folder(target.parent)
            if not _rename_without_replacing(self.path(source), self.path(target)):
                return False
            self.sync_folder(target.parent)
            self.sync_folder(source.parent)
            return True

    def _without_replacing(self, source: Path, target: Path) -> bool:
        if self._links:
            try:
                os.link(source, target, follow_symlinks=False)
            except FileExistsError:
                return _is_same_file(source, target)  # linked before a kill, and not written down
            except OSError as failure:
                if failure.errno not in _CANNOT_LINK:
                    raise
                self._links = False  # FAT, exFAT and some network disks
            else:
                return True
        return _rename_without_replacing(source, target)

    def make_folder(self, folder: PurePosixPath) -> None:
        """Makes a folder of the tree; each new one survives a power cut."""
        path = self.path(folder)
        is_there = path.is_dir()
        if is_there and folder in self._durable:
            return
        # another thread may have made it just now, or a run that died: not flushed, for all we know
        self._durable.discard(folder)
        if folder.parts:
            self.make_folder(folder.parent)
            with suppress(FileExistsError):
                path.mkdir()
            _sync_folder(path.parent)
        self._durable.add(folder)

    def sync_folder(self, folder: PurePosixPath) -> None:
        """Returns when the names in the folder would survive a power cut."""
        with self._disk.writing():
            _sync_folder(self.path(folder))

    def path(self, path: PurePosixPath) -> Path:
        """Where a path of the tree lies; raises ValueError for one that leads out of it."""
        if path.is_absolute() or ".." in path.parts or path.parts[:1] == (_HIDDEN,):
            raise ValueError("a path of the tree is expected")
        return self.root / path

    def open(self, path: PurePosixPath) -> BinaryIO:
        """A file of the tree, for reading; raises FileNotFoundError, also for links and folders."""
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

    def is_file(self, path: PurePosixPath) -> bool:
        """Return whether `open` would find a file; no name that a disk cannot hold is one."""
        try:
            self.open(path).close()
        except (FileNotFoundError, ValueError):
            return False
        return True

    def sha256(self, path: PurePosixPath) -> str:
        """The hash of a whole file of the tree, read anew; raises OSError when it cannot be."""
        with self.open(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # any raw file reads

    def has(self, path: PurePosixPath, size: int) -> bool:
        """Whether a plain file of exactly this size is there."""
        try:
            status = os.lstat(self.path(path))
        except OSError as failure:
            if failure.errno in (errno.ENOENT, errno.ENOTDIR):
                return False
            raise
        return stat.S_ISREG(status.st_mode) and status.st_size == size

    def size(self, path: PurePosixPath) -> int:
        """The bytes of a file of the tree."""
        return os.lstat(self.path(path)).st_size

    def is_there(self, path: PurePosixPath) -> bool:
        """Whether anything has this name."""
        return os.path.lexists(self.path(path))

    def is_gone(self, path: PurePosixPath) -> bool:
        """Whether a file that was here is not any more; False also for what cannot be looked at."""
        try:
            return not stat.S_ISREG(os.lstat(self.path(path)).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False

    def take_back(self, path: PurePosixPath, staged: str) -> None:
        """Undoes `link`: the file is in staging again, and in the tree no more."""
        if self.staged_path(staged).exists():
            self.path(path).unlink(missing_ok=True)
        else:  # a file system without links: the only name it has
            _rename_without_replacing(self.path(path), self.staged_path(staged))

    def write_text(self, path: PurePosixPath, text: str) -> None:
        """Writes a small file of ours into the tree, in one step; it replaces its older self."""
        staged = self.stage()
        try:
            staged.write(text.encode())
            self.replace(staged, path)
        finally:
            staged.close()

    def replace(self, staged: Staged, path: PurePosixPath) -> None:
        """Puts a staging file over a file of the tree: one that is damaged, or a list of ours."""
        with self._disk.writing():
            staged.sync()
            staged.path.replace(self.path(path))
            self.sync_folder(path.parent)

    def listing(self, folder: PurePosixPath) -> list[Entry]:
        """What lies in a folder of the tree, by name; hidden files and links are left out.

        Raises FileNotFoundError for what is no folder.
        """
        path = self.path(folder)
        if not self.is_folder(folder):
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(folder))
        with os.scandir(path) as found:
            entries = [_entry(entry) for entry in found if _is_shown(entry.name)]
        return sorted((e for e in entries if e is not None), key=lambda entry: entry.name)

    def is_folder(self, folder: PurePosixPath) -> bool:
        """Whether this is a real folder of the tree, reached through no link."""
        path = self.root
        for part in folder.parts:
            path = path / part
            if path.is_symlink() or not path.is_dir():
                return False
        return bool(folder.parts) and folder.parts[0] in TREES

    def files(self) -> Iterator[PurePosixPath]:
        """Every plain file of the tree; what is hidden, a link or a pipe is left out."""
        for tree in TREES:
            for folder, folders, names in os.walk(self.root / tree):
                folders[:] = [name for name in folders if _is_shown(name)]
                for name in names:
                    path = Path(folder, name)
                    if _is_shown(name) and _is_plain(path):
                        yield PurePosixPath(path.relative_to(self.root))

    def remove_empty(self, folder: PurePosixPath) -> None:
        """Removes a folder of the tree, and those above it, as far as nothing lies in them.

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
        """Flushes a file of the tree that may have come by another way than an upload."""
        with self._disk.writing():
            file = os.open(self.path(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def set_modified(self, path: PurePosixPath, when: float) -> None:
        """Gives a file of the tree the client's time; harmless when the file is gone."""
        with suppress(FileNotFoundError):
            os.utime(self.path(path), (when, when), follow_symlinks=False)

    # ---- trash ------------------------------------------------------------------------------

    def move_to_trash(self, path: PurePosixPath, name: str) -> None:
        """Takes a file out of the tree; it is kept under `name` until it is purged."""
        with self._disk.writing():
            self.path(path).rename(self.trashed_path(name))
            _sync_folder(self._trash)
            self.sync_folder(path.parent)

    def move_from_trash(self, name: str, path: PurePosixPath) -> bool:
        """Puts a file of the trash back into the tree; False when the name is taken."""
        with self._disk.writing():
            self.make_folder(path.parent)
            if not _rename_without_replacing(self.trashed_path(name), self.path(path)):
                return False
            self.sync_folder(path.parent)
            return True

    def purge(self, name: str) -> None:
        """Removes a file of the trash for good; harmless when it is gone."""
        self.trashed_path(name).unlink(missing_ok=True)

    def trashed_path(self, name: str) -> Path:
        """Where a file of the trash lies."""
        return self._trash / PurePosixPath(name).name

    def trashed_names(self) -> list[str]:
        """All files of the trash."""
        return [file.name for file in self._trash.iterdir()]

    # ---- room -------------------------------------------------------------------------------

    def free(self) -> Free:
        """Room on the disk of the store; inodes are None where there is no such limit."""
        status = os.statvfs(self.root)
        return Free(
            bytes=status.f_bavail * status.f_frsize,
            inodes=status.f_favail if status.f_files else None,
            used=(status.f_blocks - status.f_bfree) * status.f_frsize,
            is_read_only=bool(status.f_flag & os.ST_RDONLY),
        )


def _is_shown(name: str) -> bool:
    """Whether a name on the disk is shown: none that hides, none that is no text."""
    return not name.startswith(".") and is_text(name)


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False  # moved away meanwhile


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


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except FileNotFoundError:
        return False


def _rename_without_replacing(source: Path, target: Path) -> bool:
    """renameat2(RENAME_NOREPLACE); False when the target is there.

    Raises StoreUnusable where the system or the file system does not know it.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise StoreUnusable(_NO_RENAME)
    done = rename(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE)
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number == errno.EEXIST:
        return False
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise StoreUnusable(_NO_RENAME)
    raise OSError(number, os.strerror(number), str(source))


_NO_RENAME = (
    "this file system can neither link nor rename without replacing, so files could overwrite "
    "each other: put the store on a local disk (ext4, xfs, btrfs, zfs)"
)

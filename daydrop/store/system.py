"""What the store asks of the operating system: flushes, and names that replace nothing."""

import ctypes
import errno
import os
import stat
from pathlib import Path

from daydrop.errors import StoreUnusable

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_NO_RENAME = (
    "this file system can neither link nor rename without replacing, so files could overwrite "
    "each other: put the store on a local disk (ext4, xfs, btrfs, zfs)"
)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder would survive a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two names are links to one file."""
    try:
        return os.path.samestat(os.lstat(one), os.lstat(other))
    except FileNotFoundError:
        return False


def is_plain(path: Path) -> bool:
    """Return whether a regular file has this name: no link, folder or pipe."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False  # moved away meanwhile


def rename_without_replacing(source: Path, target: Path) -> bool:
    """Rename by renameat2(RENAME_NOREPLACE); return False when the target is taken.

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

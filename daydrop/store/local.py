"""The store in a folder of this machine.

    images/ videos/ no_date/ others/   the dated tree
    .daydrop/staging                   bytes that are being received, or wait for their name
    .daydrop/trash                     deleted files, until their days are over
    .daydrop/previews .daydrop/log     made by previews and the log

Staging and tree are one file system, so that a whole file appears in the tree by one link.
"""

import errno
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from daydrop.disk import Disk
from daydrop.errors import StoreUnusable
from daydrop.store.claim import Claim
from daydrop.store.staging import Staged, Staging
from daydrop.store.system import is_same_file, rename_without_replacing, sync_folder
from daydrop.store.trash_folder import TrashFolder
from daydrop.store.tree import HIDDEN, Tree
from daydrop.store.trees import TREES

_ALWAYS = TREES[:3]  # `others` is made with its first file
_FOLDERS = ("staging", "trash", "previews", "log")
_PROBE = ".daydrop-probe-"
_CANNOT_LINK = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

Random = Callable[[], str]


@dataclass(frozen=True)
class Free:
    """Room on the disk: bytes and files (inodes) free for us, bytes used in all."""

    bytes: int
    inodes: int | None
    used: int
    is_read_only: bool = False


class LocalStore:
    """The library's bytes below `root`: its staging, tree and trash, and the ways between them."""

    def __init__(
        self, root: Path, disk: Disk | None = None, random: Random = lambda: secrets.token_hex(16)
    ) -> None:
        self._disk = disk or Disk()
        self.root = root.absolute()
        self.state = self.root / HIDDEN
        self.staging = Staging(self.state / "staging", self._disk, random)
        self.tree = Tree(self.root, self._disk)
        self.trash = TrashFolder(self.state / "trash")
        self.claim = Claim(self.state / "lock")
        self._random = random
        self._links = True

    # ---- start ------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the folders; raises Refused(READ_ONLY) on a disk that takes no writes."""
        with self._disk.writing():
            new = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
            self.root.mkdir(parents=True, exist_ok=True)
            self.state.mkdir(mode=0o700, exist_ok=True)
            for folder in _FOLDERS:
                (self.state / folder).mkdir(mode=0o700, exist_ok=True)
            for tree in _ALWAYS:
                self._make_tree(self.root / tree)
            for made in (self.state, self.root, *(each.parent for each in new)):
                sync_folder(made)

    def prove(self) -> None:
        """Prove that a file can be put in place without replacing another.

        Raises StoreUnusable when it cannot, Refused(READ_ONLY) on a disk that takes no writes.
        """
        with self._disk.writing():
            for tree in _ALWAYS:
                self._prove(PurePosixPath(tree))

    def _make_tree(self, tree: Path) -> None:
        """Make a top folder; a link would lead out of the store, and is refused."""
        if tree.is_symlink() or (tree.exists() and not tree.is_dir()):
            raise StoreUnusable(
                f"{tree} is not a folder: move it away. To keep the library on another disk, "
                "put the whole store there"
            )
        tree.mkdir(exist_ok=True)

    def _prove(self, tree: PurePosixPath) -> None:
        """Give two files one name: the second must find it taken."""
        first, second = self.staging.create(), self.staging.create()
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
                self.staging.discard(staged.name)
            (self.root / name).unlink(missing_ok=True)

    def discard_probes(self) -> None:
        """Remove what a kill left of the proof at the start; for a process that is alone."""
        for tree in _ALWAYS:
            for probe in self.tree.path(PurePosixPath(tree)).glob(f"{_PROBE}*"):
                probe.unlink(missing_ok=True)

    # ---- staging, tree and trash -----------------------------------------------------------

    def link(self, staged: str, path: PurePosixPath) -> bool:
        """Link a staging file into the tree; return False when the name is taken.

        Its folders are made, and made durable, as needed; the folder itself is flushed by
        `sync_folder`, so that several names may share one flush.
        """
        with self._disk.writing():
            self.tree.make_folder(path.parent)
            return self._without_replacing(self.staging.path(staged), self.tree.path(path))

    def _without_replacing(self, source: Path, target: Path) -> bool:
        if self._links:
            try:
                os.link(source, target, follow_symlinks=False)
            except FileExistsError:
                return is_same_file(source, target)  # linked before a kill, and not written down
            except OSError as failure:
                if failure.errno not in _CANNOT_LINK:
                    raise
                self._links = False  # FAT, exFAT and some network disks
            else:
                return True
        return rename_without_replacing(source, target)

    def take_back(self, path: PurePosixPath, staged: str) -> None:
        """Undo `link`: the file is in staging again, and no longer in the tree."""
        if self.staging.path(staged).exists():
            self.tree.path(path).unlink(missing_ok=True)
        else:  # a file system without links: the only name it has
            rename_without_replacing(self.tree.path(path), self.staging.path(staged))

    def write_text(self, path: PurePosixPath, text: str) -> None:
        """Write a small file of ours into the tree, in one step; it replaces its older self."""
        staged = self.staging.create()
        try:
            staged.write(text.encode())
            self.replace(staged, path)
        finally:
            staged.close()

    def replace(self, staged: Staged, path: PurePosixPath) -> None:
        """Replace a file of the tree by a staging file: a damaged one, or a list of ours."""
        with self._disk.writing():
            staged.sync()
            staged.path.replace(self.tree.path(path))
            self.tree.sync_folder(path.parent)

    def move_to_trash(self, path: PurePosixPath, name: str) -> None:
        """Take a file out of the tree; it is kept under `name` until it is purged."""
        with self._disk.writing():
            self.tree.path(path).rename(self.trash.path(name))
            sync_folder(self.state / "trash")
            self.tree.sync_folder(path.parent)

    def move_from_trash(self, name: str, path: PurePosixPath) -> bool:
        """Put a file of the trash back into the tree; return False when the name is taken."""
        with self._disk.writing():
            self.tree.make_folder(path.parent)
            if not rename_without_replacing(self.trash.path(name), self.tree.path(path)):
                return False
            self.tree.sync_folder(path.parent)
            return True

    # ---- room -------------------------------------------------------------------------------

    def free(self) -> Free:
        """Return the room on the disk; inodes are None where there is no such limit."""
        status = os.statvfs(self.root)
        return Free(
            bytes=status.f_bavail * status.f_frsize,
            inodes=status.f_favail if status.f_files else None,
            used=(status.f_blocks - status.f_bfree) * status.f_frsize,
            is_read_only=bool(status.f_flag & os.ST_RDONLY),
        )

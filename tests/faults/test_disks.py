"""Full, broken and read-only disks: the right refusal, the rest alive, nothing lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daydrop.errors import Code, Refused, StoreUnusable
from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from tests.checkout import ROOT
from tests.faults import tracing
from tests.faults.disks import MEGABYTE, image, mounted, need, run, served
from tests.faults.notes import Notes, read
from tests.faults.promises import broken
from tests.faults.scale import FULL, report
from tests.faults.scenarios import ANNA, BEN, Sender, digest, opened, picture, serving
from tests.faults.uploader import bodies

pytestmark = pytest.mark.faults
SMALL, LARGE = picture("small"), picture("large", 3 * MEGABYTE)
KNOWN = {digest(SMALL), digest(LARGE), digest(picture("first"))}


def refusal(sender: Sender, path: str, body: bytes) -> Code | None:
    try:
        sender.put(path, body)
    except Refused as refused:
        return refused.code
    return None


def fill(disk: Path, leave: int) -> Path:
    """A file that takes all room of a disk but so many bytes."""
    filler = disk / "filler"
    status = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - leave)
    return filler


@contextmanager
def on_disk(tmp_path: Path, *options: str) -> Iterator[tuple[Path, Sender]]:
    """A library on a small disk of its own, with one file in it."""
    need("mkfs.ext4", "losetup")
    file = image(tmp_path / "disk.img", 24 * MEGABYTE, *options)
    with (
        mounted(file, tmp_path / "mount", "-o", "loop") as disk,
        serving(disk / "store") as library,
    ):
        sender = Sender(library, Notes(tmp_path / "notes"))
        sender.put("first.jpg", picture("first"))
        yield disk, sender
        assert library.store.staging.names() == []


def kept(tmp_path: Path, library: Library) -> bool:
    return broken(library, read(tmp_path / "notes"), KNOWN) == []


def test_what_would_not_fit_is_refused_before_a_byte_of_it(tmp_path):
    with on_disk(tmp_path) as (disk, sender):
        filler = fill(disk, MEGABYTE)
        with pytest.raises(Refused) as refused:
            sender.library.door.begin(Announcement("a.jpg", ANNA, size=len(LARGE), alias="a.jpg"))
        assert refused.value.code is Code.NO_SPACE
        assert refusal(sender, "small.jpg", SMALL) is None
        filler.unlink()
        assert refusal(sender, "large.jpg", LARGE) is None
        assert kept(tmp_path, sender.library)


def test_a_disk_that_fills_up_meanwhile_ends_that_upload_only(tmp_path):
    with on_disk(tmp_path) as (disk, sender):
        door = sender.library.door
        small = door.begin(Announcement("b.jpg", BEN, size=len(SMALL), alias="b.jpg"))
        with (
            pytest.raises(Refused) as refused,
            door.begin(Announcement("a.jpg", ANNA, size=len(LARGE), alias="a.jpg")) as large,
        ):
            large.write(LARGE[:MEGABYTE])
            fill(disk, MEGABYTE)
            for at in range(MEGABYTE, len(LARGE), 65_536):
                large.write(LARGE[at : at + 65_536])
            large.commit()
        assert refused.value.code is Code.NO_SPACE
        small.write(SMALL)
        assert small.commit().place == "images/2024/05/17/b.jpg"
        assert kept(tmp_path, sender.library)


def test_a_disk_too_full_for_the_catalogue_refuses_and_goes_on_when_there_is_room(tmp_path):
    with on_disk(tmp_path) as (disk, sender):
        filler = fill(disk, 120_000)
        codes = {refusal(sender, f"{n}.jpg", picture(f"full {n}", 20_000)) for n in range(40)}
        assert Code.NO_SPACE in codes
        assert codes <= {None, Code.NO_SPACE}
        assert sender.library.door.fault is not None
        assert sender.library.aliases.paths.find(ANNA, "first.jpg") is not None
        filler.unlink()
        assert sender.library.door.fault is None
        assert refusal(sender, "large.jpg", LARGE) is None
        known = KNOWN | {digest(picture(f"full {n}", 20_000)) for n in range(40)}
        assert broken(sender.library, read(tmp_path / "notes"), known) == []


def test_no_inodes_is_no_room_either(tmp_path):
    with on_disk(tmp_path, "-N", "256") as (disk, sender):
        crumbs = disk / "crumbs"
        crumbs.mkdir()
        for number in range(os.statvfs(disk).f_favail - 40):
            (crumbs / str(number)).touch()
        assert refusal(sender, "small.jpg", SMALL) is Code.NO_SPACE
        assert sender.library.door.fault == "the disk of the store has no room for more files"
        shutil.rmtree(crumbs)
        assert sender.library.door.fault is None
        assert refusal(sender, "small.jpg", SMALL) is None
        assert kept(tmp_path, sender.library)


@pytest.mark.parametrize("flags", ["", "remount-ro"])
def test_a_disk_that_fails_is_never_acknowledged_and_takes_nothing_until_a_restart(tmp_path, flags):
    need("nbdkit", "nbdfuse", "mkfs.ext4", "losetup")
    file, failing = image(tmp_path / "disk.img"), tmp_path / "failing"
    options = ["error-pwrite=EIO", "error-pwrite-rate=100%", f"error-pwrite-file={failing}"]
    notes = tmp_path / "notes"

    def fail() -> None:
        how = ["-o", f"errors={flags}"] if flags else []
        with mounted(device, tmp_path / "mount", *how) as disk:
            library = opened(disk / "store")
            library.start()
            sender = Sender(library, Notes(notes))
            sender.put("first.jpg", picture("first"))
            assert library.door.fault is None
            failing.touch()
            assert refusal(sender, "second.jpg", SMALL) in (Code.INTERNAL, Code.READ_ONLY)
            assert refusal(sender, "second.jpg", SMALL) is Code.READ_ONLY
            assert library.door.fault is not None
            with library.aliases.paths.open(sender._alias(ANNA, "first.jpg")).file as content:
                assert content.read() == picture("first")
            failing.unlink()
            os._exit(0)  # as a process ends whose disk is gone

    with served(tmp_path, "--filter=error", "file", file, *options) as device:
        assert tracing.forked(fail)
        subprocess.run(["umount", tmp_path / "mount"], check=True)
        subprocess.run(["e2fsck", "-fy", device], capture_output=True, check=False)
        with mounted(device, tmp_path / "mount") as disk, serving(disk / "store") as library:
            assert library.door.fault is None
            assert broken(library, read(notes), KNOWN) == []
            assert refusal(Sender(library, Notes(notes)), "second.jpg", SMALL) is None


@pytest.mark.parametrize("ending", ["clean", "killed"])
def test_a_library_on_a_read_only_disk_shows_everything_and_takes_nothing(tmp_path, ending):
    need("mkfs.ext4", "losetup")
    file = image(tmp_path / "disk.img", 24 * MEGABYTE)

    def upload() -> None:
        library = opened(disk / "store")
        library.start()
        sender = Sender(library, Notes(tmp_path / "notes"))
        sender.put("first.jpg", picture("first"))
        if ending == "clean":
            library.close()
        os._exit(0)

    with mounted(file, tmp_path / "mount", "-o", "loop") as disk:
        assert tracing.forked(upload)
        run("mount", "-o", "remount,ro", disk)
        with serving(disk / "store") as library:
            assert library.is_read_only
            assert broken(library, read(tmp_path / "notes"), KNOWN) == []
            with pytest.raises(Refused) as refused:
                library.door.check(Announcement("a.jpg", ANNA, size=10, alias="a.jpg"))
            assert refused.value.code is Code.READ_ONLY
            assert library.door.fault == "the disk of the store is read-only"
        run("mount", "-o", "remount,rw", disk)
        with serving(disk / "store") as library:
            assert refusal(Sender(library, Notes(tmp_path / "notes")), "a.jpg", SMALL) is None
            assert kept(tmp_path, library)


def test_another_disk_in_the_place_of_a_tree_is_refused_at_the_start(tmp_path):
    need()
    store = tmp_path / "store"
    store.mkdir()
    with (
        mounted("tmpfs", store / "images", "-t", "tmpfs"),
        pytest.raises(StoreUnusable, match="is on a different disk"),
    ):
        opened(store)


SAID = ("Refused", "CatalogueFailed", "Errno 5")  # to an uploader, and to who undoes or deletes


@pytest.mark.parametrize("call", ["fdatasync", "fsync", "pwrite64", "linkat"])
def test_an_error_at_any_such_call_is_a_refusal_and_loses_nothing(tmp_path, call):
    need("strace")
    known = {digest(body) for body in bodies(1)}
    refused = 0
    begun = 0
    points = range(1, 61) if FULL else (4, 9, 14)  # the first ones hit the start
    for number in points:
        store, notes = tmp_path / f"store {number}", tmp_path / f"notes {number}"
        with serving(store):
            pass
        inject = f"inject={call}:error=EIO:when={number}"
        command = ["strace", "-f", "-o", tmp_path / "trace", "-e", f"trace={call}", "-e", inject]
        program = [sys.executable, "-m", "tests.faults.uploader", store, notes]
        ended = subprocess.run(
            [*command, *program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        has_begun = any(read(notes))  # else it refused to start on such a disk
        begun += has_begun
        refused += ended.returncode != 0
        was_told = any(words in ended.stderr for words in SAID)
        assert was_told or ended.returncode == 0 or not has_begun, ended.stderr
        with serving(store) as library:
            assert broken(library, read(notes), known) == [], f"{call} {number}"
    assert begun > 0
    figures = {"call": call, "points": len(points), "uploading": begun, "refused": refused}
    report("error injected", figures)

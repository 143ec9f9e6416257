"""Disks to break things on: each is a real file system, made for the moment. They need root."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTE = 1 << 20
PATIENCE = 20.0  # seconds for a disk to appear


def need(*programs: str) -> None:
    """Skips a test where it is not root, or a program is missing."""
    if os.geteuid() != 0:
        pytest.skip("file systems are mounted by root only")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")


def run(*command: str | Path) -> str:
    """Runs a program to its end; what it said."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, f"{command}: {ended.stderr}"
    return ended.stdout.strip()


def image(file: Path, size: int = 48 * MEGABYTE, *options: str) -> Path:
    """A file that holds an empty ext4."""
    with file.open("wb") as opened:
        opened.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-m", "0", *options, file)  # root has no more room than others
    return file


@contextmanager
def mounted(source: str | Path, folder: Path, *options: str) -> Iterator[Path]:
    """A file system from an image, a device or `tmpfs`, at `folder`."""
    folder.mkdir(exist_ok=True)
    run("mount", *options, source, folder)
    try:
        yield folder
    finally:
        _unmount(folder)


def _unmount(folder: Path) -> None:
    """Once more after a moment, when something still looks at it."""
    until = time.monotonic() + PATIENCE
    while subprocess.run(["umount", folder], capture_output=True, check=False).returncode:
        if time.monotonic() > until:
            run("umount", "-l", folder)
            return
        time.sleep(0.2)


@contextmanager
def served(folder: Path, *nbdkit: str | Path) -> Iterator[str]:
    """A block device that nbdkit serves with these arguments; its path."""
    point = folder / "fuse"
    point.mkdir()
    command = ["nbdfuse", point / "disk", "--command", "nbdkit", "-s", "--exit-with-parent"]
    server = subprocess.Popen([*command, *nbdkit], stderr=subprocess.PIPE)
    try:
        _wait_for(point / "disk", server)
        device = run("losetup", "-f", "--show", point / "disk")
        try:
            yield device
        finally:
            run("losetup", "-d", device)
    finally:
        _unmount(point)
        server.wait(PATIENCE)
        if server.stderr is not None:
            server.stderr.close()


def _wait_for(file: Path, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while not file.exists():
        if server.poll() is not None and server.stderr is not None:
            pytest.fail(f"nbdkit ended: {server.stderr.read().decode()}")
        assert time.monotonic() < until, "nbdfuse shows no disk"
        time.sleep(0.05)

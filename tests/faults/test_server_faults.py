"""The server stays up through faults of its disk, answers as told, and says so on /healthz."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.checkout import serving
from tests.faults.asking import ENVIRONMENT, ask, command, get
from tests.faults.disks import MEGABYTE, image, mounted, need, served
from tests.faults.scenarios import picture
from tests.faults.test_disks import fill

pytestmark = pytest.mark.faults


def health(port: int) -> str | None:
    reason: str | None = json.loads(get(port, "/healthz"))["reason"]
    assert ask(port, "GET", "/healthz") == (200 if reason is None else 503)
    return reason


def test_two_hundred_uploads_at_once_all_end_in_success(tmp_path):
    with (
        serving(command(tmp_path), tmp_path, ENVIRONMENT) as daydrop,
        ThreadPoolExecutor(60) as threads,
    ):

        def put(number: int) -> int:
            body = picture(f"server {number}", 30_000)
            return ask(daydrop.port, "PUT", f"/Upload/IMG_{number}.jpg", body)

        assert set(threads.map(put, range(200))) == {201}


def test_a_full_disk_is_507_until_there_is_room(tmp_path):
    need("mkfs.ext4", "losetup")
    file = image(tmp_path / "disk.img", 32 * MEGABYTE)
    with (
        mounted(file, tmp_path / "mount", "-o", "loop") as disk,
        serving(command(disk), tmp_path, ENVIRONMENT) as daydrop,
    ):
        assert ask(daydrop.port, "PUT", "/Upload/1.jpg", picture("server")) == 201
        filler = fill(disk, 2 * MEGABYTE)
        large = picture("large", 3 * MEGABYTE)
        assert ask(daydrop.port, "PUT", "/Upload/2.jpg", large) == 507
        assert get(daydrop.port, "/Upload/1.jpg") == picture("server")
        filler.unlink()
        assert health(daydrop.port) is None
        assert ask(daydrop.port, "PUT", "/Upload/2.jpg", large) == 201


def test_a_failing_disk_is_500_then_507_and_what_was_there_is_still_read(tmp_path):
    need("nbdkit", "nbdfuse", "mkfs.ext4", "losetup")
    file, failing = image(tmp_path / "disk.img"), tmp_path / "failing"
    options = ["error-pwrite=EIO", "error-pwrite-rate=100%", f"error-pwrite-file={failing}"]
    with (
        served(tmp_path, "--filter=error", "file", file, *options) as device,
        mounted(device, tmp_path / "mount") as disk,
        serving(command(disk), tmp_path, ENVIRONMENT) as daydrop,
    ):
        assert ask(daydrop.port, "PUT", "/Upload/1.jpg", picture("server")) == 201
        assert health(daydrop.port) is None
        failing.touch()
        assert ask(daydrop.port, "PUT", "/Upload/2.jpg", picture("large", MEGABYTE)) == 500
        assert ask(daydrop.port, "PUT", "/Upload/2.jpg", picture("large", MEGABYTE)) == 507
        assert "failed" in (health(daydrop.port) or "")
        assert get(daydrop.port, "/Upload/1.jpg") == picture("server")
        failing.unlink()


def test_a_read_only_store_is_served_and_takes_nothing(tmp_path):
    need("mkfs.ext4", "losetup")
    file = image(tmp_path / "disk.img", 32 * MEGABYTE)
    with (
        mounted(file, tmp_path / "mount", "-o", "loop") as disk,
        serving(command(disk), tmp_path, ENVIRONMENT) as daydrop,
    ):
        assert ask(daydrop.port, "PUT", "/Upload/1.jpg", picture("server")) == 201
    with (
        mounted(file, tmp_path / "mount", "-o", "loop,ro") as disk,
        serving(command(disk), tmp_path, ENVIRONMENT) as daydrop,
    ):
        assert health(daydrop.port) == "the disk of the store is read-only"
        assert get(daydrop.port, "/images/2024/05/17/1.jpg") == picture("server")
        assert get(daydrop.port, "/Upload/1.jpg") == picture("server")
        assert ask(daydrop.port, "PUT", "/Upload/2.jpg", picture("large", MEGABYTE)) == 507

"""Worker processes: quick, and killed when they overrun; nobody else waits for it."""

import contextlib
import multiprocessing.forkserver
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pebble.pool.process
import pytest

from daydrop.capturedate.candidate import Source
from daydrop.capturedate.metadata import Medium, Metadata
from daydrop.media import kinds as media
from daydrop.readers import tasks
from daydrop.readers.workers import Failure, Previewed, Unreadable, Workers
from tests import hostile
from tests import media as make
from tests.checkout import ROOT

EXIFTOOL = shutil.which("exiftool")
MEMORY_MOST = 400 * 1024 * 1024
ELDERS: dict[Workers, set[int]] = {}
"""The processes that were there before some workers: browsers and servers of other tests."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(limit_seconds=10, processes=2)
    ELDERS[made] = descendants(os.getpid())
    made.start()
    yield made
    made.stop()
    del ELDERS[made]


def kind_of(path: Path) -> media.MediaType:
    with path.open("rb") as file:
        found = media.sniff(file.read(media.HEAD_BYTES))
    assert found is not None
    return found


def descendants(pid: int) -> set[int]:
    table = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    rows = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    found = {pid}
    for _ in range(4):
        found |= {child for child, parent in rows if parent in found}
    return found - {pid}


def leads(pid: int) -> bool:
    """Tell whether a process leads its own group, as workers do."""
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def peak_memory(workers: Workers) -> int:
    """The most memory that any of these workers alive has ever held, in bytes."""
    peaks = [0]
    for pid in descendants(os.getpid()) - ELDERS[workers]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            status = Path(f"/proc/{pid}/status").read_text()
            peaks += [
                int(line.split()[1]) * 1024
                for line in status.splitlines()
                if line.startswith("VmHWM")
            ]
    return max(peaks)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_a_photo_is_read_in_another_process(workers: Workers, tmp_path: Path) -> None:
    path = tmp_path / "staged"
    path.write_bytes(make.photo())
    metadata = workers.read(path, "IMG_1.jpg", media.JPEG)
    assert isinstance(metadata, Metadata)
    assert metadata.candidates[0].wall == make.NOON


def test_previews_are_written_where_asked(workers: Workers, tmp_path: Path) -> None:
    path = tmp_path / "staged"
    path.write_bytes(make.photo(edges=(2000, 1000)))
    targets = ((320, tmp_path / "a" / "s.webp"), (640, tmp_path / "a" / "l.webp"))
    drawn = workers.preview(path, media.JPEG, targets)
    assert drawn == Previewed((targets[0][1], targets[1][1]))
    assert sorted(each.name for each in (tmp_path / "a").iterdir()) == ["l.webp", "s.webp"]
    assert targets[0][1].read_bytes()[8:12] == b"WEBP"


def test_what_cannot_be_drawn_is_said(workers: Workers, tmp_path: Path) -> None:
    path = tmp_path / "staged"
    path.write_bytes(b"\xff\x0a" + bytes(100))
    drawn = workers.preview(path, media.JXL, ((320, tmp_path / "s.webp"),))
    assert isinstance(drawn, Unreadable)
    assert drawn.reason is Failure.NOT_DRAWABLE
    assert not (tmp_path / "s.webp").exists()


def test_a_companion_is_read(workers: Workers, tmp_path: Path) -> None:
    path = tmp_path / "staged"
    path.write_bytes(b'{"photoTakenTime": {"timestamp": "1735687800"}}')
    found = workers.read_companion(path, "a.jpg.json")
    assert isinstance(found, tuple)
    assert [each.source for each in found] == [Source.TAKEOUT]


def test_a_symbolic_link_is_never_followed(workers: Workers, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(make.photo())
    (tmp_path / "staged").symlink_to(tmp_path / "secret")
    found = workers.read(tmp_path / "staged", "a.jpg", media.JPEG)
    assert isinstance(found, Unreadable)


def test_a_file_that_is_gone_is_unreadable(workers: Workers, tmp_path: Path) -> None:
    found = workers.read(tmp_path / "gone", "a.jpg", media.JPEG)
    assert isinstance(found, Unreadable)
    assert found.reason is Failure.NOT_OPENED


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A pipe that nobody writes to: whoever opens it to read waits for ever."""
    path = tmp_path / "hanging"
    os.mkfifo(path)
    return path


def test_a_reader_that_hangs_is_killed_and_replaced(hanging: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    workers = Workers(limit_seconds=1, processes=1)
    try:
        found = workers.read(hanging, "a.jpg", media.JPEG)
        assert isinstance(found, Unreadable)
        assert found.reason is Failure.TIMED_OUT
        assert isinstance(workers.read(good, "a.jpg", media.JPEG), Metadata)
    finally:
        workers.stop()


class _JumpingClock:
    """A wall clock that is put forward by an hour after its first look."""

    def __init__(self) -> None:
        self.looks = 0
        self.sleep = time.sleep

    def time(self) -> float:
        self.looks += 1
        return time.time() + (3600 if self.looks > 1 else 0)


def test_a_jump_of_the_clock_kills_no_reader(
    hanging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pebble.pool.process, "time", _JumpingClock())
    workers = Workers(limit_seconds=1, processes=1)
    began = time.monotonic()
    try:
        found = workers.read(hanging, "a.jpg", media.JPEG)
    finally:
        workers.stop()
    assert isinstance(found, Unreadable)
    assert time.monotonic() - began >= 1


def test_hanging_readers_hold_up_nobody_else(hanging: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    workers = Workers(limit_seconds=60, processes=2)
    try:
        assert isinstance(workers.read(good, "a.jpg", media.JPEG), Metadata)
        held = [
            threading.Thread(target=workers.read, args=(hanging, "a.jpg", media.JPEG))
            for _ in range(3)
        ]
        for each in held:
            each.start()
        assert eventually(lambda: len(workers._reading._lent) == 3)
        assert isinstance(workers.read(good, "a.jpg", media.JPEG), Metadata)
        assert all(each.is_alive() for each in held)
    finally:
        workers.stop()
    for each in held:
        each.join(10)
        assert not each.is_alive()


def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    workers = Workers(processes=1)
    try:
        assert isinstance(workers.read(good, "a.jpg", media.JPEG), Metadata)
        for pid in filter(leads, descendants(os.getpid())):
            os.kill(pid, signal.SIGKILL)
        found = [workers.read(good, "a.jpg", media.JPEG) for _ in range(3)]
        assert isinstance(found[-1], Metadata)
    finally:
        workers.stop()


@contextlib.contextmanager
def one_worker(**more: Any) -> Iterator[tuple[Workers, set[int]]]:
    """Workers that may have one process at once, and the processes that came with them."""
    elders = descendants(os.getpid())
    workers = Workers(processes=1, **more)
    workers._reading.warm_up()
    newcomers = set(filter(leads, descendants(os.getpid()) - elders))
    try:
        yield workers, newcomers
    finally:
        workers.stop()


@pytest.fixture
def slow_exiftool(tmp_path: Path) -> Path:
    """Says that a worker is at a file, by `begun` beside it, and takes a second over it."""
    program = tmp_path / "exiftool"
    program.write_text(f"#!/bin/sh\n: > {tmp_path}/begun\nsleep 1\n")
    program.chmod(0o755)
    return program


def test_a_worker_that_is_told_to_end_says_nothing_of_its_file(
    tmp_path: Path, slow_exiftool: Path
) -> None:
    undated = tmp_path / "undated"
    undated.write_bytes(make.photo(None))
    with one_worker(exiftool=slow_exiftool) as (workers, pids), ThreadPoolExecutor(1) as threads:
        reading = threads.submit(workers.read, undated, "a.jpg", media.JPEG)
        assert eventually((tmp_path / "begun").exists)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        found = reading.result(30)
    assert isinstance(found, Unreadable)
    assert (found.reason, found.is_passing) == (Failure.STOPPED, True)


def test_a_file_whose_worker_ended_with_all_others_is_read_again(
    tmp_path: Path, slow_exiftool: Path
) -> None:
    undated = tmp_path / "undated"
    undated.write_bytes(make.photo(None))
    with one_worker(exiftool=slow_exiftool) as (workers, _), ThreadPoolExecutor(1) as threads:
        reading = threads.submit(workers.read, undated, "a.jpg", media.JPEG)
        assert eventually((tmp_path / "begun").exists)
        os.kill(multiprocessing.forkserver._forkserver._forkserver_pid, signal.SIGTERM)
        assert isinstance(reading.result(30), Metadata)


def test_a_file_that_no_worker_began_is_not_said_to_have_overrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    with one_worker(limit_seconds=0.2) as (workers, pids):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr("daydrop.readers.workers.START_SECONDS", 0.5)
        found = workers.read(good, "a.jpg", media.JPEG)
        monkeypatch.undo()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert isinstance(found, Unreadable)
        assert found.reason is Failure.BUSY
        assert isinstance(workers.read(good, "a.jpg", media.JPEG), Metadata)


def test_where_no_worker_can_live_no_file_is_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    # it is killed as it starts
    monkeypatch.setattr(
        "daydrop.readers.workers.confine", signal.raise_signal
    )  # kills as it starts
    with one_worker(memory_bytes=signal.SIGKILL) as (workers, _):
        found = workers.read(good, "a.jpg", media.JPEG)
    assert isinstance(found, Unreadable)
    assert found.reason is Failure.BUSY


def test_a_file_that_ends_each_worker_it_is_given_is_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    with one_worker() as (workers, _):
        with monkeypatch.context() as patched:
            patched.setattr(tasks, "read", hostile.end_the_worker)
            found = workers.read(tmp_path / "hostile", "a.jpg", media.JPEG)
        assert isinstance(found, Unreadable)
        assert (found.reason, found.is_passing) == (Failure.CRASHED, False)
        assert isinstance(workers.read(good, "a.jpg", media.JPEG), Metadata)


def test_many_threads_are_served(workers: Workers, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda _: workers.read(good, "a.jpg", media.JPEG), range(200)))
    assert {type(each) for each in found} == {Metadata}


def test_after_stop_a_call_answers_at_once(tmp_path: Path) -> None:
    workers = Workers()
    workers.stop()
    found = workers.read(tmp_path / "x", "a.jpg", media.JPEG)
    assert found == Unreadable(Failure.STOPPED)


READ_ONE = """
import sys
from pathlib import Path
from daydrop.media import kinds as media
from daydrop.readers.workers import Workers
workers = Workers(processes=1)
print(type(workers.read(Path(sys.argv[1]), "a.tif", media.TIFF)).__name__)
workers.stop()
"""


def test_nothing_a_stranger_says_reaches_the_servers_output(tmp_path: Path) -> None:
    whole = bytearray(make.photo(fmt="TIFF"))
    at = whole.index(struct.pack("<HHI", 277, 3, 1)) + 8  # SamplesPerPixel: Pillow logs this
    whole[at : at + 2] = b"\xff\xff"
    path = tmp_path / "staged"
    path.write_bytes(whole)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONE, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("Metadata\n", "")


SERVER = """
import sys, threading, time
from pathlib import Path
from daydrop.media import kinds as media
from daydrop.readers.workers import Workers
workers = Workers(limit_seconds=300, processes=2)
for number in range(2):
    threading.Thread(
        target=workers.read, args=(Path(sys.argv[1]), "a.jpg", media.JPEG), daemon=True
    ).start()
workers.read(Path(sys.argv[2]), "a.jpg", media.JPEG)
print("ready", flush=True)
time.sleep(300)
"""


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_worker_outlives_a_server_that_was_killed(hanging: Path, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(make.photo())
    # From a script, as an installed `daydrop` is: the worker must not import it.
    script = tmp_path / "daydrop"
    script.write_text(SERVER)
    server = subprocess.Popen(
        [sys.executable, str(script), str(hanging), str(good)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == "ready\n"
        below = descendants(server.pid)
        assert len(below) >= 4
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    assert eventually(lambda: not any(map(is_running, below)))


@pytest.mark.parametrize("name", hostile.SMALL)
def test_a_hostile_file_harms_nobody(workers: Workers, tmp_path: Path, name: str) -> None:
    path = tmp_path / "staged"
    path.write_bytes(hostile.SMALL[name]())
    found = workers.read(path, "a", kind_of(path))
    assert isinstance(found, Metadata | Unreadable)
    drawn = workers.preview(path, kind_of(path), ((320, tmp_path / "s.webp"),))
    assert isinstance(drawn, Previewed | Unreadable)
    assert 0 < peak_memory(workers) < MEMORY_MOST


def test_a_film_with_an_impossible_table_is_read_all_the_same(
    workers: Workers, tmp_path: Path
) -> None:
    path = tmp_path / "staged"
    path.write_bytes(hostile.endless_table())
    found = workers.read(path, "a.mp4", media.MP4)
    assert isinstance(found, Metadata)
    assert (found.verdict, found.is_distrusted) == (Medium.YES, True)


@pytest.mark.parametrize("tenths", range(1, 10))
@pytest.mark.parametrize(
    "make_one",
    [
        make.photo,
        make.png,
        make.heic,
        make.film,
        lambda: make.film(fmt="mov"),
        lambda: make.film(fmt="matroska"),
        lambda: make.film(fmt="avi"),
        lambda: make.photo(fmt="WEBP"),
        lambda: make.photo(fmt="TIFF"),
    ],
    ids=["jpeg", "png", "heic", "mp4", "mov", "mkv", "avi", "webp", "tiff"],
)
def test_a_truncated_file_is_never_unreadable(
    workers: Workers, tmp_path: Path, make_one: Callable[[], bytes], tenths: int
) -> None:
    whole = make_one()
    path = tmp_path / "staged"
    path.write_bytes(whole[: len(whole) * tenths // 10])
    found = workers.read(path, "a", kind_of(path))
    assert isinstance(found, Metadata)
    dates = {each.wall for each in found.candidates if not each.is_distrusted}
    assert dates <= {make.NOON}


@pytest.mark.slow
@pytest.mark.parametrize("name", hostile.BOMBS)
def test_a_bomb_is_read_without_unpacking_it(workers: Workers, tmp_path: Path, name: str) -> None:
    path = tmp_path / "staged"
    path.write_bytes(hostile.BOMBS[name]())
    found = workers.read(path, "a.png", media.PNG)
    assert isinstance(found, Metadata)
    assert found.verdict is not Medium.NO
    assert found.candidates[0].wall == make.NOON
    assert 0 < peak_memory(workers) < MEMORY_MOST


@pytest.mark.slow
@pytest.mark.parametrize("name", hostile.SPARSE)
def test_ten_gigabytes_cost_nothing(workers: Workers, tmp_path: Path, name: str) -> None:
    path = tmp_path / "staged"
    hostile.SPARSE[name](path)
    try:
        found = workers.read(path, "a", kind_of(path))
        assert isinstance(found, Metadata)
        workers.preview(path, kind_of(path), ((320, tmp_path / "s.webp"),))
        assert 0 < peak_memory(workers) < MEMORY_MOST
    finally:
        path.unlink()


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
def test_exiftool_is_asked_for_what_is_still_undated(tmp_path: Path) -> None:
    # Another prefix for the same namespace: right in XML, and beyond our plain patterns.
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:e="http://ns.adobe.com/exif/1.0/" e:DateTimeOriginal="2012-10-09T08:07:06"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    path = tmp_path / "staged"
    path.write_bytes(make.photo(None, xmp=packet))
    dated = tmp_path / "dated"
    dated.write_bytes(make.photo(xmp=packet))
    with_it = Workers(processes=1, exiftool=Path(EXIFTOOL or ""))
    without = Workers(processes=1)
    try:
        found = with_it.read(path, "a.jpg", media.JPEG)
        assert isinstance(found, Metadata)
        assert [each.source for each in found.candidates] == [Source.XMP_ORIGINAL]
        for workers, file, name in (
            (without, path, "a.jpg"),
            (with_it, dated, "a.jpg"),
            (with_it, path, "IMG_20240517_120000.jpg"),
        ):
            found = workers.read(file, name, media.JPEG)
            assert isinstance(found, Metadata)
            assert Source.XMP_ORIGINAL not in {each.source for each in found.candidates}
    finally:
        with_it.stop()
        without.stop()

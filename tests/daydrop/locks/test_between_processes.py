"""Two processes on one store: neither takes from the other, and nothing is there twice."""

import errno
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daydrop.catalogue import database
from daydrop.errors import Code, Refused
from daydrop.filing.announcement import Announcement
from daydrop.locks.between_processes import ProcessLocks
from daydrop.locks.keyed import KeyedLocks
from daydrop.records.receipt import Outcome
from tests.checkout import ROOT
from tests.daydrop.filing.test_pairs import live, xmp
from tests.daydrop.intake.test_at_once import CLIENTS, put
from tests.faults.promises import broken, sums_in_tree
from tests.faults.scenarios import digest, opened, picture, serving
from tests.media import heic, raw

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock


@pytest.fixture
def locks(tmp_path):
    """Of two processes."""
    both = [ProcessLocks(tmp_path / "locks", wait=5.0) for _ in range(2)]
    yield both
    for each in both:
        each.close()


def test_a_key_is_held_by_one_process_at_a_time_and_others_do_not_wait_for_it(locks):
    mine, other = locks
    order = []

    def wait_for_it() -> None:
        with other.holding(("bytes", "a")):
            order.append("other")

    with ThreadPoolExecutor(1) as threads, mine.holding(("bytes", "a")):
        waiting = threads.submit(wait_for_it)
        with other.holding(("bytes", "b")):
            time.sleep(0.1)
        order.append("mine")
    waiting.result(10)
    assert order == ["mine", "other"]


def test_a_process_that_keeps_a_key_for_ever_is_said_to_be_busy(tmp_path, locks):
    pauses: list[float] = []
    waiter = ProcessLocks(tmp_path / "locks", wait=60.0, sleep=pauses.append)
    with locks[0].holding("stuck"), pytest.raises(Refused) as refused, waiter.holding("stuck"):
        pass
    assert refused.value.code is Code.BUSY
    assert sum(pauses) >= 60.0
    waiter.close()


def test_uploads_of_one_name_that_another_process_keeps_are_busy_together_not_one_by_one(tmp_path):
    with closing(ProcessLocks(tmp_path / "locks")) as other:
        mine = ProcessLocks(tmp_path / "locks")
        keyed = KeyedLocks(mine.holding, wait=0.5)

        def wait_for_it(_number: int) -> float:
            began = time.monotonic()
            with pytest.raises(Refused) as refused, keyed.holding_stems(("img_1", "img_2")):
                pass
            assert refused.value.code is Code.BUSY
            return time.monotonic() - began

        with other.holding(("pair", "img_2")), ThreadPoolExecutor(4) as threads:
            waited = list(threads.map(wait_for_it, range(4)))
        assert max(waited) < 2 * min(waited)
        with keyed.holding(("pair", "img_2")):
            assert list(keyed._locks) == [("pair", "img_2")]
        assert keyed._locks == {}
        mine.close()


def test_what_a_call_waited_for_a_thread_it_does_not_wait_again_for_a_process():
    waits: list[float] = []

    @contextmanager
    def between(_key: object, wait: float) -> Iterator[None]:
        waits.append(wait)
        yield

    keyed = KeyedLocks(between, wait=30.0)

    def hold_it() -> None:
        with keyed.holding("key"):
            pass

    with ThreadPoolExecutor(1) as threads:
        with keyed.holding("key"):
            second = threads.submit(hold_it)
            with pytest.raises(TimeoutError):
                second.result(0.1)
        second.result(10)
    assert waits[1] <= waits[0] - 0.1


def test_who_is_alone_is_told_so_and_nobody_begins_meanwhile(tmp_path, locks):
    mine, other = locks
    with mine.alone() as is_alone:
        assert not is_alone
    other.close()
    with mine.alone() as is_alone:
        assert is_alone
        with pytest.raises(Refused):
            ProcessLocks(tmp_path / "locks", wait=0.0)
    ProcessLocks(tmp_path / "locks", wait=0.0).close()


def test_a_process_that_starts_waits_for_the_one_that_sweeps(tmp_path):
    store = tmp_path / "store"
    opened(store).close()
    sweeping = ProcessLocks(store / ".daydrop/locks")
    with ThreadPoolExecutor(1) as threads, sweeping.alone():
        starting = threads.submit(opened, store)
        with pytest.raises(TimeoutError):
            starting.result(0.3)
        assert list((store / ".daydrop/staging").iterdir()) == []
        assert list((store / "images").iterdir()) == []
    starting.result(10).close()
    sweeping.close()


@contextmanager
def catalogue_kept(store: Path) -> Iterator[None]:
    """Another process is stopped in the middle of a commit."""
    file = store / ".daydrop/catalogue.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_while_another_process_keeps_the_catalogue_uploads_are_busy_and_then_go_on(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    body = picture("kept", 30_000)
    with serving(tmp_path / "store") as library:
        announcement = Announcement("IMG_1.jpg", CLIENTS[0], size=len(body), alias="IMG_1.jpg")
        incoming = library.door.begin(announcement)
        incoming.write(body)
        with catalogue_kept(library.store.root):
            with incoming, pytest.raises(Refused) as ending:
                incoming.commit()
            with pytest.raises(Refused) as beginning:
                put(library, 1, "IMG_2.jpg", body)
        for refused in (beginning.value, ending.value):
            assert refused.code is Code.BUSY
            assert refused.retry_after is not None
        assert sums_in_tree(library) == {}
        put(library, 1, "IMG_2.jpg", body)
        assert sums_in_tree(library) == {digest(body): 1}


def shots(folder: Path, number: int) -> dict[str, bytes]:
    """Live Photos, RAW files and corrections; four names only."""
    files: dict[str, bytes] = {}
    for each in range(number):
        taken = TAKEN + timedelta(seconds=each)
        shot = {
            "HEIC": heic(taken, "+02:00", seed=f"{each}"),
            "MOV": live(taken, f"{each}"),
            "DNG": raw(taken, "+02:00", seed=f"{each}"),
            "xmp": xmp(taken + timedelta(days=1 + each % 3), f"{each}"),
        }
        for ending, body in shot.items():
            file = folder / f"{each}" / f"IMG_{each % 4}.{ending}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            files[digest(body)] = body
    return files


def test_two_imports_of_one_folder_at_once_leave_one_of_each(tmp_path):
    store, folder = tmp_path / "store", tmp_path / "camera"
    files = shots(folder, 12)
    opened(store).close()
    command = [sys.executable, "-m", "davserver", "import", "--store", store, folder]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    for each in running:
        said = each.communicate(timeout=120)[0].decode()
        assert each.returncode == 0, said
    with serving(store) as library:
        assert sums_in_tree(library) == Counter(dict.fromkeys(files, 1))
        assert broken(library, [], set(files)) == []
        lies_at = [path.with_suffix("") for path in library.store.tree.files()]
        assert sorted(Counter(lies_at).values()) == [4] * 12, "each shot under one name"


def test_a_server_that_starts_leaves_an_import_what_it_has_in_staging(tmp_path):
    first = opened(tmp_path / "store")
    first.start()
    with serving(tmp_path / "store") as importing:
        staged = importing.store.staging.create()
        held = importing.batches.reserve(CLIENTS[0], 1000)
        first.close()
        with serving(tmp_path / "store") as second:
            assert second.is_first
            assert second.store.staging.names() == [staged.name]
            assert importing.batches.held(held.id) == held
        staged.close()
    with serving(tmp_path / "store") as alone:
        assert alone.store.staging.names() == []


def test_what_is_brought_back_while_the_trash_is_emptied_stays(tmp_path):
    body = picture("back", 30_000)
    with serving(tmp_path / "store") as library, ThreadPoolExecutor(1) as threads:
        receipt = put(library, 0, "IMG_1.jpg", body)
        library.trash.put(library.browse.item(receipt.item_id).item)
        emptied = library.clock.now() + timedelta(days=31).total_seconds()
        purge, restored = library.store.trash.remove, []

        def slowly(name: str) -> None:
            trashed = library.trash.find(receipt.item_id)
            restored.append(threads.submit(library.trash.restore, trashed))
            with pytest.raises(TimeoutError):
                restored[0].result(0.5)
            purge(name)

        library.store.trash.remove = slowly
        library.clock.now = lambda: emptied
        assert library.trash.empty() == 1
        with pytest.raises(Refused):
            restored[0].result(10)
        assert sums_in_tree(library) == {}
        assert library.browse.missing_count() == 0


def test_an_upload_that_ends_after_its_batch_was_undone_stands_in_another_one(tmp_path):
    with serving(tmp_path / "store") as library:
        first = put(library, 0, "IMG_1.jpg", picture("first", 30_000))
        body = picture("slow", 30_000)
        announcement = Announcement("IMG_2.jpg", CLIENTS[0], size=len(body), alias="IMG_2.jpg")
        slow = library.door.begin(announcement)
        assert library.undo.run(first.batch_id, CLIENTS[0]) == 1
        with slow:
            slow.write(body)
            receipt = slow.commit()
        assert receipt.batch_id != first.batch_id
        batch = library.batches.find(receipt.batch_id)
        assert (batch.files, batch.bytes) == (1, receipt.size)
        assert library.batches.find(first.batch_id).files == 1
        assert library.undo.run(receipt.batch_id, CLIENTS[0]) == 1
        assert sums_in_tree(library) == {}


def test_bytes_that_a_process_left_without_a_row_are_stored_once_when_they_are_sent_again(
    tmp_path,
):
    """A kill between link and row, beside a server whose start would have mended it."""
    body = picture("left behind", 30_000)
    with serving(tmp_path / "store") as library:
        left = library.store.root / "images/2024/05/17/IMG_1.jpg"
        left.parent.mkdir(parents=True)
        left.write_bytes(body)
        receipt = put(library, 0, "IMG_1.jpg", body)
        assert (receipt.outcome, receipt.place) == (Outcome.FILED, "images/2024/05/17/IMG_1.jpg")
        assert sums_in_tree(library) == {digest(body): 1}
        assert broken(library, [], {digest(body)}) == []


def test_other_bytes_without_a_row_are_left_where_they_are(tmp_path):
    mine, other = picture("mine", 30_000), picture("other", 30_000)
    assert len(mine) == len(other)
    with serving(tmp_path / "store") as library:
        there = library.store.root / "images/2024/05/17/IMG_1.jpg"
        there.parent.mkdir(parents=True)
        there.write_bytes(other)
        assert put(library, 0, "IMG_1.jpg", mine).place == "images/2024/05/17/IMG_1 (2).jpg"
        assert there.read_bytes() == other


def interrupted_move(library, receipt) -> None:
    """A kill between the rename and the row of a file that is filed anew."""
    item = library.catalogue.items.find(receipt.item_id)
    target = item.path.parent.with_name("18") / item.path.name
    library.catalogue.write(
        lambda connection: library.moves.plan(connection, item, replace(item, path=target))
    )
    library.store.tree.move(item.path, target)


def test_bytes_that_a_process_left_on_the_way_are_stored_once_when_they_are_sent_again(tmp_path):
    body = picture("on the way", 30_000)
    with serving(tmp_path / "store") as library:
        interrupted_move(library, put(library, 0, "IMG_1.jpg", body))
        assert put(library, 1, "IMG_1.jpg", body).outcome is Outcome.DUPLICATE
        assert broken(library, [], {digest(body)}) == []


def test_housekeeping_ends_the_moves_of_a_process_that_died(tmp_path):
    body = picture("on the way", 30_000)
    with serving(tmp_path / "store") as library:
        receipt = put(library, 0, "IMG_1.jpg", body)
        interrupted_move(library, receipt)
        library.keeper.round()
        assert str(library.catalogue.items.find(receipt.item_id).path) == (
            "images/2024/05/18/IMG_1.jpg"
        )


def test_a_move_that_failed_before_it_was_made_does_not_come_after_what_was_said_since(tmp_path):
    """Not as it was planned, when its owner has dated it anew meanwhile, or thrown it away."""
    body, other = picture("dated", 30_000), picture("comes to its place", 30_000)
    with serving(tmp_path / "store") as library:
        receipt = put(library, 0, "IMG_1.jpg", body)
        item = library.catalogue.items.find(receipt.item_id)
        wrong = replace(item, path=item.path.parent.with_name("18") / item.path.name)
        for after in ("dated", "in the trash"):
            library.catalogue.write(lambda connection: library.moves.plan(connection, item, wrong))
            if after == "dated":
                library.refile.set_date(item.id, TAKEN.date())
            else:
                library.trash.put(item)
                put(library, 0, "IMG_1.jpg", other)
            library.keeper.round()
            assert [str(path) for path in library.store.tree.files()] == [str(item.path)], after


def test_a_file_that_cannot_be_read_keeps_its_name_and_refuses_nothing(tmp_path, monkeypatch):
    body = picture("mine", 30_000)
    with serving(tmp_path / "store") as library:
        there = library.store.root / "images/2024/05/17/IMG_1.jpg"
        there.parent.mkdir(parents=True)
        there.write_bytes(b"x" * len(body))

        def broken_disk(_path: object) -> str:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(library.store.tree, "sha256", broken_disk)
        assert put(library, 0, "IMG_1.jpg", body).place == "images/2024/05/17/IMG_1 (2).jpg"

"""Many at once: no error, nothing lost, nothing twice."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath

import pytest

from daydrop.filing.announcement import Announcement
from daydrop.library import Library
from daydrop.origin import Origin, origin_of
from daydrop.receipts.receipts import Receipt
from daydrop.records.receipt import Outcome
from tests.faults.promises import sums_in_tree
from tests.faults.scenarios import digest, opened, picture, serving

CLIENTS = [origin_of(f"192.168.2.{number}") for number in range(16)]


@pytest.fixture
def library(tmp_path: Path):
    made = opened(tmp_path / "store")
    made.start()
    yield made
    made.close()


def put(library: Library, client: int, name: str, body: bytes) -> Receipt:
    return put_as(library, CLIENTS[client % len(CLIENTS)], name, body)


def put_as(library: Library, origin: Origin, path: str, body: bytes) -> Receipt:
    announcement = Announcement(path.rpartition("/")[2], origin, size=len(body), alias=path)
    with library.door.begin(announcement) as incoming:
        incoming.write(body)
        return incoming.commit()


@contextmanager
def beside(library: Library) -> Iterator[Library]:
    """The same store as another process has it: not the first there."""
    with serving(library.store.root) as other:
        yield other


def test_two_hundred_uploads_at_once_are_all_filed(library):
    bodies = [picture(f"at once {number}", 30_000) for number in range(200)]
    with ThreadPoolExecutor(200) as threads:
        receipts = list(
            threads.map(lambda n: put(library, n, f"IMG_{n}.jpg", bodies[n]), range(200))
        )
    assert {receipt.outcome for receipt in receipts} == {Outcome.FILED}
    assert sums_in_tree(library) == Counter(digest(body) for body in bodies)


def test_one_name_from_sixteen_clients_at_once_is_sixteen_files(library):
    bodies = [picture(f"one name {number}", 30_000) for number in range(16)]
    with ThreadPoolExecutor(16) as threads:
        receipts = list(threads.map(lambda n: put(library, n, "IMG_1.jpg", bodies[n]), range(16)))
    assert len({receipt.place for receipt in receipts}) == 16
    assert sums_in_tree(library) == Counter(digest(body) for body in bodies)


def test_one_name_and_content_from_sixteen_clients_at_once_is_one_file(library):
    body = picture("everybody's", 30_000)
    with ThreadPoolExecutor(16) as threads:
        receipts = list(threads.map(lambda n: put(library, n, "IMG_1.jpg", body), range(16)))
    assert Counter(each.outcome for each in receipts) == {Outcome.FILED: 1, Outcome.DUPLICATE: 15}
    assert sums_in_tree(library) == {digest(body): 1}


@pytest.mark.parametrize("other", [nullcontext, beside], ids=["one process", "two processes"])
def test_undoing_a_batch_takes_nothing_from_who_is_told_already_here_meanwhile(library, other):
    body = picture("ours", 30_000)
    mine = put(library, 0, "IMG_1.jpg", body)
    to_trash = library.store.move_to_trash
    with other(library) as theirs, ThreadPoolExecutor(1) as threads:
        told = []

        def slowly(*arguments: object) -> None:
            """The other client comes at the worst moment."""
            told.append(threads.submit(put, theirs, 1, "IMG_1.jpg", body))
            with pytest.raises(TimeoutError):
                told[0].result(0.5)
            to_trash(*arguments)

        library.store.move_to_trash = slowly
        library.undo.run(mine.batch_id, CLIENTS[0])
        assert told[0].result(10).outcome is Outcome.FILED
    assert sums_in_tree(library) == {digest(body): 1}


def test_a_part_that_goes_on_never_cuts_the_file_that_was_filed(library):
    """A kill after filing leaves the name in staging, linked to the file in the tree."""
    staged = library.store.staging.create()
    staged.write(b"0123456789")
    staged.close()
    path = library.store.tree.path(PurePosixPath("no_date/IMG_1.jpg"))
    assert library.store.link(staged.name, PurePosixPath("no_date/IMG_1.jpg"))
    with pytest.raises(FileNotFoundError):
        library.store.staging.cut(staged.name, 4)
    assert path.read_bytes() == b"0123456789"
    assert library.store.staging.names() == []


def test_a_disk_without_links_takes_a_file_back_whole(library):
    library.store._links = False
    staged = library.store.staging.create()
    staged.write(b"0123456789")
    staged.close()
    path = PurePosixPath("no_date/IMG_1.jpg")
    assert library.store.link(staged.name, path)
    library.store.take_back(path, staged.name)
    assert library.store.staging.path(staged.name).read_bytes() == b"0123456789"
    assert not library.store.tree.is_there(path)


def test_a_file_moved_by_hand_keeps_its_alias(tmp_path, library):
    body = picture("moved", 30_000)
    put(library, 0, "IMG_1.jpg", body)
    root = library.store.root
    (root / "images/2024/05/17/IMG_1.jpg").rename(root / "no_date/mine.jpg")
    library.close()
    again = opened(root)
    again.start()
    alias = again.aliases.paths.find(CLIENTS[0], "IMG_1.jpg")
    with again.aliases.paths.open(alias).file as file:
        assert file.read() == body
    again.close()


def test_a_file_that_comes_back_after_its_bytes_were_sent_again_does_not_stop_the_start(library):
    body = picture("back", 30_000)
    put(library, 0, "IMG_1.jpg", body)
    file = library.store.root / "images/2024/05/17/IMG_1.jpg"
    away = file.rename(library.store.root / "away")
    library.close()
    second = opened(library.store.root)
    second.start()
    put(second, 0, "other.jpg", body)
    second.close()
    away.rename(file)
    third = opened(library.store.root)
    third.start()
    assert third.aliases.paths.find(CLIENTS[0], "other.jpg") is not None
    third.close()


def test_the_same_new_bytes_sent_to_two_processes_at_once_are_stored_once(library):
    with beside(library) as other:
        for number in range(20):
            body = picture(f"two processes {number}", 30_000)
            with ThreadPoolExecutor(2) as threads:
                sent = [
                    threads.submit(put, each, client, "IMG.jpg", body)
                    for client, each in enumerate((library, other))
                ]
                outcomes = Counter(receipt.result(timeout=30).outcome for receipt in sent)
            assert outcomes == {Outcome.FILED: 1, Outcome.DUPLICATE: 1}
    assert sorted(sums_in_tree(library).values()) == [1] * 20

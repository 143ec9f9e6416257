"""Each file is read again and held to its hash; what can be told from the files is repaired."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from threading import Event

import pytest

from daydrop.care.repair import Repair
from daydrop.care.verify import Report
from daydrop.library import Library
from tests.daydrop.filing.test_companions import EMPTY
from tests.daydrop.filing.test_pairs import xmp
from tests.media import photo

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock


def check(library: Library) -> Report:
    verify = library.verify
    return verify.check(verify.kept())


def repair(library: Library) -> Repair:
    return library.repair


def flip(file: Path) -> bytes:
    """Changes one bit; returns the bytes as they were."""
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    return whole


@pytest.fixture
def folder(library: Library) -> Path:
    return library.store.root / "images/2024/05/17"


def test_what_is_damaged_missing_or_unknown_is_found(library, send, folder):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        send(name, photo(taken=TAKEN, seed=name))
    send("c.xmp", EMPTY)
    assert check(library).is_clean
    flip(folder / "a.jpg")
    flip(folder / "c.xmp")
    (folder / "b.jpg").unlink()
    (folder / "stranger.jpg").write_bytes(b"x")
    report = check(library)
    assert [kept.path.name for kept in report.damaged] == ["a.jpg", "c.xmp"]
    assert [kept.path.name for kept in report.missing] == ["b.jpg"]
    assert [path.name for path in report.strangers] == ["stranger.jpg"]
    assert report.whole == 1


def test_a_missing_file_is_told_of_until_it_is_back_or_given_up(library, send, folder):
    for name in ("a.jpg", "b.jpg"):
        send(name, photo(taken=TAKEN, seed=name))
    away = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").unlink()
    (folder / "b.jpg").unlink()
    library.close()
    again = Library(library.settings, workers=library.workers)
    again.start()
    assert [kept.path.name for kept in check(again).missing] == ["a.jpg", "b.jpg"]
    (folder / "a.jpg").write_bytes(away)
    swept, _ = repair(again).run(check(again))
    assert swept.found_again == 1
    assert [kept.path.name for kept in check(again).missing] == ["b.jpg"]
    assert repair(again).forget_lost() == 1
    assert check(again).is_clean
    again.close()


def test_a_missing_companion_is_given_up_with_its_date(library, send, folder):
    receipt = send("a.jpg", photo(taken=TAKEN, seed="a"))
    send("a.xmp", xmp(datetime(2001, 2, 3, 4, 5, 6)))  # noqa: DTZ001  a wall clock
    (library.store.root / "images/2001/02/03/a.xmp").unlink()
    repair(library).run(check(library))
    assert [kept.path.name for kept in check(library).missing] == ["a.xmp"]
    assert repair(library).forget_lost() == 1
    assert check(library).is_clean
    assert library.browse.item(receipt.item_id).item.path.parent.parts[1:] == ("2024", "05", "17")


def test_what_moves_or_comes_while_it_is_checked_is_no_alarm(library, send):
    receipt = send("a.jpg", photo(taken=TAKEN, seed="a"))
    verify = library.verify
    before = verify.kept()
    library.refile.set_date(receipt.item_id, date(1999, 1, 2))
    send("b.jpg", photo(taken=TAKEN, seed="b"))
    assert verify.check(before).is_clean


def test_what_is_moved_and_has_no_row_yet_when_it_is_checked_is_no_alarm(library, send):
    receipt = send("a.jpg", photo(taken=TAKEN, seed="a"))
    verify = library.verify
    renamed, looked = Event(), Event()
    move = library.store.tree.move

    def slowly(*places: PurePosixPath) -> None:
        move(*places)
        renamed.set()
        assert looked.wait(10)

    library.store.tree.move = slowly
    with ThreadPoolExecutor(1) as threads:
        moving = threads.submit(library.refile.set_date, receipt.item_id, date(1999, 1, 2))
        assert renamed.wait(10)
        report = verify.check(verify.kept(), lambda _: looked.set())
        moving.result(10)
    assert report.is_clean


def test_what_was_moved_or_put_in_by_hand_is_taken_in(library, send, folder):
    send("a.jpg", photo(taken=TAKEN, seed="a"))
    (folder / "a.jpg").rename(folder / "renamed.jpg")
    (folder / "new.jpg").write_bytes(photo(taken=TAKEN, seed="new"))
    swept, _ = repair(library).run(check(library))
    assert (swept.found_again, swept.adopted) == (1, 1)
    report = check(library)
    assert (report.is_clean, report.whole) == (True, 2)


def test_a_damaged_file_is_mended_from_a_copy_that_somebody_puts_into_the_tree(
    library, send, folder
):
    send("a.jpg", photo(taken=TAKEN, seed="a"))
    whole = flip(folder / "a.jpg")
    wrong = whole[:-1] + bytes([whole[-1] ^ 2])  # of the same size, and as wrong
    (library.store.root / "no_date" / "1 wrong.jpg").write_bytes(wrong)
    (library.store.root / "no_date" / "2 from backup.jpg").write_bytes(whole)
    _, mended = repair(library).run(check(library))
    assert [kept.path.name for kept in mended] == ["a.jpg"]
    assert (folder / "a.jpg").read_bytes() == whole
    assert check(library).damaged == ()
    assert library.store.staging.names() == []


def test_a_damaged_file_is_mended_from_the_trash(library, send, folder, origin):
    body = photo(taken=TAKEN, seed="a")
    first = send("a.jpg", body)
    library.undo.run(first.batch_id, origin)
    send("a.jpg", body)
    flip(folder / "a.jpg")
    _, mended = repair(library).run(check(library))
    assert len(mended) == 1
    assert (folder / "a.jpg").read_bytes() == body


def test_damage_without_a_copy_is_left_as_it_is(library, send, folder):
    send("a.jpg", photo(taken=TAKEN, seed="a"))
    flip(folder / "a.jpg")
    damaged = (folder / "a.jpg").read_bytes()
    assert repair(library).run(check(library))[1] == []
    assert (folder / "a.jpg").read_bytes() == damaged
    assert [kept.path.name for kept in check(library).damaged] == ["a.jpg"]


def test_the_sums_can_be_checked_by_anyone(library, send, folder):
    send("IMG 1.jpg", photo(taken=TAKEN))
    send("IMG 1.xmp", EMPTY)
    (folder / "odd\\na\nme.jpg").write_bytes(photo(taken=TAKEN, seed="odd"))
    library.recovery.run()
    verify = library.verify
    assert verify.write_sums(verify.kept()) == 1
    told = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True, capture_output=True, text=True
    )
    assert told.stdout.count(": OK") == 3
    assert check(library).is_clean

"""After a crash, tree and catalogue are brought together and nothing acknowledged is lost."""

import hashlib
from datetime import datetime

import pytest

from library.catalogue.items import ItemState
from library.catalogue.receipts import Outcome
from library.errors import Refused
from library.library import Library
from library.origin import origin_of
from library.upload import Announcement
from library.verify import Verify
from tests.media import photo

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock
PLACE = "images/2024/05/17/IMG_1.jpg"


def reopened(library: Library) -> Library:
    library.close()
    again = Library(library.settings)
    again.start()
    return again


def paths(library: Library) -> list[str]:
    return sorted(str(path) for path in library.store.files())


def stored(library: Library) -> list[str]:
    return [str(item.path) for item in Verify(library.store, library.database).stored()]


def test_stale_staging_is_swept_at_the_start(library):
    staged = library.store.stage()
    staged.write(b"half a photo")
    staged.close()
    again = reopened(library)
    assert again.store.staged_names() == []
    again.close()


def test_what_a_kill_left_of_the_proof_of_a_store_is_swept(library):
    probe = library.store.root / "no_date" / ".daydrop-probe-killed"
    probe.write_bytes(b"")
    reopened(library).close()
    assert not probe.exists()


def test_a_file_in_the_tree_without_a_row_is_adopted_at_the_start(library):
    file = library.store.root / PLACE
    file.parent.mkdir(parents=True)
    file.write_bytes(photo(taken=TAKEN))
    again = reopened(library)
    assert stored(again) == [PLACE]
    again.close()


def test_a_lost_catalogue_is_made_again_from_tree_and_log(library, send):
    body = photo(taken=TAKEN)
    send("Ünïcode name.jpg", body)
    library.close()
    for file in library.store.state.glob("catalogue*"):
        file.unlink()
    again = Library(library.settings)
    again.start()
    (item,) = Verify(again.store, again.database).stored()
    assert (item.name, item.origin) == ("Ünïcode name.jpg", "192.168.1.20")
    assert item.sha256 == hashlib.sha256(body).hexdigest()
    assert item.taken == "2024-05-17T10:11:12"
    again.close()


def test_text_that_lies_in_the_tree_is_not_adopted(library):
    (library.store.root / "no_date" / "notes.txt").write_text("words")
    again = reopened(library)
    assert stored(again) == []
    again.close()


def test_a_row_whose_file_was_taken_away_is_marked_and_found_again_when_it_is_back(library, send):
    send("IMG_1.jpg", photo(taken=TAKEN))
    file = library.store.root / PLACE
    away = library.store.root / "away"
    file.rename(away)
    library = reopened(library)
    assert stored(library) == []
    away.rename(file)
    library = reopened(library)
    assert stored(library) == [PLACE]
    library.close()


def test_a_second_process_on_the_same_store_sweeps_nothing(library, settings):
    staged = library.store.stage()
    second = Library(settings)
    second.start()
    assert not second.is_first
    assert library.store.staged_names() == [staged.name]
    second.close()
    staged.close()


def test_a_batch_that_is_taken_back_goes_to_the_trash(library, send, origin):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    assert library.upkeep.undo(receipt.batch_id, origin) == 1
    assert paths(library) == []
    assert library.store.trashed_names() == [receipt.item_id]
    assert library.receipts.of_batch(receipt.batch_id)[0].outcome is Outcome.FILED


def test_taking_back_a_batch_takes_nothing_from_one_that_was_told_already_here(library, send):
    body = photo(taken=TAKEN)
    mine, theirs = origin_of("192.168.1.20"), origin_of("192.168.1.21")
    first = send("IMG_1.jpg", body, origin=mine)
    second = send("IMG_1.jpg", body, origin=theirs)
    assert library.upkeep.undo(first.batch_id, mine) == 0
    assert paths(library) == [PLACE]
    assert library.upkeep.undo(second.batch_id, theirs) == 1
    assert paths(library) == []


def test_nobody_takes_back_the_batch_of_somebody_else(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN), origin=origin_of("192.168.1.20"))
    with pytest.raises(Refused):
        library.upkeep.undo(receipt.batch_id, origin_of("192.168.1.21"))
    assert paths(library) == [PLACE]


def test_what_lies_in_the_trash_comes_back_beside_what_has_its_name_now(library, send, origin):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN, seed="one"))
    library.upkeep.undo(receipt.batch_id, origin)
    send("IMG_1.jpg", photo(taken=TAKEN, seed="two"))
    with library.database.reading() as connection:
        from library.catalogue import items

        item = items.find(connection, receipt.item_id)
    assert item.state is ItemState.TRASHED
    library.upkeep.restore(item)
    assert paths(library) == ["images/2024/05/17/IMG_1 (2).jpg", PLACE]


def test_a_kill_between_the_move_to_the_trash_and_its_row_is_settled(library, send):
    receipt = send("IMG_1.jpg", photo(taken=TAKEN))
    (library.store.root / PLACE).rename(library.store.state / "trash" / receipt.item_id)
    again = reopened(library)
    with again.database.reading() as connection:
        from library.catalogue import items

        assert items.find(connection, receipt.item_id).state is ItemState.TRASHED
    again.close()


def test_verify_finds_what_is_damaged_missing_or_unknown(library, send):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        send(name, photo(taken=TAKEN, seed=name))
    verify = Verify(library.store, library.database)
    assert verify.check(verify.stored()).is_clean
    folder = library.store.root / "images/2024/05/17"
    damaged = bytearray((folder / "a.jpg").read_bytes())
    damaged[-1] ^= 1
    (folder / "a.jpg").write_bytes(damaged)
    (folder / "b.jpg").unlink()
    (folder / "stranger.jpg").write_bytes(b"x")
    report = verify.check(verify.stored())
    assert [path.name for path in report.damaged] == ["a.jpg"]
    assert [path.name for path in report.missing] == ["b.jpg"]
    assert [path.name for path in report.strangers] == ["stranger.jpg"]
    assert report.whole == 1


def test_the_sums_can_be_checked_by_anyone(library, send):
    import subprocess

    send("IMG 1.jpg", photo(taken=TAKEN))
    verify = Verify(library.store, library.database)
    assert verify.write_sums(verify.stored()) == 1
    folder = library.store.root / "images/2024/05/17"
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True)
    assert verify.check(verify.stored()).is_clean


def test_an_interrupted_upload_of_the_last_run_gives_its_room_back(library, origin):
    announcement = Announcement("IMG_1.jpg", origin, size=1000, alias="IMG_1.jpg")
    library.ingest.begin(announcement)  # and the process dies here
    again = reopened(library)
    assert again.batches.current(origin).files == 0
    again.close()


def test_a_copy_of_the_catalogue_is_kept_each_day(library, send):
    import sqlite3

    send("IMG_1.jpg", photo(taken=TAKEN))
    library._one_round()
    library._one_round()
    (copy,) = (library.store.state / "copies").iterdir()
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT path FROM items").fetchall() == [(PLACE,)]

"""Stores made by earlier versions open unchanged, with all that was in them.

`stores/0.1.0.tar.xz` was made by 0.1.0 through the drive and the API. It holds a Live Photo, an
undated photo that its owner dated, a photo that its companion dates, a companion that waits, an
item in the trash with its companion, a batch that was undone, a duplicate in a folder, a
placeholder, litter, a temporary name, a resumable upload after 20 000 bytes, and refusals.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from daydrop.catalogue import item_rows, receipt_rows
from daydrop.library import Library
from daydrop.readers.workers import Workers
from daydrop.records.item import Item, ItemState
from daydrop.settings import read_settings
from tests import media
from tests.clock import Hand
from tests.drive import Drive
from tests.sites import site

STORE = Path(__file__).parent / "stores" / "0.1.0.tar.xz"
SENDER = "192.168.1.20"
MAY, JUNE = datetime(2024, 5, 17, 12), datetime(2023, 6, 1, 9, 30)  # noqa: DTZ001
HALF = media.photo(JUNE, seed="half", size=50_000)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with tarfile.open(STORE) as packed:
        packed.extractall(tmp_path / "store", filter="data")
    return tmp_path / "store"


@pytest.fixture
def library(store: Path, workers: Workers) -> Iterator[Library]:
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    hand = Hand()
    hand.pass_by(2000)  # the store was made from the first second of this clock on
    opened = Library(settings, clock=hand.clock, workers=workers)
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
def drive(library: Library) -> Drive:
    return Drive(site(library), SENDER)


def tree(store: Path) -> dict[str, str]:
    files = [path for path in store.rglob("*") if path.is_file() and ".daydrop" not in path.parts]
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def stored(library: Library) -> dict[str, Item]:
    with library.catalogue.reading() as connection:
        items = item_rows.all_in_state(connection, ItemState.STORED)
    return {str(item.path): item for item in items}


def test_an_old_store_opens_with_nothing_moved_and_every_file_whole(store, workers):
    before = tree(store)
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    library = Library(settings, clock=Hand().clock, workers=workers)
    try:
        library.start()
        report = library.verify.check(library.verify.kept())
        assert (report.whole, report.is_clean) == (11, True)
        assert library.refile.plan() == []
        assert tree(store) == before
    finally:
        library.close()


def test_the_items_of_an_old_store_keep_their_days_and_reasons(library):
    items = stored(library)
    days = {path: item.day for path, item in items.items()}
    assert days["images/2023/06/01/IMG_4.jpg"] == date(2023, 6, 1)  # as its companion says
    assert days["images/2024/05/17/IMG_3.jpg"] == date(2024, 5, 17)  # as its owner says
    live = {items[f"images/2024/05/17/IMG_2.{kind}"].pair for kind in ("heic", "mov")}
    assert len(live) == 1
    assert None not in live


def test_the_names_of_an_old_store_go_on_answering(drive):
    listed = drive.listing("/Upload/", "infinity")
    assert len(listed) == 17
    same = media.photo(MAY, seed="plain")
    for path in ("/Upload/IMG_1.jpg", "/Upload/Trip/again.jpg"):
        reply = drive.get(path)
        assert reply.data == same
        assert reply.headers["ETag"] == f'"sha256-{hashlib.sha256(same).hexdigest()[:32]}"'
    assert drive.get("/Upload/Trip/renamed.jpg").status_code == 200
    assert drive.get("/Upload/IMG_4.xmp").status_code == 200
    assert drive.get("/Upload/.DS_Store").data == b"litter"
    assert drive.get("/Upload/IMG_6.jpg").status_code == 410  # in the trash
    assert drive.look("/Upload/IMG_8.jpg").size == 0


def test_the_receipts_of_an_old_store_can_be_read(library):
    with library.catalogue.reading() as connection:
        receipts = receipt_rows.recent(connection, None, 99)
    assert len(receipts) == 19
    sentences = {receipt.name: receipt.sentence() for receipt in receipts}
    assert "images/2024/05/17/IMG_1.jpg" in sentences["again.jpg"]
    assert "images/2023/06/01/IMG_4.xmp" in sentences["IMG_4.xmp"]
    assert "notes.txt" in sentences["notes.txt"]
    assert all(sentences.values())


def test_what_waited_in_an_old_store_is_filed_when_its_photo_comes(drive, store):
    assert drive.put("/Upload/IMG_5.jpg", media.photo(MAY, seed="came")).status_code == 201
    assert (store / "images/2024/05/17/IMG_5.xmp").exists()


def test_a_temporary_name_of_an_old_store_can_get_its_final_one(drive, store):
    to = "http://localhost/Upload/IMG_9.jpg"
    assert drive.send("MOVE", "/Upload/IMG_9.jpg.part", Destination=to).status_code == 201
    whole = media.photo(MAY, seed="temporary")
    assert (store / "images/2024/05/17/IMG_9.jpg").read_bytes() == whole


def test_known_bytes_of_an_old_store_are_known_again(drive, library):
    before = len(stored(library))
    assert drive.put("/Upload/new.jpg", media.photo(MAY, seed="plain")).status_code == 201
    assert len(stored(library)) == before


def test_the_trash_of_an_old_store_is_restored_with_its_companion(library, store):
    [item] = [each for each in library.trash.newest(9) if each.name == "IMG_6.jpg"]
    library.trash.restore(item)
    assert (store / "images/2023/06/01/IMG_6.jpg").exists()
    assert (store / "images/2023/06/01/IMG_6.xmp").exists()


def test_the_trash_of_an_old_store_holds_what_an_undo_took_back(library):
    assert {item.name for item in library.trash.newest(9)} == {"IMG_6.jpg", "undone.jpg"}


def test_a_resumable_upload_of_an_old_store_goes_on_where_it_stopped(store, workers):
    settings = read_settings({"store": {"root": store}, "limits": {"keep_free": 0}}, {})
    library = Library(settings, clock=Hand().clock, workers=workers)
    library.start()
    try:
        [half] = library.uploads.pending()
        assert half.received == 20_000
        with library.uploads.receiving(half.id, 20_000) as receiving:
            receiving.write(memoryview(HALF[20_000:]))
        assert receiving.receipt.place == "images/2023/06/01/half.jpg"
    finally:
        library.close()

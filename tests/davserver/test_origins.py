"""Each origin sees its own: names, locks and notes; the photos of all are kept."""

from daydrop.library import Library
from tests import media
from tests.clock import taken
from tests.drive import EXCLUSIVE, Drive, setting

TAKEN = taken(2009, 8, 7, 6)


def test_two_phones_that_send_the_same_name_each_see_their_own(
    drive: Drive, other: Drive, library: Library
) -> None:
    mine, theirs = media.photo(TAKEN, seed="mine"), media.photo(TAKEN, seed="theirs")
    assert drive.put("/Upload/IMG_0001.jpg", mine).status_code == 201
    assert other.names() == []
    assert other.put("/Upload/IMG_0001.jpg", theirs, If_None_Match="*").status_code == 201
    assert drive.get("/Upload/IMG_0001.jpg").data == mine
    assert other.get("/Upload/IMG_0001.jpg").data == theirs
    kept = {path.read_bytes() for path in (library.store.root / "images/2009/08/07").iterdir()}
    assert kept == {mine, theirs}


def test_a_lock_of_one_origin_is_none_for_another(drive: Drive, other: Drive) -> None:
    token = drive.lock("/Upload/l.jpg")
    assert other.send("LOCK", "/Upload/l.jpg", EXCLUSIVE).status_code == 201
    assert other.unlock("/Upload/l.jpg", token) == 409


def test_a_note_of_one_origin_is_not_told_to_another(drive: Drive, other: Drive) -> None:
    photo = media.photo(TAKEN, seed="noted")
    for each in (drive, other):
        each.put("/Upload/n.jpg", photo)
    drive.send("PROPPATCH", "/Upload/n.jpg", setting("<C:a>1</C:a>"))
    assert "{urn:x}a" in drive.look("/Upload/n.jpg").found
    assert "{urn:x}a" not in other.look("/Upload/n.jpg").found


def test_a_receipt_names_the_program_and_the_address(drive: Drive, library: Library) -> None:
    drive.agent = "WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (x86_64)"
    drive.put("/Upload/who.jpg", media.photo(TAKEN, seed="who"))
    batch = library.batches.recent(drive.address)[0]
    (receipt,) = library.receipts.of_batch(batch.id)
    assert (receipt.program, receipt.address) == ("Finder 3.0.0", drive.address)

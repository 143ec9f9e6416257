"""Litter and companions: what programs send beside pictures."""

import pytest

from daydrop.library import Library
from tests import media
from tests.clock import taken
from tests.drive import EXCLUSIVE, Drive, setting

TAKEN = taken(2010, 9, 8, 7)


@pytest.mark.parametrize("chunked", [False, True])
def test_litter_that_is_too_large_is_refused_in_its_own_words_and_told_nowhere(
    chunked: bool, drive: Drive, library: Library
) -> None:
    logged = len(library.log.lines())
    reply = drive.put("/Upload/._big.jpg", bytes((1 << 20) + 1), chunked=chunked)
    assert reply.status_code == 413
    assert "too large for a file that a program adds on its own (1 MB at most)" in reply.text
    assert len(library.log.lines()) == logged
    assert all(receipt.name != "._big.jpg" for receipt in library.receipts.recent())


def test_a_companion_that_is_too_large_is_refused_in_the_same_words_with_and_without_a_length(
    drive: Drive,
) -> None:
    for chunked in (False, True):
        reply = drive.put("/Upload/big.xmp", bytes((16 << 20) + 1), chunked=chunked)
        assert reply.status_code == 413
        assert "too large for a companion file (16 MB at most)" in reply.text


@pytest.mark.parametrize(
    "name",
    [
        "._IMG_1.jpg",
        ".DS_Store",
        "desktop.ini",
        "Thumbs.db",
        ".Spotlight-V100",
        ".hidden",
        "~$a.docx",
        ".~lock.a.odt#",
        "a.swp",
        ".directory",
        ".metadata_never_index",
        "Icon\r",
        "._Icon\r",
    ],
)
def test_litter_works_for_its_client_and_is_never_listed_counted_filed_or_logged(
    drive: Drive, library: Library, name: str
) -> None:
    path = f"/Upload/{name}"
    logged = len(library.log.lines())
    assert drive.send("PROPFIND", path, Depth="0").status_code == 404
    assert drive.put(path).status_code == 201
    token = drive.lock(path)
    assert drive.put(path, b"double", If=f"(<{token}>)").status_code == 204
    assert drive.unlock(path, token) == 204
    assert drive.get(path).data == b"double"
    assert drive.look(path).size == 6
    assert drive.send("PROPPATCH", path, setting("<C:a>1</C:a>")).status_code == 207
    assert drive.names() == []
    assert drive.listing("/Upload/", "infinity").keys() == {"/Upload/"}
    assert library.batches.recent(drive.address) == []
    assert len(library.log.lines()) == logged
    assert drive.send("DELETE", path).status_code == 204
    assert drive.send("PROPFIND", path, Depth="0").status_code == 404


def test_litter_over_a_megabyte_is_refused(drive: Drive) -> None:
    assert drive.put("/Upload/._big", bytes((1 << 20) + 1)).status_code == 413


def test_a_lock_of_free_litter_remembers_it_as_litter(drive: Drive) -> None:
    assert drive.send("LOCK", "/Upload/._l", EXCLUSIVE).status_code == 201
    assert drive.names() == []


def test_folders_that_systems_make_for_themselves_work_and_are_not_listed(drive: Drive) -> None:
    for name in (".Trashes", ".Spotlight-V100", ".fseventsd"):
        assert drive.send("MKCOL", f"/Upload/{name}").status_code == 201
        assert drive.look(f"/Upload/{name}").is_folder
    assert drive.names() == []


def test_a_companion_is_listed_not_counted_and_follows_its_picture(
    drive: Drive, library: Library
) -> None:
    assert drive.put("/Upload/J2.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>").status_code == 201
    assert drive.names() == ["J2.xmp"]
    assert [batch.files for batch in library.batches.recent(drive.address)] == [0]
    drive.put("/Upload/J2.jpg", media.photo(TAKEN, seed="J2"))
    assert (library.store.root / "images/2010/09/08/J2.xmp").exists()
    assert drive.get("/Upload/J2.xmp").data.startswith(b"<x:xmpmeta")
    assert library.batches.recent(drive.address)[0].files == 1
    assert drive.names() == ["J2.jpg", "J2.xmp"]
    assert drive.names("/images/2010/09/08/") == ["J2.jpg", "J2.xmp"]


@pytest.mark.parametrize("name", ["a.aae", "a.thm", "a.srt", "a.xmp", "a.jpg.json"])
def test_a_companion_alone_waits_without_an_error(drive: Drive, name: str) -> None:
    drive.send("MKCOL", f"/Upload/{name}s")
    assert drive.put(f"/Upload/{name}s/{name}", b"companion").status_code == 201
    assert drive.get(f"/Upload/{name}s/{name}").data == b"companion"
    assert drive.put(f"/Upload/{name}s/{name}", b"another").status_code == 204
    assert drive.get(f"/Upload/{name}s/{name}").data == b"another"


def test_a_waiting_companion_that_is_deleted_leaves_no_bytes_behind(
    drive: Drive, library: Library
) -> None:
    before = library.store.staging.names()
    drive.put("/Upload/alone.xmp", b"companion")
    drive.send("DELETE", "/Upload/alone.xmp")
    assert library.store.staging.names() == before


def test_a_companion_renamed_after_another_picture_goes_to_that_one(
    drive: Drive, library: Library
) -> None:
    drive.put("/Upload/one.xmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/> one")
    drive.put("/Upload/two.jpg", media.photo(taken(2010, 9, 9, 7), seed="two"))
    assert drive.move("/Upload/one.xmp", "/Upload/two.xmp").status_code == 201
    assert (library.store.root / "images/2010/09/09/two.xmp").exists()
    assert drive.names() == ["two.jpg", "two.xmp"]


def test_a_companion_written_by_temporary_name_and_move(drive: Drive, library: Library) -> None:
    drive.put("/Upload/e.jpg", media.photo(taken(2010, 9, 10, 7), seed="edited"))
    drive.put("/Upload/e.xmp.tmp", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/> e")
    assert drive.move("/Upload/e.xmp.tmp", "/Upload/e.xmp").status_code == 201
    assert (library.store.root / "images/2010/09/10/e.xmp").exists()

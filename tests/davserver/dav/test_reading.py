"""GET and HEAD: files by the one file server, aliases with the address of their item."""

from collections.abc import Callable
from datetime import date
from pathlib import PurePosixPath

from daydrop.library import Library
from tests import media
from tests.clock import Hand, taken
from tests.drive import Drive
from tests.sites import site


def test_an_alias_is_read_with_the_address_of_its_item(drive: Drive) -> None:
    photo = media.photo(taken(2018, 2, 3, 4), seed="G1")
    drive.put("/Upload/G1.jpg", photo)
    reply = drive.get("/Upload/G1.jpg")
    assert reply.data == photo
    assert reply.headers["Content-Location"] == "/images/2018/02/03/G1.jpg"
    assert reply.headers["Link"] == '</images/2018/02/03/G1.jpg>; rel="canonical"'
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    head = drive.send("HEAD", "/Upload/G1.jpg")
    assert head.headers["Content-Length"] == str(len(photo))
    assert head.headers["ETag"] == reply.headers["ETag"]


def test_a_part_is_read_and_an_unchanged_file_is_not_sent(drive: Drive) -> None:
    photo = media.photo(taken(2018, 2, 3, 4), seed="G1 range")
    tag = drive.put("/Upload/G1r.jpg", photo).headers["ETag"]
    for path in ("/Upload/G1r.jpg", "/images/2018/02/03/G1r.jpg"):
        part = drive.get(path, Range="bytes=10-19")
        assert part.status_code == 206
        assert part.data == photo[10:20]
        assert drive.get(path, If_None_Match=tag).status_code == 304


def test_the_tree_is_read_only_and_says_where_files_go(drive: Drive) -> None:
    drive.put("/Upload/ro.jpg", media.photo(taken(2017, 2, 3, 4), seed="ro"))
    path = "/images/2017/02/03/ro.jpg"
    attempts = [
        drive.put("/images/2017/02/03/new.jpg", b"x"),
        drive.send("MKCOL", "/images/2017/new"),
        drive.send("DELETE", path),
        drive.move(path, "/Upload/ro2.jpg"),
        drive.move("/Upload/ro.jpg", "/images/2017/02/03/other.jpg"),
        drive.copy("/Upload/ro.jpg", "/images/2017/02/03/other.jpg"),
        drive.send("PROPPATCH", path, "<x/>"),
        drive.send("LOCK", path),
        drive.put("/elsewhere.jpg", b"x"),
        drive.send("MKCOL", "/elsewhere"),
    ]
    assert [reply.status_code for reply in attempts] == [403] * len(attempts)
    assert b"Upload" in attempts[0].data
    assert drive.get(path).status_code == 200


def test_what_somebody_put_into_the_tree_is_sent_whole_and_never_as_a_page(
    drive: Drive, library: Library
) -> None:
    bodies = {
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        "page.html": b"<script>alert(1)</script>",
    }
    for name, body in bodies.items():
        path = library.store.tree.path(PurePosixPath("no_date") / name)
        path.write_bytes(body)
        reply = drive.get(f"/no_date/{name}")
        path.unlink()
        assert (reply.data, reply.content_type) == (body, "application/octet-stream"), name
        assert reply.headers["Content-Disposition"].startswith("attachment")


def test_a_folder_of_upload_is_told_in_words_to_who_wants_no_page(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/Words")
    drive.put("/Upload/Words/a.jpg", media.photo(seed="words"))
    reply = drive.get("/Upload/Words/", Accept="*/*")
    assert reply.data == b"a.jpg\n"
    assert drive.send("HEAD", "/Upload/Words/", Accept="*/*").status_code == 200


def test_browsers_get_pages_for_folders_and_for_what_is_not_there(drive: Drive) -> None:
    for path in ("/", "/Upload/", "/images/", "/Receipts/", "/Upload/no.jpg", "/images/no.jpg"):
        assert drive.get(path, Accept="text/html").headers.get("X-Face") == "page", path
    assert drive.get("/images/no.jpg", Accept="*/*").status_code == 404


def test_receipts_are_text_files_of_ones_own_batches(own: Callable[..., Library]) -> None:
    hand = Hand()
    library = own(hand.clock)
    mine, theirs = Drive(site(library), "10.9.9.1"), Drive(site(library), "10.9.9.2")
    photo = media.photo(taken(2016, 5, 6, 7), seed="receipt")
    mine.put("/Upload/r.jpg", photo)
    mine.put("/Upload/again.jpg", photo)
    mine.put("/Upload/notes.txt", b"words")
    assert mine.names("/Receipts/") == []
    hand.pass_by(61)
    library.batches.close_idle()
    (name,) = mine.names("/Receipts/")
    assert theirs.names("/Receipts/") == []
    assert theirs.get(f"/Receipts/{name}", Accept="*/*").status_code == 404
    reply = mine.get(f"/Receipts/{name}")
    text = reply.text
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert mine.look(f"/Receipts/{name}").size == len(reply.data)
    assert "images/2016/05/06/r.jpg, based on the capture date in the photo" in text
    assert "Already here as images/2016/05/06/r.jpg" in text
    assert "notes.txt was not accepted" in text
    assert mine.send("DELETE", f"/Receipts/{name}").status_code == 403


def test_a_receipt_on_the_drive_says_where_its_file_lies_now(own: Callable[..., Library]) -> None:
    hand = Hand()
    library = own(hand.clock)
    drive = Drive(site(library), "10.9.9.4")
    drive.put("/Upload/plain.jpg", media.photo(None, seed="moves later"))
    hand.pass_by(61)
    library.batches.close_idle()
    (name,) = drive.names("/Receipts/")
    before = drive.get(f"/Receipts/{name}")
    assert "no_date" in before.text
    assert drive.look(f"/Receipts/{name}").size == len(before.data)
    hand.pass_by(60)
    (item,) = library.browse.folder(PurePosixPath("no_date")).items
    library.refile.set_date(item.id, date(2015, 6, 7))
    after = drive.get(f"/Receipts/{name}", If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert "images/2015/06/07/plain.jpg" in after.text
    assert drive.look(f"/Receipts/{name}").size == len(after.data)
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.headers["Last-Modified"] != before.headers["Last-Modified"]


def test_the_owner_reads_the_receipts_of_all(own: Callable[..., Library]) -> None:
    hand = Hand()
    library = own(hand.clock)
    phone, owner = Drive(site(library), "10.9.9.3"), Drive(site(library), "127.0.0.1")
    phone.put("/Upload/p.jpg", media.photo(seed="phone"))
    hand.pass_by(61)
    library.batches.close_idle()
    assert len(owner.names("/Receipts/")) == 1

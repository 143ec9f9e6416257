"""PUT into Upload: whole or not at all, filed elsewhere, and the path goes on answering."""

import hashlib
from collections.abc import Callable

import pytest

from daydrop.library import Library
from tests import media
from tests.clock import taken
from tests.drive import Drive, message
from tests.sites import make_library, site

TOLD = 1_707_733_564


def filed_as(reply_drive: Drive, name: str) -> str:
    """Where the item of a name in Upload lies."""
    return reply_drive.send("HEAD", f"/Upload/{name}").headers["Content-Location"]


def test_the_coding_that_is_none_is_taken(drive: Drive) -> None:
    body = media.photo(taken(2016, 2, 3, 4), seed="identity")
    assert drive.put("/Upload/identity.jpg", body, Content_Encoding="identity").status_code == 201
    assert drive.put("/Upload/gzip.jpg", body, Content_Encoding="gzip").status_code == 501


def test_bytes_that_are_here_already_take_the_time_that_comes_with_them(
    drive: Drive, library: Library
) -> None:
    photo = media.photo(taken(2007, 3, 4, 5), seed="m again")
    drive.put("/Upload/again.jpg", photo, X_OC_Mtime="1000000000")
    drive.put("/Upload/again.jpg", photo, X_OC_Mtime=str(TOLD))
    file = library.store.root / "images/2007/03/04/again.jpg"
    assert file.stat().st_mtime == TOLD


def test_a_photo_is_filed_by_its_day_and_its_path_goes_on_answering(
    drive: Drive, library: Library
) -> None:
    photo = media.photo(taken(2024, 5, 17, 12), seed="U2")
    reply = drive.put("/Upload/U2.jpg", photo)
    assert reply.status_code == 201
    assert reply.data == b""
    assert reply.headers["ETag"] == f'"sha256-{hashlib.sha256(photo).hexdigest()[:32]}"'
    assert "Last-Modified" in reply.headers
    assert filed_as(drive, "U2.jpg") == "/images/2024/05/17/U2.jpg"
    assert (library.store.root / "images/2024/05/17/U2.jpg").read_bytes() == photo
    assert drive.look("/Upload/U2.jpg").size == len(photo)
    assert drive.names() == ["U2.jpg"]


def test_an_empty_put_makes_a_placeholder_that_is_neither_counted_nor_filed(
    drive: Drive, library: Library
) -> None:
    assert drive.put("/Upload/U1.jpg").status_code == 201
    assert drive.look("/Upload/U1.jpg").text("getcontentlength") == "0"
    assert drive.get("/Upload/U1.jpg").data == b""
    assert library.batches.recent(drive.address) == []
    assert drive.put("/Upload/U1.jpg", media.photo(seed="U1")).status_code == 204


def test_the_clients_time_of_an_empty_put_is_kept_too(drive: Drive) -> None:
    reply = drive.put("/Upload/early.jpg", X_OC_Mtime=str(TOLD))
    assert reply.headers["X-OC-Mtime"] == "accepted"
    told = drive.look("/Upload/early.jpg").text("getlastmodified")
    assert told == "Mon, 12 Feb 2024 10:26:04 GMT"


def test_an_empty_put_of_a_refused_name_is_refused_now(drive: Drive) -> None:
    assert drive.put("/Upload/notes.txt").status_code == 403
    assert drive.names() == []


def test_an_empty_chunked_put_makes_a_placeholder_too(drive: Drive) -> None:
    assert drive.send("PUT", "/Upload/c.jpg", chunked=True).status_code == 201
    assert drive.look("/Upload/c.jpg").text("getcontentlength") == "0"


def test_an_empty_put_over_a_filed_name_shows_nothing_and_leaves_the_item(
    drive: Drive, library: Library
) -> None:
    photo = media.photo(seed="U1b")
    drive.put("/Upload/U1b.jpg", photo)
    place = filed_as(drive, "U1b.jpg")
    assert drive.put("/Upload/U1b.jpg").status_code == 204
    assert drive.look("/Upload/U1b.jpg").text("getcontentlength") == "0"
    assert (library.store.root / place.strip("/")).read_bytes() == photo
    assert drive.put("/Upload/U1b.jpg", photo).status_code == 204
    assert filed_as(drive, "U1b.jpg") == place


def test_known_bytes_are_a_success_without_a_second_file(drive: Drive, library: Library) -> None:
    photo = media.photo(seed="U3")
    drive.put("/Upload/U3.jpg", photo)
    assert drive.put("/Upload/U3 again.jpg", photo).status_code == 201
    assert filed_as(drive, "U3 again.jpg") == filed_as(drive, "U3.jpg")
    batch = library.batches.recent(drive.address)[0]
    assert [each.outcome for each in library.receipts.of_batch(batch.id)] == ["filed", "duplicate"]
    assert batch.files == 1


def test_other_bytes_under_a_filed_name_are_filed_beside_the_first(
    drive: Drive, library: Library
) -> None:
    first, second = media.photo(seed="U4 a"), media.photo(seed="U4 b")
    drive.put("/Upload/U4.jpg", first)
    before = filed_as(drive, "U4.jpg")
    assert drive.put("/Upload/U4.jpg", second).status_code == 204
    assert filed_as(drive, "U4.jpg") == before.replace("U4.jpg", "U4%20%282%29.jpg")
    assert (library.store.root / before.strip("/")).read_bytes() == first
    assert drive.get("/Upload/U4.jpg").data == second


def test_the_bytes_of_a_deleted_item_are_stored_anew(drive: Drive, library: Library) -> None:
    photo = media.photo(seed="U4b")
    drive.put("/Upload/U4b.jpg", photo)
    batch = library.batches.recent(drive.address)[0]
    item = library.receipts.of_batch(batch.id)[0].item_id
    found = library.browse.item(item or "")
    assert found is not None
    library.trash.put(found.item)
    assert drive.get("/Upload/U4b.jpg").status_code == 410
    assert drive.get("/Upload/U4b.jpg", Accept="text/html").headers["X-Face"] == "page"
    assert drive.names() == ["U4b.jpg"]
    assert drive.put("/Upload/U4b.jpg", photo).status_code == 204
    assert drive.get("/Upload/U4b.jpg").data == photo


def test_a_body_shorter_than_announced_changes_nothing(drive: Drive, library: Library) -> None:
    before = library.store.staging.names()
    photo = media.photo(seed="U5", size=200_000)
    drive.put("/Upload/U5.jpg", photo)
    other = media.photo(seed="U5 other", size=200_000)
    reply = drive.put("/Upload/U5.jpg", other[:100_000], Content_Length=str(len(other)))
    assert reply.status_code == 400
    assert reply.headers["Connection"] == "close"
    assert drive.get("/Upload/U5.jpg").data == photo
    assert library.store.staging.names() == before


def test_chunks_that_end_before_the_expected_length_change_nothing(drive: Drive) -> None:
    photo = media.photo(seed="X-Expected", size=100_000)
    short = drive.send(
        "PUT", "/Upload/X.jpg", photo[:60_000], chunked=True, X_Expected_Entity_Length="100000"
    )
    assert short.status_code == 400
    assert drive.send("PROPFIND", "/Upload/X.jpg", Depth="0").status_code == 404
    whole = drive.send(
        "PUT", "/Upload/X.jpg", photo, chunked=True, X_Expected_Entity_Length="100000"
    )
    assert whole.status_code == 201


def test_chunks_of_unknown_length_are_filed(drive: Drive) -> None:
    photo = media.photo(seed="chunks", size=300_000)
    assert drive.send("PUT", "/Upload/ch.jpg", photo, chunked=True).status_code == 201
    assert drive.get("/Upload/ch.jpg").data == photo


def test_a_part_of_a_file_is_refused(drive: Drive) -> None:
    photo = media.photo(seed="U6")
    drive.put("/Upload/U6.jpg", photo)
    reply = drive.put("/Upload/U6.jpg", photo[10:], Content_Range=f"bytes 10-{len(photo)}/*")
    assert reply.status_code == 400
    assert drive.get("/Upload/U6.jpg").data == photo


def test_a_coded_body_is_refused(drive: Drive) -> None:
    reply = drive.put("/Upload/coded.jpg", media.photo(seed="coded"), Content_Encoding="gzip")
    assert reply.status_code == 501
    assert drive.names() == []


def test_conditions_are_judged_by_the_tag_of_the_alias(drive: Drive) -> None:
    photo, other = media.photo(seed="U7"), media.photo(seed="U7 other")
    assert drive.put("/Upload/U7.jpg", photo, If_Match='"x"').status_code == 412
    assert drive.put("/Upload/U7.jpg", photo, If_Match="*").status_code == 412
    tag = drive.put("/Upload/U7.jpg", photo, If_None_Match="*").headers["ETag"]
    assert drive.put("/Upload/U7.jpg", other, If_None_Match="*").status_code == 412
    assert drive.put("/Upload/U7.jpg", other, If_Match='"x"').status_code == 412
    assert drive.put("/Upload/U7.jpg", other, If_Match=tag).status_code == 204


def test_a_missing_parent_is_a_conflict_and_a_folder_no_file(drive: Drive) -> None:
    assert drive.put("/Upload/no/a.jpg", media.photo(seed="U8")).status_code == 409
    drive.send("MKCOL", "/Upload/U8")
    assert drive.put("/Upload/U8", media.photo(seed="U8")).status_code == 405


def test_a_locked_name_takes_no_bytes_without_its_token(drive: Drive) -> None:
    token = drive.lock("/Upload/U9.jpg")
    photo = media.photo(seed="U9")
    reply = drive.put("/Upload/U9.jpg", photo)
    assert reply.status_code == 423
    assert b"lock-token-submitted" in reply.data
    assert b"/Upload/U9.jpg" in reply.data
    assert drive.put("/Upload/U9.jpg", photo, If=f"(<{token}>)").status_code == 204


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg.tacitpart",
        "a.part",
        "a.jpg.filepart",
        "a.tmp",
        "a.jpg.crdownload",
        "a.jpg_exiftool_tmp",
        ".a.jpg.Xy12zW",
        "a.jpg-f040baf0-5c30-45b4-8ab0-f697e42ba6d6",
        ".goutputstream-AB12",
        "~a.jpg.bin",
    ],
)
def test_a_temporary_name_is_listed_and_not_filed(
    drive: Drive, library: Library, name: str
) -> None:
    photo = media.photo(seed=f"U10 {name}")
    assert drive.put(f"/Upload/{name}", photo).status_code == 201
    assert drive.names() == [name]
    assert drive.get(f"/Upload/{name}").data == photo
    assert library.batches.recent(drive.address) == []


def test_the_clients_time_is_kept_echoed_and_never_the_day(drive: Drive, library: Library) -> None:
    photo = media.photo(taken(2021, 8, 12, 21), seed="mtime")
    reply = drive.put("/Upload/m.jpg", photo, X_OC_Mtime=str(TOLD))
    assert reply.headers["X-OC-Mtime"] == "accepted"
    assert drive.look("/Upload/m.jpg").text("getlastmodified") == "Mon, 12 Feb 2024 10:26:04 GMT"
    place = filed_as(drive, "m.jpg")
    assert place.startswith("/images/2021/08/12/")
    assert (library.store.root / place.strip("/")).stat().st_mtime == TOLD


def test_a_time_that_is_none_is_not_echoed(drive: Drive) -> None:
    reply = drive.put("/Upload/m2.jpg", media.photo(seed="m2"), X_OC_Mtime="yesterday")
    assert reply.status_code == 201
    assert "X-OC-Mtime" not in reply.headers


def test_the_fifty_first_file_is_refused_in_words_and_the_batch_is_told(
    own: Callable[..., Library],
) -> None:
    drive = Drive(site(own(batch_files=2)))
    for number in range(2):
        assert drive.put(f"/Upload/{number}.jpg", media.photo(seed=f"b{number}")).status_code == 201
    reply = drive.put("/Upload/2.jpg", media.photo(seed="b2"))
    assert reply.status_code == 507
    assert "2 files" in message(reply)
    assert reply.status.startswith("507 This batch already holds 2 files")
    assert b"quota-not-exceeded" in reply.data


def test_a_file_larger_than_a_batch_is_refused_before_its_body(own: Callable[..., Library]) -> None:
    drive = Drive(site(own(batch_bytes=10_000)))
    reply = drive.put("/Upload/big.jpg", b"", Content_Length="20000")
    assert reply.status_code == 413


def test_one_tag_in_every_answer_before_and_after_renaming_and_restart(
    own: Callable[..., Library],
) -> None:
    library = own()
    drive = Drive(site(library))
    photo = media.photo(seed="one tag")
    drive.put("/Upload/t.jpg.part", photo)
    tag = drive.send("HEAD", "/Upload/t.jpg.part").headers["ETag"]
    drive.move("/Upload/t.jpg.part", "/Upload/t.jpg")
    drive.move("/Upload/t.jpg", "/Upload/u.jpg")
    seen = {
        tag,
        drive.put("/Upload/u.jpg", photo).headers["ETag"],
        drive.send("HEAD", "/Upload/u.jpg").headers["ETag"],
        drive.get("/Upload/u.jpg").headers["ETag"],
        drive.look("/Upload/u.jpg", "getetag").text("getetag"),
    }
    assert len(seen) == 1
    library.close()
    again = make_library(library.store.root)
    try:
        drive = Drive(site(again))
        assert drive.send("HEAD", "/Upload/u.jpg").headers["ETag"] == tag
        assert drive.look("/Upload/u.jpg", "getetag").text("getetag") == tag
    finally:
        again.close()

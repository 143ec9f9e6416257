"""MKCOL, MOVE, COPY and DELETE in Upload: as on any disk, and no item is touched."""

from collections.abc import Callable

import pytest
from defusedxml.ElementTree import fromstring

from daydrop.catalogue import alias_rows
from daydrop.catalogue.database import Connection
from daydrop.library import Library
from daydrop.records.alias import Alias
from tests import media
from tests.clock import taken
from tests.drive import DAV, Drive
from tests.sites import site

TAKEN = taken(2013, 4, 5, 6)


def place(drive: Drive, name: str) -> str:
    return drive.send("HEAD", f"/Upload/{name}").headers["Content-Location"]


def files(library: Library) -> set[str]:
    return {str(path) for path in library.store.tree.files()}


def test_mkcol_makes_a_folder_for_its_origin_and_nothing_on_disk(
    drive: Drive, other: Drive, library: Library
) -> None:
    before = sorted(each.name for each in library.store.root.iterdir())
    assert drive.send("MKCOL", "/Upload/K1").status_code == 201
    assert drive.send("MKCOL", "/Upload/K1").status_code == 405
    assert drive.send("MKCOL", "/Upload/").status_code == 405
    assert drive.send("MKCOL", "/Upload/no/sub").status_code == 409
    assert drive.send("MKCOL", "/Upload/K2", "<x/>").status_code == 415
    assert drive.send("MKCOL", "/Upload/K2", "<x/>", chunked=True).status_code == 415
    assert drive.names() == ["K1"]
    assert other.names() == []
    assert sorted(each.name for each in library.store.root.iterdir()) == before


def test_a_folder_does_not_shape_the_dated_tree(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/Trip")
    drive.put("/Upload/Trip/f.jpg", media.photo(TAKEN, seed="folder"))
    assert place(drive, "Trip/f.jpg") == "/images/2013/04/05/f.jpg"


def test_a_temporary_name_is_filed_when_it_gets_its_own(drive: Drive, library: Library) -> None:
    photo = media.photo(TAKEN, seed="M1")
    drive.put("/Upload/M1.jpg.part", photo)
    before = files(library)
    assert drive.move("/Upload/M1.jpg.part", "/Upload/M1.jpg").status_code == 201
    assert files(library) - before == {"images/2013/04/05/M1.jpg"}
    assert drive.names() == ["M1.jpg"]
    batch = library.batches.recent(drive.address)[0]
    assert batch.files == 1
    assert library.receipts.of_batch(batch.id)[0].upload_path == "M1.jpg"
    second = media.photo(TAKEN, seed="M1 second")
    drive.put("/Upload/M1.jpg.part", second)
    assert drive.move("/Upload/M1.jpg.part", "/Upload/M1.jpg").status_code == 204
    assert drive.get("/Upload/M1.jpg").data == second
    assert "images/2013/04/05/M1 (2).jpg" in files(library)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [("M1.txt", b"words", 403), ("words.jpg", b"words, whatever the name says", 403)],
)
def test_a_refused_move_leaves_the_temporary_file_where_it_is(
    drive: Drive, name: str, body: bytes, status: int
) -> None:
    drive.put("/Upload/keep.part", body)
    drive.put("/Upload/words.jpg", media.photo(seed=f"refused {name}"))
    kept = drive.get("/Upload/words.jpg").data
    assert drive.move("/Upload/keep.part", f"/Upload/{name}").status_code == status
    assert drive.get("/Upload/keep.part").data == body
    assert drive.get("/Upload/words.jpg").data == kept


def test_a_move_into_a_full_batch_is_507_and_leaves_the_file(own: Callable[..., Library]) -> None:
    drive = Drive(site(own(batch_files=1)))
    drive.put("/Upload/1.jpg", media.photo(seed="full 1"))
    photo = media.photo(seed="full 2")
    assert drive.put("/Upload/2.jpg.part", photo).status_code == 201
    assert drive.move("/Upload/2.jpg.part", "/Upload/2.jpg").status_code == 507
    assert drive.get("/Upload/2.jpg.part").data == photo


def test_a_rename_leaves_the_item_its_place_and_name(drive: Drive) -> None:
    photo = media.photo(TAKEN, seed="M2")
    drive.put("/Upload/M2.jpg", photo)
    before = place(drive, "M2.jpg")
    assert drive.move("/Upload/M2.jpg", "/Upload/renamed.jpg").status_code == 201
    assert place(drive, "renamed.jpg") == before
    assert drive.get("/Upload/M2.jpg", Accept="*/*").status_code == 404
    drive.put("/Upload/there.jpg", media.photo(seed="there"))
    assert drive.move("/Upload/renamed.jpg", "/Upload/there.jpg", Overwrite="F").status_code == 412
    assert drive.move("/Upload/renamed.jpg", "/Upload/there.jpg").status_code == 204
    assert drive.get("/Upload/there.jpg").data == photo
    assert drive.move("/Upload/there.jpg", "/Upload/there.txt").status_code == 403
    assert drive.names() == ["there.jpg"]


def test_a_rename_that_changes_the_case_alone(drive: Drive) -> None:
    drive.put("/Upload/small.jpg", media.photo(seed="case"))
    assert drive.move("/Upload/small.jpg", "/Upload/SMALL.jpg").status_code == 201
    assert drive.names() == ["SMALL.jpg"]


def test_a_folder_is_renamed_with_all_that_lies_in_it(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/A")
    drive.send("MKCOL", "/Upload/A/B")
    photo = media.photo(seed="in folder")
    drive.put("/Upload/A/B/f.jpg", photo)
    drive.put("/Upload/A/x.jpg.part", photo)
    assert drive.move("/Upload/A", "/Upload/Z").status_code == 201
    assert drive.get("/Upload/Z/B/f.jpg").data == photo
    assert drive.get("/Upload/Z/x.jpg.part").data == photo
    assert drive.names() == ["Z"]
    assert drive.move("/Upload/Z", "/Upload/Z/B/C").status_code == 403
    assert drive.move("/Upload/Z/B", "/Upload/Z").status_code == 403
    assert drive.move("/Upload/Z", "/Upload/Z/").status_code == 403


def test_out_of_upload_is_403_and_another_host_502(drive: Drive) -> None:
    drive.put("/Upload/M3.jpg", media.photo(seed="M3"))
    for method in ("MOVE", "COPY"):
        for target in ("/images/x.jpg", "/x.jpg", "/Upload", "/Receipts/x.txt"):
            assert drive.send(method, "/Upload/M3.jpg", Destination=target).status_code == 403
        elsewhere = "http://example.org/Upload/x.jpg"
        assert drive.send(method, "/Upload/M3.jpg", Destination=elsewhere).status_code == 502
        assert drive.send(method, "/Upload/M3.jpg").status_code == 400
    assert drive.names() == ["M3.jpg"]


def test_a_destination_may_name_its_user(drive: Drive) -> None:
    drive.put("/Upload/user.jpg", media.photo(seed="user"))
    target = "http://anna:secret@localhost/Upload/user2.jpg"
    assert drive.send("MOVE", "/Upload/user.jpg", Destination=target).status_code == 201


def test_a_rename_to_a_name_that_is_not_taken_is_told_in_the_receipt(
    drive: Drive, library: Library
) -> None:
    drive.put("/Upload/told.jpg", media.photo(seed="told"))
    assert drive.move("/Upload/told.jpg", "/Upload/told.txt").status_code == 403
    batch = library.batches.recent(drive.address)[0]
    told = {each.upload_path: each.code for each in library.receipts.of_batch(batch.id)}
    assert told["told.txt"] == "unsupported_type"


@pytest.mark.parametrize("port", ["", ":80", ":443"])
def test_the_usual_ports_in_a_destination_are_ours(drive: Drive, port: str) -> None:
    drive.put("/Upload/port.jpg", media.photo(seed=f"port {port}"))
    target = f"https://localhost{port}/Upload/port2.jpg"
    assert drive.send("MOVE", "/Upload/port.jpg", Destination=target).status_code == 201


def test_a_missing_source_is_404_and_a_missing_parent_409(drive: Drive) -> None:
    assert drive.move("/Upload/no.jpg", "/Upload/a.jpg").status_code == 404
    drive.put("/Upload/a.jpg", media.photo(seed="parent"))
    assert drive.move("/Upload/a.jpg", "/Upload/no/a.jpg").status_code == 409
    assert drive.move("/Upload/a.jpg", "/Upload/a.jpg").status_code == 403
    assert drive.move("/Upload/a.jpg", "/Upload/../../x.jpg").status_code in (400, 403)


def test_a_copy_is_a_second_name_without_a_second_file(drive: Drive, library: Library) -> None:
    photo = media.photo(TAKEN, seed="C1")
    drive.put("/Upload/C1.jpg", photo)
    before = files(library)
    assert drive.copy("/Upload/C1.jpg", "/Upload/C1 copy.jpg").status_code == 201
    assert files(library) == before
    assert place(drive, "C1 copy.jpg") == place(drive, "C1.jpg")
    assert drive.copy("/Upload/C1.jpg", "/Upload/C1 copy.jpg").status_code == 204
    assert drive.copy("/Upload/C1.jpg", "/Upload/C1 copy.jpg", Overwrite="F").status_code == 412


def test_the_tree_is_copied_into_upload_as_names(
    drive: Drive, other: Drive, library: Library
) -> None:
    photo = media.photo(taken(2012, 4, 5, 6), seed="C1 tree")
    drive.put("/Upload/tree.jpg", photo)
    before = files(library)
    assert other.copy("/images/2012/04/05/tree.jpg", "/Upload/mine.jpg").status_code == 201
    assert other.get("/Upload/mine.jpg").data == photo
    assert other.copy("/images/2012/", "/Upload/2012/").status_code == 201
    assert other.get("/Upload/2012/04/05/tree.jpg").data == photo
    assert files(library) == before


def test_a_folder_is_copied_deep_or_alone(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/D")
    photo = media.photo(seed="deep")
    drive.put("/Upload/D/f.jpg", photo)
    drive.put("/Upload/D/t.jpg.part", media.photo(seed="deep part"))
    assert drive.copy("/Upload/D", "/Upload/E").status_code == 201
    assert drive.get("/Upload/E/f.jpg").data == photo
    assert drive.names("/Upload/E/") == ["f.jpg", "t.jpg.part"]
    assert drive.copy("/Upload/D", "/Upload/F", Depth="0").status_code == 201
    assert drive.names("/Upload/F/") == []


def test_a_member_that_cannot_be_copied_keeps_no_other_back(drive: Drive, library: Library) -> None:
    drive.send("MKCOL", "/Upload/S")
    before = set(library.store.staging.names())
    drive.put("/Upload/S/a b.jpg.part", media.photo(seed="lost part"))
    [lost] = set(library.store.staging.names()) - before
    photo = media.photo(seed="after the lost one")
    drive.put("/Upload/S/z.jpg", photo)
    library.store.staging.path(lost).unlink()
    reply = drive.copy("/Upload/S", "/Upload/T")
    assert reply.status_code == 207
    [response] = fromstring(reply.data)
    assert response.findtext(f"{DAV}href") == "/Upload/T/a%20b.jpg.part"
    assert response.findtext(f"{DAV}status", "").startswith("HTTP/1.1 410 ")
    assert drive.names("/Upload/T/") == ["z.jpg"]
    assert drive.get("/Upload/T/z.jpg").data == photo


def test_a_copy_of_a_folder_of_the_tree_that_fails_leaves_all_as_it_was(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one.jpg", "two.jpg"):
        drive.put(f"/Upload/{name}", media.photo(TAKEN, seed=f"half {name}"))
    drive.send("MKCOL", "/Upload/05")
    drive.put("/Upload/05/before.jpg", media.photo(TAKEN, seed="half before"))
    put = alias_rows.put

    def failing(connection: Connection, alias: Alias) -> Alias:
        if alias.name == "two.jpg":
            raise OSError("the disk has failed")
        return put(connection, alias)

    monkeypatch.setattr(alias_rows, "put", failing)
    assert drive.copy("/images/2013/04/05/", "/Upload/05/").status_code == 500
    assert drive.names("/Upload/05/") == ["before.jpg"]


def test_an_item_whose_name_is_not_taken_stays_behind_when_its_shelf_is_copied(
    drive: Drive, library: Library
) -> None:
    photo = media.photo(taken(2012, 5, 6, 7), seed="shelf")
    drive.put("/Upload/shelf.jpg", photo)
    folder = library.store.root / "images/2012/05/06"
    (folder / "bare").write_bytes(media.photo(taken(2012, 5, 6, 8), seed="bare name"))
    library.recovery.run()
    reply = drive.copy("/images/2012/05/06/", "/Upload/06/")
    assert reply.status_code == 207
    [response] = fromstring(reply.data)
    assert response.findtext(f"{DAV}href") == "/Upload/06/bare"
    assert response.findtext(f"{DAV}status", "").startswith("HTTP/1.1 403 ")
    assert response.findtext(f"{DAV}responsedescription")
    assert drive.names("/Upload/06/") == ["shelf.jpg"]


def test_a_temporary_file_is_copied_and_each_copy_has_a_life_of_its_own(drive: Drive) -> None:
    photo = media.photo(seed="two parts")
    drive.put("/Upload/a.jpg.part", photo)
    assert drive.copy("/Upload/a.jpg.part", "/Upload/b.jpg.part").status_code == 201
    assert drive.copy("/Upload/a.jpg.part", "/Upload/c.jpg").status_code == 201
    drive.send("DELETE", "/Upload/a.jpg.part")
    assert drive.get("/Upload/b.jpg.part").data == photo
    assert drive.get("/Upload/c.jpg").data == photo


def test_delete_takes_the_name_and_never_the_item(drive: Drive, library: Library) -> None:
    photo = media.photo(taken(2011, 4, 5, 6), seed="D1")
    drive.put("/Upload/D1.jpg", photo)
    assert drive.send("DELETE", "/Upload/D1.jpg").status_code == 204
    assert drive.send("DELETE", "/Upload/D1.jpg").status_code == 404
    assert (library.store.root / "images/2011/04/05/D1.jpg").read_bytes() == photo
    assert drive.put("/Upload/D1.jpg", photo).status_code == 201
    assert not (library.store.root / "images/2011/04/05/D1 (2).jpg").exists()


def test_a_deleted_temporary_file_leaves_no_bytes_behind(drive: Drive, library: Library) -> None:
    before = library.store.staging.names()
    drive.put("/Upload/x.jpg.part", media.photo(seed="D1 part"))
    assert library.store.staging.names() != before
    drive.send("DELETE", "/Upload/x.jpg.part")
    assert library.store.staging.names() == before


def test_a_folder_goes_with_all_below_it_and_upload_itself_stays(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/D2")
    drive.put("/Upload/D2/a.jpg", media.photo(seed="D2"))
    drive.put("/Upload/D2b.jpg", media.photo(seed="D2b"))
    assert drive.send("DELETE", "/Upload/D2").status_code == 204
    assert drive.names() == ["D2b.jpg"]
    assert drive.send("DELETE", "/Upload/").status_code == 403
    assert drive.send("DELETE", "/").status_code == 403


def test_what_is_locked_below_stops_delete_and_move(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/L")
    token = drive.lock("/Upload/L/a.jpg")
    assert drive.send("DELETE", "/Upload/L").status_code == 423
    assert drive.move("/Upload/L", "/Upload/M").status_code == 423
    tagged = f"</Upload/L/a.jpg> (<{token}>)"
    assert drive.move("/Upload/L", "/Upload/M", If=tagged).status_code == 201


def test_a_locked_destination_needs_its_token(drive: Drive) -> None:
    photo = media.photo(seed="destination")
    drive.put("/Upload/from.jpg", photo)
    token = drive.lock("/Upload/to.jpg")
    assert drive.move("/Upload/from.jpg", "/Upload/to.jpg").status_code == 423
    tagged = f"<http://localhost/Upload/to.jpg> (<{token}>)"
    assert drive.move("/Upload/from.jpg", "/Upload/to.jpg", If=tagged).status_code == 204
    assert drive.get("/Upload/to.jpg").data == photo


def test_a_file_takes_the_place_of_a_folder_only_when_it_is_taken(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/swap.jpg")
    drive.put("/Upload/swap.jpg/in.jpg.part", media.photo(seed="swap in"))
    drive.put("/Upload/words.part", b"words, whatever the name says")
    assert drive.move("/Upload/words.part", "/Upload/swap.jpg").status_code == 403
    assert drive.names("/Upload/swap.jpg/") == ["in.jpg.part"]
    photo = media.photo(seed="swap")
    drive.put("/Upload/photo.part", photo)
    assert drive.move("/Upload/photo.part", "/Upload/swap.jpg").status_code == 204
    assert drive.get("/Upload/swap.jpg").data == photo
    assert drive.get("/Upload/swap.jpg/in.jpg.part", Accept="*/*").status_code == 404


def test_companions_and_litter_take_the_place_of_folders_too(drive: Drive) -> None:
    for name, source in (("f.xmp", "a.xmp"), ("._f", "b.part")):
        drive.send("MKCOL", f"/Upload/{name}")
        drive.put(f"/Upload/{name}/in.jpg")
        drive.put(f"/Upload/{source}", f"bytes of {source}".encode())
        assert drive.copy(f"/Upload/{source}", f"/Upload/{name}").status_code == 204
        assert drive.get(f"/Upload/{name}").data == f"bytes of {source}".encode()
        assert drive.get(f"/Upload/{name}/in.jpg", Accept="*/*").status_code == 404


def test_marks_of_addresses_in_a_destination_are_letters_of_a_name(drive: Drive) -> None:
    drive.put("/Upload/plain.jpg", media.photo(seed="marks"))
    for target in ("/Upload/a#1.jpg", "/Upload/a?2.jpg"):
        assert drive.send("COPY", "/Upload/plain.jpg", Destination=target).status_code == 201
    assert drive.names() == ["a#1.jpg", "a?2.jpg", "plain.jpg"]
    assert drive.send("COPY", "/Upload/plain.jpg", Destination="x.jpg").status_code == 400


def test_a_placeholder_is_renamed_and_then_filed(drive: Drive) -> None:
    drive.put("/Upload/new.jpg")
    assert drive.move("/Upload/new.jpg", "/Upload/named.jpg").status_code == 201
    assert drive.put("/Upload/named.jpg", media.photo(seed="named")).status_code == 204


def test_a_picture_that_gets_the_name_its_companion_knows_is_dated_by_it(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/named")
    drive.put("/Upload/named/late.jpg", media.photo(None, seed="gets its name late"))
    drive.put("/Upload/named/DSC_77.jpg.json", b'{"photoTakenTime": {"timestamp": "981173106"}}')
    assert place(drive, "named/late.jpg") == "/no_date/late.jpg"
    assert drive.move("/Upload/named/late.jpg", "/Upload/named/DSC_77.jpg").status_code == 201
    assert place(drive, "named/DSC_77.jpg") == "/images/2001/02/03/late.jpg"

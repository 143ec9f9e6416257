"""PROPFIND: what is listed, how, and what is asked for and not there."""

from collections.abc import Callable

import pytest
from werkzeug.test import EnvironBuilder

from davserver.dav import propfind
from davserver.dav.errors import Refusal
from davserver.dav.propfind import Entry, Mode, Wanted
from daydrop.library import Library
from tests import media
from tests.clock import taken
from tests.drive import DAV, Drive, asking, told
from tests.sites import site


def test_a_file_is_told_with_size_time_tag_and_birth_also_without_depth(drive: Drive) -> None:
    photo = media.photo(seed="P1")
    tag = drive.put("/Upload/P1.jpg", photo).headers["ETag"]
    for headers in ({}, {"Depth": "0"}, {"Depth": "1"}, {"Depth": "infinity"}):
        reply = drive.send("PROPFIND", "/Upload/P1.jpg", **headers)
        (one,) = told(reply.data).values()
        assert one.size == len(photo)
        assert one.text("getetag") == tag
        assert one.text("getlastmodified")
        assert one.text("creationdate")
        assert one.text("getcontenttype") == "image/jpeg"
        assert not one.is_folder


def test_placeholders_temporary_names_and_folders_are_listed_without_depth_too(
    drive: Drive,
) -> None:
    drive.put("/Upload/empty.jpg")
    drive.put("/Upload/x.jpg.part", media.photo(seed="P2"))
    drive.send("MKCOL", "/Upload/Trip")
    drive.put("/Upload/._x.jpg", b"double")
    reply = drive.send("PROPFIND", "/Upload")
    assert sorted(told(reply.data)) == [
        "/Upload/",
        "/Upload/Trip/",
        "/Upload/empty.jpg",
        "/Upload/x.jpg.part",
    ]


def test_every_address_that_is_listed_answers(drive: Drive) -> None:
    drive.send("MKCOL", "/Upload/Ünïcode & co")
    drive.put("/Upload/Ünïcode & co/a%20b#1 (2).jpg", media.photo(seed="href"))
    drive.put("/Upload/é😀.jpg", media.photo(seed="emoji"))
    for path in drive.listing("/Upload/", "infinity"):
        assert drive.send("PROPFIND", path, Depth="0").status_code == 207, path


def test_a_name_in_nfd_is_the_same_name(drive: Drive) -> None:
    drive.put("/Upload/u\u0308ber.jpg", media.photo(seed="nfd"))
    assert drive.names() == ["über.jpg"]
    assert drive.get("/Upload/u\u0308ber.jpg").status_code == 200
    assert drive.get("/Upload/über.jpg").status_code == 200


def test_the_case_of_a_name_matters_only_where_two_differ_by_it(drive: Drive) -> None:
    drive.put("/Upload/Case.jpg", media.photo(seed="case 1"))
    assert drive.send("PROPFIND", "/Upload/CASE.JPG", Depth="0").status_code == 207
    assert drive.put("/Upload/case.jpg", media.photo(seed="case 2")).status_code == 201
    assert drive.names() == ["Case.jpg", "case.jpg"]
    assert drive.send("PROPFIND", "/Upload/CASE.JPG", Depth="0").status_code == 404


def test_a_listing_without_end_is_counted_first(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive.send("MKCOL", "/Upload/Deep")
    for number in range(3):
        drive.put(f"/Upload/Deep/{number}.jpg")
    assert len(drive.listing("/Upload/", "infinity")) == 5
    monkeypatch.setattr("davserver.dav.upload_folder.FINITE", 3)
    reply = drive.send("PROPFIND", "/Upload/", Depth="infinity")
    assert reply.status_code == 403
    assert b"propfind-finite-depth" in reply.data


def test_more_than_five_thousand_are_not_listed_without_end() -> None:
    entries = (Entry(f"/{number}", str(number), is_folder=False) for number in range(5001))
    with pytest.raises(Refusal) as refused:
        propfind.bounded(entries)
    assert refused.value.condition == "propfind-finite-depth"


def test_a_missing_name_is_a_small_plain_404(drive: Drive) -> None:
    reply = drive.send("PROPFIND", "/Upload/nothing.jpg", Depth="0")
    assert reply.status_code == 404
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert len(reply.data) < 100


def test_only_what_is_asked_for_is_told_and_what_is_not_there_is_404(drive: Drive) -> None:
    drive.put("/Upload/some.jpg", media.photo(seed="some"))
    body = (
        '<D:propfind xmlns:D="DAV:" xmlns:A="http://apache.org/dav/props/"><D:prop>'
        "<D:getcontentlength/><A:executable/><D:nonsense/></D:prop></D:propfind>"
    )
    (one,) = drive.listing("/Upload/some.jpg", "0", body).values()
    assert list(one.found) == [f"{DAV}getcontentlength"]
    assert one.missing == {"{http://apache.org/dav/props/}executable": 404, f"{DAV}nonsense": 404}


def test_who_prefers_a_minimal_answer_is_spared_what_is_not_there(drive: Drive) -> None:
    reply = drive.send(
        "PROPFIND",
        "/Upload/",
        asking("resourcetype", "nonsense"),
        Prefer="return=minimal",
        Depth="0",
    )
    assert reply.headers["Preference-Applied"] == "return=minimal"
    assert b"404" not in reply.data


def test_names_alone_come_without_values(drive: Drive) -> None:
    drive.put("/Upload/names.jpg", media.photo(seed="names"))
    body = '<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>'
    (one,) = drive.listing("/Upload/names.jpg", "0", body).values()
    assert f"{DAV}getetag" in one.found
    assert f"{DAV}lockdiscovery" in one.found
    assert not any(element.text for element in one.found.values())


def test_allprop_leaves_locks_and_quota_out_unless_they_are_included(drive: Drive) -> None:
    (plain,) = drive.listing("/Upload/", "0").values()
    assert f"{DAV}supportedlock" not in plain.found
    assert f"{DAV}quota-available-bytes" not in plain.found
    body = (
        '<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:supportedlock/>'
        "<D:quota-used-bytes/></D:include></D:propfind>"
    )
    (more,) = drive.listing("/Upload/", "0", body).values()
    assert f"{DAV}supportedlock" in more.found
    assert f"{DAV}quota-used-bytes" in more.found
    assert f"{DAV}resourcetype" in more.found


@pytest.mark.parametrize(
    "body",
    [
        '<D:other xmlns:D="DAV:"/>',
        '<D:propfind xmlns:D="DAV:"/>',
        '<D:propfind xmlns:D="DAV:"><D:allprop/><D:propname/></D:propfind>',
        "<D:propfind>",
    ],
)
def test_a_body_that_asks_for_nothing_sensible_is_400(drive: Drive, body: str) -> None:
    assert drive.send("PROPFIND", "/Upload/", body).status_code == 400


def test_an_unknown_depth_is_400(drive: Drive) -> None:
    assert drive.send("PROPFIND", "/Upload/", Depth="2").status_code == 400


def test_quota_is_the_smaller_of_free_disk_and_one_batch(
    own: Callable[..., Library],
) -> None:
    small = Drive(site(own(batch_bytes=12_345)))
    one = small.look("/Upload/", "quota-available-bytes", "quota-used-bytes")
    assert one.text("quota-available-bytes") == "12345"
    assert int(one.text("quota-used-bytes") or 0) > 0
    small.put("/Upload/q.jpg", media.photo(seed="quota"))
    assert small.look("/Upload/", "quota-available-bytes").text("quota-available-bytes") == "12345"


def test_quota_is_what_the_disk_leaves_where_that_is_less(own: Callable[..., Library]) -> None:
    library = own()
    free = library.store.free().bytes
    tight = Drive(site(library))
    told_bytes = tight.look("/Upload/", "quota-available-bytes").text("quota-available-bytes")
    assert int(told_bytes or 0) == min(
        library.settings.limits.batch_bytes, library.room.available()
    )
    assert int(told_bytes or 0) <= free


def test_the_root_shows_upload_tree_and_receipts(drive: Drive) -> None:
    assert drive.names("/") == ["Receipts", "Upload", "images", "no_date", "videos"]
    assert all(one.is_folder for one in drive.listing("/").values())


def test_upload_says_when_something_came_into_it(drive: Drive) -> None:
    assert drive.look("/Upload/").text("getlastmodified") is None
    drive.put("/Upload/newest.jpg", media.photo(seed="newest"))
    assert drive.look("/Upload/").text("getlastmodified")


def test_others_are_shown_where_they_are_taken(own: Callable[..., Library]) -> None:
    drive = Drive(site(own(accept=["images", "videos", "others"])))
    assert "others" in drive.names("/")
    assert drive.put("/Upload/notes.txt", b"some words").status_code == 201
    assert drive.names("/others/") == ["notes.txt"]
    reply = drive.get("/others/notes.txt")
    assert reply.headers["Content-Disposition"].startswith("attachment")


def test_the_dated_tree_is_listed_with_the_same_tags(drive: Drive) -> None:
    tag = drive.put("/Upload/tree.jpg", media.photo(taken(2019, 3, 4, 5), seed="tree")).headers[
        "ETag"
    ]
    listed = drive.listing("/images/2019/03/04/")
    assert listed["/images/2019/03/04/tree.jpg"].text("getetag") == tag
    assert listed["/images/2019/03/04/tree.jpg"].text("getcontenttype") == "image/jpeg"
    assert listed["/images/2019/03/04/"].is_folder
    assert drive.look("/images/2019/03/04/tree.jpg").text("getetag") == tag
    assert "/images/2019/03/04/tree.jpg" in drive.listing("/images/", "infinity")


def test_hidden_files_and_links_of_the_tree_do_not_exist(drive: Drive, library: Library) -> None:
    folder = library.store.root / "no_date"
    (folder / ".hidden.jpg").write_bytes(b"x")
    (folder / "link.jpg").symlink_to("/etc/passwd")
    (library.store.root / "images" / "away").symlink_to("/etc")
    try:
        assert not {"link.jpg", ".hidden.jpg"} & set(drive.names("/no_date/"))
        for path in ("/no_date/link.jpg", "/images/away/passwd", "/.daydrop/", "/images/away/"):
            assert drive.send("PROPFIND", path, Depth="0").status_code == 404
            assert drive.get(path, Accept="*/*").status_code in (200, 404)
            assert b"root:" not in drive.get(path, Accept="*/*").data
    finally:
        (folder / ".hidden.jpg").unlink()
        (folder / "link.jpg").unlink()
        (library.store.root / "images" / "away").unlink()


def test_a_large_listing_is_sent_in_pieces_of_bounded_size() -> None:
    wanted = propfind.read(b"")
    entries = (
        Entry(f"/Upload/IMG_{number:05}.jpg", f"IMG_{number:05}.jpg", is_folder=False, size=number)
        for number in range(10_000)
    )
    pieces = list(propfind.written(entries, wanted))
    assert len(pieces) > 20
    assert max(len(piece) for piece in pieces) < 2 * propfind.PIECE
    assert len(told(b"".join(pieces))) == 10_000


def test_an_entry_for_windows_takes_few_bytes() -> None:
    wanted = Wanted(
        Mode.SOME, tuple(f"{DAV}{name}" for name in ("getcontentlength", "resourcetype"))
    )
    text = propfind.Writer(wanted).response(
        Entry("/Upload/IMG_0001.jpg", "IMG_0001.jpg", is_folder=False, size=3_000_000)
    )
    assert len(text) < 320


def test_options_names_what_can_be_done_and_asks_nobody_to_sign_in(drive: Drive) -> None:
    for path in ("/", "/Upload/", "/Upload/not/there.jpg"):
        reply = drive.send("OPTIONS", path)
        assert reply.status_code == 200
        assert reply.headers["DAV"] == "1, 2"
        assert reply.headers["MS-Author-Via"] == "DAV"
        allowed = {each.strip() for each in reply.headers["Allow"].split(",")}
        assert {"PUT", "MKCOL", "LOCK", "UNLOCK", "MOVE"} <= allowed
    assert "PUT" not in drive.send("OPTIONS", "/images/").headers["Allow"]


def test_the_server_itself_is_asked_with_an_asterisk(app: Callable[..., object]) -> None:
    environ = {"REQUEST_METHOD": "OPTIONS", "PATH_INFO": "*", "REMOTE_ADDR": "10.2.0.1"}
    heard: list[tuple[str, dict[str, str]]] = []
    base = EnvironBuilder(method="OPTIONS").get_environ() | environ
    app(base, lambda status, headers: heard.append((status, dict(headers))))
    assert heard[0][0].startswith("200")

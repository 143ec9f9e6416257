"""PROPPATCH: the client's times, and notes of programs."""

import re

import pytest

from davserver.dav.dates import to_http, to_iso
from daydrop.library import Library
from tests import media
from tests.clock import taken
from tests.drive import DAV, Drive, setting, told

WIN32 = (
    "<Z:Win32CreationTime>Fri, 17 May 2024 08:11:12 GMT</Z:Win32CreationTime>"
    "<Z:Win32LastAccessTime>Fri, 17 May 2024 09:00:00 GMT</Z:Win32LastAccessTime>"
    "<Z:Win32LastModifiedTime>Fri, 17 May 2024 08:11:12 GMT</Z:Win32LastModifiedTime>"
    "<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>"
)
WHEN = 1_715_933_472


def patch(drive: Drive, path: str, body: str) -> dict[str, int]:
    """The statuses that a PROPPATCH tells, by property."""
    reply = drive.send("PROPPATCH", path, body)
    assert reply.status_code == 207, reply.data
    (one,) = told(reply.data).values()
    return dict.fromkeys(one.found, 200) | dict(one.missing)


@pytest.mark.parametrize("kind", ["placeholder", "filed", "temporary", "litter", "folder"])
def test_windows_may_set_its_times_on_whatever_stands_there(drive: Drive, kind: str) -> None:
    path = {"temporary": "/Upload/X1.jpg.part", "litter": "/Upload/._X1"}.get(
        kind, "/Upload/X1.jpg"
    )
    if kind == "folder":
        drive.send("MKCOL", path)
    else:
        drive.put(path, b"" if kind == "placeholder" else media.photo(seed=f"X1 {kind}"))
    assert set(patch(drive, path, setting(WIN32)).values()) == {200}
    one = drive.look(path)
    assert one.found["{urn:schemas-microsoft-com:}Win32FileAttributes"].text == "00000020"
    assert one.text("getlastmodified") == "Fri, 17 May 2024 08:11:12 GMT"


@pytest.mark.parametrize(
    "properties",
    [
        "<D:getlastmodified>Fri, 17 May 2024 08:11:12 GMT</D:getlastmodified>",
        '<S:lastmodified xmlns:S="SAR:">Fri, 17 May 2024 08:11:12 GMT</S:lastmodified>',
        "<Z:Win32LastModifiedTime>Fri, 17 May 2024 08:11:12 GMT</Z:Win32LastModifiedTime>",
    ],
)
def test_a_time_is_that_of_the_alias_and_the_file_and_never_the_day(
    drive: Drive, library: Library, properties: str
) -> None:
    photo = media.photo(taken(2015, 1, 2, 3), seed=properties)
    drive.put("/Upload/time.jpg", photo)
    patch(drive, "/Upload/time.jpg", setting(properties))
    assert drive.look("/Upload/time.jpg").text("getlastmodified") == "Fri, 17 May 2024 08:11:12 GMT"
    place = drive.send("HEAD", "/Upload/time.jpg").headers["Content-Location"]
    assert place.startswith("/images/2015/01/02/")
    file = library.store.root / place.strip("/").replace("%20", " ").replace("%28", "(").replace(
        "%29", ")"
    )
    assert file.stat().st_mtime == WHEN
    assert file.read_bytes() == photo


def test_a_time_set_on_a_temporary_name_is_kept_when_it_is_filed(drive: Drive) -> None:
    drive.put("/Upload/t.jpg.part", media.photo(seed="temporary time"))
    patch(drive, "/Upload/t.jpg.part", setting(WIN32))
    drive.move("/Upload/t.jpg.part", "/Upload/t.jpg")
    assert drive.look("/Upload/t.jpg").text("getlastmodified") == "Fri, 17 May 2024 08:11:12 GMT"


def test_a_note_is_told_again_until_it_is_removed(drive: Drive) -> None:
    drive.put("/Upload/note.jpg", media.photo(seed="note"))
    patch(drive, "/Upload/note.jpg", setting("<C:note>a &lt; b <C:in>ü</C:in></C:note>"))
    note = drive.look("/Upload/note.jpg").found["{urn:x}note"]
    assert note.text == "a < b "
    assert note[0].text == "ü"
    listed = drive.listing("/Upload/")["/Upload/note.jpg"]
    assert "{urn:x}note" in listed.found
    patch(drive, "/Upload/note.jpg", setting("", "<C:note/>"))
    assert "{urn:x}note" not in drive.look("/Upload/note.jpg").found
    assert patch(drive, "/Upload/note.jpg", setting("", "<C:note/>")) == {"{urn:x}note": 200}


def test_a_property_of_the_servers_own_is_protected_and_nothing_else_is_set(drive: Drive) -> None:
    drive.put("/Upload/p.jpg", media.photo(seed="protected"))
    told_statuses = patch(drive, "/Upload/p.jpg", setting("<C:a>1</C:a><D:getetag>x</D:getetag>"))
    assert told_statuses == {"{urn:x}a": 424, f"{DAV}getetag": 403}
    assert "{urn:x}a" not in drive.look("/Upload/p.jpg").found


@pytest.mark.parametrize(
    "said", ["yesterday", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_is_no_date_is_a_conflict_and_all_stays_listed(said: str, drive: Drive) -> None:
    drive.put("/Upload/d.jpg", media.photo(seed="no date"))
    body = setting(f"<D:getlastmodified>{said}</D:getlastmodified>")
    assert patch(drive, "/Upload/d.jpg", body) == {f"{DAV}getlastmodified": 409}
    assert "d.jpg" in drive.names()
    assert drive.get("/Upload/d.jpg").status_code == 200


def test_the_time_that_windows_does_not_know_is_none(drive: Drive) -> None:
    drive.put("/Upload/1601.jpg", media.photo(seed="1601"), X_OC_Mtime="1715933472")
    name = "Win32LastModifiedTime"
    body = setting(f"<Z:{name}>Mon, 01 Jan 1601 00:00:00 GMT</Z:{name}>")
    assert list(patch(drive, "/Upload/1601.jpg", body).values()) == [200]
    told_time = drive.look("/Upload/1601.jpg").text("getlastmodified")
    assert told_time == "Fri, 17 May 2024 08:11:12 GMT"


@pytest.mark.parametrize("when", [-1e18, -62135596801.0, -1.5, 253402300800.0, 1e18])
def test_any_time_that_a_disk_may_hold_is_written_as_a_date(when: float) -> None:
    assert to_http(when).endswith(" GMT")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", to_iso(when))


def test_too_many_notes_are_507(drive: Drive) -> None:
    drive.put("/Upload/much.jpg", media.photo(seed="much"))
    for letter in "abcdefgh":
        body = setting(f"<C:{letter}>{'x' * 9000}</C:{letter}>")
        last = patch(drive, "/Upload/much.jpg", body)
    assert list(last.values()) == [507]


def test_notes_go_with_a_rename_and_a_copy_and_stay_when_bytes_are_replaced(drive: Drive) -> None:
    drive.put("/Upload/a.jpg", media.photo(seed="notes a"))
    patch(drive, "/Upload/a.jpg", setting("<C:a>1</C:a>"))
    drive.put("/Upload/a.jpg", media.photo(seed="notes b"))
    drive.copy("/Upload/a.jpg", "/Upload/b.jpg")
    drive.move("/Upload/a.jpg", "/Upload/c.jpg")
    for name in ("b", "c"):
        assert "{urn:x}a" in drive.look(f"/Upload/{name}.jpg").found


def test_nothing_is_noted_for_what_is_not_there(drive: Drive) -> None:
    assert drive.send("PROPPATCH", "/Upload/no.jpg", setting("<C:a>1</C:a>")).status_code == 404


def test_a_locked_file_takes_no_notes_without_the_token(drive: Drive) -> None:
    token = drive.lock("/Upload/l.jpg")
    body = setting("<C:a>1</C:a>")
    assert drive.send("PROPPATCH", "/Upload/l.jpg", body).status_code == 423
    assert drive.send("PROPPATCH", "/Upload/l.jpg", body, If=f"(<{token}>)").status_code == 207

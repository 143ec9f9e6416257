"""The gate before both faces: method by area, hosts, foreign sites, proxies, the log line."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from davserver.dav.errors import Refusal
from davserver.gate import ALLOWED, Area, area_of, check_method
from daydrop.library import Library
from tests import media
from tests.drive import Drive
from tests.sites import site

METHODS = sorted(frozenset().union(*ALLOWED.values()) | {"TRACE", "CONNECT", "REPORT", "SEARCH"})
PATHS = {
    Area.ROOT: "/",
    Area.UPLOAD: "/Upload/gate.jpg",
    Area.TREE: "/images/2024/gate.jpg",
    Area.RECEIPTS: "/Receipts/gate.txt",
    Area.API: "/api/v1/batches",
    Area.PAGES: "/timeline",
}


@pytest.mark.parametrize("area", Area)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_no_row_allows_is_refused(drive: Drive, area: Area, method: str) -> None:
    reply = drive.send(method, PATHS[area], Destination="/Upload/x.jpg")
    if method in ALLOWED[area]:
        assert reply.status_code not in (405, 501) or area is Area.UPLOAD
        with_page = reply.headers.get("X-Face") == "page"
        assert with_page or area is not Area.API
    else:
        assert reply.status_code in (403, 405, 501)
        assert reply.headers.get("X-Face") is None


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/", Area.ROOT),
        ("/Upload", Area.UPLOAD),
        ("/Upload/a/b", Area.UPLOAD),
        ("/upload", Area.PAGES),
        ("/Uploads/x", Area.PAGES),
        ("/images/2024/", Area.TREE),
        ("/others/x", Area.TREE),
        ("/imagesx", Area.PAGES),
        ("/api/v1/items", Area.API),
        ("/apix", Area.PAGES),
        ("/Receipts/x.txt", Area.RECEIPTS),
        ("/.daydrop/catalogue.sqlite", Area.PAGES),
    ],
)
def test_a_path_belongs_to_one_area_by_its_first_whole_part(path: str, area: Area) -> None:
    assert area_of(path) is area


def test_what_is_refused_says_what_would_be_allowed() -> None:
    with pytest.raises(Refusal) as refused:
        check_method("PATCH", Area.PAGES)
    assert refused.value.value == 405
    assert "POST" in dict(refused.value.headers)["Allow"]


@pytest.mark.parametrize("path", ["/Upload/../images/x", "/Upload/%2e%2e/x", "/Upload/./x"])
def test_a_path_that_climbs_is_400(app: Callable[..., object], path: str) -> None:
    reply = Client(app).open(path, method="PUT", data=b"x")  # type: ignore[arg-type]
    assert reply.status_code in (400, 403)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": "http://localhost"}, 204),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 204),
        ({"Sec_Fetch_Site": "none"}, 204),
    ],
)
def test_another_sites_page_changes_nothing(
    drive: Drive, headers: dict[str, str], status: int
) -> None:
    photo = media.photo(seed="foreign")
    if headers:
        assert drive.put("/Upload/f.jpg", photo).status_code == 201
    assert drive.put("/Upload/f.jpg", photo, **headers).status_code == status
    assert drive.get("/Upload/f.jpg", **headers).status_code == 200


def test_a_request_for_another_name_is_refused_on_both_faces(drive: Drive) -> None:
    for path in ("/", "/Upload/a.jpg", "/api/v1/batches"):
        assert drive.get(path, Host="evil.example").status_code == 403


def test_a_strangers_word_about_the_address_is_ignored_and_said_once(
    own: Callable[..., Library], log: list[Any]
) -> None:
    drive = Drive(site(own()), "127.0.0.1")
    for number in range(2):
        drive.put(
            f"/Upload/{number}.jpg", media.photo(seed=f"xff {number}"), X_Forwarded_For="9.9.9.9"
        )
    assert drive.names() == ["0.jpg", "1.jpg"]
    assert len([each for each in log if "X-Forwarded-For is ignored" in each["event"]]) == 1


def test_who_comes_through_an_unknown_proxy_of_this_machine_is_no_owner(
    own: Callable[..., Library],
) -> None:
    seen: list[bool] = []

    def page(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        seen.append(environ["daydrop.origin"].is_owner)  # type: ignore[attr-defined]
        start_response("200 OK", [])
        return [b""]

    from davserver.dav.app import create_app
    from davserver.gate import Gate

    library = own()
    drive = Drive(Gate(create_app(library), page, library), "127.0.0.1")
    drive.get("/")
    drive.get("/", X_Forwarded_For="9.9.9.9")
    assert seen == [True, False]


def test_each_request_has_a_line_with_plain_facts(drive: Drive, log: list[Any]) -> None:
    photo = media.photo(seed="line")
    reply = drive.put("/Upload/line\u2028.jpg", photo)
    line = next(each for each in log if each["event"] == "request")
    assert line["method"] == "PUT"
    assert line["status"] == reply.status_code == 201
    assert line["path"] == '"/Upload/line\\u2028.jpg"'
    assert line["received"] == len(photo)
    assert line["origin"] == drive.address
    assert line["id"] == reply.headers["X-Request-Id"]


def test_the_api_is_the_pages_affair_whatever_the_method(drive: Drive) -> None:
    for method in ("PUT", "PATCH", "DELETE", "POST", "GET"):
        assert drive.send(method, "/api/v1/uploads/1").headers["X-Face"] == "page"
    assert drive.send("PROPFIND", "/api/v1/uploads").status_code == 405


@pytest.fixture
def behind(own: Callable[..., Library]) -> Drive:
    """A client of a server whose proxy sends a Host of its own."""
    return Drive(site(own(server={"public_url": "https://photos.example.org"})))


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_a_destination_may_name_the_public_address(behind: Drive, method: str) -> None:
    photo = media.photo(seed="public")
    assert behind.put("/Upload/a.jpg", photo).status_code == 201
    for host, status in (
        ("elsewhere.example", 502),
        ("photos.example.org:8443", 502),
        ("photos.example.org", 201),
    ):
        target = f"https://{host}/Upload/b.jpg"
        assert behind.send(method, "/Upload/a.jpg", Destination=target).status_code == status
    assert behind.get("/Upload/b.jpg").data == photo


def test_a_tag_of_the_public_address_matches_and_one_of_another_server_does_not(
    behind: Drive,
) -> None:
    photo = media.photo(seed="tagged")
    etag = behind.put("/Upload/t.jpg", photo).headers["ETag"]
    for host, status in (("photos.example.org", 204), ("elsewhere.example", 412)):
        tagged = f"<https://{host}/Upload/t.jpg> ([{etag}])"
        assert behind.put("/Upload/t.jpg", photo, If=tagged).status_code == status


def test_a_page_of_the_public_address_may_change_something(behind: Drive) -> None:
    for origin, status in (("https://photos.example.org", 201), ("https://evil.example", 403)):
        reply = behind.put("/Upload/p.jpg", media.photo(seed="page"), Origin=origin)
        assert reply.status_code == status


@pytest.mark.parametrize("path", ["/upload", "/api/v1/batches", "/b/x/undo", "/api/v1/zip"])
def test_another_sites_page_does_not_reach_the_page(drive: Drive, path: str) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        assert drive.send("POST", path, **headers).status_code == 403
    own = {"Origin": "http://localhost", "Sec_Fetch_Site": "same-origin"}
    for headers in ({}, own):
        assert drive.send("POST", path, **headers).headers["X-Face"] == "page"

"""The same photo by drive and by page ends in the same place, with the same words."""

import io
import re
from datetime import datetime
from pathlib import Path

import pytest
from werkzeug.test import Client

from davserver.dav.app import create_app as create_dav
from davserver.gate import Gate
from daydrop.library import Library
from daydrop.readers.workers import Workers
from daydrop.settings import read_settings
from tests.media import film, heic, photo
from webui.app import create_app as create_web

TAKEN = datetime(2024, 5, 17, 10, 11, 12)  # noqa: DTZ001  a wall clock
PLACE = "images/2024/05/17/IMG_1.jpg"


@pytest.fixture
def library(tmp_path: Path, workers: Workers):
    settings = read_settings(
        {"store": {"root": tmp_path / "store"}, "limits": {"keep_free": 0, "batch_files": 3}}, {}
    )
    library = Library(settings, workers=workers)
    library.start()
    yield library
    library.close()


@pytest.fixture
def client(library: Library) -> Client:
    site = Gate(create_dav(library), create_web(library), library)

    def from_here(environ, start_response):
        environ.setdefault("REMOTE_ADDR", "127.0.0.1")
        return site(environ, start_response)

    return Client(from_here)


def by_drive(client: Client, name: str, body: bytes, address: str = "127.0.0.1"):
    return client.open(
        f"/Upload/{name}", method="PUT", data=body, environ_overrides={"REMOTE_ADDR": address}
    )


def by_page(client: Client, *files: tuple[str, bytes], accept: str = "text/plain"):
    data = {"files": [(io.BytesIO(body), name) for name, body in files]}
    return client.post("/upload", data=data, headers={"Accept": accept})


def tree(library: Library) -> list[str]:
    return sorted(str(path) for path in library.store.tree.files())


@pytest.mark.parametrize("face", ["drive", "page"])
def test_a_photo_is_filed_under_its_day_from_either_face(library, client, face):
    body = photo(taken=TAKEN)
    if face == "drive":
        assert by_drive(client, "IMG_1.jpg", body).status_code == 201
    else:
        assert by_page(client, ("IMG_1.jpg", body)).status_code == 303
    assert tree(library) == [PLACE]
    reply = client.get(f"/{PLACE}")
    assert (reply.status_code, reply.data, reply.mimetype) == (200, body, "image/jpeg")


def test_what_came_by_the_drive_is_already_here_for_the_page(library, client):
    body = photo(taken=TAKEN)
    by_drive(client, "IMG_1.jpg", body)
    told = by_page(client, ("copy.jpg", body))
    assert f"Already here as {PLACE}" in told.text
    assert tree(library) == [PLACE]


def test_a_refusal_says_the_same_on_the_drive_the_page_and_in_the_receipt(library, client):
    drive = by_drive(client, "notes.txt", b"words")
    page = by_page(client, ("notes.txt", b"words"))
    says = "notes.txt was not accepted: only photos and videos can be uploaded here."
    assert drive.status_code == 403
    assert drive.status == f"403 {says}"
    assert says in drive.text
    assert says in page.text
    assert {receipt.sentence() for receipt in library.receipts.recent()} == {says}
    assert {line["says"] for line in library.log.lines()} == {says}


def test_both_faces_count_with_the_same_limits(library, client):
    files = [(f"IMG_{n}.jpg", photo(taken=TAKEN, seed=str(n))) for n in range(4)]
    by_drive_codes = [by_drive(client, *file, address="192.168.1.9").status_code for file in files]
    assert by_drive_codes == [201, 201, 201, 507]
    others = [(f"DSC_{n}.jpg", photo(taken=TAKEN, seed=f"page {n}")) for n in range(4)]
    told = by_page(client, *others)
    assert told.text.count("Filed as") == 3
    assert "Over 3 files: left for the next upload." in told.text


def test_one_address_is_a_folder_for_the_drive_and_a_gallery_for_people(library, client):
    by_drive(client, "IMG_1.jpg", photo(taken=TAKEN))
    listed = client.open("/images/2024/05/17/", method="PROPFIND", headers={"Depth": "1"})
    assert listed.status_code == 207
    assert f"/{PLACE}" in listed.text
    page = client.get("/images/2024/05/17/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "IMG_1.jpg" in page.text


def test_the_receipt_lies_on_the_drive_and_on_the_page(library, client):
    by_drive(client, "clip.mp4", film(TAKEN))
    batch = library.batches.recent()[0]
    library.batches.finish(batch.id)
    listed = client.open("/Receipts/", method="PROPFIND", headers={"Depth": "1"})
    (path,) = set(re.findall(r"/Receipts/([^<]+\.txt)<", listed.text))
    text = client.get(f"/Receipts/{path}", headers={"Accept": "*/*"})
    assert "clip.mp4: Filed as videos/2024/05/17/clip.mp4" in text.text
    page = client.get(f"/b/{batch.id}", headers={"Accept": "text/html"})
    assert "clip.mp4" in page.text
    assert "videos/2024/05/17" in page.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MKCOL", "PROPPATCH", "LOCK"])
def test_the_dated_tree_refuses_writes(library, client, method):
    by_drive(client, "IMG_1.jpg", photo(taken=TAKEN))
    reply = client.open(f"/{PLACE}", method=method, data=photo(taken=TAKEN, seed="evil"))
    assert reply.status_code == 403
    assert tree(library) == [PLACE]


@pytest.mark.parametrize(
    "stranger",
    [{"REMOTE_ADDR": "192.168.1.9"}, {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}],
    ids=["from the network", "through a proxy"],
)
def test_strangers_stay_out_until_the_owner_opens_the_server(library, stranger):
    faces = create_dav(library), create_web(library), library
    here = {"REMOTE_ADDR": "127.0.0.1"}
    for is_open, status in ((False, 403), (True, 201)):
        client = Client(Gate(*faces, is_open=is_open))
        put = {"method": "PUT", "data": photo(taken=TAKEN, seed=str(stranger))}
        reply = client.open("/Upload/IMG_1.jpg", environ_overrides=here | stranger, **put)
        assert reply.status_code == status
        page = client.get("/", environ_overrides=here | stranger)
        assert page.status_code == (200 if is_open else 403)
        assert client.get("/", environ_overrides=here).status_code == 200


def test_a_page_of_another_site_changes_nothing(library, client):
    foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    for method, path in (
        ("PUT", "/Upload/IMG_1.jpg"),
        ("POST", "/upload"),
        ("DELETE", "/Upload/x"),
    ):
        reply = client.open(path, method=method, headers=foreign, data=photo(taken=TAKEN))
        assert reply.status_code == 403
    assert tree(library) == []


@pytest.mark.parametrize("face", ["drive", "page"])
def test_a_live_photo_lies_together_and_its_film_says_so_from_either_face(library, client, face):
    halves = (("IMG_1.MOV", film(None, fmt="mov")), ("IMG_1.HEIC", heic(taken=TAKEN)))
    if face == "drive":
        for name, body in halves:
            assert by_drive(client, name, body).status_code == 201
    else:
        by_page(client, *halves)
    assert tree(library) == ["images/2024/05/17/IMG_1.HEIC", "images/2024/05/17/IMG_1.MOV"]
    (told,) = [each for each in library.receipts.recent() if each.name == "IMG_1.MOV"]
    page = client.get(f"/b/{told.batch_id}", headers={"Accept": "text/html"}).text
    says = "Filed as images/2024/05/17/IMG_1.MOV, beside its photo as the video of a Live Photo"
    assert says in re.sub(r"<[^>]+>", "", page)


def test_the_path_of_a_film_that_moved_to_its_picture_answers_as_before(library, client):
    body = film(None, fmt="mov")
    etag = by_drive(client, "IMG_1.MOV", body).headers["ETag"]
    by_drive(client, "IMG_1.HEIC", heic(taken=TAKEN))
    reply = client.get("/Upload/IMG_1.MOV")
    assert (reply.data, reply.headers["ETag"]) == (body, etag)
    assert reply.headers["Content-Location"] == "/images/2024/05/17/IMG_1.MOV"
    listed = client.open("/Upload/", method="PROPFIND", headers={"Depth": "1"}).text
    assert {"/Upload/IMG_1.MOV", "/Upload/IMG_1.HEIC"} <= set(
        re.findall(r">(/Upload/\w[^<]*)<", listed)
    )

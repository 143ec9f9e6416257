"""`POST /upload`: the form without a script, and `curl -F`."""

import io
from datetime import datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from daydrop.library import Library
from daydrop.readers.workers import Workers
from daydrop.settings import read_settings
from tests import media
from tests.sites import browser

PAGE = {"Accept": "text/html"}
MAY = datetime(2024, 5, 17, 12, 0)  # noqa: DTZ001  EXIF knows no zone


def part(name: str, body: bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(body), name


def test_a_browser_is_sent_to_the_receipt_and_finds_the_photo_under_its_day(
    web: FlaskClient,
) -> None:
    reply = web.post("/upload", data={"x": part("IMG_1.jpg", media.photo(MAY))}, headers=PAGE)
    assert reply.status_code == 303
    receipt = web.get(reply.headers["Location"], headers=PAGE).get_data(as_text=True)
    assert "images/2024/05/17/IMG_1.jpg" in receipt
    assert "based on the capture date in the photo" in receipt


def test_every_file_part_counts_whatever_its_field_is_called(
    web: FlaskClient, library: Library
) -> None:
    files = {f"any{n}": part(f"{n}.jpg", media.photo(MAY, seed=str(n))) for n in range(3)}
    web.post("/upload", data=files | {"comment": "no file"})
    assert library.browse.total() == 3


def test_curl_reads_one_line_a_file_and_the_address_of_the_receipt(web: FlaskClient) -> None:
    data = {"a": part("a.jpg", media.photo(MAY)), "b": part("b.txt", b"text")}
    reply = web.post("/upload", data=data, headers={"Accept": "*/*"})
    lines = reply.get_data(as_text=True).splitlines()
    assert reply.status_code == 303
    assert lines[0].startswith("a.jpg: Filed as images/2024/05/17/a.jpg")
    assert lines[1].startswith("b.txt: b.txt was not accepted")
    assert lines[2] == f"http://localhost{reply.headers['Location']}"


def test_a_program_learns_by_the_status_that_nothing_was_kept(web: FlaskClient) -> None:
    assert web.post("/upload", data={"a": part("b.txt", b"text")}).status_code == 415
    # written out: Werkzeug's client leaves out the line end behind an empty file
    empty = (
        b'--b\r\nContent-Disposition: form-data; name="a"; filename="a.jpg"\r\n\r\n\r\n--b--\r\n'
    )
    kind = "multipart/form-data; boundary=b"
    assert web.post("/upload", data=empty, content_type=kind).status_code == 422


def test_a_program_that_asks_for_json_gets_the_receipt(web: FlaskClient) -> None:
    data = {"a": part("a.jpg", media.photo(MAY))}
    reply = web.post("/upload", data=data, headers={"Accept": "application/json"})
    assert reply.status_code == 201
    assert reply.get_json()["receipts"][0]["path"] == "images/2024/05/17/a.jpg"


def test_the_files_that_fit_are_kept_and_the_rest_is_refused_by_name(
    web: FlaskClient, library: Library
) -> None:
    files = {f"f{n}": part(f"{n}.jpg", media.photo(MAY, seed=str(n))) for n in range(40)}
    reply = web.post("/upload", data=files, headers=PAGE)
    told = library.receipts.of_batch(reply.headers["Location"].removeprefix("/b/"))
    assert [receipt.code for receipt in told] == [None] * 5 + ["batch_files"] * 35
    assert library.browse.total() == 5


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_a_form_that_breaks_leads_to_the_receipt_of_what_had_come(
    accept: str, web: FlaskClient, library: Library
) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n'
    body = head + media.photo(MAY) + b"\r\n--x\r\nno head at all\r\n\r\n"
    form = {"content_type": "multipart/form-data; boundary=x", "headers": {"Accept": accept}}
    reply = web.post("/upload", data=body, **form)
    assert reply.status_code == 400
    (batch,) = library.batches.recent()
    text = reply.get_data(as_text=True)
    assert f"/b/{batch.id}" in text
    assert "Files that arrived completely are kept" in text
    assert ("<html" in text) is (accept == "text/html")
    assert library.browse.total() == 1


def test_a_full_disk_is_told_in_the_answer_and_in_the_receipt(
    tmp_path: Path, web: FlaskClient, workers: Workers
) -> None:
    options = {"store": {"root": tmp_path / "full"}, "limits": {"keep_free": 2**60}}
    full = Library(read_settings(options, {}), workers=workers)
    full.start()
    try:
        client = browser(full)

        def send(accept: str) -> TestResponse:
            data = {"a": part("a.jpg", media.photo(MAY))}
            return client.post("/upload", data=data, headers={"Accept": accept})

        plain = send("*/*")
        assert plain.status_code == 507
        assert "The server is full" in plain.get_data(as_text=True)
        assert send("application/json").get_json()["receipts"][0]["code"] == "no_space"
        page = client.get(send("text/html").headers["Location"], headers=PAGE)
        assert "The server is full" in page.get_data(as_text=True)
    finally:
        full.close()


def test_more_than_a_batch_is_refused_before_it_is_read(web: FlaskClient) -> None:
    reply = web.post(
        "/upload",
        input_stream=io.BytesIO(b"never read"),
        environ_overrides={"CONTENT_LENGTH": "10000000"},
        content_type="multipart/form-data; boundary=x",
    )
    assert reply.status_code == 413
    assert reply.get_json()["code"] == "batch_bytes"


def test_a_form_that_breaks_off_keeps_what_was_whole_and_nothing_else(
    web: FlaskClient, library: Library
) -> None:
    whole, cut = media.photo(MAY, seed="1"), media.photo(MAY, seed="2", size=90_000)
    head = '--x\r\nContent-Disposition: form-data; name="f"; filename="{}.jpg"\r\n\r\n'
    body = head.format("one").encode() + whole + b"\r\n" + head.format("two").encode() + cut
    reply = web.post(
        "/upload",
        input_stream=io.BytesIO(body[:-40_000]),
        environ_overrides={"CONTENT_LENGTH": str(len(body) + 5)},
        content_type="multipart/form-data; boundary=x",
    )
    assert reply.status_code == 400
    assert [str(item.path) for item in library.browse.search(_all()).items] == [
        "images/2024/05/17/one.jpg"
    ]
    assert library.store.staging.names() == []


def test_a_form_whose_last_boundary_is_missing_files_nothing_of_its_last_file(
    web: FlaskClient, library: Library
) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="one.jpg"\r\n\r\n'
        + media.photo(MAY)
    )
    reply = web.post("/upload", data=body, content_type="multipart/form-data; boundary=x")
    assert reply.status_code == 400
    assert library.browse.total() == 0
    assert library.store.staging.names() == []


@pytest.mark.parametrize("name", ["C:\\Users\\me\\IMG_1.jpg", "Trip/IMG_1.jpg", "../IMG_1.jpg"])
def test_only_the_last_part_of_a_sent_path_names_the_file(
    name: str, web: FlaskClient, library: Library
) -> None:
    web.post("/upload", data={"f": part(name, media.photo(MAY))})
    [item] = library.browse.search(_all()).items
    assert str(item.path) == "images/2024/05/17/IMG_1.jpg"


def test_a_form_without_a_file_says_so(web: FlaskClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename=""\r\n\r\n\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x"
    page = web.post("/upload", data=body, content_type=kind, headers=PAGE)
    assert page.headers["Location"] == "/?empty=1"
    assert web.post("/upload", data=body, content_type=kind).get_json()["code"] == "no_file"


def test_what_is_no_form_is_told_what_to_send(web: FlaskClient) -> None:
    reply = web.post("/upload", data=b"bytes", content_type="image/jpeg")
    assert reply.status_code == 415
    assert "curl -F" in reply.get_json()["detail"]


def test_the_address_of_the_form_leads_to_the_page(web: FlaskClient) -> None:
    reply = web.get("/upload")
    assert (reply.status_code, reply.headers["Location"]) == (303, "/")


def _all() -> object:
    from daydrop.browse import Query

    return Query()

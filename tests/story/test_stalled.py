"""A sender that stands still is told so, and that it is no cut: over a real socket."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest

from davserver.dav.app import create_app as create_dav
from davserver.engine.bounds import Bounds
from davserver.engine.server import Server
from davserver.gate import Gate
from daydrop.library import Library
from tests.media import photo
from tests.sites import make_library
from webui.app import create_app as create_web

PHOTO = photo(datetime(2024, 5, 17, 12, 0), size=50_000)  # noqa: DTZ001  EXIF knows no zone
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="one.jpg"\r\n\r\n'
    + PHOTO
    + b'\r\n--x\r\nContent-Disposition: form-data; name="f"; filename="two.jpg"\r\n\r\n'
)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = make_library(tmp_path / "store")
    library.start()
    yield library
    library.close()


@pytest.fixture
def connection(library: Library) -> Iterator[HTTPConnection]:
    site = Gate(create_dav(library), create_web(library), library)
    server = Server(site, "127.0.0.1", 0, bounds=Bounds(body_idle_seconds=0.5))
    thread = threading.Thread(target=server.serve)
    thread.start()
    opened = HTTPConnection(*server.address, timeout=30)
    yield opened
    opened.close()
    server.stop(5)
    thread.join()


def stand_still(
    connection: HTTPConnection, method: str, path: str, body: bytes, **headers: str
) -> tuple[int, dict[str, object], str | None]:
    """Announces a hundred bytes more than it sends, and waits."""
    connection.putrequest(method, path)
    for name, value in (headers | {"Content-Length": str(len(body) + 100)}).items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    reply = connection.getresponse()
    return reply.status, json.load(reply), reply.headers["Upload-Offset"]


def test_a_form_that_stands_still_is_stalled_and_what_was_whole_is_kept(
    library: Library, connection: HTTPConnection
) -> None:
    kind = "multipart/form-data; boundary=x"
    status, told, _ = stand_still(
        connection, "POST", "/upload", FORM + PHOTO[:9000], Content_Type=kind
    )
    assert (status, told["code"]) == (408, "stalled")
    assert [(each.name, each.code) for each in library.receipts.recent()] == [
        ("two.jpg", "stalled"),
        ("one.jpg", None),
    ]
    assert library.store.staging.names() == []


def test_a_part_that_stands_still_is_stalled_and_kept_to_the_byte(
    library: Library, connection: HTTPConnection
) -> None:
    files = {"files": [{"name": "one.jpg", "size": len(PHOTO)}]}
    connection.request("POST", "/api/v1/batches", json.dumps(files))
    [file] = json.load(connection.getresponse())["files"]
    headers = {"Upload_Offset": "0", "Content_Type": "application/offset+octet-stream"}
    status, told, offset = stand_still(connection, "PATCH", file["url"], PHOTO[:-100], **headers)
    assert (status, told["code"], offset) == (408, "stalled", str(len(PHOTO) - 100))
    assert "are kept. Resume from there" in str(told["detail"])
    assert library.browse.total() == 0


def test_a_list_that_stands_still_is_no_fault_of_the_server(connection: HTTPConnection) -> None:
    status, told, _ = stand_still(connection, "POST", "/api/v1/batches", b'{"files":[')
    assert (status, told["code"]) == (408, "stalled")

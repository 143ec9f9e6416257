"""The drive over real sockets: what a client sees that stops, lies or is refused early."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from daydrop.library import Library
from tests import media
from tests.sites import Served, make_library, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("wire")) as server:
        yield server


@pytest.fixture
def wire(served: Served) -> Iterator[socket.socket]:
    with socket.create_connection(served.address, timeout=20) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the end of the first head."""
    received = b""
    while b"\r\n\r\n" not in received and (block := connection.recv(65536)):
        received += block
    return received


def staged(library: Library) -> list[str]:
    return library.store.staging.names()


def test_an_upload_that_is_cut_is_400_and_leaves_nothing(
    served: Served, wire: socket.socket
) -> None:
    photo = media.photo(seed="cut", size=500_000)
    wire.sendall(
        b"PUT /Upload/cut.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n"
        + photo[:200_000]
    )
    wire.shutdown(socket.SHUT_WR)
    head = answer(wire)
    assert head.startswith(b"HTTP/1.1 400 Only 195 KB of 488 KB arrived")
    assert b"\r\nConnection: close" in head
    assert served.status("PROPFIND", "/Upload/cut.jpg") == 404
    assert staged(served.library) == []


def test_chunks_without_an_end_leave_nothing_and_the_old_file_stays(
    served: Served, wire: socket.socket
) -> None:
    photo = media.photo(seed="cut chunks")
    assert served.status("PUT", "/Upload/chunks.jpg", photo) == 201
    wire.sendall(
        b"PUT /Upload/chunks.jpg HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"400\r\n" + media.photo(seed="other", size=2000)[:1024] + b"\r\n"
    )
    wire.shutdown(socket.SHUT_WR)
    assert answer(wire).startswith(b"HTTP/1.1 400 ")
    assert served.read("/Upload/chunks.jpg") == photo
    assert staged(served.library) == []


def test_a_refused_upload_is_never_invited_to_send_its_body(
    served: Served, wire: socket.socket
) -> None:
    for name, length in (("notes.txt", 1000), ("film.mp4", 6 << 30)):
        with socket.create_connection(served.address, timeout=20) as each:
            each.sendall(
                f"PUT /Upload/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
                "Expect: 100-continue\r\n\r\n".encode()
            )
            head = answer(each)
        assert b"100 Continue" not in head
        assert head.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 413 "))


def test_an_accepted_upload_is_invited(wire: socket.socket) -> None:
    photo = media.photo(seed="invited")
    wire.sendall(
        b"PUT /Upload/invited.jpg HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        + f"Content-Length: {len(photo)}\r\n\r\n".encode()
    )
    assert answer(wire).startswith(b"HTTP/1.1 100 ")
    wire.sendall(photo)
    assert answer(wire).startswith(b"HTTP/1.1 201 ")


def test_a_refused_body_without_expect_is_drained_and_the_connection_lives(
    served: Served, wire: socket.socket
) -> None:
    body = bytes(3_000_000)
    wire.sendall(
        b"PUT /Upload/notes.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n"
        + body
        + b"OPTIONS /Upload/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    received = b""
    while b"MS-Author-Via" not in received and (block := wire.recv(65536)):
        received += block
    assert received.startswith(b"HTTP/1.1 403 notes.txt was not accepted")
    assert b"HTTP/1.1 200 OK" in received


def test_a_listing_is_streamed_and_the_connection_is_kept(served: Served) -> None:
    connection = HTTPConnection(*served.address, timeout=20)
    for _ in range(3):
        connection.request("PROPFIND", "/Upload/", headers={"Depth": "1"})
        reply = connection.getresponse()
        assert reply.status == 207
        assert reply.getheader("Transfer-Encoding") == "chunked"
        assert reply.read().endswith(b"</D:multistatus>\n")
    connection.close()


def test_a_film_is_sent_and_read_back_byte_for_byte_with_ranges(served: Served) -> None:
    film = media.film(seed="wire") + bytes(3_000_000)
    assert served.status("PUT", "/Upload/film.mp4", film) == 201
    assert served.read("/Upload/film.mp4") == film
    connection = HTTPConnection(*served.address, timeout=20)
    connection.request("GET", "/Upload/film.mp4", headers={"Range": "bytes=1000-1999"})
    reply = connection.getresponse()
    assert (reply.status, reply.read()) == (206, film[1000:2000])
    connection.close()


def test_of_sixty_uploads_at_once_fifty_are_let_in(tmp_path: Path) -> None:
    photos = [media.photo(seed=f"sixty {number}") for number in range(60)]
    with serving(tmp_path / "sixty") as served, ThreadPoolExecutor(20) as pool:
        statuses = list(
            pool.map(
                lambda each: served.status("PUT", f"/Upload/{each[0]}.jpg", each[1]),
                enumerate(photos),
            )
        )
        assert sorted(set(statuses)) == [201, 507]
        assert statuses.count(201) == 50
        assert len(list(served.library.store.tree.files())) == 50


def test_four_uploads_of_one_name_at_once_leave_four_whole_files(tmp_path: Path) -> None:
    photos = [media.photo(seed=f"four {number}", size=400_000) for number in range(4)]
    with serving(tmp_path / "four") as served, ThreadPoolExecutor(4) as pool:
        statuses = list(
            pool.map(lambda each: served.status("PUT", "/Upload/same.jpg", each), photos)
        )
        assert set(statuses) <= {201, 204}
        root = served.library.store.root
        kept = {(root / path).read_bytes() for path in served.library.store.tree.files()}
        assert kept == set(photos)
        assert served.read("/Upload/same.jpg") in photos


def test_ten_thousand_names_are_listed_whole(tmp_path: Path) -> None:
    library = make_library(tmp_path / "many")
    library.close()
    with serving(tmp_path / "many") as served:
        served.fill_upload(10_000)
        connection = HTTPConnection(*served.address, timeout=60)
        connection.request("PROPFIND", "/Upload/", headers={"Depth": "1"})
        assert connection.getresponse().read().count(b"<D:response>") == 10_001
        connection.close()

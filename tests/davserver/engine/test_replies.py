import io
import logging
from collections.abc import Iterator

import pytest

from davserver.engine.server import Bounds
from tests.davserver.engine.contrast import both
from tests.davserver.engine.raw import Address, Peer, ask, eventually, put, request


def answering(*chunks: bytes, status: str = "200 OK", headers=()):
    """Return an application that gives these chunks, one by one."""

    def app(environ, start_response):
        start_response(status, list(headers))
        return iter(chunks)

    return app


def test_a_reply_without_a_length_is_chunked(start) -> None:
    with Peer(start(answering(b"one", b"", b"two")).address) as peer:
        for _ in range(2):
            reply = peer.say(request("GET", "/")).reply()
            assert reply.headers["transfer-encoding"] == "chunked"
            assert "connection" not in reply.headers
            assert reply.body == b"onetwo"


def test_a_reply_of_one_piece_gets_its_length(start) -> None:
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"whole"]

    reply = ask(start(app).address, request("GET", "/"))
    assert reply.headers["content-length"] == "5"


def test_a_reply_of_nothing_gets_length_0(start) -> None:
    assert ask(start(answering()).address, request("GET", "/")).headers["content-length"] == "0"


def test_http_1_0_gets_no_chunks_but_the_end_of_the_connection(start) -> None:
    server = start(answering(b"one", b"two"))
    reply = ask(server.address, request("GET", "/", version="HTTP/1.0"))
    assert "transfer-encoding" not in reply.headers
    assert reply.body == b"onetwo"


def test_http_1_0_keeps_its_connection_when_it_asks_and_a_length_is_known(start) -> None:
    server = start(answering(b"one", headers=[("Content-Length", "3")]))
    with Peer(server.address) as peer:
        ask_again = request("GET", "/", "Connection: Keep-Alive", version="HTTP/1.0")
        for _ in range(2):
            assert peer.say(ask_again).reply().headers["connection"] == "keep-alive"


@both
def test_the_clients_close_is_heeded_in_any_case_of_letters(address: Address) -> None:
    with Peer(address, patience=0.8) as peer:
        reply = peer.say(request("GET", "/", "Connection: TE, Close")).reply()
        assert reply.headers.get("connection") == "close"
        assert peer.is_closed()


def test_the_applications_close_is_heeded(start) -> None:
    with Peer(start(answering(b"x", headers=[("Connection", "close")])).address) as peer:
        reply = peer.say(request("GET", "/")).reply()
        assert reply.headers["connection"] == "close"
        assert peer.is_closed()


def test_a_reason_of_the_applications_own_words_is_kept(start) -> None:
    words = "Only photos and videos are kept here; please send others elsewhere"
    reply = ask(start(answering(status=f"403 {words}")).address, request("GET", "/"))
    assert (reply.status, reply.reason) == (403, words)


@pytest.mark.parametrize("status", [204, 304])
def test_a_reply_that_has_no_content_sends_none(start, status: int) -> None:
    with Peer(start(answering(b"surplus", status=f"{status} Fine")).address) as peer:
        for _ in range(2):
            assert peer.say(request("GET", "/")).reply().status == status
        assert peer.say(request("GET", "/")).end().rest().endswith(b"\r\n\r\n")


def test_head_sends_no_content_but_its_length(start) -> None:
    with Peer(start(answering(b"hello", headers=[("Content-Length", "5")])).address) as peer:
        for _ in range(2):
            reply = peer.say(request("HEAD", "/")).reply("HEAD")
            assert reply.headers["content-length"] == "5"
        assert peer.say(request("HEAD", "/")).end().rest().endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "header", [("X", "a\r\nSet-Cookie: b"), ("X\r\nY", "a"), ("X:", "a"), ("X", "\u56fe")]
)
def test_a_header_that_would_break_out_is_500(start, header: tuple[str, str]) -> None:
    server = start(answering(b"x", headers=[header]), bounds=Bounds(linger_seconds=0.1))
    reply = ask(server.address, request("GET", "/"))
    assert reply.status == 500
    assert "set-cookie" not in reply.headers


def test_more_content_than_its_length_is_cut_and_the_connection_closed(start, caplog) -> None:
    server = start(answering(b"hello", headers=[("Content-Length", "2")]))
    with Peer(server.address) as peer:
        assert peer.say(request("GET", "/")).reply().body == b"he"
        assert peer.is_closed()
    assert "more content than its Content-Length" in caplog.text


def test_less_content_than_its_length_closes_the_connection(start, caplog) -> None:
    server = start(answering(b"he", headers=[("Content-Length", "5")]))
    with Peer(server.address) as peer, pytest.raises(EOFError):
        peer.say(request("GET", "/")).reply()
    assert "ended before its length" in caplog.text


def test_a_fault_in_mid_reply_ends_it_short_of_its_last_chunk(start) -> None:
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"half"
        raise RuntimeError

    with Peer(start(app).address) as peer:
        assert peer.say(request("GET", "/")).head().status == 200
        assert not peer.rest().endswith(b"0\r\n\r\n")


def test_an_application_may_start_its_reply_at_the_first_piece(start) -> None:
    def app(environ, start_response):
        start_response("200 OK", [("X-Late", "1")])
        yield b"x"

    assert ask(start(app).address, request("GET", "/")).headers["x-late"] == "1"


def test_an_application_may_write(start) -> None:
    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(b"one")
        return [b"two"]

    assert ask(start(app).address, request("GET", "/")).body == b"onetwo"


def test_an_application_may_change_its_mind_before_content(start) -> None:
    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            int("no number")
        except ValueError as error:
            start_response("503 Later", [], (type(error), error, error.__traceback__))
        return [b"later"]

    assert ask(start(app).address, request("GET", "/")).status == 503


@pytest.mark.parametrize("fault", [SystemExit, KeyError, MemoryError])
def test_no_fault_of_an_application_takes_the_server_with_it(start, fault) -> None:
    def app(environ, start_response):
        raise fault

    server = start(app, bounds=Bounds(linger_seconds=0.1))
    for _ in range(6):  # more than there are warm threads
        assert ask(server.address, request("GET", "/")).status == 500


@pytest.fixture(params=["on disk", "in memory"])
def source(request, tmp_path):
    """Return a function that opens 3 MB, of which every byte is known."""
    data = bytes(range(256)) * 12_000
    path = tmp_path / "source"
    path.write_bytes(data)
    opened = []

    def open_it():
        file = path.open("rb") if request.param == "on disk" else io.BytesIO(data)
        opened.append(file)
        return file

    yield open_it, data
    assert opened
    assert eventually(lambda: all(file.closed for file in opened))


def from_slot(open_it, offset: int, length: int, promised: int | None = None):
    """Return an application that answers by the slot."""

    def app(environ, start_response):
        headers = [] if promised is None else [("Content-Length", str(promised))]
        start_response("200 OK", headers)
        environ["daydrop.sendfile"].put(open_it(), offset, length)
        return []

    return app


def test_a_file_in_the_slot_is_sent_after_the_headers(start, source) -> None:
    open_it, data = source
    server = start(from_slot(open_it, 1000, 2_500_000, 2_500_000))
    with Peer(server.address) as peer:
        for _ in range(2):
            assert peer.say(request("GET", "/")).reply().body == data[1000:2_501_000]


def test_a_file_in_the_slot_gives_the_length_where_the_application_did_not(start, source) -> None:
    open_it, data = source
    reply = ask(start(from_slot(open_it, 0, 10)).address, request("GET", "/"))
    assert reply.headers["content-length"] == "10"
    assert reply.body == data[:10]


def test_a_file_in_the_slot_is_not_sent_to_head(start, source) -> None:
    open_it, _ = source
    with Peer(start(from_slot(open_it, 0, 10, 10)).address) as peer:
        assert peer.say(request("HEAD", "/")).reply("HEAD").headers["content-length"] == "10"
        assert peer.end().rest() == b""


def test_a_file_shorter_than_promised_closes_the_connection(start, source, caplog) -> None:
    open_it, _ = source
    server = start(from_slot(open_it, 3_071_000, 5000, 5000))
    with Peer(server.address) as peer, pytest.raises(EOFError):
        peer.say(request("GET", "/")).reply()
    assert "bytes of a file are missing" in caplog.text


def test_a_file_is_closed_when_its_reader_goes(start, source) -> None:
    open_it, _ = source
    server = start(from_slot(open_it, 0, 3_000_000, 3_000_000))
    peer = Peer(server.address)
    peer.say(request("GET", "/")).head()
    peer.sock.close()  # the fixture waits for the file


def test_the_iterable_is_closed_after_the_last_byte(start) -> None:
    closed: list[bool] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            closed.append(True)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Pieces()

    ask(start(app).address, request("GET", "/"))
    ask(start(app).address, request("HEAD", "/"), method="HEAD")
    assert eventually(lambda: closed == [True, True])


def test_environ_says_who_asks_and_how(start) -> None:
    seen = {}

    def app(environ, start_response):
        seen.update(environ)
        start_response("200 OK", [])
        return [b""]

    server = start(app)
    ask(server.address, put("/a?b", b"x", "Content-Type: image/png", "X-Some: thing"))
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert (seen["SERVER_NAME"], int(seen["SERVER_PORT"])) == server.address
    assert seen["wsgi.url_scheme"] == "http"
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("image/png", "1")
    assert seen["HTTP_X_SOME"] == "thing"
    assert "HTTP_CONTENT_TYPE" not in seen
    assert len(seen["daydrop.request_id"]) == 16


def test_a_peer_that_goes_is_no_error(start, caplog) -> None:
    caplog.set_level(logging.WARNING)

    def app(environ, start_response):
        start_response("200 OK", [])
        return iter([bytes(1 << 20)] * 50)

    server = start(app)
    peer = Peer(server.address)
    peer.say(request("GET", "/")).head()
    peer.sock.close()
    assert eventually(lambda: server.census.total == 0)
    assert not caplog.records

import socket
import struct
import threading
import time

import pytest

from davserver.engine.server import Bounds
from tests.davserver.engine.contrast import both
from tests.davserver.engine.raw import Address, Peer, Shelf, ask, eventually, get, put, request

CHUNKED = "Transfer-Encoding: chunked"


@both
def test_a_truncated_upload_is_refused_and_nothing_of_it_is_kept(address: Address) -> None:
    whole = put("/a.jpg", b"x" * 100_000)
    with Peer(address) as peer:
        reply = peer.say(whole[:-50_000]).end().reply()
    assert reply.status == 400
    assert get(address, "/a.jpg").status == 404


@both
def test_a_chunked_upload_without_its_last_chunk_is_refused(address: Address) -> None:
    with Peer(address) as peer:
        peer.say(request("PUT", "/a.jpg", CHUNKED), b"5\r\nhello\r\n").end()
        assert peer.reply().status == 400
    assert get(address, "/a.jpg").status == 404


@both
@pytest.mark.parametrize("ending", [b"0\r\n", b"0\r\nTrailer: x\r\n", b""])
def test_a_chunked_upload_is_whole_only_with_the_crlf_behind_its_trailers(
    address: Address, ending: bytes
) -> None:
    with Peer(address) as peer:
        peer.say(request("PUT", "/a.jpg", CHUNKED), b"5\r\nhello\r\n", ending).end()
        assert peer.reply().status == 400


@both
def test_an_upload_that_is_reset_leaves_the_older_file_in_place(address: Address) -> None:
    assert ask(address, put("/a.jpg", b"good")).status == 201
    peer = Peer(address)
    peer.say(put("/a.jpg", b"b" * 100_000)[:-70_000])
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.sock.close()  # with that option, a reset
    assert not eventually(lambda: get(address, "/a.jpg").body != b"good", seconds=0.5)


def test_a_cut_upload_is_an_error_on_every_later_read_too(start, ours: Address) -> None:
    met: list[str] = []

    def stubborn(environ, start_response):
        for _ in range(3):
            try:
                environ["wsgi.input"].read()
            except OSError as error:
                met.append(type(error).__name__)
        start_response("200 OK", [])
        return [b"no matter"]

    with Peer(start(stubborn).address) as peer:
        peer.say(put("/", b"x" * 100)[:-1]).end()
        assert peer.reply().headers["connection"] == "close"
    assert met == ["BodyCut"] * 3


@both
def test_100_continue_is_not_said_before_a_refusal(address: Address) -> None:
    with Peer(address) as peer:
        # Neither server has this folder: ours by its name, the stock one by looking.
        peer.say(request("PUT", "/refused/x/a", "Content-Length: 9", "Expect: 100-continue"))
        assert peer.reply().status in {409, 507}


def test_after_a_refusal_without_100_the_connection_closes(ours: Address) -> None:
    with Peer(ours) as peer:
        peer.say(request("PUT", "/refused", "Content-Length: 9", "Expect: 100-continue"))
        reply = peer.reply()
        assert (reply.status, reply.headers["connection"]) == (507, "close")
        assert peer.is_closed()


def test_100_continue_is_said_when_the_body_is_first_read(ours: Address, shelf: Shelf) -> None:
    with Peer(ours) as peer:
        peer.say(request("PUT", "/a", "Content-Length: 5", "Expect: 100-Continue"))
        assert peer.head().status == 100
        assert peer.say(b"hello").reply().status == 201
        assert peer.say(request("GET", "/a")).reply().body == b"hello"
    assert "HTTP_EXPECT" not in shelf.seen[0]


def test_100_continue_is_left_out_when_the_body_is_already_coming(ours: Address) -> None:
    with Peer(ours) as peer:
        assert peer.say(put("/a", b"hello", "Expect: 100-continue")).reply().status == 201


def test_an_expectation_nobody_knows_is_417(ours: Address) -> None:
    assert ask(ours, put("/a", b"hello", "Expect: a-miracle")).status == 417


def test_after_a_chunked_upload_the_connection_takes_the_next_request(ours: Address) -> None:
    with Peer(ours) as peer:
        body = b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"
        assert peer.say(request("PUT", "/a", CHUNKED), body).reply().status == 201
        assert peer.say(request("GET", "/a")).reply().body == b"hello world"


@both
def test_after_a_chunked_upload_an_idle_connection_hears_nothing_and_holds_no_thread(
    address: Address,
) -> None:
    upload = request("PUT", "/a", CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n"
    peers = [Peer(address) for _ in range(10)]
    for peer in peers:
        assert peer.say(upload).reply().status in {201, 204}
    time.sleep(1.2)  # longer than the stock server waits for the CRLF it has not read
    for peer in peers:
        assert peer.say(request("GET", "/a")).reply().body == b"hello"
        peer.sock.close()


@pytest.mark.slow
def test_one_chunk_of_64_mb_arrives_whole(ours: Address, shelf: Shelf) -> None:
    size = 64 << 20
    with Peer(ours, patience=60) as peer:
        peer.say(request("PUT", "/a", CHUNKED), b"%x\r\n" % size)
        for _ in range(64):
            peer.say(bytes(1 << 20))
        assert peer.say(b"\r\n0\r\n\r\n").reply().status == 201
    assert shelf.kept["/a"] == bytes(size)


@both
def test_the_rest_of_a_refused_chunked_upload_is_never_a_request(address: Address) -> None:
    smuggled = request("PUT", "/smuggled", "Content-Length: 0")
    with Peer(address) as peer:
        head = request("PUT", "/refused/x/a", CHUNKED)
        peer.say(head, b"%x\r\n" % len(smuggled), smuggled, b"\r\n0\r\n\r\n")
        assert peer.reply().status in {409, 507}
        peer.say(request("GET", "/none")).end()
        assert peer.rest().count(b"HTTP/1.1 404") == 1  # the connection lived on, in step
    assert get(address, "/smuggled").status == 404


def test_the_rest_of_a_refused_upload_is_never_a_request(ours: Address, shelf: Shelf) -> None:
    smuggled = request("PUT", "/smuggled", "Content-Length: 0")
    with Peer(ours) as peer:
        peer.say(put("/refused", smuggled), request("GET", "/none"))
        assert peer.reply().status == 507
        assert peer.reply().status == 404
    assert not shelf.kept


@both
@pytest.mark.parametrize("size", [b"-1", b"0x2", b"+2", b"2 2", b"", b"g", b"1" * 17, b"2\n"])
def test_a_chunk_size_is_hexadecimal_digits_alone(address: Address, size: bytes) -> None:
    with Peer(address) as peer:
        peer.say(request("PUT", "/a.jpg", CHUNKED), size, b"\r\nhi\r\n0\r\n\r\n").end()
        assert peer.reply().status == 400
        assert peer.is_closed()
    assert get(address, "/a.jpg").status == 404


def test_a_chunk_longer_than_its_size_is_refused(ours: Address) -> None:
    with Peer(ours) as peer:
        peer.say(request("PUT", "/a", CHUNKED), b"2\r\nhello\r\n0\r\n\r\n")
        assert peer.reply().status == 400


def test_endless_chunk_extensions_and_trailers_are_refused(ours: Address) -> None:
    for tail in [b"1;" + b"x" * 8192, b"0\r\n" + b"X: y\r\n" * 20_000]:
        with Peer(ours) as peer:
            assert peer.say(request("PUT", "/a", CHUNKED), tail).reply().status == 400


def test_a_chunked_upload_can_be_refused_in_mid_stream(ours: Address, shelf: Shelf) -> None:
    shelf.most_bytes = 100_000
    with Peer(ours) as peer:
        peer.say(request("PUT", "/a", CHUNKED))
        for _ in range(30):
            peer.say(b"2710\r\n", bytes(10_000), b"\r\n")
        assert peer.say(b"0\r\n\r\n").reply().status == 413
    assert not shelf.kept


def test_a_refused_body_beyond_the_bound_ends_the_connection_after_the_reply(
    start, shelf: Shelf
) -> None:
    server = start(shelf, bounds=Bounds(drain_bytes=100_000, linger_seconds=0.2))
    with Peer(server.address) as peer:
        peer.say(request("PUT", "/refused", "Content-Length: 100001"), bytes(60_000))
        reply = peer.reply()
        assert (reply.status, reply.headers["connection"]) == (507, "close")
        assert peer.rest() == b""


def test_a_refused_body_within_the_bound_keeps_the_connection(ours: Address) -> None:
    with Peer(ours) as peer:
        for _ in range(3):
            assert peer.say(put("/refused", bytes(300_000))).reply().status == 507


def test_a_client_that_sends_its_refused_body_for_ever_is_let_go(start, shelf: Shelf) -> None:
    server = start(shelf, bounds=Bounds(drain_seconds=0.2, linger_seconds=0.2))
    with Peer(server.address) as peer:
        peer.say(request("PUT", "/refused", "Content-Length: 1000000"), b"x")
        assert peer.reply().status == 507
        assert peer.is_closed()


@both
def test_a_body_that_stalls_is_408_and_nothing_is_kept(address: Address) -> None:
    with Peer(address) as peer:
        peer.say(put("/a.jpg", b"hello")[:-1])
        assert peer.reply().status == 408
    assert get(address, "/a.jpg").status == 404


@pytest.fixture
def ours_impatient(start, shelf: Shelf) -> Address:
    bounds = Bounds(
        body_idle_seconds=0.4, rate_floor=1000, rate_window_seconds=0.8, linger_seconds=0.2
    )
    return start(shelf, bounds=bounds).address


def test_an_upload_below_the_rate_floor_is_answered_408(
    ours_impatient: Address, shelf: Shelf
) -> None:
    with Peer(ours_impatient) as peer:
        peer.say(request("PUT", "/a", "Content-Length: 10000"))
        stop = threading.Event()

        def trickle() -> None:
            while not stop.wait(0.1):
                peer.say(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        status = peer.reply().status
        stop.set()
        thread.join()
    assert status == 408
    assert not shelf.kept


def test_a_slow_upload_above_the_rate_floor_is_taken(ours_impatient: Address) -> None:
    with Peer(ours_impatient) as peer:
        peer.say(request("PUT", "/a", "Content-Length: 6000"))
        for _ in range(20):
            peer.say(bytes(300))
            time.sleep(0.1)
        assert peer.reply().status == 201


def test_body_knows_what_was_declared_and_what_came(start) -> None:
    def report(environ, start_response):
        body = environ["wsgi.input"]
        first = body.read(3)
        start_response("200 OK", [])
        return [f"{body.declared} {body.received} {first!r} {body.is_complete}".encode()]

    server = start(report)
    with Peer(server.address) as peer:
        assert peer.say(put("/", b"hello")).reply().body.startswith(b"5 3 b'hel' False")
        peer.say(request("PUT", "/", CHUNKED), b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
        assert peer.reply().body.startswith(b"None 3 b'hel' False")


def test_a_body_is_read_by_lines_and_blocks_alike(start) -> None:
    def lines(environ, start_response):
        body = environ["wsgi.input"]
        first = body.readline()
        short = body.readline(2)
        block = body.read(3)
        start_response("200 OK", [])
        return [repr((first, short, block, list(body))).encode()]

    server = start(lines)
    text = b"one\ntwo\nthree\nfour"
    expected = repr((b"one\n", b"tw", b"o\nt", [b"hree\n", b"four"])).encode()
    with Peer(server.address) as peer:
        assert peer.say(put("/", text)).reply().body == expected
        chunks = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in text)
        peer.say(request("PUT", "/", CHUNKED), chunks, b"0\r\n\r\n")
        assert peer.reply().body == expected


def test_an_announced_size_does_not_take_memory_before_bytes_come(start) -> None:
    def greedy(environ, start_response):
        environ["wsgi.input"].read(1 << 50)
        start_response("200 OK", [])
        return [b"ok"]

    with Peer(start(greedy).address) as peer:
        peer.say(request("PUT", "/", f"Content-Length: {1 << 50}"), b"x").end()
        assert peer.reply().status == 400
